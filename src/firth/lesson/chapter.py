"""The chapter, a marimo notebook: the one source of its prose. The Jupyter notebook is made from it."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Giving meaning to words")


@app.cell(hide_code=True)
def _():
    import math
    import random
    from statistics import fmean

    import marimo as mo

    from firth.errors import FirthError
    from firth.lesson import embeddings, evidence, limits, pictures, toy
    from firth.lesson.book import learn_book, place, ranking_table
    from firth.lesson.embeddings import dot, init_embeddings
    from firth.lesson.folder import Answers
    from firth.lesson.handover import CODE, foretell, has_torch, run_code
    from firth.lesson.limits import one_hot
    from firth.lesson.workbench import Workbench, beside, helps, task, together, verdict

    bench = Workbench(Answers.beside(mo.notebook_dir()))
    return (
        CODE,
        FirthError,
        bench,
        beside,
        dot,
        embeddings,
        evidence,
        fmean,
        foretell,
        has_torch,
        helps,
        init_embeddings,
        learn_book,
        limits,
        math,
        mo,
        one_hot,
        pictures,
        place,
        random,
        ranking_table,
        run_code,
        task,
        together,
        toy,
        verdict,
    )


@app.cell(hide_code=True)
def _(toy):
    words, ids = toy.vocabulary(), toy.ids()
    king, queen = words.index("king"), words.index("queen")
    return ids, king, queen, words


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Giving meaning to words

    The tokenizer of the chapter before turned text into whole numbers: 17 for *king*, 248 for *queen*.
    Nothing in these two numbers says that the two words have anything to do with each other. In this
    chapter every word gets a row of numbers in which such things can be seen, and you write the four
    functions that bring it about. It takes about a quarter of an hour.

    The page is alive. Move a slider and the pictures that depend on it follow. In four places there is an
    editor with a button, **Check my code**: what you write there is looked at on the spot, and you are
    told in words what is right and what is not yet. As soon as your function is right the page goes on
    with it; until then it uses its own. So a wrong answer breaks nothing, and you may skip what you like.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 1. A number is only a name

    Why not give the number itself to a model? Because it would take 248 for more than 17, and *queen* is
    not more than *king*. The cure that comes to mind first is a row of zeros, as long as the vocabulary,
    with a single 1 at the word's own place: a **one-hot** vector. How alike are two words then? Take the
    dot product, place by place.
    """)
    return


@app.cell(hide_code=True)
def _(dot, mo, one_hot):
    one_hot_king = one_hot(17, 50_000)
    one_hot_dots = {
        "king · queen": dot(one_hot_king, one_hot(248, 50_000)),
        "king · bicycle": dot(one_hot_king, one_hot(4096, 50_000)),
        "king · king": dot(one_hot_king, one_hot_king),
    }
    mo.show_code(one_hot_dots, position="above")
    return one_hot_dots, one_hot_king


@app.cell(hide_code=True)
def _(limits, mo, one_hot_dots, one_hot_king, words):
    _alike, _apart = one_hot_dots["king · queen"], one_hot_dots["king · bicycle"]
    _size, _zeros = len(one_hot_king), one_hot_king.count(0)
    _large, _small = limits.table_bytes(_size, _size), limits.table_bytes(_size, 300)
    mo.md(
        f"""
        King and queen: {_alike:.0f}. King and bicycle: {_apart:.0f}. Any two different words are equally
        unrelated, which is blind. And each of them needs {_size:,} numbers, {_zeros:,} of them zero, which is
        wasteful: the table for all {_size:,} words would take {_large / 1e9:.0f} GB.

        The alternative is a **dense** row: a handful of numbers, none of them special, and similar words have
        similar rows. Even with 300 numbers a word the table takes only {_small / 1e6:.0f} MB. Below stand, in
        both forms, the {len(words)} words of the tiny text that we shall work with. The dense rows are random
        as yet. They mean nothing, but each number can move, and so they *can* come to mean something.
        """
    )
    return


@app.cell(hide_code=True)
def _(beside, init_embeddings, one_hot, pictures, random, toy, words):
    random.seed(toy.SEED)
    _one_hot_rows = [one_hot(row, len(words)) for row in range(len(words))]
    _dense_rows = init_embeddings(len(words), toy.DIM, toy.SCALE)
    beside(
        pictures.table_rows(
            words, _one_hot_rows, f"One-hot: {len(words)} numbers a word", "place in the row"
        ),
        pictures.table_rows(words, _dense_rows, f"Dense: {toy.DIM} numbers a word", "place in the row"),
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 2. Known by its company

    Who tells the rows where to move? Nobody has to. In 1957 the linguist J. R. Firth put it like this, in
    essence: you know a word by the company it keeps. Words that stand in similar places get to be
    similar, and no one ever says which ones those are. Here is our whole text:
    """)
    return


@app.cell(hide_code=True)
def _(mo, toy):
    mo.md("> " + " · ".join(toy.CORPUS))
    return


@app.cell(hide_code=True)
def _(mo, toy):
    def company(word):
        """Return the words that stand within toy.WINDOW places of a word somewhere in the text."""
        tokens = toy.tokens()
        near = set()
        for position, other in enumerate(tokens):
            if other == word:
                near.update(tokens[max(0, position - toy.WINDOW) : position + toy.WINDOW + 1])
        return near - {word}

    _of_king, _of_queen, _of_bread = company("king"), company("queen"), company("bread")
    mo.md(
        f"""
        Look up to {toy.WINDOW} places to either side of each word. *King* has {", ".join(sorted(_of_king))}
        there; *queen* has {", ".join(sorted(_of_queen))}. They share **{len(_of_king & _of_queen)}** of these
        {len(_of_king | _of_queen)} words, although the two themselves
        {"do" if "queen" in _of_king else "never"} stand that near each other. *King* and *bread* share
        {len(_of_king & _of_bread)} of {len(_of_king | _of_bread)}.

        **Skip-gram** makes a game of it: given a word, guess the words around it; after each guess, move the
        rows a little so that the guess gets better. Words that have to make the same guesses end up with
        similar rows.
        """
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 3. Four steps, by your own hand

    We need pairs to learn from, one step of learning, a loop around it, and a way to look at what came
    out.
    """)
    return


@app.cell(hide_code=True)
def _(task):
    task("pairs")
    return


@app.cell(hide_code=True)
def _(bench):
    pairs_editor = bench.editor("pairs")
    pairs_editor
    return (pairs_editor,)


@app.cell(hide_code=True)
def _(bench, pairs_editor, verdict):
    pairs_work = bench.work("pairs", pairs_editor.value)
    verdict(pairs_work)
    return (pairs_work,)


@app.cell(hide_code=True)
def _(mo):
    window = mo.ui.slider(1, 6, value=1, label="window", show_value=True)
    window
    return (window,)


@app.cell(hide_code=True)
def _(math, mo, pairs_work, pictures, together, toy, window):
    _few = toy.CORPUS[:4]
    _few_words = toy.vocabulary(_few)
    (_pairs, _wider), _made = pairs_work.use(
        lambda skipgram_pairs: [
            skipgram_pairs(toy.ids(_few), width) for width in (window.value, window.value + 1)
        ]
    )
    _linked = len({frozenset(pair) for pair in _pairs if len(set(pair)) == 2})
    _all = math.comb(len(_few_words), 2)
    together(
        mo.md(
            f"""
            With a window of {window.value}, the first {len(_few)} sentences give <strong
            id="pair-count">{len(_pairs)} pairs</strong>; one more would give {len(_wider)}. They link
            {_linked} of the {_all} couples of words. A narrow window sees who stands next to whom; a wide one
            sees what the talk is about, and soon links everything with everything. {_made}
            """
        ),
        pictures.pair_graph(_few_words, _pairs),
    )
    return


@app.cell(hide_code=True)
def _(helps):
    helps("pairs")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Now one pair is to be learnt. The dot product of two rows is the model's opinion of the pair, and the
    **sigmoid** 1 / (1 + e<sup>−x</sup>) turns it into a belief between 0 and 1. The pair did occur, so
    the belief should have been 1; how much is missing says how far to move.
    """)
    return


@app.cell(hide_code=True)
def _(task):
    task("step")
    return


@app.cell(hide_code=True)
def _(bench):
    step_editor = bench.editor("step")
    step_editor
    return (step_editor,)


@app.cell(hide_code=True)
def _(bench, step_editor, verdict):
    step_work = bench.work("step", step_editor.value)
    verdict(step_work)
    return (step_work,)


@app.cell(hide_code=True)
def _(mo, together):
    belief = mo.ui.slider(
        0.05, 0.95, step=0.05, value=0.05, label="belief before the step, σ(u·v)", show_value=True
    )
    rate = mo.ui.slider(0.1, 1.0, step=0.1, value=0.5, label="learning rate η", show_value=True)
    together(belief, rate)
    return belief, rate


@app.cell(hide_code=True)
def _(belief, dot, math, mo, pictures, rate, step_work, together):
    def step_at(p, lr):
        """Take a step on two rows whose belief is p; return u·v before and after, and whose step it was."""
        length = 1.75
        angle = math.acos(math.log(p / (1 - p)) / length**2)

        def stepped(skipgram_step):
            table = [[length, 0.0], [length * math.cos(angle), length * math.sin(angle)]]
            before = dot(*table)
            skipgram_step(table, 0, 1, lr)
            return before, dot(*table)

        (before, after), made = step_work.use(stepped)
        return before, after, made

    _before, _after, _made = step_at(belief.value, rate.value)
    _far, _close = (step_at(p, rate.value) for p in (0.05, 0.95))
    together(
        pictures.dot_bars(_before, _after),
        mo.md(
            f"""
            Belief before: {belief.value:.2f}, so g = {belief.value - 1:+.2f}, and the dot product grows by
            <strong id="growth">{_after - _before:.3f}</strong>. The further short of 1 the model is, the more
            it moves: with this learning rate a belief of .05 moves it by {_far[1] - _far[0]:.3f}, one of .95
            by {_close[1] - _close[0]:.3f}. {_made}
            """
        ),
    )
    return


@app.cell(hide_code=True)
def _(helps):
    helps("step")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    One step on one pair is not much. Thousands of them, on pairs drawn at random from the text, are
    training.
    """)
    return


@app.cell(hide_code=True)
def _(task):
    task("train")
    return


@app.cell(hide_code=True)
def _(bench):
    train_editor = bench.editor("train")
    train_editor
    return (train_editor,)


@app.cell(hide_code=True)
def _(bench, pairs_work, step_work, train_editor, verdict):
    train_work = bench.work("train", train_editor.value, [pairs_work, step_work])
    verdict(train_work)
    return (train_work,)


@app.cell(hide_code=True)
def _(evidence):
    scatter_rates = [one.partner_rate for one in evidence.measure(evidence.CASES[0])]
    neighbor_rates = [one.partner_rate for one in evidence.measure(evidence.CASES[1])]
    return neighbor_rates, scatter_rates


@app.cell(hide_code=True)
def _(
    beside,
    fmean,
    ids,
    mo,
    pictures,
    scatter_rates,
    together,
    toy,
    train_work,
    words,
):
    (_scatter_table, scatter_losses), _made = train_work.use(
        lambda train: train(
            list(ids), len(words), toy.DIM, toy.SCATTER_STEPS, toy.WINDOW, toy.LR, toy.SCALE, toy.SEED
        )
    )
    _found, _rates = toy.partner_rate(_scatter_table), scatter_rates
    _first, _last = fmean(scatter_losses[:100]), fmean(scatter_losses[-100:])
    together(
        beside(
            pictures.scatter(
                words,
                toy.flatten(_scatter_table),
                toy.PARTNERS,
                f"{len(words)} words after {toy.SCATTER_STEPS:,} steps",
            ),
            pictures.loss_curve(scatter_losses),
        ),
        mo.md(
            f"""
            Each word is a row of {toy.DIM} numbers, here flattened to two: the directions in which the rows
            differ most. The loss fell from {_first:.2f} (mean of the first hundred steps) to {_last:.2f}.
            Orange squares are **partners**, words that keep the same company in our text; the dashed lines
            join them. {_made}

            Look with care: the text is tiny, and the picture noisy. Of the {2 * len(toy.PARTNERS)} words that
            have a partner, **{_found:.0%}** have it among their {toy.TOPN} nearest words; by chance it would
            be {toy.chance_rate():.0%}. Over {len(_rates)} seeds of the random numbers it is
            {fmean(_rates):.0%} on average, from {min(_rates):.0%} to {max(_rates):.0%}. You see seed
            {toy.SEED}, a median one, not the best.
            """
        ),
    )
    return


@app.cell(hide_code=True)
def _(helps):
    helps("train")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    "Nearest" needs a measure. The dot product itself will not do: a row twice as long gives twice the
    product, and length is not likeness. Only the direction should count.
    """)
    return


@app.cell(hide_code=True)
def _(task):
    task("cosine")
    return


@app.cell(hide_code=True)
def _(bench):
    cosine_editor = bench.editor("cosine")
    cosine_editor
    return (cosine_editor,)


@app.cell(hide_code=True)
def _(bench, cosine_editor, verdict):
    cosine_work = bench.work("cosine", cosine_editor.value)
    verdict(cosine_work)
    return (cosine_work,)


@app.cell(hide_code=True)
def _(mo, words):
    query = mo.ui.dropdown(words, value="woman", label="query word")
    query
    return (query,)


@app.cell(hide_code=True)
def _(fmean, ids, neighbor_rates, toy, train_work, words):
    (neighbor_table, _), _trained = train_work.use(
        lambda train: train(
            list(ids), len(words), toy.DIM, toy.NEIGHBOR_STEPS, toy.WINDOW, toy.LR, toy.SCALE, toy.SEED
        )
    )
    neighbor_note = f"""
    These are rows of {toy.DIM} numbers after {toy.NEIGHBOR_STEPS:,} steps. Of the words that have a partner,
    {toy.partner_rate(neighbor_table):.0%} have it in their top {toy.TOPN} (over {len(neighbor_rates)} seeds
    {fmean(neighbor_rates):.0%} on average, by chance {toy.chance_rate():.0%}). {_trained}
    """
    return neighbor_note, neighbor_table


@app.cell(hide_code=True)
def _(
    cosine_work,
    mo,
    neighbor_note,
    neighbor_table,
    pictures,
    query,
    together,
    toy,
    words,
):
    _others = [word for word in words if word != query.value]
    _row = neighbor_table[words.index(query.value)]
    _cosines, _made = cosine_work.use(
        lambda cosine: [cosine(list(_row), list(neighbor_table[words.index(word)])) for word in _others]
    )
    _ranking = sorted(zip(_others, _cosines, strict=True), key=lambda one: -one[1])
    _partner = next((b if a == query.value else a for a, b in toy.PARTNERS if query.value in (a, b)), "")
    _place = [word for word, _ in _ranking].index(_partner) + 1 if _partner else 0
    _said = (
        f"Its partner, {_partner}, which has a star, is number {_place}."
        if _partner
        else "It has no partner here."
    )
    _shown = [one for number, one in enumerate(_ranking, 1) if number <= 8 or number == _place]
    together(
        mo.md(
            f"""
            Nearest to *{query.value}*: <strong
            id="nearest">{", ".join(word for word, _ in _ranking[: toy.TOPN])}</strong>.
            {_said}
            {_made}
            """
        ),
        pictures.neighbor_bars(query.value, _shown, [_partner]),
        mo.md(neighbor_note),
    )
    return


@app.cell(hide_code=True)
def _(helps):
    helps("cosine")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 4. Pulling is not enough

    Your step only ever pulls: every pair it sees occurred, so every belief should be 1. What if it goes
    on pulling? And what if the model also sees **negatives**, words drawn at random that did *not* stand
    there, whose belief should be 0? Here are three runs on the same text. Choose one, and walk through
    it.
    """)
    return


@app.cell(hide_code=True)
def _(toy):
    LONG, EVERY = toy.COLLAPSE_STEPS, 500
    KINDS = {"pulling only": "positives", "one table": "one table", "two tables": "two tables"}
    long_runs = {
        name: toy.run(kind, steps=LONG, scale=toy.COLLAPSE_SCALE, snapshots_every=EVERY)
        for name, kind in KINDS.items()
    }
    return EVERY, KINDS, LONG, long_runs


@app.cell(hide_code=True)
def _(EVERY, LONG, mo, together):
    chosen = mo.ui.radio(
        ["pulling only", "one table", "two tables"], value="pulling only", label="run", inline=True
    )
    moment = mo.ui.slider(0, LONG, step=EVERY, value=LONG, label="step", show_value=True, full_width=True)
    together(chosen, moment)
    return chosen, moment


@app.cell(hide_code=True)
def _(
    KINDS,
    beside,
    chosen,
    fmean,
    long_runs,
    mo,
    moment,
    pictures,
    together,
    toy,
    words,
):
    _snapshots = long_runs[chosen.value].snapshots
    _now = min(_snapshots, key=lambda one: abs(one.step - moment.value))
    together(
        mo.md(
            f"""
            After **{_now.step:,}** steps the cosine of two words is {fmean(_now.cosines):.3f} on average,
            {_now.cosines[0]:.3f} at least, and **<span id="partners-found">{_now.partner_rate:.0%}</span>**
            of the partners are in the top {toy.TOPN}.
            """
        ),
        beside(
            pictures.scatter(
                words, toy.flatten(_now.vectors), toy.PARTNERS, f"The words after {_now.step:,} steps"
            ),
            pictures.cosine_histogram(_now.cosines),
        ),
        pictures.rate_lines(
            {name: [(one.step, one.partner_rate) for one in long_runs[name].snapshots] for name in KINDS},
            toy.chance_rate(),
            _now.step,
        ),
    )
    return


@app.cell(hide_code=True)
def _(ids, king, pairs_work, queen, toy):
    _pairs, _ = pairs_work.use(lambda skipgram_pairs: skipgram_pairs(list(ids), toy.WINDOW))
    meetings = sum({a, b} == {king, queen} for a, b in _pairs) // 2
    return (meetings,)


@app.cell(hide_code=True)
def _(KINDS, evidence):
    MANY_STEPS = 6_000
    over_seeds = {
        name: evidence.measure(evidence.Case(name, KINDS[name], {"steps": MANY_STEPS}))
        for name in ("one table", "two tables")
    }
    return MANY_STEPS, over_seeds


@app.cell(hide_code=True)
def _(
    MANY_STEPS,
    embeddings,
    fmean,
    long_runs,
    meetings,
    mo,
    over_seeds,
    toy,
    words,
):
    _heap = long_runs["pulling only"].snapshots[-1]
    _partners = [
        embeddings.cosine(_heap.vectors[words.index(a)], _heap.vectors[words.index(b)])
        for a, b in toy.PARTNERS
    ]
    _late = [
        one.partner_rate
        for one in long_runs["one table"].snapshots[len(long_runs["one table"].snapshots) // 2 :]
    ]
    _settled = [one.partner_rate for one in long_runs["two tables"].snapshots[-len(_late) :]]
    _always = "every one of them" if min(_settled) == 1 else f"never fewer than {min(_settled):.0%}"
    _one, _two = (fmean(one.partner_rate for one in over_seeds[name]) for name in ("one table", "two tables"))
    _alike = fmean(one.partner_cosine for one in over_seeds["two tables"])
    _all = fmean(one.mean_cosine for one in over_seeds["two tables"])
    mo.md(
        f"""
        **Pulling only** ends in a heap. The loss is down to {_heap.loss:.3f}, and the cosine of two words is
        {fmean(_heap.cosines):.3f} on average; no two are below {int(_heap.cosines[0] * 100) / 100:.2f}.
        Partners, at {fmean(_partners):.3f}, are still ahead by a hair, so the ranking has not lost
        everything. The contrast is lost: a crown is as good as a queen.

        **Negatives in one table** push words apart, and the heap is gone. So are the partners: in the second
        half of this run the share that is found jumps between {min(_late):.0%} and {max(_late):.0%}; over
        {len(over_seeds["one table"])} seeds (after {MANY_STEPS:,} steps) {_one:.0%} on average, not
        far from the {toy.chance_rate():.0%} of pure chance. Why? *King* and *queen* stand near each other
        {meetings} times in the text. Nothing pulls them together directly, and whenever one is drawn as a
        negative of the other they are pushed apart. One row has to say two things, *what I am like* and *what
        I stand next to*, and these differ.

        **A second table** takes over the second of them. Each word has one row as a center and another one as
        a context. *King* and *queen* are both pulled to the context rows of *throne* and *crown*, and so come
        to lie together without ever having met: {_always} in the second half of
        the run, {_two:.0%} on average over the seeds, with a cosine of {_alike:.2f} for partners and
        {_all:.2f} for any two words. This is skip-gram with negative sampling; `firth train` does it on
        millions of words a second.
        """
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 5. What king − man + woman really shows

    You may have read that *king − man + woman* gives *queen*, as if the rows knew royalty and gender as
    two directions. Our toy is too small for that. So here the real trainer reads a real book, the King
    James Bible, while you wait.
    """)
    return


@app.cell(hide_code=True)
def _(FirthError, learn_book):
    try:
        book, book_trouble = learn_book(), ""
    except FirthError as error:
        book, book_trouble = None, str(error)
    return book, book_trouble


@app.cell(hide_code=True)
def _(book, book_trouble, mo, place, ranking_table, together):
    if book is None:
        book_table = mo.md(f"This part needs the book: {book_trouble}. The rest of the chapter does without.")
        book_words = ""
    else:
        _answer = book.analogy(["king", "woman"], ["man"], topn=5)
        _best = _answer.filtered[0][0]
        _in_raw = [word for word, _ in book.analogy(["king", "woman"], ["man"], topn=9).raw].index(_best) + 1
        _by_king, _by_woman = place(book, _best, ["king"]), place(book, _best, ["woman"])
        _by_sum = place(book, _best, ["king", "woman"])
        _minus = (
            "So the sum has the answer already, and *man* is hardly needed."
            if _by_sum == 1
            else f"So taking *man* away does help here, from number {_by_sum} to number 1."
        )
        book_table = mo.md(ranking_table(_answer, ("king", "man", "woman")))
        book_words = f"""
        On the left everything is ranked, on the right the words that were typed are left out, which is what
        most programs do without saying so. The word nearest to *king − man + woman* is
        **{_answer.raw[0][0]}**, and *{_best}*, the usual answer, is number {_in_raw}.

        How much of that answer is simply "near king"? By likeness to *king* alone, *{_best}* is number
        {_by_king} of {len(book) - 1:,} words; by likeness to *woman* alone, number {_by_woman}; and to the
        sum of the two, with nothing taken away at all, number **{_by_sum}**. {_minus} One example proves
        little either way; that is why `firth evaluate` asks many, and says how sure the score is. (Learning
        {len(book):,} words from this book took {book.config["timing"]["train_seconds"]:.1f} seconds.)
        """
    together(book_table, mo.md(book_words))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 6. What this mends, and what it does not

    **Words are no longer all unrelated.** That was the aim, and it is reached:
    """)
    return


@app.cell(hide_code=True)
def _(dot, embeddings, mo, one_hot, toy, words):
    settled = toy.run("two tables", steps=toy.NEGATIVE_STEPS)
    _couples = [("king", "queen"), ("boy", "girl"), ("king", "bread"), ("girl", "crown")]
    _lines = []
    for _a, _b in _couples:
        _row_a, _row_b = words.index(_a), words.index(_b)
        _before = dot(one_hot(_row_a, len(words)), one_hot(_row_b, len(words)))
        _after = embeddings.cosine(settled.vectors[_row_a], settled.vectors[_row_b])
        _lines.append(f"| {_a} and {_b} | {_before:.2f} | {_after:.2f} |")
    mo.md("\n".join(["| cosine of | one-hot | trained, two tables |", "|:--|--:|--:|", *_lines]))
    return (settled,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **One row for both banks.** A word has one row, however many meanings it has. In this text a *bank* is
    sometimes a river's and sometimes a place for money. We train on it as it is, and again after marking
    by hand which bank is meant:
    """)
    return


@app.cell(hide_code=True)
def _(limits, mo):
    mo.md("> " + " · ".join(limits.BANK_SPLIT))
    return


@app.cell(hide_code=True)
def _(beside, limits, mo, pictures, together):
    _plain = limits.bank_neighbors(limits.BANK, "bank")
    _river, _money = (limits.bank_neighbors(limits.BANK_SPLIT, one) for one in ("bank(river)", "bank(money)"))
    _stars = ("shore", "shop")
    _places = {word: number for number, (word, _) in enumerate(_plain, 1) if word in _stars}
    _found = " and ".join(f"number {number} is *{word}*" for word, number in _places.items())
    together(
        mo.md(
            f"""
            *Shore* stands where the river's bank stands, *shop* where the one with money stands; both have a
            star. Of the {len(_plain)} words nearest to plain *bank*,
            {_found}:
            one row has to be a bit of both. Split by hand, *bank(river)* is nearest to *{_river[0][0]}*
            ({_river[0][1]:.2f}) and *bank(money)* to *{_money[0][0]}* ({_money[0][1]:.2f}). No one splits a
            real text by hand; models that come later in the course give a word another row in every sentence.
            """
        ),
        beside(
            pictures.neighbor_bars("bank", _plain, _stars, width=125),
            pictures.neighbor_bars("bank(river)", _river, _stars, width=125),
            pictures.neighbor_bars("bank(money)", _money, _stars, width=125),
        ),
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **No order.** What do the pairs know of who bit whom?
    """)
    return


@app.cell(hide_code=True)
def _(mo, pairs_work, toy):
    _sentences = ("dog bit man", "man bit dog")
    _numbers = {"dog": 0, "bit": 1, "man": 2}
    (_one, _other), _made = pairs_work.use(
        lambda skipgram_pairs: [
            skipgram_pairs([_numbers[word] for word in sentence.split()], toy.WINDOW)
            for sentence in _sentences
        ]
    )
    _same = "the same" if sorted(_one) == sorted(_other) else "different"
    mo.md(
        f"""
        With a window of {toy.WINDOW}, *{_sentences[0]}* gives {len(_one)} pairs, and *{_sentences[1]}* too
        gives {len(_other)} pairs. Sorted, the two lists are **{_same}**: whatever is learnt from the one is
        learnt from the other. {_made}
        """
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **No prediction.** The two tables know what goes with what. Ask them to go on after *strong man*, and
    after *man strong*:
    """)
    return


@app.cell(hide_code=True)
def _(limits, mo, settled, together):
    _asked = [["strong", "man"], ["man", "strong"]]
    _guesses = [limits.guesses(settled, context)[:4] for context in _asked]
    _lines = [
        f"| {number} | {a} | {p:.2f} | {b} | {q:.2f} |"
        for number, ((a, p), (b, q)) in enumerate(zip(*_guesses, strict=True), 1)
    ]
    together(
        mo.md(
            "\n".join(
                ["| | strong man … | belief | man strong … | belief |", "|--:|:--|--:|:--|--:|", *_lines]
            )
        ),
        mo.md(
            f"""
            The answers are {"the same" if _guesses[0] == _guesses[1] else "different"}, and they would be the
            same if the word stood before or between: all there is to ask is who keeps whose company. And the
            beliefs of one column add up to {sum(p for _, p in limits.guesses(settled, _asked[0])):.2f}, so
            they are not the chances of a next word either. For that something has to take rows in and learn
            to answer. That is a neuron, in the next chapter.
            """
        ),
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **How many numbers a word?** King, queen, man, woman, boy and girl differ in more than one way: in
    gender, in age, in rank. With two numbers a word, these differences have to share one plane. With
    eight, each can have a direction of its own. We add some sentences that tell *him* from *her*, train,
    and ask of every couple (king and queen, say) whether it differs in the direction in which the *other*
    couples of its kind differ. By chance, half of them would.
    """)
    return


@app.cell(hide_code=True)
def _(MANY_STEPS, evidence, limits, toy):
    def axis_scores_of(dim, seed):
        """Return how many couples of each kind differ in the right direction, with so many numbers a word."""
        options = {"dim": dim, "steps": MANY_STEPS, "seed": seed, "corpus": limits.AXES_CORPUS}
        table = toy.run("two tables", **options).vectors
        return {name: limits.axis_score(table, couples) for name, couples in limits.AXES.items()}

    axis_scores = {dim: [axis_scores_of(dim, seed) for seed in evidence.SEEDS] for dim in (2, toy.DIM)}
    return (axis_scores,)


@app.cell(hide_code=True)
def _(
    MANY_STEPS,
    axis_scores,
    evidence,
    fmean,
    limits,
    mo,
    pictures,
    together,
    toy,
):
    _means = {
        dim: {name: fmean(one[name] for one in scores) for name in limits.AXES}
        for dim, scores in axis_scores.items()
    }
    _whole = {dim: fmean(set(one.values()) == {1.0} for one in scores) for dim, scores in axis_scores.items()}
    together(
        pictures.axis_bars(_means),
        mo.md(
            f"""
            Means of {len(evidence.SEEDS)} seeds, {MANY_STEPS:,} steps each. All three ways at once are right
            in {_whole[2]:.0%} of the runs with 2 numbers a word, and in {_whole[toy.DIM]:.0%} with {toy.DIM}.
            Real models take some hundreds, for many more ways to differ.
            """
        ),
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## 7. From list to tensor

    The table of rows is all that goes on from here: an id goes in, a row comes out. In PyTorch this is
    `torch.nn.Embedding`, and your rows load into it unchanged; `freeze=False` lets later training move
    them further.
    """)
    return


@app.cell(hide_code=True)
def _(CODE, foretell, has_torch, king, mo, queen, run_code, settled):
    _printed = run_code(settled.vectors, king, queen) if has_torch() else foretell(settled.vectors, king)
    _said = "It prints" if has_torch() else "PyTorch is not installed here; it would print"
    mo.md(f"```python\n{CODE}```\n\n{_said}\n\n```text\n{_printed}```")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## What you take home

    Beside this page, in your folder, is `llm/embeddings.py`: one file in plain Python, with
    `init_embeddings`, `dot`, `sigmoid`, `skipgram_step` and `cosine`, written to be read. Your own four
    functions are in `exercises`. For real texts there is `firth train`.

    In the next chapter a neuron takes such a row in and learns to say something about it.
    """)
    return


if __name__ == "__main__":
    app.run()

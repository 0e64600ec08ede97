"""The commands that ask a model: ``neighbors``, ``similarity`` and ``analogy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from firth import answers_json
from firth.cli.output import Column, bar, print_json, print_line, print_table
from firth.cli.stability import COLUMN, Agreement
from firth.cli.words import Question, WordCommand, read_question, refuse_unknown_options
from firth.errors import ConfigError, UnknownWordError

if TYPE_CHECKING:
    from firth.embeddings import Analogy, Embeddings, Neighbor

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Model folder, or vectors of any format.", show_default=False)
]
TopnOption = Annotated[int, typer.Option("--topn", "-n", metavar="N", help="Words to show.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print strict JSON instead of a table.")]

_NUMBER, _COSINE = Column("", right=True, style="dim"), Column("cosine", right=True, style="green")
_DASHES = "A word that begins with a dash is a word all the same; after a bare -- everything is."


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command(
        cls=WordCommand, epilog=_examples("neighbors MODEL king queen -n 5", "neighbors MODEL --json king")
    )(neighbors)
    app.command(cls=WordCommand, epilog=_examples("similarity MODEL king queen"))(similarity)
    app.command(
        cls=WordCommand,
        epilog=_examples("analogy MODEL king - man + woman", "analogy MODEL king -man +woman"),
    )(analogy)


def _examples(*commands: str) -> str:
    """Return the end of a command's help."""
    lines = [f"  firth {command}" for command in commands]
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines, _DASHES])


def neighbors(
    ctx: typer.Context,
    model: ModelArgument,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help="Words to look up.", show_default=False)],
    topn: TopnOption = 10,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Use the index that `firth index MODEL` made.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the words nearest to each WORD, by cosine."""
    loaded = _load(model)
    refuse_unknown_options(ctx, loaded)
    answers = _nearest(model, loaded, words, topn, approximate)
    agreement = Agreement.read(model, loaded)
    if as_json:
        results = [
            answers_json.neighbors(loaded, word, answer, agreement)
            for word, answer in zip(words, answers, strict=True)
        ]
        print_json({"model": model, "results": results})
        return
    for number, (word, answer) in enumerate(zip(words, answers, strict=True)):
        if number:
            print_line("")
        if not answer and topn:
            print_line(f"{word}: no neighbours, {_why_none(loaded, word)}")
            continue
        _print_neighbors(loaded, word, answer, agreement)


def _nearest(
    path: str, model: Embeddings, words: list[str], topn: int, approximate: bool
) -> list[list[Neighbor]]:
    """Return each word's neighbours, by exact search or by the model's index."""
    if not approximate:
        return model.neighbors(words, topn)
    from firth.approximate import open_index

    return open_index(path, model).neighbors(words, topn)


def _print_neighbors(
    model: Embeddings, word: str, answer: list[Neighbor], agreement: Agreement | None
) -> None:
    columns = [_NUMBER, Column("word", style="cyan"), _COSINE, Column("", style="green")]
    columns.append(Column("count", right=True, style="dim"))
    rows = [
        [str(place), near, f"{cosine:.4f}", bar(cosine), _count(model, near)]
        for place, (near, cosine) in enumerate(answer, 1)
    ]
    if agreement is None:
        print_table(word, columns, rows)
        return
    cells = agreement.cells(word, [near for near, _ in answer])
    print_table(word, [*columns, COLUMN], [[*row, cell] for row, cell in zip(rows, cells, strict=True)])
    print_line(agreement.note(word))


def similarity(
    ctx: typer.Context,
    model: ModelArgument,
    a: Annotated[str, typer.Argument(metavar="A", help="A word.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another word.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Show the cosine of two words, and each word's place among the other's neighbours."""
    loaded = _load(model)
    refuse_unknown_options(ctx, loaded)
    found = answers_json.similarity(loaded, a, b)
    if as_json:
        print_json({"model": model, **found})
        return
    print_line(f"{found['cosine']:.4f}  {a} ~ {b}")
    if found["rank_of_b"] is not None:
        print_line(
            f"{b} is neighbour {found['rank_of_b']:,} of {a}; {a} is neighbour {found['rank_of_a']:,} of {b} "
            f"({len(loaded) - 1:,} words)"
        )
    for word in (word for word in (a, b) if not loaded[word].any()):
        print_line(f"{word}: {_why_none(loaded, word)}, and its cosine with any word is 0")


def analogy(
    ctx: typer.Context,
    model: ModelArgument,
    question: Annotated[
        list[str],
        typer.Argument(metavar="WORD", help="WORD - WORD + WORD", show_default=False),
    ],
    topn: TopnOption = 10,
    as_json: JsonOption = False,
) -> None:
    """Answer "A - B + C" twice: the raw ranking, A, B and C included, and the usual one without them."""
    loaded = _load(model)
    try:
        asked = read_question(question, loaded)
        answer = loaded.analogy(asked.positive, asked.negative, topn)
    except (UnknownWordError, ConfigError):
        refuse_unknown_options(ctx, loaded, signs=True)
        raise
    if as_json:
        print_json({"model": model, **answers_json.analogy(asked.positive, asked.negative, answer)})
        return
    print_analogy(asked, answer)


def print_analogy(asked: Question, answer: Analogy) -> None:
    """Print both rankings side by side, and in a sentence what their difference means."""
    if answer.raw:
        _print_rankings(asked, answer)
        print_line("")
    print_line(answers_json.difference(asked.positive, asked.negative, answer))


def _print_rankings(asked: Question, answer: Analogy) -> None:
    given = {*asked.positive, *asked.negative}
    columns = [_NUMBER, Column("raw, inputs included", style="cyan"), Column("", style="yellow"), _COSINE]
    columns += [Column("usual, inputs left out", style="cyan"), _COSINE]
    rows: list[list[str]] = []
    for place in range(max(len(answer.raw), len(answer.filtered))):
        row = [str(place + 1)]
        if place < len(answer.raw):
            word, cosine = answer.raw[place]
            row += [word, "input" if word in given else "", f"{cosine:.4f}"]
        row += [""] * (4 - len(row))
        if place < len(answer.filtered):
            word, cosine = answer.filtered[place]
            row += [word, f"{cosine:.4f}"]
        rows.append(row + [""] * (6 - len(row)))
    print_table(str(asked), columns, rows)


def _load(model: str) -> Embeddings:
    """Load a model; the reading code is imported only now."""
    from firth.formats import load

    return load(model)


def _count(model: Embeddings, word: str) -> str:
    """Return how often a word is in the corpus, if the model knows."""
    count = answers_json.count(model, word)
    return "" if count is None else f"{count:,}"


def _why_none(model: Embeddings, word: str) -> str:
    """Say why a word of the model has no neighbours."""
    if model[word].any():
        return "the model has no other trained word"
    row = model.key_to_index.get(word)
    if row is not None and model.trained is not None and not model.trained[row]:
        return "it never occurred in training"
    return "its vector is all zeros"

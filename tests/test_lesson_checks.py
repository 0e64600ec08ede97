"""The checks are checked: right answers of every style pass, plausible wrong ones are told what is wrong."""

import threading
import time
from textwrap import dedent, indent

import pytest

from firth.errors import ConfigError
from firth.lesson import embeddings, toy
from firth.lesson.checks import Outcome, check
from firth.lesson.exercises import EXERCISES, reference
from firth.lesson.trial import examine

HEADS = {
    name: next(line for line in exercise.stub.splitlines() if line.startswith("def "))
    for name, exercise in EXERCISES.items()
}


def code(name: str, body: str) -> str:
    """Return the exercise's first line with ``body`` under it."""
    return f"{HEADS[name]}\n{indent(dedent(body).strip(), '    ')}\n"


def wrong(name: str, source: str) -> str:
    """Return what is said to be wrong; fails if nothing is."""
    said = [text for kind, text in examine(name, source) if kind == "wrong"]
    assert len(said) == 1, "a wrong answer must be told one thing that is wrong"
    return said[0]


RIGHT = [
    (
        "pairs",
        "return [(c, o) for i, c in enumerate(ids) for j, o in enumerate(ids) if 0 < abs(i - j) <= window]",
    ),
    (
        "pairs",
        """
        def walk():
            for i in range(len(ids)):
                around = ids[max(i - window, 0):i] + ids[i + 1:i + 1 + window]
                yield from ((ids[i], other) for other in around)
        return list(walk())
        """,
    ),
    (
        "step",
        """
        old_u, old_v = list(E[center]), E[context][:]
        p = 1 / (1 + math.exp(-dot(old_u, old_v))) if dot(old_u, old_v) > -700 else 0.0
        for k in range(len(old_u)):
            E[center][k] = old_u[k] + lr * (1 - p) * old_v[k]
            E[context][k] = old_v[k] + lr * (1 - p) * old_u[k]
        return -math.log(max(p, 1e-9))
        """,
    ),
    (
        "train",
        """
        random.seed(seed)
        table, all_losses = init_embeddings(vocab_size, dim, scale=scale), []
        text_pairs = skipgram_pairs(ids, window)
        while len(all_losses) < steps:
            pair = text_pairs[random.randrange(len(text_pairs))]
            all_losses += [skipgram_step(table, context=pair[1], center=pair[0], lr=lr)]
        return table, all_losses
        """,
    ),
    (
        "train",
        """
        import math
        dice = random.Random(seed)
        E = [[dice.uniform(-scale, scale) for _ in range(dim)] for _ in range(vocab_size)]
        losses = []
        for c, o in dice.choices(skipgram_pairs(ids, window), k=steps):
            p = 1 / (1 + math.exp(-sum(x * y for x, y in zip(E[c], E[o]))))
            E[c], E[o] = (
                [x + lr * (1 - p) * y for x, y in zip(E[c], E[o])],
                [y + lr * (1 - p) * x for x, y in zip(E[c], E[o])],
            )
            losses.append(-math.log(p))
        return [E, losses]
        """,
    ),
    (
        "cosine",
        """
        norms = [sum(x ** 2 for x in v) ** 0.5 for v in (a, b)]
        return 0 if not all(norms) else sum(x / norms[0] * y / norms[1] for x, y in zip(a, b))
        """,
    ),
]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_passes_and_the_start_does_not(name: str) -> None:
    exercise = EXERCISES[name]
    solved = check(name, exercise.solution)
    assert (solved.passed, callable(solved.function)) == (True, True)
    assert len(solved.remarks) >= 5
    assert all(remark.right for remark in solved.remarks)
    start = check(name, exercise.stub)
    assert (start.passed, start.function) == (False, None)
    assert [remark.right for remark in start.remarks] == [False]


@pytest.mark.parametrize(("name", "body"), RIGHT)
def test_right_answers_of_another_style_pass(name: str, body: str) -> None:
    said = list(examine(name, code(name, body)))
    assert [text for kind, text in said if kind != "right"] == []


WRONG_PAIRS = [
    ("paired with itself", "range(max(0, i - window), min(len(ids), i + window + 1))", "True"),
    ("farthest neighbour on the right", "range(max(0, i - window), min(len(ids), i + window))", "j != i"),
    (
        "farthest neighbour on the left",
        "range(max(0, i - window + 1), min(len(ids), i + window + 1))",
        "j != i",
    ),
    ("last word of the text", "range(max(0, i - window), min(len(ids) - 1, i + window + 1))", "j != i"),
    ("one place too far", "range(max(0, i - window - 1), min(len(ids), i + window + 2))", "j != i"),
    ("on the right are there", "range(i + 1, min(len(ids), i + window + 1))", "True"),
    ("on the left are there", "range(max(0, i - window), i)", "True"),
    ("wraps round|runs round", "range(i - window, min(len(ids), i + window + 1))", "j != i"),
    (
        "beside itself is left out",
        "range(max(0, i - window), min(len(ids), i + window + 1))",
        "ids[j] != ids[i]",
    ),
    ("beyond the end of a list", "range(max(0, i - window), i + window + 1)", "j != i"),
]


@pytest.mark.parametrize(("told", "positions", "condition"), WRONG_PAIRS)
def test_wrong_windows_are_told(told: str, positions: str, condition: str) -> None:
    body = f"""
    pairs = []
    for i in range(len(ids)):
        for j in {positions}:
            if {condition}:
                pairs.append((ids[i], ids[j]))
    return pairs
    """
    assert any(part in wrong("pairs", code("pairs", body)) for part in told.split("|"))


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ("positions, not ids", "[(i, j) for i, _ in enumerate(ids) for j, _ in near(i)]"),
        ("second half of each pair is a position", "[(c, j) for i, c in enumerate(ids) for j, _ in near(i)]"),
        ("wrong way round", "[(o, c) for i, c in enumerate(ids) for _, o in near(i)]"),
        ("another order", "sorted((c, o) for i, c in enumerate(ids) for _, o in near(i))"),
        ("must be there twice", "list(dict.fromkeys((c, o) for i, c in enumerate(ids) for _, o in near(i)))"),
        ("round brackets", "[[c, o] for i, c in enumerate(ids) for _, o in near(i)]"),
        ("generator", "((c, o) for i, c in enumerate(ids) for _, o in near(i))"),
        ("must be a list", "{(c, o) for i, c in enumerate(ids) for _, o in near(i)}"),
        (
            "ends of the text are left out",
            "[(c, o) for i, c in enumerate(ids) if window <= i < len(ids) - window for _, o in near(i)]",
        ),
        ("too few", "[(c, o) for i, c in enumerate(ids) for _, o in near(i)][:-1]"),
        (
            "The first difference is pair number 1",
            "[(c + 1, o) for i, c in enumerate(ids) for _, o in near(i)]",
        ),
        ("The list is empty", "[]"),
        ("returns nothing", "print([(c, o) for i, c in enumerate(ids) for _, o in near(i)])"),
        (
            "changes the list",
            "ids.sort() or [(c, o) for i, c in enumerate(ids) for _, o in near(i)]",
        ),
    ],
)
def test_wrong_pairs_are_told(told: str, answer: str) -> None:
    body = f"""
    def near(i):
        return [(j, ids[j]) for j in range(max(0, i - window), min(len(ids), i + window + 1)) if j != i]
    return {answer}
    """
    assert told in wrong("pairs", code("pairs", body))


def test_the_first_example_that_fails_is_shown_after_what_is_right() -> None:
    body = (
        "return [(c, ids[j]) for i, c in enumerate(ids) for j in (i-2, i-1, i+1, i+2) if 0 <= j < len(ids)]"
    )
    outcome = check("pairs", code("pairs", body))
    assert [remark.right for remark in outcome.remarks] == [True, False]
    assert "`skipgram_pairs([7, 2, 9, 2, 4], 1)` should be `[(7, 2), (2, 7), " in outcome.remarks[1].text
    assert "but yours gives `[(7, 2), (7, 9), " in outcome.remarks[1].text
    assert "reaches one place too far" in outcome.remarks[1].text


NEW_U, NEW_V = (
    "new_u = [x - lr * g * y for x, y in zip(u, v)]",
    "new_v = [y - lr * g * x for x, y in zip(u, v)]",
)
STEP = {
    "p": "p = sigmoid(dot(u, v))",
    "g": "g = p - 1",
    "new": f"{NEW_U}; {NEW_V}",
    "put": "E[center], E[context] = new_u, new_v",
    "loss": "return -math.log(max(p, 1e-9))",
}


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        (
            "`u` is changed before `v`",
            {"new": NEW_U + "; " + NEW_V.replace("zip(u, v)", "zip(new_u, v)")},
        ),
        (
            "`v` is changed before `u`",
            {"new": NEW_V + "; " + NEW_U.replace("zip(u, v)", "zip(u, new_v)")},
        ),
        ("must be *minus*", {"g": "g = 1 - p"}),
        ("must be *minus*", {"new": STEP["new"].replace("- lr", "+ lr")}),
        ("The sigmoid is missing", {"g": "g = dot(u, v) - 1"}),
        ("`g` should be `p - 1`", {"g": "g = p"}),
        ("learning rate is not used", {"new": STEP["new"].replace("lr * ", "")}),
        ("whatever `lr` says", {"new": STEP["new"].replace("lr", "0.1")}),
        ("Nothing has moved", {"put": "u, v = new_u, new_v"}),
        ("Only the center's row", {"put": "E[center] = new_u"}),
        ("Only the context's row", {"put": "E[context] = new_v"}),
        ("each other's place", {"put": "E[center], E[context] = new_v, new_u"}),
        (
            "moved along itself",
            {"new": "new_u = [x - lr * g * x for x in u]; new_v = [y - lr * g * y for y in v]"},
        ),
        ("twice as far", {"g": "g = 2 * (p - 1)"}),
        ("neither the center nor the context", {"put": STEP["put"] + "; E[1] = [0.0, 0.0, 0.0]"}),
        ("no longer 4 rows", {"put": STEP["put"] + "; E.append(new_u)"}),
        ("*after* the step", {"loss": "return -math.log(sigmoid(dot(E[center], E[context])))"}),
        ("minus sign is missing", {"loss": "return math.log(max(p, 1e-9))"}),
        ("That is `p` itself", {"loss": "return p"}),
        ("That is `1 - p`", {"loss": "return 1 - p"}),
        ("must be one number", {"loss": "return [p]"}),
        ("returns nothing", {"loss": "print(-math.log(p))"}),
        ("such as `math.log(0)`", {"loss": "return -math.log(p)"}),
        ("should be 20.7233", {"loss": "return -math.log(max(p, 1e-6))"}),
        ("too large for Python", {"p": "p = 1 / (1 + math.exp(-dot(u, v)))"}),
        ("the first number of `u` becomes", {"g": "g = (p - 1) / 3"}),
    ],
)
def test_wrong_steps_are_told(told: str, changed: dict[str, str]) -> None:
    body = "u, v = E[center], E[context]\n" + "\n".join((STEP | changed).values())
    assert told in wrong("step", code("step", body))


def test_a_word_with_itself_is_remarked_upon_and_no_reason_to_fail() -> None:
    plain = check("step", code("step", "u, v = E[center], E[context]\n" + "\n".join(STEP.values())))
    assert plain.passed
    assert "yours does not" in plain.remarks[-1].text
    assert "gets both changes" in check("step", EXERCISES["step"].solution).remarks[-1].text


def test_a_step_without_the_default_rate_is_told() -> None:
    source = EXERCISES["step"].solution.replace("lr=0.1", "lr=0.01")
    assert "write `lr=0.1`" in wrong("step", source)
    assert "must take the arguments" not in wrong("step", source)


TRAIN = {
    "seed": "random.seed(seed)",
    "table": "E = init_embeddings(vocab_size, dim, scale)",
    "pairs": "pairs = skipgram_pairs(ids, window)",
    "losses": "losses = []",
    "loop": "for _ in range(steps):",
    "draw": "    center, context = random.choice(pairs)",
    "step": "    losses.append(skipgram_step(E, center, context, lr))",
    "return": "return E, losses",
}


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        ("hardly moved", {"draw": "    center, context = pairs[3]"}),
        ("is never drawn", {"draw": "    center, context = random.choice(pairs[:-1])"}),
        ("a fixed order", {"draw": "    center, context = pairs[len(losses) % len(pairs)]"}),
        ("no pair of the text", {"draw": "    center, context = random.choice(ids), random.choice(ids)"}),
        ("same seed give different", {"seed": "pass"}),
        ("different seeds give the same", {"seed": "random.seed(1)"}),
        ("`scale` on to", {"table": "E = init_embeddings(vocab_size, dim)"}),
        ("`window` on to", {"pairs": "pairs = skipgram_pairs(ids, 1)"}),
        ("`lr` on to", {"step": "    losses.append(skipgram_step(E, center, context))"}),
        (
            "401 tables are made",
            {
                "draw": "    center, context = random.choice(pairs); "
                + "E = init_embeddings(vocab_size, dim, scale)"
            },
        ),
        (
            "step number 1 returned",
            {"step": "    skipgram_step(E, center, context, lr); losses.append(1 / (1 + len(losses)))"},
        ),
        ("does not fall", {"step": "    losses.append(0.69)"}),
        (
            "called 800 times",
            {"draw": "    center, context = random.choice(pairs); skipgram_step(E, center, context, lr)"},
        ),
        ("there should be 400 losses; yours are 399", {"loop": "for _ in range(steps - 1):"}),
        ("400 losses; yours are 16", {"loop": "for center, context in pairs:", "draw": ""}),
        ("`E, losses`; yours returns", {"return": "return losses"}),
        ("should be the table", {"return": "return losses, E"}),
        ("rows (`vocab_size`)", {"table": "E = init_embeddings(vocab_size, dim + 1, scale)"}),
        ("should be the list of losses", {"return": "return E, losses[-1]"}),
        ("as small as at the start", {"return": "return [[0.0] * dim for _ in E], losses"}),
        ("returns nothing", {"return": "print(E)"}),
        ("changes the list of ids", {"pairs": "pairs = skipgram_pairs(ids, window); ids.reverse()"}),
        ("has moved", {"return": "E[3] = [1.0, 1.0, 1.0]; return E, losses"}),
        ("which nothing has defined", {"table": "e = init_embeddings(vocab_size, dim, scale)"}),
    ],
)
def test_wrong_trainings_are_told(told: str, changed: dict[str, str]) -> None:
    assert told in wrong("train", code("train", "\n".join((TRAIN | changed).values())))


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ("dot product alone", "dot(a, b)"),
        ("lack their square root", "dot(a, b) / (dot(a, a) * dot(b, b))"),
        ("length of `a` only", "dot(a, b) / math.sqrt(dot(a, a))"),
        ("length of `b` only", "dot(a, b) / math.sqrt(dot(b, b))"),
        ("use brackets", "dot(a, b) / math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))"),
        ("not added", "dot(a, b) / (math.hypot(*a) + math.hypot(*b))"),
        ("not the sum of the numbers", "dot(a, b) / (sum(a) * sum(b))"),
        ("square root too many", "dot(a, b) / math.sqrt(math.hypot(*a) * math.hypot(*b))"),
        ("a distance", "1 - dot(a, b) / (math.hypot(*a) * math.hypot(*b))"),
        ("That is the angle", "math.acos(dot(a, b) / (math.hypot(*a) * math.hypot(*b)))"),
        ("the wrong way round", "-dot(a, b) / (math.hypot(*a) * math.hypot(*b))"),
        ("The sign is lost", "abs(dot(a, b)) / (math.hypot(*a) * math.hypot(*b))"),
        ("divides by zero", "dot(a, b) / (math.hypot(*a) * math.hypot(*b))"),
        ("should be 0.969231", "dot(a, b) / (math.hypot(*a) * math.hypot(*b) + 1e-3)"),
        ("return 0.0 for it", "dot(a, b) / (math.hypot(*a) * math.hypot(*b)) if any(a) and any(b) else 1.0"),
        ("must be one number", "str(dot(a, b))"),
        ("Here `a·b` is 63", "round(dot(a, b) / (math.hypot(*a) * math.hypot(*b)), 1)"),
        ("changes the vectors", "a.sort(reverse=True) or dot(a, b) / (math.hypot(*a) * math.hypot(*b))"),
    ],
)
def test_wrong_cosines_are_told(told: str, answer: str) -> None:
    assert told in wrong("cosine", code("cosine", f"return {answer}"))


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ("Line 1 is not Python yet: expected ':'", "def skipgram_pairs(ids, window)\n    return []"),
        ("Line 2 is not Python yet: '[' was never closed", code("pairs", "return [")),
        ("spaces at the start of line 3", "def skipgram_pairs(ids, window):\n    a = 1\n      return a"),
        ("Line 1 is not Python yet: source code string cannot contain null bytes", "\0"),
        ("defines no function `skipgram_pairs`.", ""),
        (
            "defines no function `skipgram_pairs`; it defines `pairs`",
            "def pairs(ids, window):\n    return []",
        ),
        ("defines no function", "skipgram_pairs = 3"),
        ("`(ids, window)`; yours takes `(ids)`", "def skipgram_pairs(ids):\n    return []"),
        (
            "stops before its function can be tried. It uses the name `idz`",
            "print(idz)\n" + code("pairs", "pass"),
        ),
        (
            "the name `lenn`, which nothing has defined; did you mean `len`? (line 3:",
            code("pairs", "a = 1\nreturn lenn(ids)"),
        ),
        ("a value", code("pairs", "pairs += [1]\nreturn pairs")),
        ("The `...` in your code", code("pairs", "...")),
        ("It prints, but", code("pairs", "print(ids)")),
        ("Does every way", code("pairs", "if window > 9:\n    return []")),
        ("calls itself without end", code("pairs", "return skipgram_pairs(ids, window)")),
        ("more memory", code("pairs", "return [0] * 10 ** 12")),
        ("ends the program", code("pairs", "import sys\nsys.exit(0)")),
        ("nobody is there to type", code("pairs", "return input()")),
        ("There is no module `torches`", code("pairs", "import torches")),
        ("TypeError: 'int' object is not iterable (line 2", code("pairs", "return [x for x in window]")),
        ("an `async` function", "async " + code("pairs", "return []")),
        ("It interrupts itself", code("pairs", "raise KeyboardInterrupt")),
        (
            "cannot be looked at",
            code("pairs", "class Odd(list):\n    __eq__ = lambda *_: 1 / 0\nreturn Odd([(1, 2)])"),
        ),
    ],
)
def test_code_that_does_not_run_is_told_what_is_the_matter(told: str, source: str) -> None:
    outcome = check("pairs", source)
    assert (outcome.passed, outcome.function) == (False, None)
    (said,) = (remark.text for remark in outcome.remarks if not remark.right)
    assert told in said


def in_a_thread(name: str, source: str) -> tuple[Outcome, float]:
    """Check where marimo would: in a thread that is not the first."""
    found: list[Outcome] = []
    start = time.monotonic()
    thread = threading.Thread(target=lambda: found.append(check(name, source)))
    thread.start()
    thread.join()
    return found[0], time.monotonic() - start


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("while True: pass", "line 2"),
        (
            "import itertools\nreturn list(itertools.repeat(1, 10 ** 15)) if window == 1 else pairs(ids)",
            "line 3",
        ),
    ],
)
def test_a_loop_without_end_is_stopped_in_any_thread(body: str, line: str) -> None:
    """Also one inside a C function, which no trace function would see; what stood before it is kept."""
    everything = RIGHT[0][1].replace("<= window", "<= 2")
    tail = f"def pairs(ids):\n    {everything}\n"
    outcome, seconds = in_a_thread("pairs", code("pairs", body) + tail)
    assert not outcome.passed
    said = outcome.remarks[-1].text
    assert "still running after 2 seconds" in said or "more memory" in said
    assert line in said
    assert outcome.remarks[0].right == ("itertools" in body)
    assert seconds < 30, "it must be stopped, whatever the machine's load"


@pytest.mark.parametrize("body", ["import os\nos._exit(0)", "import os\nos.abort()"])
def test_a_python_that_ends_takes_nothing_with_it(body: str) -> None:
    outcome = check("pairs", code("pairs", body))
    assert not outcome.passed
    assert "ended Python itself in `skipgram_pairs([17, 5, 80, 33, 4], 2)`" in outcome.remarks[-1].text


def test_what_is_printed_is_shown_and_harms_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    noisy = EXERCISES["cosine"].solution.replace("    length_a", "    print(a)\n    length_a", 1)
    outcome = check("cosine", "print('```', '\\ud800', 'x' * 9999)\n" + noisy)
    assert outcome.passed
    assert outcome.function is not None
    assert outcome.function([3.0, 4.0], [4.0, 3.0]) == pytest.approx(0.96)
    shown = outcome.remarks[-1].text
    assert "Your code printed this" in shown
    assert "xxx" in shown
    assert len(shown.encode()) < 500
    assert shown.count("```") == 2, "the fence must be the page's"
    assert capsys.readouterr().out == ""


def test_the_readers_own_functions_are_the_ones_that_are_called() -> None:
    asked: list[int] = []

    def own_pairs(ids: list[int], window: int) -> list[tuple[int, int]]:
        asked.append(window)
        return [(1, 0)]

    outcome = check("train", EXERCISES["train"].solution, {"skipgram_pairs": own_pairs})
    assert outcome.function is not None
    before = outcome.function([0, 1, 2], 3, 2, 0, 4, 0.1, 0.1, 7)[0]
    after = outcome.function([0, 1, 2], 3, 2, 5, 4, 0.1, 0.1, 7)[0]
    assert asked == [4, 4]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True], "its pair is 1, 0"


def test_the_solutions_are_the_module() -> None:
    """What the reader writes and what the small module holds are one mathematics."""
    E, F = ([[0.3, -0.2], [0.1, 0.9], [0.5, 0.5]] for _ in range(2))
    assert reference("step")(E, 2, 0, 0.4) == embeddings.skipgram_step(F, 2, 0, 0.4)
    assert E == F
    assert reference("cosine")(E[0], E[1]) == pytest.approx(embeddings.cosine(E[0], E[1]), rel=1e-15)


def test_an_unknown_exercise_is_refused() -> None:
    with pytest.raises(ConfigError, match="pairs, step, train, cosine"):
        check("bias", "")


def test_the_answers_work_on_the_toy() -> None:
    passed = check("pairs", code("pairs", RIGHT[0][1]))
    assert passed.function is not None
    assert passed.function(toy.ids(), 2) == reference("pairs")(toy.ids(), 2)

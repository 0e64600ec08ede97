"""Analogies: every question against a plain loop, against gensim, and what the intervals are made of."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation_cases import as_keyed_vectors, numbered_words, random_model, write

from firth.embeddings import Embeddings
from firth.evaluation import answers as answers_module
from firth.evaluation.analogies import (
    MEASURES,
    MUL,
    MUL_RAW,
    RAW,
    USUAL,
    Question,
    Section,
    evaluate_analogies,
    independent_parts,
    ratios,
    resampled_sums,
)
from firth.evaluation.answers import nearest_answers
from firth.evaluation.bootstrap import multiplicities
from firth.evaluation.lookup import Lexicon
from firth.evaluation.parsing import combined


def related_model(pairs: int = 12, size: int = 20, noise: float = 0.8, seed: int = 4) -> Embeddings:
    """Return a model in which b0 - a0 is about b1 - a1, and some words have capitals."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((pairs, size))
    shift = rng.standard_normal(size) * 0.7
    other = rng.standard_normal((40, size))
    vectors = np.concatenate([base, base + shift + noise * rng.standard_normal((pairs, size)), other])
    words = [f"a{n}" for n in range(pairs)] + [f"b{n}" for n in range(pairs)] + [f"o{n}" for n in range(40)]
    # A capital B3 beside b3, nearly the same: in any case it is the same word.
    words.append("B3")
    vectors = np.concatenate([vectors, vectors[pairs + 3 : pairs + 4] + 0.01])
    order = rng.permutation(len(words))
    vectors = (vectors[order] * rng.uniform(0.5, 3, (len(words), 1))).astype(np.float32)
    return Embeddings([words[n] for n in order], vectors, counts=np.arange(len(words), 0, -1) * 3)


def related_questions(pairs: int = 12) -> list[Question]:
    return combined([(f"a{n}", (f"b{n}",)) for n in range(pairs)])


def plain_answers(lexicon: Lexicon, a: int, b: int, c: int) -> list[int]:
    """Return the four answers by the definition, in float64, one candidate at a time."""
    units = lexicon.units(np.arange(len(lexicon)))
    add = units @ (units[b] - units[a] + units[c])
    shifted = (units @ units[[a, b, c]].T + 1) / 2
    multiply = shifted[:, 1] * shifted[:, 2] / (shifted[:, 0] + 0.001)
    own = [place for place in range(len(lexicon)) if lexicon.canon[place] in (a, b, c)]
    found = []
    for scores in (add, multiply):
        usual = scores.copy()
        usual[own] = -np.inf
        found += [int(usual.argmax()), int(scores.argmax())]
    return found


@pytest.mark.parametrize(("candidates", "together"), [(8192, 64), (64, 2), (64, 1)])
@pytest.mark.parametrize("restrict", [0, 30])
def test_answers_are_those_of_the_plain_loop(
    monkeypatch: pytest.MonkeyPatch, candidates: int, together: int, restrict: int
) -> None:
    monkeypatch.setattr(answers_module, "CANDIDATES_AT_ONCE", candidates)
    monkeypatch.setattr(answers_module, "QUESTIONS_AT_ONCE", together)
    words = [*numbered_words(150), "W103", "W140", "w104X"]
    lexicon = Lexicon(random_model(words), restrict)
    rng = np.random.default_rng(6)
    asked = rng.integers(0, len(lexicon), (90, 3))
    asked[:30, :2] = asked[0, :2]
    asked = lexicon.canon[asked]
    found = nearest_answers(lexicon, *asked.T)
    mine = np.stack([found.usual[0], found.raw[0], found.usual[1], found.raw[1]], axis=1)
    assert mine.tolist() == [plain_answers(lexicon, *question) for question in asked.tolist()]


def test_no_word_is_left_to_answer() -> None:
    lexicon = Lexicon(random_model(["a", "b", "A"]))
    found = nearest_answers(lexicon, *np.array([[0], [1], [0]]))
    assert found.usual.tolist() == [[-1], [-1]]
    assert (found.raw >= 0).all()


def test_equal_words_go_to_the_more_frequent() -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 1], [-1, 1, 1]], np.float32)
    lexicon = Lexicon(Embeddings(["a", "b", "c", "first", "second"], vectors))
    found = nearest_answers(lexicon, *np.array([[0], [1], [2]]))
    assert found.usual.tolist() == [[3], [3]]


def test_the_four_accuracies() -> None:
    model = related_model()
    sections = [Section("one", related_questions(12)), Section("half", related_questions(6))]
    score = evaluate_analogies(model, sections, restrict_vocab=0, draws=200)
    lexicon = Lexicon(model)
    right = {measure: [] for measure in MEASURES}
    for question in related_questions(12):
        places = [lexicon.find(word) for word in (question.a, question.b[0], question.c)]
        expected = lexicon.find(question.answers[0])
        usual, raw, mul, mul_raw = (lexicon.canon[place] for place in plain_answers(lexicon, *places))
        for measure, answer in zip((USUAL, RAW, MUL, MUL_RAW), (usual, raw, mul, mul_raw), strict=True):
            right[measure].append(answer == expected)
    assert {name: one.value for name, one in score.sections[0].accuracy.items()} == {
        name: np.mean(values) for name, values in right.items()
    }
    assert 0.3 < np.mean(right[USUAL]) < 1
    assert np.mean(right[RAW]) < np.mean(right[USUAL])
    assert (score.covered, score.total, score.overall.covered) == (162, 162, 162)
    assert score.sections[0].input_nearest is not None
    assert score.sections[0].input_nearest >= np.mean(right[USUAL]) - np.mean(right[RAW])
    for estimate in score.overall.accuracy.values():
        assert estimate.low is not None
        assert estimate.value is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high


def test_coverage_and_the_most_frequent_words() -> None:
    model = related_model()
    limit = 40
    rare = set(model.index_to_key[limit:])
    questions = [*related_questions(8), Question("a0", ("b0",), "a1", ("unknown",))]
    score = evaluate_analogies(model, [Section("s", questions)], restrict_vocab=limit, draws=100)
    used = [{q.a, *q.b, q.c, *q.answers} for q in questions]
    assert score.found.tolist() == [not words & (rare | {"unknown"}) for words in used]
    assert 0 < score.covered < 56
    assert score.missing == ("unknown",)
    assert set(score.beyond) == {word for words in used for word in words if word in rare}
    part = score.sections[0]
    usual = part.accuracy[USUAL].value
    assert usual is not None
    assert part.accuracy_all == pytest.approx(usual * score.covered / 57)


def test_case_of_the_expected_word_does_not_count() -> None:
    model = related_model()
    upper = [
        Question(q.a.upper(), (q.b[0].upper(),), q.c.upper(), (q.answers[0].upper(),))
        for q in related_questions()
    ]
    score = evaluate_analogies(model, [Section("s", upper)], restrict_vocab=0, draws=100)
    lower = evaluate_analogies(model, [Section("s", related_questions())], restrict_vocab=0, draws=100)
    assert (score.right == lower.right).all()
    exact = evaluate_analogies(
        model, [Section("s", upper)], restrict_vocab=0, case_insensitive=False, draws=100
    )
    assert exact.covered == 0
    assert (
        exact.overall.accuracy[USUAL].reason
        == "not enough data: 0 of 132 questions covered, at least 3 are needed"
    )


def test_several_answers_and_several_b() -> None:
    model = related_model(noise=0.0)
    questions = [
        Question("a0", ("unknown", "b0"), "a1", ("nothing", "b1", "o3")),
        Question("a0", ("b0",), "a1", ("o5",)),
    ]
    questions += [Question("a0", ("b0",), "a2", ("b2",)), Question("a2", ("none",), "a1", ("b1",))]
    score = evaluate_analogies(model, [Section("s", questions)], restrict_vocab=0, draws=100)
    assert score.found.tolist() == [True, True, True, False]
    assert score.right[MEASURES.index(USUAL)].tolist() == [True, False, True, False]


def test_too_few_questions_and_an_empty_section() -> None:
    model = related_model()
    sections = [Section("none", []), Section("two", related_questions()[:2])]
    score = evaluate_analogies(model, sections, restrict_vocab=0)
    for part in (*score.sections, score.overall):
        assert all(one.value is None for one in part.accuracy.values())
    assert (score.sections[0].accuracy_all, score.sections[0].input_nearest) == (None, None)
    one_word = evaluate_analogies(random_model(["alone"]), [Section("s", related_questions())])
    assert one_word.covered == 0
    assert one_word.overall.accuracy_all == 0.0


def test_all_wrong_has_an_interval_all_the_same() -> None:
    questions = combined([(f"o{n}", (f"o{n + 7}",)) for n in range(5)])
    score = evaluate_analogies(related_model(), [Section("s", questions)], restrict_vocab=0, draws=100)
    estimate = score.overall.accuracy[RAW]
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high == pytest.approx(0.434, abs=0.001)  # Wilson's, of 5 pairs


def test_sums_of_draws_are_those_of_pairs_drawn_by_hand() -> None:
    questions = [Question(f"a{i}", (f"b{i}",), f"a{j}", (f"b{j}",)) for i, j in permutations(range(6), 2)]
    sections = [Section("empty", []), Section("s", questions)]
    used = np.ones(len(questions), bool)
    used[4] = False
    values = np.random.default_rng(3).integers(0, 2, (len(questions), 2)).astype(float)
    sums = resampled_sums(sections, used, values, draws=25, seed=9)
    assert not sums[:, 0].any()
    numbers = {f"a{n}": n for n in range(6)}
    for drawn, row in zip(next(multiplicities(6, 25, np.random.default_rng(9))), sums[:, 1], strict=True):
        weights = np.array([drawn[numbers[q.a]] * drawn[numbers[q.c]] for q in questions]) * used
        np.testing.assert_allclose(row, [weights.sum(), *(weights @ values)])
    assert independent_parts(sections, used) == 6
    assert (ratios(np.array([[0.0, 0.0], [4.0, 1.0]])) == [[0.25]]).all()


def test_questions_that_share_no_pair_are_drawn_one_by_one() -> None:
    alone = [Question(f"a{n}", (f"b{n}",), f"c{n}", (f"d{n}",)) for n in range(7)]
    sums = resampled_sums([Section("s", alone)], np.ones(7, bool), np.eye(7), draws=40, seed=2)[:, 0]
    assert (sums[:, 0] == 7).all()
    assert sums[:, 1:].max() >= 3  # a weight, never a product of two
    assert independent_parts([Section("s", alone)], np.ones(7, bool)) == 7
    shared = [Question("a", ("b",), f"c{n}", (f"d{n}",)) for n in range(7)]
    assert independent_parts([Section("s", shared)], np.ones(7, bool)) == 1


def test_pairs_used_again_make_the_interval_wider() -> None:
    model = related_model(pairs=12)
    crossed = evaluate_analogies(model, [Section("s", related_questions())], restrict_vocab=0)
    estimate = crossed.overall.accuracy[USUAL]
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    independent = 4 * np.sqrt(estimate.value * (1 - estimate.value) / crossed.covered)
    assert estimate.high - estimate.low > 1.5 * independent


@pytest.mark.parametrize("restrict", [35, 300_000])
@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy", [True, False])
def test_agrees_with_gensim(tmp_path: Path, restrict: int, case_insensitive: bool, dummy: bool) -> None:
    pytest.importorskip("gensim")
    model = related_model()
    questions = [
        *related_questions(),
        Question("A1", ("B1",), "a4", ("B4",)),
        Question("a1", ("b1",), "a3", ("B3",)),
    ]
    sections = [Section("one", questions[:70]), Section("two", questions[70:])]
    text = "".join(
        f": {section.name}\n" + "".join(f"{q.a} {q.b[0]} {q.c} {q.answers[0]}\n" for q in section.questions)
        for section in sections
    )
    expected, parts = as_keyed_vectors(model).evaluate_word_analogies(
        str(write(tmp_path / "q.txt", text)),
        restrict_vocab=restrict,
        case_insensitive=case_insensitive,
        dummy4unknown=dummy,
    )
    score = evaluate_analogies(
        model, sections, restrict_vocab=restrict, case_insensitive=case_insensitive, draws=100
    )
    for ours, theirs in zip((*score.sections, score.overall), parts, strict=True):
        right, wrong = len(theirs["correct"]), len(theirs["incorrect"])
        assert right + wrong == (ours.total if dummy else ours.covered)
        assert (ours.accuracy_all if dummy else ours.accuracy[USUAL].value) == right / (right + wrong)
    assert (score.overall.accuracy_all if dummy else score.overall.accuracy[USUAL].value) == expected

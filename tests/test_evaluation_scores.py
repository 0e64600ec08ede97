"""Odd one out, categories, the bootstrap itself, two models compared, and the relations that come along."""

import math
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
from tests.evaluation_cases import as_keyed_vectors, numbered_words, random_model

from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation.analogies import MEASURES, Section
from firth.evaluation.bootstrap import (
    interval,
    multiplicities,
    resample,
    share_with_interval,
    two_sided_p,
    wilson,
)
from firth.evaluation.categories import Member, evaluate_categories, in_majority, spherical_kmeans
from firth.evaluation.compare import NO_DIFFERENCE, compare
from firth.evaluation.evaluate import Options, differences, evaluate, figures
from firth.evaluation.files import ANALOGIES, CATEGORIES, ODDITY, SIMILARITY, EvaluationFile
from firth.evaluation.oddity import Group, evaluate_oddity
from firth.evaluation.parsing import combined
from firth.evaluation.relations import NAME, built_in, built_in_pairs
from firth.evaluation.similarity import Pair, evaluate_similarity

ANIMALS, COLOURS = ["cat", "dog", "cow", "owl", "fox"], ["red", "blue", "pink", "teal"]


def clustered_model(noise: float = 0.3) -> Embeddings:
    """Return animals near one direction, colours near another."""
    rng = np.random.default_rng(1)
    center = {"animal": rng.standard_normal(11), "colour": rng.standard_normal(11)}
    vectors = [center["animal"] + noise * rng.standard_normal(11) for _ in ANIMALS]
    vectors += [center["colour"] + noise * rng.standard_normal(11) for _ in COLOURS]
    return Embeddings([*ANIMALS, *COLOURS], np.array(vectors, np.float32))


def test_odd_one_out_is_found() -> None:
    groups = [Group(("cat", "dog", "red", "cow"), 2), Group(("red", "blue", "pink", "owl"), 3)]
    groups += [Group(("cat", "dog", "fox", "teal"), 0), Group(("red", "blue", "pink", "unknown"), 3)]
    score = evaluate_oddity(clustered_model(), groups)
    assert score.right.tolist() == [True, True, False, False]
    assert score.accuracy.value == pytest.approx(2 / 3)
    assert score.accuracy_all == 0.5
    assert score.chance == pytest.approx(0.25)
    assert (score.covered, score.total, score.missing) == (3, 4, ("unknown",))


def test_odd_one_out_agrees_with_gensim() -> None:
    pytest.importorskip("gensim")
    words = numbered_words(50)
    model = random_model(words)
    keyed = as_keyed_vectors(model)
    rng = np.random.default_rng(4)
    groups = [Group(tuple(rng.choice(words, 5, replace=False).tolist()), 1) for _ in range(40)]
    theirs = [keyed.doesnt_match(list(group.words)) == group.words[1] for group in groups]
    assert evaluate_oddity(model, groups).right.tolist() == theirs
    assert 0 < sum(theirs) < 40


def test_categories_that_are_clusters_are_pure() -> None:
    members = [Member(word, "animal") for word in ANIMALS] + [Member(word, "colour") for word in COLOURS]
    score = evaluate_categories(clustered_model(), [*members, Member("unknown", "colour")])
    assert score.purity.value == 1.0
    assert score.purity.low == pytest.approx(wilson(1.0, 9)[0])
    assert (score.covered, score.total, score.categories, score.missing) == (9, 10, 2, ("unknown",))
    assert score.chance is not None
    assert 0.5 < score.chance < 0.8
    assert score == evaluate_categories(clustered_model(), [*members, Member("unknown", "colour")])
    random = evaluate_categories(random_model([*ANIMALS, *COLOURS]), members)
    assert random.purity.value is not None
    assert random.purity.value < 1.0


def test_purity_is_the_share_of_the_majorities() -> None:
    rng = np.random.default_rng(5)
    cluster, category = rng.integers(0, 5, 80), rng.integers(0, 3, 80)
    most = [max(Counter(category[cluster == c].tolist()).values()) for c in range(5)]
    assert in_majority(cluster, category).sum() == sum(most)


def test_no_cluster_stays_empty() -> None:
    rng = np.random.default_rng(0)
    units = rng.standard_normal((30, 4))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    units[:25] = units[0]
    assert len(set(spherical_kmeans(units, 5).tolist())) == 5
    assert spherical_kmeans(np.ones((4, 1)), 3).shape == (4,)


@pytest.mark.parametrize(
    "members",
    [[Member("cat", "animal")], [Member("cat", "animal"), Member("red", "colour")], [Member("x", "y")], []],
)
def test_too_few_words_for_categories(members: list[Member]) -> None:
    score = evaluate_categories(clustered_model(), members)
    assert score.purity.value is None
    assert score.purity.reason.startswith("not enough data: ")
    assert score.chance is None


def test_multiplicities_are_seeded_whole_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.evaluation.bootstrap.NUMBERS_AT_ONCE", 100)
    blocks = list(multiplicities(23, 11, np.random.default_rng(7)))
    assert [len(block) for block in blocks] == [4, 4, 3]
    assert all((block.sum(axis=1) == 23).all() for block in blocks)
    again = np.concatenate(list(multiplicities(23, 11, np.random.default_rng(7))))
    np.testing.assert_array_equal(np.concatenate(blocks), again)
    assert [len(block) for block in multiplicities(23, 11, np.random.default_rng(7), width=50)] == [2] * 5 + [
        1
    ]


def test_the_interval_of_a_share_is_about_the_binomials() -> None:
    right = np.arange(400) < 100
    estimate = share_with_interval(right, draws=4000)
    error = math.sqrt(0.25 * 0.75 / 400)
    assert estimate.value == 0.25
    assert estimate.low == pytest.approx(0.25 - 1.96 * error, abs=0.006)
    assert estimate.high == pytest.approx(0.25 + 1.96 * error, abs=0.006)
    assert (
        share_with_interval(np.array([True, False])).reason
        == "not enough data: 2 covered, at least 3 are needed"
    )


def test_draws_without_a_score_are_left_out() -> None:
    kept = resample(4, lambda drawn: np.where(drawn[:, 0] == 0, np.nan, drawn[:, 0]).astype(float), 50, 1)
    assert 0 < len(kept) < 50
    assert kept.min() >= 1
    assert interval(np.arange(201.0)) == pytest.approx((5.0, 195.0))


def test_p_values() -> None:
    assert two_sided_p(np.zeros(99)) == 1.0
    assert two_sided_p(np.full(99, 0.5)) == pytest.approx(0.02)
    assert two_sided_p(np.concatenate([np.full(90, 0.5), np.full(9, -0.5)])) == pytest.approx(0.2)


def four_files(words: list[str]) -> list[EvaluationFile]:
    """Return a file of each kind about some words."""
    rng = np.random.default_rng(9)
    pairs = [Pair(*rng.choice(words, 2, replace=False).tolist(), float(rng.integers(9))) for _ in range(50)]
    groups = [Group(tuple(rng.choice(words, 4, replace=False).tolist()), 3) for _ in range(30)]
    section = Section("s", combined([(words[n], (words[n + 10],)) for n in range(10)]))
    members = [Member(word, "even" if n % 2 else "odd") for n, word in enumerate(words)]
    return [
        EvaluationFile("pairs", "p", SIMILARITY, pairs),
        EvaluationFile("questions", "q", ANALOGIES, [section]),
        EvaluationFile("groups", "g", ODDITY, groups),
        EvaluationFile("members", "m", CATEGORIES, members),
    ]


def test_a_model_does_not_differ_from_itself() -> None:
    words = numbered_words(40)
    files_ = four_files(words)
    options = Options(draws=150)
    scores = evaluate(random_model(words), files_, options)
    found = differences(scores, scores, options)
    assert [one.measure for _, one in found] == ["Spearman's ρ", *MEASURES, "accuracy", "purity"]
    for _, one in found:
        assert (one.value, one.low, one.high, one.p, one.reliable) == (0.0, 0.0, 0.0, 1.0, False)
        assert one.verdict == NO_DIFFERENCE


def test_a_better_model_is_found_better_on_what_both_cover() -> None:
    words = numbered_words(60)
    good = random_model(words, size=30)
    rng = np.random.default_rng(2)
    chosen = [rng.choice(words, 2, replace=False).tolist() for _ in range(150)]
    pairs = [Pair(a, b, good.similarity(a, b) + 0.1 * rng.normal()) for a, b in chosen]
    bad = random_model(words[5:], size=30, seed=77)
    a, b = (evaluate_similarity(model, pairs, draws=200) for model in (bad, good))
    (found,) = compare(a, b)
    assert found.items == a.covered < 150
    assert found.value is not None
    assert found.a is not None
    assert found.b is not None
    assert found.value == found.b - found.a > 0.5
    assert found.reliable
    assert found.verdict == "the second model is better"
    assert found.p == pytest.approx(2 / 2001)
    (back,) = compare(b, a)
    assert back.value == -found.value
    assert back.verdict == "the first model is better"


def test_one_model_of_noise_against_another_is_seldom_a_difference() -> None:
    words = numbered_words(50)
    pairs = four_files(words)[0].items
    scores = [evaluate_similarity(random_model(words, seed=seed), pairs, draws=100) for seed in range(30)]
    reliable = [compare(a, b, draws=300)[0].reliable for a, b in zip(scores[::2], scores[1::2], strict=True)]
    assert sum(reliable) <= 3


def test_what_cannot_be_compared() -> None:
    words = numbered_words(40)
    pairs, questions, groups, _ = evaluate(random_model(words), four_files(words), Options(draws=100))
    with pytest.raises(ConfigError, match="only scores of the same file can be compared"):
        compare(pairs.score, groups.score)
    others = evaluate(random_model(["other"]), four_files(words), Options(draws=100))
    for mine, theirs in zip((pairs, questions, groups), others, strict=False):
        for one in compare(mine.score, theirs.score):
            assert (one.value, one.p, one.reliable) == (None, None, False)
            assert one.verdict == "not enough data: both models cover 0 of the items, too few to compare"


def test_every_figure_is_a_number_or_a_reason() -> None:
    words = numbered_words(40)
    for model in (
        random_model(words),
        random_model(["w101"]),
        random_model(["w101", "W102", "w103"], size=1),
    ):
        for one in evaluate(model, four_files(words), Options(draws=100)):
            for figure in figures(one.score):
                numbers = (figure.estimate.value, figure.estimate.low, figure.estimate.high)
                assert all(number is None or math.isfinite(number) for number in numbers)
                assert (figure.estimate.value is None) <= bool(figure.estimate.reason)
                assert figure.covered <= figure.total


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 99}, "draws must be 100 to 100000, not 99"),
        ({"draws": 10**6}, "not 1000000"),
        ({"restrict_vocab": -2}, "restrict_vocab must be at least 0, not -2"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_options_out_of_range(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Options(**options)


def test_the_relations_that_come_along() -> None:
    relations = built_in_pairs()
    assert set(relations) == {"capital", "plural", "comparative", "superlative", "past-tense", "gender"}
    for pairs in relations.values():
        assert 20 <= len(pairs) <= 45
        firsts, seconds = zip(*pairs, strict=True)
        assert len(set(firsts)) == len(set(seconds)) == len(pairs)
        assert not set(firsts) & set(seconds)
        assert all(word.isalpha() and word.islower() and word.isascii() for pair in pairs for word in pair)
    text = files("firth.evaluation").joinpath("data", "relations.tsv").read_text("utf-8")
    assert "written for firth" in text.splitlines()[0]
    asked = built_in()
    assert (asked.name, asked.kind) == (NAME, ANALOGIES)
    assert sum(len(s.questions) for s in asked.items) == sum(
        len(p) * (len(p) - 1) for p in relations.values()
    )

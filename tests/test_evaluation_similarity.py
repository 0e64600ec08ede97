"""Similarity: ρ as others compute it, coverage, the bootstrap, and what comes where there are no data."""

from pathlib import Path

import numpy as np
import pytest
from tests.evaluation_cases import as_keyed_vectors, numbered_words, random_model, write

from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation.bootstrap import multiplicities
from firth.evaluation.lookup import Lexicon, rows_by_frequency
from firth.evaluation.similarity import (
    Pair,
    RankedDraws,
    evaluate_similarity,
    pearson,
    ranks,
    spearman,
    spearman_of_draws,
)


def some_pairs(words: list[str], number: int, seed: int = 3) -> list[Pair]:
    """Return pairs with many equal scores."""
    rng = np.random.default_rng(seed)
    return [
        Pair(*rng.choice(words, 2, replace=False).tolist(), float(rng.integers(0, 12)) / 2)
        for _ in range(number)
    ]


def test_spearman_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    for number in (3, 4, 17, 90):
        x, y = rng.integers(0, number, number).astype(float), rng.normal(size=number)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-14)
        assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-14)
        np.testing.assert_array_equal(ranks(x), stats.rankdata(x))


def test_constant_values_have_no_correlation() -> None:
    assert spearman(np.array([2.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0])) is None
    assert pearson(np.array([]), np.array([])) is None


def test_draws_are_ranked_as_if_their_items_were_written_out() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 5, 23).astype(float), rng.normal(size=23)
    drawn = next(multiplicities(23, 50, rng))
    assert (drawn.sum(axis=1) == 23).all()
    found = spearman_of_draws(RankedDraws(x), RankedDraws(y), drawn)
    for times, rho in zip(drawn, found, strict=True):
        assert rho == pytest.approx(spearman(np.repeat(x, times), np.repeat(y, times)), abs=1e-12)


def test_a_draw_of_one_item_only_has_no_correlation() -> None:
    drawn = np.array([[3, 0, 0], [1, 1, 1]])
    x = RankedDraws(np.array([1.0, 2.0, 3.0]))
    assert np.isnan(spearman_of_draws(x, x, drawn)).tolist() == [True, False]


def test_the_score_and_its_coverage() -> None:
    words = numbered_words(30)
    model = random_model(words)
    pairs = [*some_pairs(words, 60), Pair("w103", "nowhere", 3.0), Pair("Elsewhere", "nowhere", 1.0)]
    score = evaluate_similarity(model, pairs, draws=300)
    cosines = [model.similarity(pair.a, pair.b) for pair in pairs[:60]]
    gold = np.array([pair.score for pair in pairs])
    assert (score.covered, score.total) == (60, 62)
    assert score.missing == ("nowhere", "Elsewhere")
    assert score.beyond == ()
    assert score.rho.value == pytest.approx(spearman(gold[:60], np.array(cosines)))
    filled = np.array([*cosines, *[np.mean(cosines)] * 2])
    assert score.rho_all.value == pytest.approx(spearman(gold, filled))
    assert score.rho.low is not None
    assert score.rho.high is not None
    assert score.rho.value is not None
    assert score.rho.low < score.rho.value < score.rho.high


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(17)
    held = 0
    for _ in range(120):
        x = rng.normal(size=80)
        y = 0.6 * x + 0.8 * rng.normal(size=80)
        draws = np.concatenate(
            [spearman_of_draws(RankedDraws(x), RankedDraws(y), d) for d in multiplicities(80, 300, rng)]
        )
        low, high = np.quantile(draws, [0.025, 0.975])
        held += low <= 6 / np.pi * np.arcsin(0.3) <= high  # ρ of a normal pair with r = 0.6
    assert 105 <= held <= 119


def test_the_same_seed_gives_the_same_interval() -> None:
    words = numbered_words(20)
    model, pairs = random_model(words), some_pairs(words, 40)
    first, again, other = (evaluate_similarity(model, pairs, draws=200, seed=seed).rho for seed in (4, 4, 5))
    assert first == again
    assert first.value == other.value
    assert first.low != other.low


def test_case_and_frequency() -> None:
    model = random_model(["apple", "Pear", "PEAR", "pear", "plum", "fig"])
    pairs = [Pair("Apple", "pEAR", 1.0), Pair("plum", "fig", 3.0), Pair("apple", "plum", 2.0)]
    score = evaluate_similarity(model, pairs, draws=100)
    assert score.cosines[0] == pytest.approx(model.similarity("apple", "Pear"))
    exact = evaluate_similarity(model, pairs, case_insensitive=False, draws=100)
    assert exact.found.tolist() == [False, True, True]
    assert exact.missing == ("Apple", "pEAR")
    few = evaluate_similarity(model, pairs, restrict_vocab=5, draws=100)
    assert few.found.tolist() == [True, False, True]
    assert (few.missing, few.beyond) == ((), ("fig",))
    with pytest.raises(ConfigError, match="restrict_vocab must be at least 0, not -1"):
        evaluate_similarity(model, pairs, restrict_vocab=-1)


def test_frequent_means_counted_often_whatever_the_row() -> None:
    model = random_model(["rare", "often", "never", "some"], counts=[1, 90, 0, 7])
    assert rows_by_frequency(model).tolist() == [1, 3, 0, 2]
    lexicon = Lexicon(model, 2)
    assert [lexicon.find(word) for word in model] == [-1, 0, -1, 1]
    assert lexicon.missing(["rare", "nowhere", "rare"]) == (("nowhere",), ("rare",))
    np.testing.assert_allclose(lexicon.unit_block(0, 2), lexicon.units(np.array([0, 1])), rtol=1e-6)


def test_a_word_that_was_never_trained_is_missing() -> None:
    vectors = np.array([[3, 1], [0, 0], [1, 2], [5, 5]], np.float32)
    model = Embeddings(["a", "b", "c", "d"], vectors, trained=np.array([True, True, True, False]))
    pairs = [Pair("a", "b", 1.0), Pair("a", "c", 2.0), Pair("c", "d", 3.0)]
    assert evaluate_similarity(model, pairs).found.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("words", "pairs", "reason"),
    [
        (["a", "b"], [Pair("x", "y", 1.0)], "0 of 1 pairs covered, at least 3 are needed"),
        (["a"], [Pair("a", "b", 1.0), Pair("a", "c", 2.0), Pair("c", "b", 3.0)], "0 of 3 pairs covered"),
        (["a", "b", "c"], [Pair("a", "b", 1.0), Pair("b", "c", 2.0)], "2 of 2 pairs covered"),
        (["a", "b", "c"], [Pair("a", "b", 2.0), Pair("b", "c", 2.0), Pair("a", "c", 2.0)], "the same score"),
        (["a", "b"], [Pair("a", "b", 1.0), Pair("a", "b", 2.0), Pair("b", "a", 3.0)], "the same cosine"),
        (["a"], [], "0 of 0 pairs"),
    ],
)
def test_not_enough_data(words: list[str], pairs: list[Pair], reason: str) -> None:
    score = evaluate_similarity(random_model(words), pairs)
    for estimate in (score.rho, score.rho_all):
        assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
        assert estimate.reason.startswith("not enough data: ")
        assert reason in estimate.reason
    assert score.pearson is None


@pytest.mark.parametrize("restrict", [12, 300_000])
@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy", [True, False])
def test_agrees_with_gensim(tmp_path: Path, restrict: int, case_insensitive: bool, dummy: bool) -> None:
    pytest.importorskip("gensim")
    words = [*numbered_words(12), "W103", "W104", "x1", "X1", *(f"v{n}" for n in range(40))]
    model = random_model(words, size=25)
    pairs = some_pairs([*words, "W100", "unknown"], 300, seed=12)
    text = "".join(f"{pair.a}\t{pair.b}\t{pair.score}\n" for pair in pairs)
    given = write(tmp_path / "pairs.tsv", "# a comment\n" + text)
    r, rho, left_out = as_keyed_vectors(model).evaluate_word_pairs(
        str(given), restrict_vocab=restrict, case_insensitive=case_insensitive, dummy4unknown=dummy
    )
    score = evaluate_similarity(
        model,
        pairs,
        restrict_vocab=restrict,
        case_insensitive=case_insensitive,
        missing_cosine=0.0,
        single_precision=True,
        draws=100,
    )
    ours = score.rho_all.value if dummy else score.rho.value
    assert ours == pytest.approx(rho.statistic, abs=1e-15)
    assert 100 * (1 - score.covered / score.total) == pytest.approx(left_out)
    if not dummy:
        assert score.pearson == pytest.approx(r.statistic, abs=1e-7)

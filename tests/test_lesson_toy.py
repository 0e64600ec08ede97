"""The toy of the chapter must teach honestly: what the page says of it is measured here."""

import doctest
import random
from statistics import fmean

import numpy as np
import pytest

from firth.errors import ConfigError
from firth.lesson import evidence, limits, toy, trial
from firth.lesson.embeddings import cosine, dot, init_embeddings
from firth.lesson.exercises import reference as solution
from firth.lesson.judges import common
from firth.training import reference


@pytest.fixture(scope="module")
def two_tables() -> toy.Run:
    return toy.run("two tables", steps=toy.NEGATIVE_STEPS)


def test_the_text_has_the_shape_that_the_page_claims() -> None:
    words, pairs = toy.vocabulary(), solution("pairs")(toy.ids(), toy.WINDOW)
    assert len(words) == len(set(words)) == 29
    assert [words[number] for number in toy.ids()] == " ".join(toy.CORPUS).split()
    assert {word for both in toy.PARTNERS for word in both} <= set(words)
    met = {(words[a], words[b]) for a, b in pairs}
    assert not met & set(toy.PARTNERS), "partners must not stand in each other's window"
    assert all(a != b for a, b in pairs), "a word beside itself would make two tables and one differ in kind"


def test_positives_alone_are_the_readers_own_training() -> None:
    options = {"steps": 300, "window": 1, "lr": 0.2, "scale": 0.4, "seed": 3}
    run = toy.run("positives", dim=5, **options)
    vectors, losses = solution("train")(toy.ids(), len(toy.vocabulary()), 5, **options)
    assert (run.vectors, run.losses, run.contexts) == (vectors, losses, None)


def test_the_step_with_two_tables_is_the_trainers() -> None:
    random.seed(4)
    W, C = init_embeddings(6, 3, 0.8), init_embeddings(6, 3, 0.8)
    judged_W, judged_C = np.array(W), np.array(C)
    toy.step_with_negatives(W, C, 2, 4, [0, 5, 0], 0.3)  # a negative twice: both changes count
    reference.train_step(judged_W, judged_C, [2], [4, 0, 5, 0], 0.3)
    np.testing.assert_allclose(W, judged_W, rtol=1e-13)
    np.testing.assert_allclose(C, judged_C, rtol=1e-13)


def test_the_step_with_one_table_follows_the_gradient_of_its_loss() -> None:
    random.seed(6)
    start, lr, tiny = init_embeddings(5, 3, 0.8), 1e-3, 1e-6
    negatives = [0, 3, 0, 1]  # one twice, and the center itself

    def loss(E: list[list[float]]) -> float:
        scores = np.array([dot(E[1], E[4])] + [-dot(E[1], E[n]) for n in negatives])
        return float(-reference.log_sigmoid(scores).sum())

    after = [list(row) for row in start]
    toy.step_with_negatives(after, after, 1, 4, negatives, lr)
    for row in range(5):
        for k in range(3):
            sides = []
            for sign in (1, -1):
                moved = [list(one) for one in start]
                moved[row][k] += sign * tiny
                sides.append(loss(moved))
            slope = (sides[0] - sides[1]) / (2 * tiny)
            assert (start[row][k] - after[row][k]) / lr == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_a_run_can_be_scrubbed() -> None:
    run = toy.run("two tables", steps=250, snapshots_every=100, seed=1)
    assert [one.step for one in run.snapshots] == [0, 100, 200, 250]
    assert run.snapshots[-1].vectors == run.vectors
    assert run.snapshots[1].vectors == toy.run("two tables", steps=100, seed=1).vectors
    assert run.snapshots[2].loss == pytest.approx(fmean(run.losses[100:200]))
    assert run.snapshots[3].loss == pytest.approx(fmean(run.losses[200:]))
    last = run.snapshots[-1]
    assert last.cosines == sorted(last.cosines)
    assert len(last.cosines) == 29 * 28 / 2
    assert last.partner_rate == toy.partner_rate(run.vectors)


def test_a_run_of_no_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="two tables"):
        toy.run("three tables")  # type: ignore[arg-type]


def test_partner_rate_by_hand() -> None:
    corpus, partners = ["a b c d e f"], [("a", "b"), ("c", "e")]
    vectors = [[1.0, 0.0], [9.0, 1.0], [0.0, 1.0], [-1.0, 5.0], [-5.0, 1.0], [-1.0, -1.0]]
    near_a = toy.nearest(vectors, 0, 2)
    assert near_a[0] == (1, pytest.approx(cosine([1.0], [1.0]) * 9 / 82**0.5))
    assert [row for row, _ in near_a] == [1, 2]
    # by angle: a 0, b 6, c 90, d 101, e 169, f 225
    # the nearest one: a and b find each other, c has d, e has f
    assert toy.partner_rate(vectors, 1, corpus=corpus, partners=partners) == 0.5
    # the nearest two: c has d and e; e has f and d
    assert toy.partner_rate(vectors, 2, corpus=corpus, partners=partners) == 0.75
    # the nearest three: e has c too
    assert toy.partner_rate(vectors, 3, corpus=corpus, partners=partners) == 1.0


def test_chance_is_what_random_vectors_reach() -> None:
    random.seed(2)
    rates = [toy.partner_rate(init_embeddings(29, 8)) for _ in range(400)]
    assert fmean(rates) == pytest.approx(toy.chance_rate(), abs=0.02)


def test_flatten_keeps_what_lies_in_a_plane() -> None:
    plane = np.random.default_rng(3).normal(size=(11, 2)) * [3.0, 1.0]
    turned = plane @ np.linalg.qr(np.random.default_rng(4).normal(size=(5, 5)))[0][:2] + 7.0
    flat = np.array(toy.flatten(turned.tolist()))

    def distances(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - points[None], axis=2)

    np.testing.assert_allclose(distances(flat), distances(plane), atol=1e-12)
    assert flat[:, 0].std() > flat[:, 1].std()
    assert [y for _, y in toy.flatten([[1.0], [2.0], [4.0]])] == [0.0, 0.0, 0.0]


def test_cells_3_and_4_reach_twice_chance_and_show_a_median_seed() -> None:
    for case in evidence.SHOWN:
        rates = [one.partner_rate for one in evidence.measure(case)]
        assert len(rates) == 20
        assert fmean(rates) >= 2 * toy.chance_rate()
        shown = rates[toy.SEED]
        worse, better = sum(rate < shown for rate in rates), sum(rate > shown for rate in rates)
        assert max(worse, better) <= 10, "the page's seed must not be among the better or the worse half"
    assert evidence.median_seed() == toy.SEED


@pytest.mark.slow
def test_positives_collapse_and_only_a_second_table_mends_it() -> None:
    _, cell_4, collapse, one_table, two_tables, flat = (
        evidence.measure(case, range(6)) for case in evidence.CASES
    )

    def mean(runs: list[evidence.Measured], name: str) -> float:
        return fmean(getattr(run, name) for run in runs)

    assert min(run.mean_cosine for run in collapse) > 0.98
    assert abs(mean(one_table, "mean_cosine")) < 0.1, "one table with negatives does not collapse"
    assert mean(one_table, "partner_rate") < mean(cell_4, "partner_rate") / 2, "but it loses the partners"
    assert mean(two_tables, "partner_rate") > 0.9
    assert mean(two_tables, "partner_cosine") - mean(two_tables, "mean_cosine") > 0.4
    assert mean(flat, "partner_rate") < mean(two_tables, "partner_rate") / 2, "2 dimensions are too few"


def test_the_docstrings_are_true() -> None:
    for module in (limits, trial, common):
        tried = doctest.testmod(module)
        assert (tried.failed, tried.attempted > 0) == (0, True)


def test_one_hot_vectors_are_all_alike_and_large() -> None:
    assert limits.one_hot(3, 5) == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert limits.one_hot_dots(29) == {0.0}
    assert limits.table_bytes(50_000, 50_000) == 10_000_000_000
    for wrong in (-1, 5):
        with pytest.raises(ConfigError, match="from 0 to 4"):
            limits.one_hot(wrong, 5)


@pytest.mark.slow
def test_bank_lies_between_its_senses_until_they_are_split_by_hand() -> None:
    assert " ".join(limits.BANK).split().count("bank") == 6
    found = [limits.banks(seed) for seed in range(3, 9)]
    assert sum(one.mixed for one in found) >= 4
    assert sum(one.parted for one in found) >= 5
    assert found[toy.SEED - 3] == (True, True), "the page shows this seed"


def test_word_order_leaves_no_trace() -> None:
    dog, man = limits.word_pairs("dog bit man"), limits.word_pairs("man bit dog")
    assert dog == man
    assert dog.total() == 6
    assert dog != limits.word_pairs("dog bit dog")


def test_guesses_know_no_order(two_tables: toy.Run) -> None:
    forward = limits.guesses(two_tables, ["king", "rules"])
    backward = limits.guesses(two_tables, ["rules", "king"])
    assert [word for word, _ in forward] == [word for word, _ in backward]
    assert sorted(word for word, _ in forward) == sorted(toy.vocabulary())
    assert [belief for _, belief in forward] == sorted((belief for _, belief in forward), reverse=True)
    place = [word for word, _ in forward].index
    # what stands before and what stands after are guessed alike: "wise king rules land"
    assert max(place("wise"), place("land")) < 5
    with pytest.raises(ConfigError, match="two tables"):
        limits.guesses(toy.run("positives", steps=1), ["king"])
    with pytest.raises(ConfigError, match="bishop"):
        limits.guesses(two_tables, ["bishop"])


def test_axis_score_by_hand() -> None:
    corpus = ["m f b g"]
    straight = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0]]
    pairs = (("m", "f"), ("b", "g"))
    assert limits.axis_score(straight, pairs, corpus) == 1.0
    assert limits.axis_score([*straight[:2], straight[3], straight[2]], pairs, corpus) == 0.0


@pytest.mark.slow
def test_more_dimensions_hold_more_axes() -> None:
    few, many = (evidence.axes(dim, range(6)) for dim in (2, 8))
    assert many["all three"] > few["all three"] + 0.25
    assert many["gender"] > 0.75

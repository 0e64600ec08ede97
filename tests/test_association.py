"""WEAT, SC-WEAT and axes: worked by hand, and never a NaN."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.embeddings import Embeddings
from firth.errors import ConfigError, UnknownWordError
from firth.evaluation.association import (
    DRAWS,
    effect_size,
    permutation_test,
    project,
    sc_weat,
    weat,
)
from firth.evaluation.word_sets import read_word_sets


def plane(**degrees: float) -> Embeddings:
    """Return words as directions of the plane, of different lengths."""
    angles = np.radians(list(degrees.values()))
    lengths = np.arange(1, len(degrees) + 1)[:, None]
    vectors = lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Embeddings(list(degrees), vectors.astype(np.float32))


# A at 0 and 60 degrees, B at 90 and 120; X near A, Y near B, one of Y in between
MODEL = plane(a1=0, a2=60, b1=90, b2=120, x1=0, x2=30, y1=90, y2=60)


def by_hand(word: float) -> float:
    """Return s(w, A, B) of a direction in degrees, by the published formula."""
    cos = [math.cos(math.radians(word - attribute)) for attribute in (0, 60, 90, 120)]
    return (cos[0] + cos[1]) / 2 - (cos[2] + cos[3]) / 2


def test_weat_by_hand() -> None:
    # s: cos of the differences of the angles; x1: (1 + 1/2)/2 - (0 - 1/2)/2 = 1
    assert by_hand(0) == pytest.approx(1.0)
    s = [by_hand(0), by_hand(30), by_hand(90), by_hand(60)]
    assert s[1] == pytest.approx((math.sqrt(3) / 2 + math.sqrt(3) / 2) / 2 - (0.5 + 0) / 2)
    mean = sum(s) / 4
    std = math.sqrt(sum((one - mean) ** 2 for one in s) / 3)
    expected = ((s[0] + s[1]) / 2 - (s[2] + s[3]) / 2) / std
    found = weat(MODEL, ["x1", "x2"], ["y1", "y2"], ["a1", "a2"], ["b1", "b2"])
    assert found.effect_size == pytest.approx(expected, rel=1e-6)
    assert found.permutation is not None
    # of the 6 partitions {x1, x2} has the highest sum; the complement is as far away: 1/6 and 2/6
    assert found.permutation.exact
    assert found.permutation.partitions == 6
    assert found.permutation.p_one_sided == pytest.approx(1 / 6)
    assert found.permutation.p_two_sided == pytest.approx(2 / 6)
    assert found.used == (("x1", "x2"), ("y1", "y2"), ("a1", "a2"), ("b1", "b2"))
    assert found.reason is None


def test_weat_turns_its_sign_with_the_sets_and_does_not_see_lengths() -> None:
    sets = (["x1", "x2"], ["y1", "y2"], ["a1", "a2"], ["b1", "b2"])
    forward = weat(MODEL, *sets).effect_size
    assert forward is not None
    for order in ((1, 0, 2, 3), (0, 1, 3, 2)):
        found = weat(MODEL, *(sets[place] for place in order))
        assert found.effect_size == pytest.approx(-forward)
        assert found.permutation is not None
        assert found.permutation.p_one_sided == 1.0
    scaled = Embeddings(MODEL.index_to_key, MODEL.vectors * np.float32(1e-18))
    assert weat(scaled, *sets).effect_size == pytest.approx(forward, rel=1e-5)


def test_sc_weat_by_hand() -> None:
    cos = [math.cos(math.radians(30 - attribute)) for attribute in (0, 60, 90, 120)]
    mean = sum(cos) / 4
    std = math.sqrt(sum((one - mean) ** 2 for one in cos) / 3)
    found = sc_weat(MODEL, "x2", ["a1", "a2"], ["b1", "b2"])
    assert found.effect_size == pytest.approx(((cos[0] + cos[1]) / 2 - (cos[2] + cos[3]) / 2) / std, rel=1e-6)
    assert found.permutation is not None
    assert found.permutation.p_one_sided == pytest.approx(1 / 6)


@given(st.lists(st.integers(-5, 5), min_size=3, max_size=8), st.data())
@settings(max_examples=80, deadline=None)
def test_exact_p_is_the_share_of_all_partitions(numbers: list[int], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(numbers) - 1))
    scores = np.array(numbers, float) / 3

    def difference(part: tuple[int, ...]) -> float:
        rest = [one for place, one in enumerate(scores) if place not in part]
        return float(np.mean([scores[place] for place in part]) - np.mean(rest))

    observed = difference(tuple(range(first)))
    all_of_them = [difference(part) for part in combinations(range(len(scores)), first)]
    found = permutation_test(scores, first)
    assert found.exact
    assert found.partitions == len(all_of_them)
    assert found.p_one_sided == pytest.approx(np.mean([one >= observed - 1e-9 for one in all_of_them]))
    assert found.p_two_sided == pytest.approx(
        np.mean([abs(one) >= abs(observed) - 1e-9 for one in all_of_them])
    )


def test_sampled_p_agrees_with_the_exact_one_and_counts_the_observed() -> None:
    scores = np.random.default_rng(4).standard_normal(14)
    scores[:6] += 0.7
    exact, drawn = permutation_test(scores, 6), permutation_test(scores, 6, most_exact=10)
    assert (exact.exact, drawn.exact) == (True, False)
    assert drawn.partitions == DRAWS + 1
    assert drawn.p_one_sided == pytest.approx(exact.p_one_sided, abs=0.005)
    assert drawn.p_two_sided == pytest.approx(exact.p_two_sided, abs=0.005)
    far = permutation_test(np.r_[np.full(30, 9.0) + scores[0], np.zeros(31)], 30)
    assert far.p_one_sided == 1 / (DRAWS + 1)
    assert permutation_test(scores, 6, most_exact=10) == drawn
    assert permutation_test(scores, 6, seed=2, most_exact=10) != drawn


def test_no_effect_gives_uniform_p() -> None:
    rng = np.random.default_rng(9)
    p = [permutation_test(rng.standard_normal(10), 5).p_two_sided for _ in range(300)]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.05)


def test_the_interval_holds_the_effect_and_depends_on_the_seed() -> None:
    rng = np.random.default_rng(6)
    vectors = rng.standard_normal((40, 9)).astype(np.float32)
    vectors[:10, 0] += 1.0
    vectors[20:30, 0] += 1.0
    names = [f"w{number}" for number in range(40)]
    model = Embeddings(names, vectors)
    sets = (names[:10], names[10:20], names[20:30], names[30:])
    found = weat(model, *sets)
    assert found.interval is not None
    assert found.effect_size is not None
    assert found.interval[0] < found.effect_size < found.interval[1]
    assert found.interval[0] > -2.1
    assert weat(model, *sets) == found
    assert weat(model, *sets, seed=2).interval != found.interval


def test_not_enough_data_is_said_and_no_nan() -> None:
    a, b = ["a1", "a2"], ["b1", "b2"]
    found = weat(MODEL, ["x1", "gone", "lost"], ["y1", "y2"], a, b)
    assert (
        found.reason
        == "not enough data: the model has 1 of the words of the set X, and at least 2 are needed"
    )
    assert (found.effect_size, found.interval, found.permutation) == (None, None, None)
    assert found.missing == (("gone", "lost"), (), (), ())
    same = Embeddings(["p", "q", "r", "s", "t", "u", "v", "z"], np.ones((8, 3), np.float32))
    found = weat(same, ["p", "q"], ["r", "s"], ["t", "u"], ["v", "z"])
    assert found.effect_size is None
    assert "no variance" in str(found.reason)
    assert "no variance" in str(sc_weat(same, "p", ["r", "s"], ["t", "u"]).reason)
    assert "does not have 'gone'" in str(sc_weat(MODEL, "gone", a, b).reason)
    assert (
        sc_weat(Embeddings(["only"], np.ones((1, 2), np.float32)), "only", ["o", "p"], ["q"]).effect_size
        is None
    )
    assert effect_size(np.array([2.0, 2.0, 2.0]), 1) is None


def test_words_never_trained_count_as_missing() -> None:
    vectors = np.random.default_rng(1).standard_normal((9, 4)).astype(np.float32)
    vectors[8] = 0
    model = Embeddings(list("abcdefghi"), vectors)
    found = weat(model, ["a", "b", "i"], ["c", "d"], ["e", "f"], ["g", "h"])
    assert found.missing[0] == ("i",)
    assert found.effect_size is not None


def test_sets_that_are_none_are_refused() -> None:
    a, b = ["a1", "a2"], ["b1", "b2"]
    with pytest.raises(ConfigError, match="the set X has 'x1' twice"):
        weat(MODEL, ["x1", "x1"], ["y1", "y2"], a, b)
    with pytest.raises(ConfigError, match="'y1' is in both sets, X and Y"):
        weat(MODEL, ["x1", "y1"], ["y1", "y2"], a, b)
    with pytest.raises(ConfigError, match="the set B must be a list of at least one word"):
        weat(MODEL, ["x1", "x2"], ["y1", "y2"], a, [])
    with pytest.raises(ConfigError, match="the set A must be a list"):
        sc_weat(MODEL, "x1", "a1", b)


def test_places_on_an_axis() -> None:
    # the axis from b1 (90 degrees) to a1 (0) points to -45 degrees
    places = dict(project(MODEL, ["x1", "y1", "a2", "x2"], ["a1"], ["b1"]))
    for word, angle in (("x1", 0), ("y1", 90), ("a2", 60), ("x2", 30)):
        assert places[word] == pytest.approx(math.cos(math.radians(angle + 45)), abs=1e-6)
    turned = dict(project(MODEL, ["x1"], ["b1"], ["a1"]))
    assert turned["x1"] == pytest.approx(-places["x1"])
    assert project(MODEL, [], ["a1"], ["b1"]) == []
    with pytest.raises(UnknownWordError, match="gone"):
        project(MODEL, ["gone"], ["a1"], ["b1"])
    with pytest.raises(ConfigError, match="there is no axis"):
        project(MODEL, ["x1"], ["a1"], ["a1"])
    with pytest.raises(ConfigError, match="pole must be a list"):
        project(MODEL, ["x1"], "a1", ["b1"])


# word sets

SETS = """
[sets]
men = ["He", "man"]
women = ["she", "woman"]
good = ["joy"]
bad = ["war"]
"""


def test_word_sets_are_read(tmp_path: Path) -> None:
    file = tmp_path / "sets.toml"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + (
            SETS
            + '[[axis]]\ntargets=["good", "bad"]\npoles=["men", "women"]\n'
            + '[[weat]]\ntargets=["men", "women"]\nattributes=["good", "bad"]\nname="old"\n'
            + '[[sc-weat]]\ntargets=["men"]\nattributes=["good", "bad"]\n'
        ).encode()
    )
    tests = read_word_sets(file, lowercase=True)
    assert [(test.kind, test.name) for test in tests] == [
        ("weat", "old"),
        ("sc-weat", "men: good or bad"),
        ("axis", "good, bad: men or women"),
    ]
    assert tests[0].targets[0].words == ("he", "man")
    assert read_word_sets(file)[0].targets[0].words == ("He", "man")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sets", "not TOML in UTF-8"),
        ("", r"has no table \[sets\]"),
        ("[sets]", r"has no table \[sets\]"),
        (SETS, r"has sets but no test; add a table \[\[weat\]\]"),
        ("[sets]\na=[]", "the set 'a' must be a list of words"),
        ("[sets]\na='he'", "the set 'a' must be a list of words"),
        ("[sets]\na=['he', 3]", "the set 'a' must be a list of words"),
        ("[sets]\na=['he', 'he']", "the set 'a' has 'he' twice"),
        (SETS + "[bias]", r"no table 'bias': sets stand under \[sets\]"),
        (SETS + "[weat]\ntargets=['men','women']", r"write \[\[weat\]\] with two brackets"),
        (SETS + "[[weat]]\nattributes=['good','bad']", "targets must name two sets .*it is missing"),
        (SETS + "[[weat]]\ntargets=['men']\nattributes=['good','bad']", "must name two sets of .*not .*men"),
        (
            SETS + "[[weat]]\ntargets=['men','wmen']\nattributes=['good','bad']",
            "no set 'wmen'; the sets are 'men', ",
        ),
        (
            SETS + "[[weat]]\ntarget=['men','women']",
            r"number 1 has the unknown key 'target'; it takes targets",
        ),
        (
            SETS + "[[axis]]\ntargets=['men']\nattributes=['good','bad']",
            "unknown key 'attributes'; it takes targets, p",
        ),
        (
            SETS + "[[weat]]\ntargets=['men','women']\nattributes=['good','bad']\nname=3",
            "name must be a text",
        ),
    ],
)
def test_broken_word_sets(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "sets.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        read_word_sets(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file_of_word_sets(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a TOML file"):
        read_word_sets(tmp_path / "none.toml")

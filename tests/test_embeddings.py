"""Words and vectors: look-up, neighbours, similarity, rank, analogy; what is refused and how."""

import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firth import neighbors as neighbors_module
from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError, UnknownWordError
from firth.spelling import nearest_spellings

WORDS = [
    "the",
    "king",
    "queen",
    "man",
    "woman",
    "Paris",
    "ghost",
    "zero",
    "apple",
    "pear",
    "plum",
    "fig",
    "",
    "a\tb",
]
COUNTS = np.array([905, 77, 61, 350, 210, 42, 0, 19, 18, 17, 16, 15, 14, 13])


@pytest.fixture
def model() -> Embeddings:
    rng = np.random.default_rng(20)
    vectors = rng.standard_normal((14, 7)).astype(np.float32)
    vectors[2] = vectors[1] - vectors[3] + vectors[4]
    vectors[6:8] = 0.0
    vectors[11] = vectors[9] * np.float32(2.0)
    trained = np.ones(14, bool)
    trained[6] = False
    return Embeddings(WORDS, vectors, counts=COUNTS, trained=trained)


def unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    wide = vector.astype(np.float64)
    return wide / np.linalg.norm(wide)


def by_hand(model: Embeddings, query: NDArray[np.float64], without: set[str]) -> list[tuple[str, float]]:
    """The plain definition: all cosines, sorted down, ties by row."""
    rows = [row for row in range(len(model)) if model.vectors[row].any() and WORDS[row] not in without]
    cosines = {row: float(unit(model.vectors[row]) @ unit(query)) for row in rows}
    return [
        (WORDS[row], cosines[row]) for row in sorted(rows, key=lambda row: (-round(cosines[row], 9), row))
    ]


def assert_same(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [word for word, _ in found] == [word for word, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-12)


def test_look_up(model: Embeddings) -> None:
    assert len(model) == 14
    assert list(model) == WORDS
    assert model.vector_size == 7
    assert repr(model) == "<Embeddings: 14 words × 7>"
    assert ("queen" in model, "Queen" in model, 13 in model, 14 in model, -1 in model, 1.0 in model) == (
        (True, False, True, False, False, False)
    )
    np.testing.assert_array_equal(model["queen"], model.vectors[2])
    np.testing.assert_array_equal(model[""], model.vectors[12])
    np.testing.assert_array_equal(model[np.int64(3)], model["man"])
    np.testing.assert_array_equal(model[["plum", "the", 5]], model.vectors[[10, 0, 5]])
    assert model[[]].shape == (0, 7)


def test_vectors_cannot_be_changed_behind_the_norms(model: Embeddings) -> None:
    with pytest.raises(ValueError, match="read-only"):
        model["king"][0] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        model.vectors[0, 0] = 3.0


def test_the_caller_keeps_a_writable_array() -> None:
    vectors = np.ones((2, 3), np.float32)
    assert np.shares_memory(Embeddings(["x", "y"], vectors).vectors, vectors)
    assert vectors.flags.writeable


def test_most_similar_of_a_word(model: Embeddings) -> None:
    assert_same(model.most_similar("king", topn=5), by_hand(model, model["king"], {"king"})[:5])
    assert (
        model.most_similar("king", topn=3)
        == model.most_similar(["king"], topn=3)
        == model.most_similar(1, topn=3)
    )


def test_most_similar_adds_unit_vectors_and_takes_away(model: Embeddings) -> None:
    query = unit(model["king"]) + unit(model["woman"]) - unit(model["man"])
    found = model.most_similar(positive=["king", "woman"], negative=["man"])
    assert_same(found, by_hand(model, query, {"king", "woman", "man"})[:10])


def test_inputs_may_be_words_vectors_rows_and_pairs(model: Embeddings) -> None:
    query = 0.5 * unit(model["king"]) + model["pear"].astype(float) - 2.0 * unit(model["the"])
    found = model.most_similar([("king", 0.5), model["pear"], (0, -2)], topn=4)
    assert_same(found, by_hand(model, query, {"king", "the"})[:4])
    assert_same(model.most_similar(model["pear"], topn=3), by_hand(model, model["pear"], set())[:3])
    assert_same(model.most_similar(("king", 3.0), topn=3), model.most_similar("king", topn=3))
    assert model.most_similar(("king", "woman")) == model.most_similar(["king", "woman"])
    assert model.most_similar(model[["king", "pear"]]) == model.most_similar([model["king"], model["pear"]])


def test_topn_and_restrict_vocab(model: Embeddings) -> None:
    assert model.most_similar("king", topn=0) == []
    assert len(model.most_similar("king", topn=500)) == 11
    assert_same(model.most_similar("plum", restrict_vocab=4), by_hand(model, model["plum"], set(WORDS[4:])))
    assert model.most_similar("plum", restrict_vocab=99) == model.most_similar("plum")
    everything = model.most_similar("plum", topn=None)
    assert everything.shape == (14,)
    assert everything[10] == pytest.approx(1.0, abs=1e-6)
    assert list(everything[6:8]) == [0.0, 0.0]
    assert model.most_similar("plum", topn=None, restrict_vocab=4).shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"topn": -1}, "topn must be at least 0, not -1"),
        ({"topn": 2.5}, "topn must be a whole number, not 2.5"),
        ({"topn": True}, "topn must be a whole number, not True"),
        ({"restrict_vocab": 0}, "restrict_vocab must be at least 1, not 0"),
        ({"positive": []}, "at least one word"),
        ({"positive": [("king", "x")], "negative": ["man"]}, "a word or a row number is needed"),
        ({"positive": [("king", None)]}, "weight of an input must be a finite number, not None"),
        ({"positive": [("king", float("nan"))]}, "weight of an input must be a finite number, not nan"),
        ({"positive": np.ones(6)}, r"shape \(6,\), but the model's have \(7,\)"),
        ({"positive": np.full(7, np.inf)}, "NaN or infinity"),
        ({"positive": [2.5]}, "a word or a row number is needed, not 2.5"),
    ],
)
def test_bad_queries_are_refused(model: Embeddings, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model.most_similar(**{"positive": "king", **arguments})


def test_zero_and_untrained_rows_never_appear(model: Embeddings) -> None:
    shown = {word for answer in model.neighbors(WORDS, 14) for word, _ in answer}
    assert shown == set(WORDS) - {"ghost", "zero"}
    assert model.similarity("ghost", "king") == model.similarity("zero", "zero") == 0.0
    assert model.most_similar("ghost") == model.neighbors(["zero"])[0] == []
    assert model.most_similar(positive=["king"], negative=["king"]) == []
    hidden = Embeddings(
        ["x", "y", "z"], np.eye(3, 4, dtype=np.float32) + 1, trained=np.array([True, False, True])
    )
    assert [word for word, _ in hidden.most_similar("x")] == ["z"]


def test_neighbors_of_many_words_are_those_of_each(model: Embeddings) -> None:
    asked = ["plum", "king", "ghost", "plum", ""]
    assert model.neighbors(asked, 6) == [model.most_similar(word, topn=6) for word in asked]
    assert model.neighbors([], 3) == []
    assert model.neighbors(["king", "man"], 0) == [[], []]
    with pytest.raises(ConfigError, match="takes a list of words, not the word 'king'"):
        model.neighbors("king")


def test_blocks_do_not_change_the_answer(model: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (
        model.neighbors(WORDS, 5),
        model.rank("king", "fig"),
        model.most_similar("fig", topn=None).tolist(),
    )
    monkeypatch.setattr(neighbors_module, "SCORES_AT_ONCE", 9)
    monkeypatch.setattr(neighbors_module, "QUERIES_AT_ONCE", 4)
    again = (
        model.neighbors(WORDS, 5),
        model.rank("king", "fig"),
        model.most_similar("fig", topn=None).tolist(),
    )
    assert again[:2] == whole[:2]
    assert again[2] == pytest.approx(whole[2], abs=1e-6)


def test_ties_are_ordered_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((3000, 37)).astype(np.float32)
    twins = [2900, 17, 1023, 1024, 5, 1999]
    vectors[twins] = vectors[17]
    words = [f"w{row}" for row in range(3000)]
    expected = ["w5", "w17", "w1023", "w1024", "w1999", "w2900"]
    model = Embeddings(words, vectors)
    query = vectors[17] + 0.5 * vectors[40]
    assert [word for word, _ in model.most_similar(query, topn=6)] == expected
    assert [word for word, _ in model.most_similar(query, topn=3)] == expected[:3]
    monkeypatch.setattr(neighbors_module, "SCORES_AT_ONCE", 700)
    assert [word for word, _ in model.most_similar(query, topn=3)] == expected[:3]
    assert [word for word, _ in model.neighbors(["w40", "w1024"], 3)[1]] == ["w5", "w17", "w1023"]
    assert {model.rank("w40", word) for word in expected} == {model.rank("w40", "w5")}


def test_a_matrix_of_equal_rows_is_no_trouble() -> None:
    model = Embeddings([f"w{row}" for row in range(9000)], np.ones((9000, 3), np.float32))
    assert model.most_similar("w7", topn=2) == [("w0", 1.0), ("w1", 1.0)]
    assert model.rank("w7", "w8000") == 1


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 12),
    st.sampled_from([0, 2, 30]),
)
def test_neighbors_are_the_plain_definition(
    seed: int, words: int, size: int, topn: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-3, 4, (words, size)).astype(np.float32)  # many equal rows, many zeros, exact sums
    scale = np.float32(10.0) ** rng.integers(-exponent, exponent + 1, (words, 1)).astype(np.float32)
    model = Embeddings([str(word) for word in range(words)], vectors * scale)
    for word, answer in enumerate(model.neighbors(range(words), topn)):
        rows = [row for row in range(words) if row != word and vectors[row].any() and vectors[word].any()]
        cosines = {row: float(unit(vectors[row]) @ unit(vectors[word])) for row in rows}
        expected = sorted((cosine for cosine in cosines.values()), reverse=True)[:topn]
        assert [cosine for _, cosine in answer] == pytest.approx(expected, abs=1e-6)
        assert all(cosine == pytest.approx(cosines[int(key)], abs=1e-6) for key, cosine in answer)
        assert answer == sorted(answer, key=lambda pair: (-pair[1], int(pair[0])))
        assert len({key for key, _ in answer}) == len(answer)


def test_similarity(model: Embeddings) -> None:
    assert model.similarity("king", "pear") == pytest.approx(float(unit(model["king"]) @ unit(model["pear"])))
    assert model.similarity("pear", "fig") == pytest.approx(1.0)
    assert model.similarity("king", "king") <= 1.0


def test_rank(model: Embeddings) -> None:
    order = [word for word, _ in model.most_similar("king", topn=99)]
    tied = {"pear", "fig"}
    for place, word in enumerate(order, 1):
        if word not in tied:
            assert model.rank("king", word) == place
    assert (
        model.rank("king", "pear") == model.rank("king", "fig") == min(order.index(word) for word in tied) + 1
    )
    assert model.rank("king", "king") == 1


def test_analogy_gives_both_rankings(model: Embeddings) -> None:
    answer = model.analogy(["king", "woman"], ["man"], topn=6)
    query = unit(model["king"]) + unit(model["woman"]) - unit(model["man"])
    assert_same(answer.raw, by_hand(model, query, set())[:6])
    assert answer.filtered == model.most_similar(["king", "woman"], ["man"], topn=6)
    assert "king" in [word for word, _ in answer.raw]
    with pytest.raises(AttributeError):
        answer.raw = []  # type: ignore[misc]


def test_gensim_answers_the_same() -> None:
    pytest.importorskip("gensim", reason="gensim is in the [bench] extra")
    from gensim.models import KeyedVectors

    rng = np.random.default_rng(8)
    words = [f"w{row}" for row in range(211)]
    vectors = rng.standard_normal((211, 19)).astype(np.float32)
    theirs = KeyedVectors(19)
    theirs.add_vectors(words, vectors)
    ours = Embeddings(words, vectors)
    for arguments in [
        {"positive": "w3"},
        {"positive": ["w3", "w100"], "negative": ["w7"], "topn": 23},
        {"positive": [("w3", 0.25), vectors[9]], "negative": [("w8", -3.0), 17]},
        {"positive": ["w3"], "restrict_vocab": 50},
    ]:
        expected = theirs.most_similar(**arguments)
        found = ours.most_similar(**arguments)
        assert [word for word, _ in found] == [word for word, _ in expected]
        assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)
    np.testing.assert_allclose(
        ours.most_similar("w3", topn=None), theirs.most_similar("w3", topn=None), atol=1e-5
    )
    assert [ours.rank("w3", word) for word in words] == [theirs.rank("w3", word) for word in words]
    assert ours.similarity("w3", "w4") == pytest.approx(float(theirs.similarity("w3", "w4")), abs=1e-6)


def test_an_unknown_word_is_answered_with_spellings(model: Embeddings) -> None:
    for ask in (model.most_similar, model.__getitem__, lambda word: model.neighbors([word])):
        with pytest.raises(UnknownWordError, match="does not know the word 'paris': did you mean 'Paris'"):
            ask("paris")
    with pytest.raises(UnknownWordError, match=r"'quen': did you mean 'queen'\?"):
        model.similarity("king", "quen")
    with pytest.raises(UnknownWordError, match="no word of it is spelled like that"):
        _ = model["ωωω"]
    with pytest.raises(KeyError):
        model.rank("king", "nobody")
    with pytest.raises(UnknownWordError, match=r"there is no row 14: the model has rows 0 to 13"):
        _ = model[14]


def test_spellings_prefer_other_cases_and_frequent_words() -> None:
    assert nearest_spellings("PARIS", ["pairs", "Paris", "paris", "parson"]) == ["Paris", "paris", "pairs"]
    assert nearest_spellings("colour", ["color", "colours", "dolour"], 2) == ["colours", "color"]
    assert nearest_spellings("x" * 5000, ["x" * 5000 + "y"]) == []


def test_control_characters_of_a_word_are_spelled_out() -> None:
    model = Embeddings(["\x1b[31mred"], np.ones((1, 2), np.float32))
    with pytest.raises(UnknownWordError) as caught:
        _ = model["\x1b[31mrod"]
    assert "'\\x1b[31mrod': did you mean '\\x1b[31mred'" in str(caught.value)


def test_spellings_are_quick_in_a_large_vocabulary() -> None:
    rng = np.random.default_rng(5)
    letters = np.frombuffer(b"etaoinshrdlu", "S1")[rng.integers(0, 12, (300_000, 8))]
    words = [row.tobytes().decode() for row in letters]
    start = time.perf_counter()
    found = nearest_spellings("internat", words)
    assert time.perf_counter() - start < 2.0  # about 0.1 s; the bound is for a busy machine
    assert len(found) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keys": ["x", "y"]}, "vectors have 3 rows for 2 words"),
        ({"keys": ["x", "y", "x"]}, "key 'x' is there twice, in rows 0 and 2"),
        ({"keys": ["x", 5, "z"]}, r"row 1 has 5 \(int\)"),
        ({"vectors": np.ones((3, 2))}, "must be a float32 array, not float64"),
        ({"vectors": [[1.0, 2.0]] * 3}, "must be a float32 array, not list"),
        ({"vectors": np.ones(3, np.float32)}, r"must have the shape \(words, vector size\), not \(3,\)"),
        ({"vectors": np.ones((3, 0), np.float32)}, r"not \(3, 0\)"),
        ({"vectors": np.array([[1, 2], [3, np.nan], [5, 6]], np.float32)}, "row 1 of the vectors holds NaN"),
        ({"counts": np.arange(4)}, r"counts have the shape \(4,\) for 3 words"),
        ({"counts": np.array([0.5, 1.5, 2.5])}, "counts must be int64, not float64"),
        ({"trained": np.array([1, 0, 1])}, "trained must be bool, not int64"),
        ({"context_vectors": np.ones((3, 5), np.float32)}, r"shape \(3, 5\), vectors \(3, 2\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    parts = {"keys": ["x", "y", "z"], "vectors": np.arange(6, dtype=np.float32).reshape(3, 2), **arguments}
    with pytest.raises(ConfigError, match=message):
        Embeddings(**parts)


def test_no_words_at_all() -> None:
    empty = Embeddings([], np.empty((0, 4), np.float32))
    assert len(empty) == 0
    assert empty.most_similar(np.ones(4)) == []
    with pytest.raises(UnknownWordError):
        empty.most_similar("king")


def test_a_memory_map_is_neither_scanned_early_nor_copied(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    mapped = np.memmap(tmp_path / "m", np.float32, "w+", shape=(300_000, 40))  # 48 MB
    mapped[:] = rng.standard_normal((1000, 40), np.float32).repeat(300, axis=0)
    mapped[4321, 2] = np.nan
    words = [f"w{row}" for row in range(300_000)]
    model = Embeddings(words, mapped)
    with pytest.raises(FormatError, match="row 4321 of the vectors holds NaN"):
        model.most_similar("w5")
    mapped[4321] = 0.0
    tracemalloc.start()
    found = model.neighbors(["w5", "w299999"], 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [[word for word, _ in answer] for answer in found] == [
        ["w0", "w1", "w2"],
        ["w299700", "w299701", "w299702"],
    ]
    assert peak < 40e6, "a query must not hold a second matrix"

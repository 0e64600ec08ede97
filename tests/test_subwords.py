"""Vectors of unknown words: n-grams, their hashes, and means of buckets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError, FormatError
from firth.subwords import FINALFUSION, LONGEST_NGRAM, Ngrams, Subwords, mean_rows


def buckets(rows: int = 64, size: int = 3) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((rows, size)).astype(np.float32)


def fasttext_hash(ngram: str) -> int:
    """FNV-1a of the bytes, each taken as a signed char: the plain twin of what is vectorised."""
    value = 2166136261
    for byte in ngram.encode():
        value = ((value ^ (byte - 256 if byte > 127 else byte)) * 16777619) % 2**32
    return value


def finalfusion_hash(ngram: str) -> int:
    data = len(ngram).to_bytes(8, "little") + ngram.encode("utf-32-le")
    value = 14695981039346656037
    for byte in data:
        value = ((value ^ byte) * 1099511628211) % 2**64
    return value


def plain_ngrams(word: str, min_n: int, max_n: int) -> list[str]:
    """Cut a word at every character, the shortest n-gram first; the marks alone are none."""
    cut = f"<{word}>"
    parts = [cut[i : i + n] for i in range(len(cut)) for n in range(min_n, max_n + 1) if i + n <= len(cut)]
    edges = [cut[0], cut[-1]] if min_n == 1 else []
    for edge, backwards in zip(edges, (False, True), strict=False):
        at = len(parts) - 1 - parts[::-1].index(edge) if backwards else parts.index(edge)
        del parts[at]
    return [] if word == "</s>" else parts


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(1, 200),
)
def test_fasttext_ngrams_are_those_of_the_plain_loop(
    words: list[str], min_n: int, more: int, rows: int
) -> None:
    found = Subwords(buckets(rows), min_n, min_n + more).ngrams(words)
    plain = [plain_ngrams(word, min_n, min_n + more) for word in words]
    assert found.counts.tolist() == [len(parts) for parts in plain]
    assert found.buckets.tolist() == [fasttext_hash(part) % rows for parts in plain for part in parts]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(0, 9),
)
def test_finalfusion_ngrams_are_those_of_the_plain_loop(
    words: list[str], min_n: int, more: int, power: int
) -> None:
    found = Subwords(buckets(2**power), min_n, min_n + more, hashing=FINALFUSION).ngrams(words)
    expected = []
    for word in words:
        cut = f"<{word}>"
        lengths = range(min_n, min_n + more + 1)
        expected += [
            finalfusion_hash(cut[i : i + n]) % 2**power
            for i in range(len(cut))
            for n in lengths
            if i + n <= len(cut)
        ]
    assert found.buckets.tolist() == expected
    assert found.counts.sum() == len(expected)


def test_an_unknown_word_is_the_mean_of_its_buckets() -> None:
    subwords = Subwords(buckets(), 2, 3)
    rows = [fasttext_hash(part) % 64 for part in ("<a", "<ab", "ab", "ab>", "b>")]
    np.testing.assert_allclose(subwords.vector("ab"), subwords.buckets[rows].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("word", ["", "x", "</s>", "lone \ud800 surrogate"])
def test_a_word_without_ngrams_has_no_vector(word: str) -> None:
    assert Subwords(buckets(), 4, 5).vector(word) is None


def test_bytes_are_those_of_the_encoding() -> None:
    latin = Subwords(buckets(999), 2, 4, encoding="latin-1")
    utf8 = Subwords(buckets(999), 2, 4)
    assert latin.ngrams(["naive"]).buckets.tolist() == utf8.ngrams(["naive"]).buckets.tolist()
    assert latin.ngrams(["naïve"]).buckets.tolist() != utf8.ngrams(["naïve"]).buckets.tolist()
    assert latin.vector("猫") is None


def test_a_byte_like_the_middle_of_a_utf8_character_begins_none() -> None:
    # fastText cuts before every byte that is not 10xxxxxx, so "¿" of Latin-1 sticks to the letter before it
    found = Subwords(buckets(), 2, 2, encoding="latin-1").ngrams(["a¿b"])
    assert found.counts.tolist() == [3]  # <a¿, a¿b, b>


def test_damaged_buckets_are_named() -> None:
    matrix = buckets()
    matrix[:] = np.nan
    with pytest.raises(FormatError, match="n-grams of 'king' hold NaN"):
        Subwords(matrix, 3, 6).vector("king")


@pytest.mark.parametrize(
    ("rows", "min_n", "max_n", "more", "message"),
    [
        (64, 0, 3, {}, "n-grams of 0 to 3"),
        (64, 4, 3, {}, "n-grams of 4 to 3"),
        (64, 1, LONGEST_NGRAM + 1, {}, "give 1 <= min_n"),
        (0, 3, 6, {}, r"not float32 \(0, 3\)"),
        (63, 3, 6, {"hashing": FINALFUSION}, "power of 2, not 63"),
        (64, 3, 6, {"hashing": "md5"}, "no hashing 'md5'"),
    ],
)
def test_options_out_of_range(rows: int, min_n: int, max_n: int, more: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Subwords(buckets(rows), min_n, max_n, **more)


def test_blocks_are_all_words_in_order_and_none_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.subwords._NGRAMS_AT_ONCE", 50)
    words = ["x" * n for n in (1, 3, 40, 2, 0, 0, 9)]
    subwords = Subwords(buckets(), 3, 6)
    parts = subwords.blocks(words)
    assert len(parts) > 2
    assert [word for part in parts for word in words[part]] == words
    assert all(words[part] for part in parts)
    assert subwords.blocks([]) == []


def test_rows_are_added_in_order_and_divided_as_fasttext_does() -> None:
    matrix = np.array([[1e8], [1.0], [-1e8], [3.0]], np.float32)
    ngrams = Ngrams(np.array([1, 2, 3, 0]), np.array([3, 0, 1]))
    means = mean_rows(matrix, np.array([[0], [1], [2]]), ngrams)
    float32_sum = np.float32(1e8) + np.float32(1) + np.float32(-1e8) + np.float32(3)
    assert means[:, 0].tolist() == [float32_sum * np.float32(1 / 4), 1.0, 0.0]
    nothing = mean_rows(matrix, np.zeros((2, 0), np.int64), Ngrams(np.array([3]), np.array([0, 1])))
    assert nothing[:, 0].tolist() == [0.0, 3.0]


def test_a_long_word_is_added_up_in_order_too(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = buckets(50, 5) * np.float32(1e4)
    random = np.random.default_rng(6)
    counts = np.array([3, 40, 0, 29])
    ngrams = Ngrams(random.integers(0, 50, counts.sum()), counts)
    own = np.arange(4)[:, None]
    expected = mean_rows(matrix, own, ngrams)
    monkeypatch.setattr("firth.subwords._SIDE_BY_SIDE", 4)
    np.testing.assert_array_equal(mean_rows(matrix, own, ngrams), expected)
    total = np.float32(matrix[1])
    for row in ngrams.buckets[3:43]:
        total = total + matrix[row]
    np.testing.assert_array_equal(expected[1], total * np.float32(1 / 41))

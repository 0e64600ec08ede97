"""The vocabulary: order, limits, and the two probabilities against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.corpus.vocabulary import (
    MAX_TABLE_ROWS,
    Vocabulary,
    keep_prob,
    noise_prob,
    select_ids,
    select_words,
    table_size,
)
from firth.errors import ConfigError, CorpusError

WORDS = ["moss", "Zebra", "äpfel", "fern", "\U0001d518", "\uffee", ""]
COUNTS = np.array([4, 7, 4, 9, 4, 4, 2])


def test_words_go_by_count_then_by_code_point() -> None:
    vocabulary, word_ids = select_words(WORDS, COUNTS, 3, None)
    assert vocabulary.words == ["fern", "Zebra", "moss", "äpfel", "\uffee", "\U0001d518"]
    assert vocabulary.counts.tolist() == [9, 7, 4, 4, 4, 4]
    assert vocabulary.counts.dtype == np.int64
    assert word_ids.tolist() == [2, 1, 3, 0, 5, 4, -1]
    assert (vocabulary.table_size, vocabulary.total) == (6, 32)
    assert vocabulary.token_ids is None


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 4), min_size=1),
    st.integers(1, 4),
    st.none() | st.integers(1, 5),
)
def test_selection_is_that_of_a_plain_sort(counts: dict[str, int], min_count: int, most: int | None) -> None:
    expected = sorted((w for w in counts if counts[w] >= min_count), key=lambda w: (-counts[w], w))[:most]
    words = list(counts)
    arguments = (words, np.array(list(counts.values())), min_count, most)
    if not expected:
        with pytest.raises(CorpusError):
            select_words(*arguments)
        return
    vocabulary, word_ids = select_words(*arguments)
    assert vocabulary.words == expected
    assert vocabulary.counts.tolist() == [counts[word] for word in expected]
    assert word_ids.tolist() == [expected.index(word) if word in expected else -1 for word in words]


def test_the_most_frequent_are_kept() -> None:
    vocabulary, word_ids = select_words(WORDS, COUNTS, 1, 3)
    assert vocabulary.words == ["fern", "Zebra", "moss"]
    assert word_ids.tolist() == [2, 1, -1, 0, -1, -1, -1]


def test_everything_below_min_count_says_what_would_work() -> None:
    with pytest.raises(CorpusError) as caught:
        select_words(WORDS, COUNTS, 20, None)
    message = str(caught.value)
    assert "no word occurs min_count=20 times" in message
    assert "'fern', occurs 9 times" in message
    assert "min_count=9 (--min-count 9) would work" in message


def test_ids_keep_their_rows() -> None:
    counts = np.array([0, 5, 2, 0, 9, 5, 1])
    vocabulary, word_ids = select_ids(counts, None, 2, None)
    assert vocabulary.token_ids is not None
    assert vocabulary.token_ids.tolist() == [4, 1, 5, 2]
    assert vocabulary.words == ["4", "1", "5", "2"]
    assert vocabulary.counts.tolist() == [9, 5, 5, 2]
    assert vocabulary.table_keys == list("0123456")
    assert vocabulary.table_size == 7
    assert word_ids.tolist() == [-1, 1, 3, -1, 0, 2, -1]


def test_ids_of_a_tokenizer_carry_its_tokens() -> None:
    vocabulary, _ = select_ids(np.array([0, 3, 8, 0]), ["<pad>", "oak", "elm", "<id 3>"], 1, 1)
    assert vocabulary.words == ["elm"]
    assert vocabulary.table_keys == ["<pad>", "oak", "elm", "<id 3>"]
    with pytest.raises(CorpusError, match="'elm', occurs 8 times"):
        select_ids(np.array([0, 3, 8, 0]), ["<pad>", "oak", "elm", "<id 3>"], 9, None)


def test_table_size() -> None:
    assert table_size(6, None) == 7
    assert table_size(6, 50_257) == 50_257
    with pytest.raises(CorpusError, match=r"the id 6 lies outside vocab_size=6.*at least 7"):
        table_size(6, 6)
    with pytest.raises(CorpusError, match="number the items 0, 1, 2"):
        table_size(MAX_TABLE_ROWS, None)
    with pytest.raises(ConfigError, match=r"not 2.5"):
        table_size(1, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="vocab_size must be from 1"):
        table_size(1, MAX_TABLE_ROWS + 1)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.floats(1e-6, 1))
def test_keep_prob_is_the_formula_of_word2vec_c(counts: list[int], sample: float) -> None:
    total = sum(counts)
    found = keep_prob(np.array(counts), sample)
    for count, chance in zip(counts, found, strict=True):
        ran = (math.sqrt(count / (sample * total)) + 1) * (sample * total) / count
        assert chance == pytest.approx(min(1.0, ran), rel=1e-12)


def test_keep_prob_at_its_edges() -> None:
    assert keep_prob(np.array([900, 100]), 0.1).round(4).tolist() == [0.4444, 1.0]
    assert keep_prob(np.array([900, 100]), 0.0).tolist() == [1.0, 1.0]
    assert keep_prob(np.array([10, 0, 3]), 1e-3)[1] == 1.0


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.floats(-2, 2))
def test_noise_prob_is_a_distribution(counts: list[int], exponent: float) -> None:
    found = noise_prob(np.array(counts), exponent)
    assert found.sum() == pytest.approx(1.0)
    weights = [count**exponent for count in counts]
    assert found == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-9)


def test_noise_prob_of_words_that_never_occur() -> None:
    assert noise_prob(np.array([16, 0, 1]), -1.0).tolist() == pytest.approx([1 / 17, 0, 16 / 17])


def test_vocabularies_are_frozen() -> None:
    vocabulary = Vocabulary(["a"], np.array([3]))
    with pytest.raises(AttributeError):
        vocabulary.words = []  # type: ignore[misc]

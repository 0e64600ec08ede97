"""The vocabulary: which words are kept, in which order, and how often each may be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firth.errors import ConfigError, CorpusError

MAX_TABLE_ROWS = 1 << 25
"""Ids at or above this would make a table of vectors of many gigabytes, nearly all of them unused."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words of a corpus, the most frequent first; equal counts in the order of the words.

    Attributes:
        words: word id -> word (V). For a corpus of ids the token's name: ``str(token id)``, or the token of
            the ``tokenizer.json``; equal counts are then in the order of the token ids.
        counts: (V,) word id -> how often the word occurs in the whole corpus.
        token_ids: for a corpus of ids only: (V,) word id -> token id, the row of the published table.
        table_keys: for a corpus of ids only: the names of all published rows.
    """

    words: Sequence[str]
    counts: NDArray[np.int64]
    token_ids: NDArray[np.int64] | None = None
    table_keys: Sequence[str] | None = None

    @property
    def table_size(self) -> int:
        """How many rows the published table has."""
        return len(self.words) if self.table_keys is None else len(self.table_keys)

    @property
    def total(self) -> int:
        """How many words of the corpus are in the vocabulary: the sum of the counts."""
        return int(self.counts.sum())


def keep_prob(counts: NDArray[np.int64], sample: float) -> NDArray[np.float64]:
    """Return the chance (V,) that an occurrence of each word is kept; ``sample`` 0 keeps all.

    With f = count / sum of counts it is min(1, (sqrt(f / sample) + 1) * sample / f), as in word2vec.c
    (Mikolov et al. 2013, arXiv:1310.4546, section 2.3, has a slightly different formula).

    >>> keep_prob(np.array([900, 100]), 0.1).round(4).tolist()
    [0.4444, 1.0]
    """
    if not sample:
        return np.ones(len(counts))
    share = counts / max(int(counts.sum()), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = (np.sqrt(share / sample) + 1.0) * (sample / share)
    chance[counts <= 0] = 1.0
    capped: NDArray[np.float64] = np.minimum(chance, 1.0)
    return capped


def noise_prob(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.float64]:
    """Return the noise distribution (V,): the chance that each word is drawn as a negative.

    It is count ** ns_exponent, divided by the sum over all words. A word that does not occur has no chance.

    >>> noise_prob(np.array([16, 1]), 0.75).round(4).tolist()
    [0.8889, 0.1111]
    """
    weight = np.zeros(len(counts), np.float64)
    seen = counts > 0
    weight[seen] = counts[seen].astype(np.float64) ** ns_exponent
    weight /= weight.sum()
    return weight


def select_words(
    words: Sequence[str], counts: NDArray[np.int64], min_count: int, max_vocab_size: int | None
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return the vocabulary, and for each of ``words`` its word id, -1 where it is left out.

    ``words`` and ``counts`` come in any order; each word once.

    Raises:
        CorpusError: no word is frequent enough.
    """
    frequent = np.flatnonzero(counts >= min_count)
    if not len(frequent):
        at = int(counts.argmax())
        raise _too_rare(words[at], int(counts[at]), min_count)
    kept = pa.array([words[index] for index in frequent.tolist()], pa.large_string())
    table = pa.table({"count": counts[frequent], "word": kept})
    # UTF-8 sorts as the code points do.
    order = pc.sort_indices(table, [("count", "descending"), ("word", "ascending")]).to_numpy()
    chosen = order[:max_vocab_size]
    vocabulary = Vocabulary(kept.take(chosen).to_pylist(), counts[frequent[chosen]])
    return vocabulary, _renumbering(len(words), frequent[chosen])


def select_ids(
    counts: NDArray[np.int64], keys: Sequence[str] | None, min_count: int, max_vocab_size: int | None
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return the vocabulary of a corpus of ids, and for each token id its word id, -1 where it is left out.

    ``counts`` has one entry for each row of the published table; ``keys`` names the rows (None: the ids).

    Raises:
        CorpusError: no id is frequent enough.
    """
    frequent = np.flatnonzero(counts >= min_count)
    if not len(frequent):
        at = int(counts.argmax())
        raise _too_rare(str(at) if keys is None else keys[at], int(counts[at]), min_count)
    chosen = frequent[np.argsort(-counts[frequent], kind="stable")][:max_vocab_size]
    table_keys = [str(number) for number in range(len(counts))] if keys is None else list(keys)
    words = [table_keys[token_id] for token_id in chosen.tolist()]
    vocabulary = Vocabulary(words, counts[chosen], chosen.astype(np.int64), table_keys)
    return vocabulary, _renumbering(len(counts), chosen)


def table_size(highest_id: int, vocab_size: int | None) -> int:
    """Return how many rows the table of a corpus of ids has: ``vocab_size``, or the highest id + 1.

    Raises:
        CorpusError: an id lies outside ``vocab_size``, or is too high for any table.
        ConfigError: ``vocab_size`` is not a whole number, or too large.
    """
    if vocab_size is not None:
        if isinstance(vocab_size, bool) or not hasattr(vocab_size, "__index__"):
            raise ConfigError(f"vocab_size must be a whole number, not {vocab_size!r}")
        if not 1 <= vocab_size <= MAX_TABLE_ROWS:
            raise ConfigError(f"vocab_size must be from 1 to {MAX_TABLE_ROWS}, not {vocab_size}")
        if highest_id >= vocab_size:
            raise CorpusError(
                f"the id {highest_id} lies outside vocab_size={vocab_size}: the ids go from 0 to "
                f"{vocab_size - 1}; raise vocab_size to at least {highest_id + 1}"
            )
        return int(vocab_size)
    check_id(highest_id)
    return highest_id + 1


def check_id(highest_id: int) -> None:
    """Raise a :class:`CorpusError` if a table with a row for ``highest_id`` would be too large."""
    if highest_id >= MAX_TABLE_ROWS:
        raise CorpusError(
            f"the id {highest_id} asks for a table of {highest_id + 1} rows (limit {MAX_TABLE_ROWS}): "
            "number the items 0, 1, 2, … without gaps, or pass them as strings"
        )


def _renumbering(size: int, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
    word_ids = np.full(size, -1, np.int32)
    word_ids[chosen] = np.arange(len(chosen), dtype=np.int32)
    return word_ids


def _too_rare(word: str, highest: int, min_count: int) -> CorpusError:
    shown = repr(word) if len(word) <= 40 else f"{word[:40]!r}…"
    times = "once" if highest == 1 else f"{highest} times"
    return CorpusError(
        f"no word occurs min_count={min_count} times: the most frequent, {shown}, occurs {times}; "
        f"min_count={highest} (--min-count {highest}) would work, or give more text"
    )

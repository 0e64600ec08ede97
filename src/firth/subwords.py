"""Vectors of the pieces that words are spelled with, and from them vectors of unknown words.

fastText (Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information") gives a vector to
every n-gram of a word's characters, the word's ends marked with ``<`` and ``>``. The n-grams have no
list: each is hashed to one of B *buckets* and shares that bucket's vector with all others that fall into
it. An unknown word's vector is the mean of its n-grams' buckets. finalfusion does the same with another
hash and another order of the n-grams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, FormatError
from firth.printable import quoted

FASTTEXT, FINALFUSION = "fasttext", "finalfusion"
HASHES = (FASTTEXT, FINALFUSION)
LONGEST_NGRAM = 32
"""Characters; models in use have 6. A damaged file must not ask for more n-grams than memory holds."""

_NGRAMS_AT_ONCE = 1 << 20
_SIDE_BY_SIDE = 256  # n-grams of all words together, one each; what is left of longer words, word by word
_BEGIN, _END = "<", ">"
_EOS = "</s>"  # fastText's mark of a line's end, which it does not take apart
_FNV32, _PRIME32 = np.uint32(2166136261), np.uint32(16777619)
_FNV64, _PRIME64 = np.uint64(14695981039346656037), np.uint64(1099511628211)


class Ngrams(NamedTuple):
    """The n-grams of several words, word after word."""

    buckets: NDArray[np.int64]
    """Numbers of buckets, in the order in which fastText adds their vectors up."""
    counts: NDArray[np.int64]
    """(words,) how many of them are each word's."""


class Subwords:
    """Buckets of n-grams, and how words are cut and hashed into them.

    Attributes:
        buckets: (B, D) float32, in memory or a memory map.
        min_n: the shortest n-gram, in characters, at least 1.
        max_n: the longest.
        hashing: ``"fasttext"`` (FNV-1a, 32 bits, of the bytes, modulo B) or ``"finalfusion"`` (FNV-1a, 64
            bits, of the length and the characters, the low bits; B is a power of 2).
        encoding: what fastText's bytes are of the characters: the one that the words were read with.
    """

    def __init__(
        self,
        buckets: NDArray[np.float32],
        min_n: int,
        max_n: int,
        *,
        hashing: str = FASTTEXT,
        encoding: str = "utf-8",
    ) -> None:
        """Put buckets and options together; the buckets' values are not looked at.

        Raises:
            ConfigError: options out of their range, or buckets of another shape or type.
        """
        if buckets.ndim != 2 or buckets.dtype != np.float32 or 0 in buckets.shape:
            raise ConfigError(f"buckets must be float32 (B, D), not {buckets.dtype} {buckets.shape}")
        if not 1 <= min_n <= max_n <= LONGEST_NGRAM:
            raise ConfigError(
                f"n-grams of {min_n} to {max_n} characters: give 1 <= min_n <= max_n <= {LONGEST_NGRAM}"
            )
        if hashing not in HASHES:
            raise ConfigError(f"there is no hashing {hashing!r}: choose one of {', '.join(HASHES)}")
        if hashing == FINALFUSION and len(buckets) & (len(buckets) - 1):
            raise ConfigError(f"finalfusion's buckets are a power of 2, not {len(buckets):,}")
        self.buckets = buckets
        self.min_n, self.max_n = min_n, max_n
        self.hashing, self.encoding = hashing, encoding

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the (D,) mean of a word's n-grams, or None for a word that has none (it is too short).

        Raises:
            FormatError: a bucket of the word holds NaN or infinity.
        """
        try:
            ngrams = self.ngrams([word]).buckets
        except UnicodeEncodeError:  # a lone surrogate, or a letter that the model's encoding does not have
            return None
        if not len(ngrams):
            return None
        mean: NDArray[np.float32] = mean_rows(
            self.buckets, np.zeros((1, 0), np.int64), Ngrams(ngrams, np.array([len(ngrams)]))
        )[0]
        if not np.isfinite(mean).all():
            raise FormatError(f"the n-grams of {quoted(word)} hold NaN or infinity: the model is damaged")
        return mean

    def ngrams(self, words: Sequence[str]) -> Ngrams:
        """Return the buckets of the words' n-grams.

        Raises:
            UnicodeEncodeError: a word does not fit the encoding.
        """
        cut = [_BEGIN + word + _END for word in words]
        if self.hashing == FINALFUSION:
            return self._finalfusion(cut)
        return self._fasttext(words, cut)

    def blocks(self, words: Sequence[str]) -> list[slice]:
        """Cut words into runs whose n-grams fit the memory for some at a time; each has at least one word."""
        lengths = np.fromiter(map(len, words), np.int64, len(words)) + 2
        ends = np.cumsum(lengths * self.max_n) // _NGRAMS_AT_ONCE
        cuts = [0, *(np.flatnonzero(np.diff(ends)) + 1).tolist(), len(words)]
        return [slice(start, stop) for start, stop in pairwise(cuts) if start < stop]

    def _fasttext(self, words: Sequence[str], cut: Sequence[str]) -> Ngrams:
        """Hash as ``Dictionary::computeSubwords`` does: bytes, each widened to 32 bits with its sign."""
        encoded = [word.encode(self.encoding) for word in cut]
        letters = np.frombuffer(b"".join(encoded), np.int8)
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        # fastText takes every byte that is not 10xxxxxx for the first of a character, in any encoding.
        firsts = np.flatnonzero((letters & np.int8(-64)) != np.int8(-128))
        word_of = np.repeat(np.arange(len(encoded)), sizes)[firsts]
        widths = np.diff(firsts, append=len(letters))
        widened = letters.astype(np.int32).view(np.uint32)

        def step(hashes: NDArray[np.uint32], at: NDArray[np.int64]) -> None:
            left, offset = np.flatnonzero(widths[at]), 0
            while len(left):
                hashes[left] = (hashes[left] ^ widened[firsts[at[left]] + offset]) * _PRIME32
                offset += 1
                left = left[widths[at[left]] > offset]

        whole = np.array([word == _EOS for word in words], bool)
        hashes, inside = _walk(word_of, self.max_n, _FNV32, step)
        inside[:, : self.min_n - 1] = False
        inside[whole[word_of]] = False
        if self.min_n == 1:  # the marks of the ends alone are no n-grams
            edge = np.diff(word_of, prepend=-1, append=len(encoded)) != 0
            inside[edge[:-1] | edge[1:], 0] = False
        return self._numbered(hashes % np.uint32(len(self.buckets)), inside, word_of, len(encoded))

    def _finalfusion(self, cut: Sequence[str]) -> Ngrams:
        """Hash as finalfusion's ``FinalfusionHashIndexer``: eight bytes of length, four of each character."""
        sizes = np.fromiter(map(len, cut), np.int64, len(cut))
        letters = np.frombuffer("".join(cut).encode("utf-32-le"), np.uint32).astype(np.uint64)
        word_of = np.repeat(np.arange(len(cut)), sizes)

        def step(hashes: NDArray[np.uint64], at: NDArray[np.int64]) -> None:
            _fnv64(hashes, letters[at], 4)

        found = np.zeros((len(letters), self.max_n), np.uint64)
        inside = np.zeros((len(letters), self.max_n), bool)
        for n in range(self.min_n, self.max_n + 1):  # the length comes first, so each has a walk of its own
            start = np.array([_FNV64])
            _fnv64(start, np.array([n], np.uint64), 8)
            hashes, fits = _walk(word_of, n, start[0], step)
            found[:, n - 1], inside[:, n - 1] = hashes[:, -1], fits[:, -1]
        return self._numbered(found & np.uint64(len(self.buckets) - 1), inside, word_of, len(cut))

    def _numbered(
        self, buckets: NDArray[np.generic], inside: NDArray[np.bool_], word_of: NDArray[np.int64], words: int
    ) -> Ngrams:
        """Take the n-grams that are there out of the (characters, max_n) tables."""
        counts = np.bincount(word_of, inside.sum(axis=1), minlength=words).astype(np.int64)
        return Ngrams(buckets[inside].astype(np.int64), counts)


def mean_rows(matrix: NDArray[np.float32], own: NDArray[np.int64], ngrams: Ngrams) -> NDArray[np.float32]:
    """Return for each of n words the mean of rows of ``matrix``: its own ones first, then its n-grams'.

    Added up one after the other in float32 and multiplied by the rounded 1/n, as fastText does it: the
    same bits. A word without rows gets zeros.

    Args:
        matrix: (rows, D).
        own: (n, 0 or 1) row numbers.
        ngrams: row numbers too.
    """
    counts = ngrams.counts
    order = np.argsort(-counts, kind="stable")  # the k-th rows of all words that have one: a prefix
    starts = (np.cumsum(counts) - counts)[order]
    total = np.zeros((len(counts), matrix.shape[1]), np.float32)
    for column in own.T:
        total += matrix[column[order]]
    longest_first = counts[order]
    for k in range(min(_SIDE_BY_SIDE, int(counts.max(initial=0)))):
        left = int(np.searchsorted(-longest_first, -k, "left"))
        total[:left] += matrix[ngrams.buckets[starts[:left] + k]]
    for word in range(int(np.searchsorted(-longest_first, -_SIDE_BY_SIDE, "left"))):
        rest = ngrams.buckets[starts[word] : starts[word] + longest_first[word]][_SIDE_BY_SIDE:]
        for at in range(0, len(rest), _SIDE_BY_SIDE):
            rows = np.concatenate([total[word, None], matrix[rest[at : at + _SIDE_BY_SIDE]]])
            total[word] = np.add.accumulate(rows)[-1]  # which adds up in order, as a sum need not
    sizes = longest_first + own.shape[1]
    total *= (1.0 / np.maximum(sizes, 1)).astype(np.float32)[:, None]
    result = np.empty_like(total)
    result[order] = total
    return result


def _walk(
    word_of: NDArray[np.int64],
    longest: int,
    start: np.generic,
    step: Callable[[NDArray[Any], NDArray[np.int64]], None],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Hash what begins at each character: its first one, first two, ... first ``longest`` characters.

    Args:
        word_of: (characters,) the number of each one's word.
        longest: how far to go.
        start: the hash of nothing.
        step: takes in, for every hash, the character at the position given for it.

    Returns:
        (characters, longest) hashes, and whether what was hashed lies within one word.
    """
    places = np.arange(len(word_of))
    running = np.full(len(word_of), start)
    hashes = np.empty((len(word_of), longest), running.dtype)
    inside = np.empty((len(word_of), longest), bool)
    for n in range(longest):
        at = np.minimum(places + n, len(word_of) - 1)
        step(running, at)
        hashes[:, n] = running
        inside[:, n] = (places + n < len(word_of)) & (word_of[at] == word_of)
    return hashes, inside


def _fnv64(hashes: NDArray[np.uint64], values: NDArray[np.uint64], size: int) -> None:
    """Take the lowest ``size`` bytes of each value into its hash, in place (FNV-1a)."""
    for place in range(size):
        hashes ^= (values >> np.uint64(8 * place)) & np.uint64(255)
        hashes *= _PRIME64

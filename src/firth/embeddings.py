"""Words and their vectors: look-up, neighbours, similarity and analogy. Knows no file format.

``most_similar`` keeps the signature and the meaning that gensim 4 gave it: the unit vectors of the
given words are averaged, the cosine with that average ranks all words, and the given words are left
out of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from firth.checks import (
    as_items,
    as_weight,
    at_least,
    column,
    is_mapped,
    is_pair,
    is_row_number,
    matrix,
    row_of_each,
)
from firth.errors import ConfigError, FormatError, UnknownWordError
from firth.neighbors import Doubles, NearestRows
from firth.printable import quoted
from firth.spelling import CANDIDATES, nearest_spellings

Key: TypeAlias = str | SupportsIndex
"""A word, or a row number."""
Item: TypeAlias = "Key | NDArray[Any] | tuple[Key | NDArray[Any], float]"
"""A word, a row number or a vector, alone or as a pair with its weight."""
Neighbor: TypeAlias = tuple[str, float]
"""A word and its cosine."""


@dataclass(frozen=True)
class Analogy:
    """An analogy's answer in both forms; each a list of (word, cosine), the nearest first."""

    raw: list[Neighbor]
    """What the arithmetic gives, the input words included."""
    filtered: list[Neighbor]
    """The usual ranking, with the input words left out."""


class Embeddings:
    """A vocabulary and its (V, D) matrix of word vectors; row i belongs to ``index_to_key[i]``.

    The vectors are shared, not copied, and read-only here: the norms of the rows are remembered.
    """

    def __init__(
        self,
        keys: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        counts: NDArray[np.int64] | None = None,
        context_vectors: NDArray[np.float32] | None = None,
        trained: NDArray[np.bool_] | None = None,
        config: dict[str, Any] | None = None,
        training: list[dict[str, Any]] | None = None,
    ) -> None:
        """Put words and vectors together. Values of a memory map are not looked at before the first query.

        Args:
            keys: V different words, by row.
            vectors: (V, D) float32, in memory or a memory map.
            counts: (V,) occurrences in the corpus, if known.
            context_vectors: (V, D) float32, the output side of the model, if kept.
            trained: (V,) False for rows that training never touched (None: all were).
            config: what ``config.json`` holds: options, corpus, versions.
            training: the reports of the run, one dictionary each.

        Raises:
            ConfigError: shapes, types or values that do not fit together.
        """
        self.index_to_key: list[str] = list(keys)
        self.vectors: NDArray[np.float32] = matrix("vectors", vectors, len(self.index_to_key))
        self.key_to_index: dict[str, int] = row_of_each(self.index_to_key)
        self.context_vectors: NDArray[np.float32] | None = None
        if context_vectors is not None:
            self.context_vectors = matrix("context_vectors", context_vectors, len(self.index_to_key))
            if self.context_vectors.shape != self.vectors.shape:
                raise ConfigError(
                    f"context_vectors have shape {self.context_vectors.shape}, vectors {self.vectors.shape}: "
                    "both need the same"
                )
        self.counts: NDArray[np.int64] | None = column("counts", counts, np.int64, len(self.index_to_key))
        self.trained: NDArray[np.bool_] | None = column("trained", trained, np.bool_, len(self.index_to_key))
        self.config: dict[str, Any] = dict(config or {})
        self.training: list[dict[str, Any]] = list(training or [])
        self._search = NearestRows(self.vectors, self.trained)
        if not is_mapped(self.vectors):
            try:
                _ = self._search.norms
            except FormatError as error:
                raise ConfigError(str(error)) from None

    @property
    def vector_size(self) -> int:
        """Numbers in a vector, D."""
        return int(self.vectors.shape[1])

    def __repr__(self) -> str:
        """Say how large the model is."""
        return f"<Embeddings: {len(self):,} words × {self.vector_size}>"

    def __len__(self) -> int:
        """Return the number of words (rows), V."""
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the words in row order."""
        return iter(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        """Tell whether ``key`` is a known word (or a row number of this table)."""
        if isinstance(key, str):
            return key in self.key_to_index
        return is_row_number(key) and 0 <= key.__index__() < len(self)

    @overload
    def __getitem__(self, key: Key) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, key: Iterable[Key]) -> NDArray[np.float32]: ...
    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """Return a word's (D,) vector, read-only; for a list of n words an (n, D) copy; an int is a row.

        Raises:
            UnknownWordError: a word is not in the model; the message offers the nearest spellings.
        """
        if isinstance(key, str) or is_row_number(key):
            one: NDArray[np.float32] = self.vectors[self._row(key)]
            return one
        rows = np.array([self._row(item) for item in key], np.intp)
        several: NDArray[np.float32] = self.vectors[rows]
        return several

    @overload
    def most_similar(
        self,
        positive: Item | Sequence[Item] | None = None,
        negative: Item | Sequence[Item] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor]: ...
    @overload
    def most_similar(
        self,
        positive: Item | Sequence[Item] | None = None,
        negative: Item | Sequence[Item] | None = None,
        topn: None = ...,
        restrict_vocab: int | None = None,
    ) -> NDArray[np.float32]: ...
    def most_similar(
        self,
        positive: Item | Sequence[Item] | None = None,
        negative: Item | Sequence[Item] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor] | NDArray[np.float32]:
        """Return the ``topn`` words nearest to the mean of the given ones, which are left out, by cosine.

        Args:
            positive: a word, a row number, a (D,) vector, or a list of these and of (one of these, weight).
            negative: the same; each counts with weight -1 unless it brings its own.
            topn: words wanted; None for the cosines of all rows as one array, as in gensim.
            restrict_vocab: search only this many of the first rows, the most frequent words.

        A direction of zeros (a word never trained, or inputs that cancel out) has no neighbours: ``[]``.

        Raises:
            UnknownWordError: an input word is not in the model.
            ConfigError: no input, a weight that is no number, or ``topn``/``restrict_vocab`` out of range.
        """
        limit = None if restrict_vocab is None else at_least(1, "restrict_vocab", restrict_vocab)
        wanted = None if topn is None else at_least(0, "topn", topn)
        query, inputs = self._direction(positive, negative)
        if wanted is None:
            return self._search.cosines(query, limit)
        return self._nearest(query[None, :], wanted, [inputs], limit)[0]

    def neighbors(self, words: Iterable[Key], topn: int = 10) -> list[list[Neighbor]]:
        """Return for each of ``words`` its ``topn`` nearest words by cosine, itself left out.

        One product for all of them: much faster than as many calls of :meth:`most_similar`, and the
        same answers.
        """
        if isinstance(words, str):
            raise ConfigError(
                f"neighbors takes a list of words, not the word {quoted(words)}: put it in a list"
            )
        rows = [self._row(word) for word in words]
        wanted = at_least(0, "topn", topn)
        if not rows:
            return []
        queries = np.stack([self._search.unit(row) for row in rows])
        return self._nearest(queries, wanted, [{row} for row in rows], None)

    def similarity(self, a: Key, b: Key) -> float:
        """Return the cosine of two words, -1 to 1; 0.0 if one of them has a vector of zeros."""
        product = float((self._search.unit(self._row(a)) * self._search.unit(self._row(b))).sum())
        return min(1.0, max(-1.0, product))

    def rank(self, a: Key, b: Key) -> int:
        """Return the place of ``b`` among the words closest to ``a``: 1 for the closest; ties share it."""
        row = self._row(a)
        return self._search.rank(self._search.unit(row), self._row(b), without=row)

    def analogy(
        self,
        positive: Item | Sequence[Item],
        negative: Item | Sequence[Item] | None = None,
        topn: int = 10,
    ) -> Analogy:
        """Return the words nearest to ``positive`` minus ``negative``, with and without the input words.

        >>> model.analogy(["king", "woman"], ["man"]).raw[0]  # doctest: +SKIP
        ('king', 0.81)
        """
        wanted = at_least(0, "topn", topn)
        query, inputs = self._direction(positive, negative)
        ranking = self._nearest(query[None, :], wanted + len(inputs), [set()], None)[0]
        given = {self.index_to_key[row] for row in inputs}
        filtered = [(word, cosine) for word, cosine in ranking if word not in given]
        return Analogy(raw=ranking[:wanted], filtered=filtered[:wanted])

    def _nearest(
        self, queries: Doubles, wanted: int, without: list[set[int]], limit: int | None
    ) -> list[list[Neighbor]]:
        """Return each query's ``wanted`` nearest words, leaving out the rows ``without`` names for it."""
        if wanted == 0:
            return [[] for _ in without]
        most = min(wanted + max(len(rows) for rows in without), len(self))
        answers: list[list[Neighbor]] = []
        for (rows, cosines), left_out in zip(self._search.top(queries, most, limit), without, strict=True):
            pairs = zip(rows.tolist(), cosines.tolist(), strict=True)
            words = [(self.index_to_key[row], cosine) for row, cosine in pairs if row not in left_out]
            answers.append(words[:wanted])
        return answers

    def _direction(self, positive: Any, negative: Any) -> tuple[Doubles, set[int]]:
        """Return the weighted sum of the inputs (words as unit vectors) and the rows of those inputs."""
        weighted = [(item, 1.0) for item in as_items(positive)] + [
            (item, -1.0) for item in as_items(negative)
        ]
        if not weighted:
            raise ConfigError("most_similar and analogy need at least one word: give positive=[...]")
        total = np.zeros(self.vector_size, np.float64)
        rows: set[int] = set()
        for item, sign in weighted:
            key, weight = (item[0], as_weight(item[1])) if is_pair(item) else (item, sign)
            if isinstance(key, np.ndarray):
                total += weight * self._given_vector(key)
            else:
                row = self._row(key)
                rows.add(row)
                total += weight * self._search.unit(row)
        return total, rows

    def _given_vector(self, vector: NDArray[Any]) -> Doubles:
        """Check a vector that the caller brought."""
        if vector.shape != (self.vector_size,):
            raise ConfigError(
                f"a query vector has shape {vector.shape}, but the model's have ({self.vector_size},)"
            )
        numbers = vector.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise ConfigError("a query vector holds NaN or infinity: it has no direction")
        return numbers

    def _row(self, key: Any) -> int:
        """Return the row of a word, or a row number that is within the table."""
        if isinstance(key, str):
            row = self.key_to_index.get(key)
            if row is None:
                raise UnknownWordError(self._unknown(key))
            return row
        if not is_row_number(key):
            raise ConfigError(f"a word or a row number is needed, not {key!r}")
        row = key.__index__()
        if not 0 <= row < len(self):
            raise UnknownWordError(f"there is no row {row}: the model has rows 0 to {len(self) - 1}")
        return row

    def _unknown(self, word: str) -> str:
        """Return the message for an unknown word, with the nearest spellings that the model has."""
        words: Sequence[str] = self.index_to_key
        if self.counts is not None and len(words) > CANDIDATES and (np.diff(self.counts) > 0).any():
            words = [words[row] for row in np.argsort(-self.counts, kind="stable").tolist()]
        nearest = [quoted(known) for known in nearest_spellings(word, words)]
        if not nearest:
            return f"the model does not know the word {quoted(word)}, and no word of it is spelled like that"
        offer = nearest[0] if len(nearest) == 1 else f"{', '.join(nearest[:-1])} or {nearest[-1]}"
        return f"the model does not know the word {quoted(word)}: did you mean {offer}?"

"""Words and their vectors: look-up, neighbours, similarity and analogy. Knows no file format.

``most_similar`` keeps the signature and the meaning that gensim 4 gave it: the unit vectors of the
given words are averaged, the cosine with that average ranks all words, and the given words are left
out of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, SupportsIndex, TypeAlias, overload

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
from firth.handover.methods import HandsOver
from firth.neighbors import Doubles, NearestRows, unit_rows
from firth.printable import quoted
from firth.spelling import CANDIDATES, nearest_spellings

Key: TypeAlias = str | SupportsIndex
"""A word, or a row number."""
Item: TypeAlias = "Key | NDArray[Any] | tuple[Key | NDArray[Any], float]"
"""A word, a row number or a vector, alone or as a pair with its weight."""
Neighbor: TypeAlias = tuple[str, float]
"""A word and its cosine."""

ROWS_OF_IDENTITY = 64


@dataclass(frozen=True)
class Analogy:
    """An analogy's answer in both forms; each a list of (word, cosine), the nearest first."""

    raw: list[Neighbor]
    """What the arithmetic gives, the input words included."""
    filtered: list[Neighbor]
    """The usual ranking, with the input words left out."""


class Entries(NamedTuple):
    """What a model knows of its words, by row."""

    words: list[str]
    """V different words."""
    counts: NDArray[np.int64] | None = None
    """(V,) occurrences in the corpus, if known."""
    trained: NDArray[np.bool_] | None = None
    """(V,) False for rows that training never touched (None: all were)."""


class WordParts(Protocol):
    """Vectors for words that a model does not list, made of the parts that they are spelled with."""

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return a (D,) vector, or None for a word without any known part."""


class Embeddings(HandsOver):
    """A vocabulary and its (V, D) matrix of word vectors; row i belongs to ``index_to_key[i]``.

    The vectors are shared, not copied, and read-only here: the norms of the rows are remembered.
    """

    _load_entries: Callable[[], Entries]
    _place: str

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
        subwords: WordParts | None = None,
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
            subwords: where vectors of unknown words come from, for models that have them (fastText's).

        Raises:
            ConfigError: shapes, types or values that do not fit together.
        """
        self._put_together(vectors, len(keys), context_vectors, config, training, subwords)
        self._entries = _checked(Entries(list(keys), counts, trained), len(self.vectors))
        self.key_to_index = row_of_each(self._entries.words)
        if not is_mapped(self.vectors):
            try:
                _ = self._search.norms
            except FormatError as error:
                raise ConfigError(str(error)) from None

    @classmethod
    def lazy(
        cls,
        load_entries: Callable[[], Entries],
        vectors: NDArray[np.float32],
        *,
        place: str,
        context_vectors: NDArray[np.float32] | None = None,
        config: dict[str, Any] | None = None,
        training: list[dict[str, Any]] | None = None,
        subwords: WordParts | None = None,
    ) -> Embeddings:
        """Return a model whose words are loaded, once, by ``load_entries`` when they are first asked for.

        So a mapped model of any size opens at once. What is wrong with the words (a word twice, another
        number than rows) is a FormatError at their first use, which names the ``place`` they come from.
        """
        model = cls.__new__(cls)
        model._put_together(vectors, len(vectors), context_vectors, config, training, subwords)
        model._load_entries, model._place = load_entries, place
        return model

    def _put_together(
        self,
        vectors: NDArray[np.float32],
        rows: int,
        context_vectors: NDArray[np.float32] | None,
        config: dict[str, Any] | None,
        training: list[dict[str, Any]] | None,
        subwords: WordParts | None,
    ) -> None:
        """Set all that does not hang on the words."""
        self.vectors: NDArray[np.float32] = matrix("vectors", vectors, rows)
        self.context_vectors: NDArray[np.float32] | None = None
        if context_vectors is not None:
            self.context_vectors = matrix("context_vectors", context_vectors, rows)
            if self.context_vectors.shape != self.vectors.shape:
                raise ConfigError(
                    f"context_vectors have shape {self.context_vectors.shape}, vectors {self.vectors.shape}: "
                    "both need the same"
                )
        self.config: dict[str, Any] = dict(config or {})
        self.training: list[dict[str, Any]] = list(training or [])
        self.subwords: WordParts | None = subwords

    @cached_property
    def _entries(self) -> Entries:
        """The words and what is known of them, loaded and checked."""
        try:
            return _checked(self._load_entries(), len(self.vectors))
        except ConfigError as error:
            raise FormatError(f"{self._place}: {error}; copy or make it again") from None

    @cached_property
    def index_to_key(self) -> list[str]:
        """The V words by row."""
        return self._entries.words

    @cached_property
    def key_to_index(self) -> dict[str, int]:
        """Word -> row."""
        try:
            return row_of_each(self.index_to_key)
        except ConfigError as error:
            raise FormatError(f"{self._place}: {error}; copy or make it again") from None

    @cached_property
    def counts(self) -> NDArray[np.int64] | None:
        """(V,) occurrences in the corpus, if known."""
        return self._entries.counts

    @cached_property
    def trained(self) -> NDArray[np.bool_] | None:
        """(V,) False for rows that training never touched (None: all were)."""
        return self._entries.trained

    @cached_property
    def _search(self) -> NearestRows:
        """Exact search; rows that were never trained are not found."""
        return NearestRows(self.vectors, self.trained)

    @property
    def vector_size(self) -> int:
        """Numbers in a vector, D."""
        return int(self.vectors.shape[1])

    def __getstate__(self) -> dict[str, Any]:
        """Load the words first: what loads them cannot be pickled."""
        _ = self._entries
        return {name: value for name, value in vars(self).items() if name != "_load_entries"}

    def __repr__(self) -> str:
        """Say how large the model is."""
        return f"<Embeddings: {len(self):,} words × {self.vector_size}>"

    def __len__(self) -> int:
        """Return the number of words (rows), V."""
        return len(self.vectors)

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
            return self._vector(key)
        if self.subwords is not None:
            return np.array([self._vector(item) for item in key], np.float32).reshape(-1, self.vector_size)
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
        found = [self._unit(word) for word in words]
        wanted = at_least(0, "topn", topn)
        if not found:
            return []
        return self._nearest(np.stack([unit for unit, _ in found]), wanted, [rows for _, rows in found], None)

    def nearest_among(self, key: Key, rows: NDArray[np.int64], topn: int = 10) -> list[Neighbor]:
        """Return the ``topn`` nearest of some rows to a word, itself left out: exact cosines."""
        query, own = self._unit(key)
        unit = unit_rows(query[None, :])[0]  # twice, as in `neighbors`: the same bits
        candidates = np.setdiff1d(rows, np.array(sorted(own), np.int64))
        found, cosines = self._search.ranked(unit, candidates, at_least(0, "topn", topn))
        pairs = zip(found.tolist(), cosines.tolist(), strict=True)
        return [(self.index_to_key[row], cosine) for row, cosine in pairs]

    def identity(self) -> str:
        """Return a digest that tells models apart: their shape and some rows, evenly spread."""
        rows = np.unique(np.linspace(0, max(len(self) - 1, 0), ROWS_OF_IDENTITY).astype(np.intp))
        digest = hashlib.blake2b(repr(self.vectors.shape).encode(), digest_size=16)
        if len(self):
            digest.update(np.ascontiguousarray(self.vectors[rows], np.dtype("<f4")).tobytes())
        return digest.hexdigest()

    def similarity(self, a: Key, b: Key) -> float:
        """Return the cosine of two words, -1 to 1; 0.0 if one of them has a vector of zeros."""
        product = float((self._unit(a)[0] * self._unit(b)[0]).sum())
        return min(1.0, max(-1.0, product))

    def rank(self, a: Key, b: Key) -> int:
        """Return the place of ``b`` among the words closest to ``a``: 1 for the closest; ties share it."""
        unit, rows = self._unit(a)
        return self._search.rank(unit, self._row(b), rows)

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
                unit, own = self._unit(key)
                rows |= own
                total += weight * unit
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

    def _unit(self, key: Any) -> tuple[Doubles, set[int]]:
        """Return a word's vector at length 1, and its row as a set: empty for a word made of subwords."""
        made = self._made_of_parts(key)
        if made is not None:
            return unit_rows(made[None, :].astype(np.float64))[0], set()
        row = self._row(key)
        return self._search.unit(row), {row}

    def _vector(self, key: Any) -> NDArray[np.float32]:
        """Return a (D,) vector: a row, or one made of subwords."""
        made = self._made_of_parts(key)
        vector: NDArray[np.float32] = self.vectors[self._row(key)] if made is None else made
        return vector

    def _made_of_parts(self, key: Any) -> NDArray[np.float32] | None:
        """Return the vector of a word that is not in the vocabulary, if the model has subwords for it."""
        if self.subwords is None or not isinstance(key, str) or key in self.key_to_index:
            return None
        return self.subwords.vector(key)

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


def _checked(entries: Entries, rows: int) -> Entries:
    """Return what is known of the words, once there is one of each for every row."""
    if len(entries.words) != rows:
        raise ConfigError(f"vectors have {rows} rows for {len(entries.words)} words: each word needs one row")
    counts = column("counts", entries.counts, np.int64, rows)
    return Entries(entries.words, counts, column("trained", entries.trained, np.bool_, rows))

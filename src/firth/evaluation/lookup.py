"""Which row of a model a word of an evaluation file means, and the unit vectors of such rows.

Words are numbered here by *place*: their rank by frequency within the words that take part, 0 for the
most frequent. Rows of zeros, words that training never touched, take no part: a file's word that has
only such a row is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.neighbors import NearestRows

Places = NDArray[np.intp]


class Lexicon:
    """The words of a model that take part in an evaluation, and how a file's words are found among them."""

    def __init__(self, model: Embeddings, restrict_vocab: int = 0, *, case_insensitive: bool = True) -> None:
        """Take part of a model's words.

        Args:
            model: the model.
            restrict_vocab: only so many of the most frequent words take part; 0 for all.
            case_insensitive: words are the same if they are so in capitals; of several such words of the
                model the most frequent is meant, as in gensim.
        """
        at_least(0, "restrict_vocab", restrict_vocab)
        self._model = model
        self._fold: Callable[[str], str] = str.upper if case_insensitive else str
        norms = NearestRows(model.vectors, model.trained).norms
        shown = norms > 0 if model.trained is None else (norms > 0) & model.trained
        rows = rows_by_frequency(model)[: restrict_vocab or None]
        self.rows: Places = rows[shown[rows]]
        self._norms: NDArray[np.float64] = norms
        self._place: dict[str, int] = {}
        self.canon: Places = np.empty(len(self.rows), np.intp)
        """(n,) place -> the first place with the same word but for its case."""
        for place, row in enumerate(self.rows.tolist()):
            self.canon[place] = self._place.setdefault(self._fold(model.index_to_key[row]), place)
        self._all: set[str] | None = None
        self._in_order = bool((self.rows == np.arange(len(self.rows))).all())

    def __len__(self) -> int:
        """Return the number of words that take part, n."""
        return len(self.rows)

    def find(self, word: str) -> int:
        """Return the place of a word, or -1 if it is missing."""
        return self._place.get(self._fold(word), -1)

    def find_all(self, words: Iterable[str]) -> Places:
        """Return the place of each word; -1 for those that are missing."""
        place, fold = self._place, self._fold
        return np.fromiter((place.get(fold(word), -1) for word in words), np.intp)

    def in_any_case(self, places: Places) -> tuple[Places, Places]:
        """Return all places of the same words in any case, for (k,) places that :meth:`find` gave.

        Returns:
            (m,) numbers 0 to k-1, ascending, and beside each a place of that word.
        """
        order = np.argsort(self.canon, kind="stable")
        firsts = self.canon[order]
        low, high = (np.searchsorted(firsts, places, side) for side in ("left", "right"))
        number = np.repeat(np.arange(len(places)), high - low)
        within = np.arange(len(number)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        return number, order[low[number] + within]

    def missing(self, words: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return, of the words that are missing, those unknown to the model and those known but left out.

        Each in the order of the file, once.
        """
        if self._all is None:
            self._all = {self._fold(word) for word in self._model.index_to_key}
        absent = [word for word in dict.fromkeys(words) if self.find(word) < 0]
        unknown = tuple(word for word in absent if self._fold(word) not in self._all)
        return unknown, tuple(word for word in absent if self._fold(word) in self._all)

    def units(self, places: Places) -> NDArray[np.float64]:
        """Return the vectors at ``places`` scaled to length 1: (k, D) float64."""
        rows = self.rows[places]
        vectors: NDArray[np.float64] = self._model.vectors[rows].astype(np.float64)
        vectors /= self._norms[rows][:, None]
        return vectors

    def unit_block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the vectors of the places ``start`` to ``stop`` scaled to length 1: (stop-start, D)."""
        if not self._in_order:
            return self.units(np.arange(start, stop)).astype(np.float32)
        block = self._model.vectors[start:stop] / self._norms[start:stop, None]
        return block.astype(np.float32)

    def cosines(self, a: Places, b: Places, *, single: bool = False) -> NDArray[np.float64]:
        """Return the cosine of each place of ``a`` with that of ``b``: (k,); ``single``: in float32."""
        if single:
            pairs = zip(self._single_units(a), self._single_units(b), strict=True)
            return np.fromiter((np.dot(one, other) for one, other in pairs), np.float64, len(a))
        products: NDArray[np.float64] = (self.units(a) * self.units(b)).sum(axis=1)
        return products.clip(-1.0, 1.0)

    def _single_units(self, places: Places) -> NDArray[np.float32]:
        """Return the unit vectors as single precision gives them, rounded at each step: (k, D)."""
        rows = self.rows[places]
        lengths = self._norms[rows].astype(np.float32).astype(np.float64)
        scale = (1.0 / lengths).astype(np.float32)
        units: NDArray[np.float32] = self._model.vectors[rows] * scale[:, None]
        return units


def rows_by_frequency(model: Embeddings) -> Places:
    """Return the rows of a model, the most frequent word first; without counts, the rows as they stand."""
    if model.counts is None or not (np.diff(model.counts) > 0).any():
        return np.arange(len(model))
    return np.argsort(-model.counts, kind="stable")


def listed(words: Sequence[str], most: int = 12) -> str:
    """Return words as a list for people, cut after ``most``.

    >>> listed(["one", "two", "three"], 2)
    'one, two and 1 more'
    """
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"

"""Completion as one types: the most frequent words that begin so, whatever their case."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.spelling import nearest_spellings

LONGEST_PREFIX = 200


class Completion:
    """The words of a model, the most frequent first."""

    def __init__(self, model: Embeddings) -> None:
        """Order the words."""
        self.order: NDArray[np.int64] = rows_by_frequency(model)
        self.words: list[str] = [model.index_to_key[row] for row in self.order.tolist()]
        """(V,) the most frequent first."""
        safe = [word.encode("utf-8", "replace").decode() for word in self.words]  # lone surrogates, in memory
        self._lower = pc.utf8_lower(pa.array(safe, pa.large_string()))

    def begin_with(self, prefix: str, limit: int) -> list[str]:
        """Return up to ``limit`` words that begin with ``prefix``; a word that is ``prefix`` itself leads."""
        if not prefix or len(prefix) > LONGEST_PREFIX:
            return self.words[:limit] if not prefix else []
        lower = prefix.encode("utf-8", "replace").decode().lower()
        places = np.flatnonzero(pc.starts_with(self._lower, lower).to_numpy(zero_copy_only=False))
        found = [self.words[place] for place in places[: limit + 1].tolist()]
        return sorted(found, key=lambda word: word != prefix)[:limit]

    def nearest(self, word: str) -> list[str]:
        """Return the words that are spelled most like ``word``; takes a fraction of a second."""
        return nearest_spellings(word, self.words)


def rows_by_frequency(model: Embeddings) -> NDArray[np.int64]:
    """Return the rows, the most frequent first; as they stand where counts are unknown."""
    if model.counts is None:
        return np.arange(len(model), dtype=np.int64)
    return np.argsort(-model.counts, kind="stable").astype(np.int64)

"""Which words of a model come on a map, and their unit vectors, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation.lookup import rows_by_frequency
from firth.neighbors import NearestRows

MOST_WORDS = 250_000
FEWEST_WORDS = 3
NUMBERS_AT_ONCE = 1 << 21  # 16 MB of float64


class MappedWords:
    """The words of a map, the most frequent first; a word's number in this order is its *place*.

    Rows of zeros and rows that training never touched have no direction and stay out.
    """

    def __init__(self, model: Embeddings, words: int | None = None) -> None:
        """Choose the ``words`` most frequent words; None for as many as a map may hold.

        Raises:
            ConfigError: ``words`` is out of range, or too few words have a direction.
        """
        most = MOST_WORDS if words is None else at_least(FEWEST_WORDS, "words", words)
        if most > MOST_WORDS:
            raise ConfigError(f"words must be at most {MOST_WORDS:,} for a map, not {most:,}")
        self._vectors = model.vectors
        norms = NearestRows(model.vectors).norms
        shown = norms > 0 if model.trained is None else (norms > 0) & model.trained
        rows = rows_by_frequency(model)
        self.rows: NDArray[np.int32] = rows[shown[rows]][:most].astype(np.int32)
        """(n,) rows of the model."""
        if len(self.rows) < FEWEST_WORDS:
            raise ConfigError(
                f"a map needs at least {FEWEST_WORDS} words that have a direction, "
                f"and the model has {len(self.rows)}"
            )
        self._norms = norms[self.rows]

    def __len__(self) -> int:
        """Return the number of words, n."""
        return len(self.rows)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield (places, their (k, D) vectors at length 1), so that a memory map is never read at once."""
        step = max(1, NUMBERS_AT_ONCE // self._vectors.shape[1])
        for start in range(0, len(self), step):
            places = slice(start, min(start + step, len(self)))
            units = self._vectors[self.rows[places]].astype(np.float64)
            units /= self._norms[places, None]
            yield places, units

    def units(self) -> NDArray[np.float32]:
        """Return all unit vectors: (n, D) float32, a copy."""
        whole = np.empty((len(self), self._vectors.shape[1]), np.float32)
        for places, units in self.blocks():
            whole[places] = units
        return whole

"""What several runs say about the neighbours of a word, looked up word by word."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.evaluation.stability import Stability


class Agreement:
    """How many runs agree on each neighbour, where a model's stability is known."""

    def __init__(self, stability: Stability, model: Embeddings) -> None:
        """Keep what is needed to look words up."""
        self._stability, self._model = stability, model

    @classmethod
    def read(cls, folder: str | os.PathLike[str], model: Embeddings) -> Self | None:
        """Return what is known about the model in ``folder``; None if nothing.

        Raises:
            FormatError: the files are damaged.
        """
        from firth.evaluation.stability_file import FILES, read_stability

        if not Path(folder, FILES[0]).is_file():
            return None
        stability = read_stability(folder, model)
        return None if stability is None else cls(stability, model)

    @property
    def runs(self) -> int:
        """How many runs were compared."""
        return self._stability.runs

    def counts(self, word: str, near: Sequence[str]) -> list[int | None]:
        """Return for each neighbour the number of runs that have it too; None where it was not measured."""
        known = self._stability.agreement(self._model.key_to_index[word])
        return [known.get(self._model.key_to_index[one]) for one in near]

    def overlap(self, word: str) -> float | None:
        """Return the share of the word's nearest words that stays from run to run; None: not measured."""
        return self._stability.overlap_of(self._model.key_to_index[word])

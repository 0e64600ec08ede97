"""What a hand-over needs of a model."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

EXTRA = "ecosystem"
"""The extra of firth that brings the libraries."""


class WordTable(Protocol):
    """Words and their vectors by row; what ``Embeddings`` is to the rooms below it."""

    @property
    def index_to_key(self) -> list[str]:
        """The V words by row."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(V, D), read-only."""

    @property
    def context_vectors(self) -> NDArray[np.float32] | None:
        """(V, D), the output side of the model, if kept."""

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """(V,) occurrences in the corpus, if known."""

    @property
    def trained(self) -> NDArray[np.bool_] | None:
        """(V,) False for rows that training never touched (None: all were)."""

    @property
    def config(self) -> dict[str, Any]:
        """Options, corpus, versions."""

    @property
    def vector_size(self) -> int:
        """Numbers in a vector, D."""

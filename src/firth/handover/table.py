"""What a hand-over needs of a model, and the libraries that take it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firth.errors import MissingExtraError


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


def library(package: str, modules: Sequence[str] = ()) -> Any:
    """Import a library of the extra "ecosystem".

    Args:
        package: its name on PyPI.
        modules: where what is wanted may live, the newest place first; the package's own module if none.

    Raises:
        MissingExtraError: it is not installed.
    """
    missing: ImportError | None = None
    for module in modules or (package.replace("-", "_"),):
        try:
            return import_module(module)
        except ImportError as error:
            missing = missing or error
    raise MissingExtraError(
        f"this needs the package {package}, which cannot be imported ({missing}); "
        f'pip install {package} (the extra "firth[ecosystem]")'
    ) from missing

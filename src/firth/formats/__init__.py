"""Every format that firth reads or writes: one module each, around :class:`firth.embeddings.Embeddings`.

A format is a module with three functions, named in ``FORMATS``::

    sniff(path: Path) -> bool                            is this file or folder mine?
    read(path) -> Embeddings
    write(embeddings, path, *, force=False) -> None
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from firth.embeddings import Embeddings
from firth.errors import FormatError
from firth.formats import native


class Format(Protocol):
    """What a module of this package offers."""

    def sniff(self, path: Path) -> bool:
        """Tell whether ``path`` is of this format."""

    def read(self, path: str | os.PathLike[str]) -> Embeddings:
        """Read the embeddings at ``path``."""

    def write(self, embeddings: Embeddings, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write embeddings to ``path``."""


FORMATS: dict[str, Format] = {"firth": native}
"""Name -> module; the first that recognises a path reads it."""


def load(path: str | os.PathLike[str]) -> Embeddings:
    """Load a model, of whatever format it is. The vectors of a firth model are memory-mapped.

    Raises:
        FormatError: there is no model at ``path``, it is damaged, or its format is unknown.
    """
    place = Path(path)
    for module in FORMATS.values():
        if module.sniff(place):
            return module.read(place)
    raise FormatError(
        f"{place}: not in a format that firth reads ({', '.join(FORMATS)}): give a model folder"
    )


def save(embeddings: Embeddings, path: str | os.PathLike[str], force: bool = False) -> None:
    """Save a model as a folder of firth's own format; see :func:`firth.formats.native.write`.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds no model of firth.
        FormatError: the model cannot be written.
    """
    native.write(embeddings, path, force=force)

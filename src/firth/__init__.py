"""firth: learn word vectors from text, look at them, and know how far to trust them.

>>> import firth
>>> model = firth.train("corpus.txt", firth.TrainConfig(vector_size=200))  # doctest: +SKIP
>>> model.most_similar("king", topn=5)  # doctest: +SKIP
>>> firth.save(model, "model")  # doctest: +SKIP

Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from firth._version import __version__

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.formats import load, save
    from firth.training.config import TrainConfig
    from firth.training.trainer import resume, train

__all__ = ["Embeddings", "TrainConfig", "__version__", "load", "resume", "save", "train"]

_HOMES = {
    "Embeddings": "firth.embeddings",
    "TrainConfig": "firth.training.config",
    "load": "firth.formats",
    "resume": "firth.training.trainer",
    "save": "firth.formats",
    "train": "firth.training.trainer",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'firth' has no attribute {name!r}; it has {', '.join(__all__)}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__

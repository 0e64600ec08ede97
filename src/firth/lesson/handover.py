"""The last step of the chapter: the table of vectors as a layer of PyTorch."""

from __future__ import annotations

import contextlib
import io
from importlib.util import find_spec

from firth.lesson.embeddings import Matrix

CODE = """\
import torch

layer = torch.nn.Embedding.from_pretrained(torch.tensor(E), freeze=False)
vectors = layer(torch.tensor([king, queen]))
print(tuple(layer.weight.shape), "->", tuple(vectors.shape))
print([round(number, 3) for number in vectors[0].tolist()])
"""
"""``E`` is the table, ``king`` and ``queen`` are ids."""


def has_torch() -> bool:
    """Tell whether PyTorch is installed."""
    return find_spec("torch") is not None


def run_code(E: Matrix, king: int, queen: int) -> str:
    """Run :data:`CODE` and return what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(CODE, "<the hand-over>", "exec"), {"E": E, "king": king, "queen": queen})
    return printed.getvalue()


def foretell(E: Matrix, king: int) -> str:
    """Return what :data:`CODE` would print, worked out from the table without PyTorch."""
    rows, dim = len(E), len(E[0])
    return f"{(rows, dim)} -> {(2, dim)}\n{[round(number, 3) for number in E[king]]}\n"

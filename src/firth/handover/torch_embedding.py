"""Vectors as a layer of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firth.errors import ConfigError
from firth.extras import optional
from firth.handover.table import EXTRA, WordTable

if TYPE_CHECKING:
    from torch import nn


def to_torch(
    table: WordTable, *, context: bool = False, freeze: bool = True, padding_idx: int | None = None
) -> nn.Embedding:
    """Return the vectors as an ``nn.Embedding``: row i is word i, or token id i of a model of ids.

    The layer owns its weights: the one copy of 4 V D bytes that is made here, since the model's own are
    read-only or on disk, and PyTorch's may be trained.

    Args:
        table: the model.
        context: take the context vectors (the output side) instead of the word vectors.
        freeze: leave the weights out of training.
        padding_idx: a row that gets no gradient; its values stay what they are.

    Raises:
        ConfigError: no context vectors were kept, or there is no such row.
        MissingExtraError: torch is not installed.
    """
    torch = optional("torch", "to_torch()", EXTRA)
    vectors = table.context_vectors if context else table.vectors
    if vectors is None:
        raise ConfigError("the model has no context vectors: it was loaded from a format that keeps none")
    if padding_idx is not None and not -len(vectors) <= padding_idx < len(vectors):
        raise ConfigError(f"padding_idx must be a row of the {len(vectors)}, not {padding_idx}")
    weights = torch.from_numpy(np.array(vectors, np.float32))
    layer: nn.Embedding = torch.nn.Embedding.from_pretrained(weights, freeze=freeze, padding_idx=padding_idx)
    return layer

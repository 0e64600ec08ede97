"""How many of the true nearest neighbours a cheaper search, or a smaller copy of a model, still finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from firth.embeddings import Embeddings

Lists = list[list[str]]


@dataclass(frozen=True)
class Recall:
    """The share of true neighbours that were found."""

    mean: float
    """0 to 1, the mean over the words asked for."""
    k: int
    """Neighbours of each word."""
    words: int
    """Words asked for."""


def recall(
    exact: Embeddings, search: Callable[[Sequence[str], int], Lists], k: int, words: int = 1000
) -> Recall:
    """Return how much of the ``k`` nearest words by exact cosine ``search`` finds too.

    Args:
        exact: the model whose exact neighbours are the truth.
        search: (words, k) -> each word's nearest words, itself left out.
        k: neighbours to compare; recall@10 has 10.
        words: how many to ask for, drawn at random (with a fixed seed) from those that have neighbours.
    """
    asked = _sample(exact, words)
    truth = nearest_words(exact, asked, k)
    found = search(asked, k)
    shares = [
        len(set(true).intersection(near)) / len(true) for true, near in zip(truth, found, strict=True) if true
    ]
    return Recall(float(np.mean(shares)) if shares else 1.0, k, len(shares))


def nearest_words(model: Embeddings, words: Sequence[str], k: int) -> Lists:
    """Return each word's ``k`` nearest words by exact search."""
    return [[near for near, _ in neighbors] for neighbors in model.neighbors(words, k)]


def _sample(model: Embeddings, words: int) -> list[str]:
    """Draw words of the model without replacement; always the same ones."""
    trained = np.arange(len(model)) if model.trained is None else np.flatnonzero(model.trained)
    drawn = np.random.default_rng(1).choice(trained, min(words, len(trained)), replace=False)
    return [model.index_to_key[row] for row in drawn.tolist()]

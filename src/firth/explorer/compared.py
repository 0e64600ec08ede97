"""Two models beside each other: what their neighbourhoods share, word by word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import answers_json
from firth.embeddings import Embeddings
from firth.evaluation.alignment import shared_words
from firth.evaluation.nearest import NONE, nearest_rows
from firth.evaluation.stability import overlap_at_k
from firth.explorer.completion import rows_by_frequency

TOPN = 10
MOST_WORDS = 20_000
MOST_PRODUCTS = 4e11
"""Multiplications of one search: some seconds on two cores. Larger models have fewer words compared."""


def shared_neighbors(a: Embeddings, b: Embeddings, word: str, topn: int) -> dict[str, Any]:
    """Return a word's neighbours in two models, and the words that are in both lists."""
    lists = [model.neighbors([word], topn)[0] for model in (a, b)]
    others = {near for near, _ in lists[1]}
    found = [answers_json.ranking(model, answer) for model, answer in zip((a, b), lists, strict=True)]
    return {
        "word": word,
        "a": found[0],
        "b": found[1],
        "shared": [near for near, _ in lists[0] if near in others],
    }


def differences(a: Embeddings, b: Embeddings) -> dict[str, Any]:
    """Return the shared words by how many of their 10 nearest words are the same, the fewest first.

    Of equal ones the more frequent comes first. Neighbours are sought among all words of each model; one
    that the other model does not have is never the same. Only the most frequent words are compared where
    there are more than can be in some seconds.
    """
    shared = shared_words(a, b)
    order = np.argsort(_frequency_rank(a)[shared.rows_a], kind="stable")
    compared = order[: _affordable(a, b)]
    rows_a, rows_b = shared.rows_a[compared], shared.rows_b[compared]
    k = min(TOPN, len(a) - 1, len(b) - 1)
    overlap = np.zeros(len(compared), np.int64)
    if len(compared) and k > 0:
        with ThreadPoolExecutor(2) as threads:
            one, other = (
                threads.submit(nearest_rows, model.vectors, rows, k)
                for model, rows in ((a, rows_a), (b, rows_b))
            )
            near_a, near_b = one.result(), _in_other(a, b)[other.result()]
        overlap = (overlap_at_k(near_a, near_b) * k).round().astype(np.int64)
    words = [
        {"word": word, "overlap": int(overlap[place]), "count": answers_json.count(a, word)}
        for place in np.argsort(overlap, kind="stable").tolist()
        if (word := a.index_to_key[int(rows_a[place])])
    ]
    mean = float(overlap.mean()) if len(overlap) else None
    return {"words": words, "k": k, "mean": mean, "compared": len(compared), "shared_words": len(shared)}


def _affordable(a: Embeddings, b: Embeddings) -> int:
    """Return how many words can be compared."""
    numbers = max(len(a) * a.vector_size, len(b) * b.vector_size, 1)
    return int(min(MOST_WORDS, max(100, MOST_PRODUCTS // numbers)))


def _frequency_rank(model: Embeddings) -> NDArray[np.int64]:
    """Return for each row its place among the rows ordered by frequency: (V,)."""
    rank = np.empty(len(model), np.int64)
    rank[rows_by_frequency(model)] = np.arange(len(model))
    return rank


def _in_other(a: Embeddings, b: Embeddings) -> NDArray[np.int32]:
    """Return for each row of ``b`` the row of its word in ``a``, and a last entry for ``NONE``: (V + 1,).

    A word that ``a`` does not have gets a number of its own that is no row, so that it equals nothing.
    """
    rows = np.full(len(b) + 1, NONE, np.int32)
    for row, word in enumerate(b.index_to_key):
        rows[row] = a.key_to_index.get(word, len(a) + row)
    return rows

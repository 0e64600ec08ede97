"""The nearest rows of very many rows at once: what :mod:`firth.neighbors` does for a few, by blocks.

Cosines are float32 here and near ties are not settled in float64, which is several times faster; two
rows whose cosines agree to seven digits may therefore change places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

SCORES_AT_ONCE = 1 << 24  # 64 MB of float32 scores
GROUPS = 64  # scores of a group; only the groups with the highest maxima are looked into
NONE = -1


def nearest_rows(vectors: Matrix, rows: NDArray[np.integer], k: int) -> NDArray[np.int32]:
    """Return the ``k`` nearest rows by cosine, the row itself left out, for each of ``rows``.

    Args:
        vectors: (V, D) float32. No copy of it is made.
        rows: (n,) rows asked for; all V are searched.
        k: rows wanted, fewer than V.

    Returns:
        (n, k) rows, the nearest first; ``NONE`` fills up where there are fewer. A row of zeros is never
        found, and has no neighbours.
    """
    inverse = _inverse_norms(vectors)
    groups, width = _grouping(len(vectors), k)
    at_once = max(1, min(len(rows), SCORES_AT_ONCE // (groups * width)))
    scores = np.full((at_once, groups * width), -np.inf, np.float32)
    found = np.empty((len(rows), k), np.int32)
    for begin in range(0, len(rows), at_once):
        asked = rows[begin : begin + at_once]
        block = scores[: len(asked)]
        part = block[:, : len(vectors)]
        np.matmul(vectors[asked], vectors.T, out=part)
        part *= inverse
        part[:, inverse == 0] = -np.inf
        part[np.arange(len(asked)), asked] = -np.inf
        found[begin : begin + at_once] = _top(block, groups, width, k)
        found[begin : begin + at_once][inverse[asked] == 0] = NONE
    return found


def _inverse_norms(vectors: Matrix) -> Matrix:
    """Return 1 / length of each row, 0 for rows of zeros."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    inverse: Matrix = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0).astype(np.float32)
    return inverse


def _grouping(columns: int, k: int) -> tuple[int, int]:
    """Return (scores of a group, groups), such that there are more groups than the ``k`` that are kept."""
    groups = max(1, min(GROUPS, columns // (4 * k)))
    return groups, -(-columns // groups)


def _top(scores: Matrix, groups: int, width: int, k: int) -> NDArray[np.integer]:
    """Return the columns of the ``k`` highest scores, the highest first; ``NONE`` instead of -inf.

    Column c belongs to group c % width. The ``k`` highest scores lie in the ``k`` groups whose maxima are
    highest, so that most scores are read once, for their group's maximum.
    """
    maxima = scores.reshape(len(scores), groups, width).max(axis=1)
    best = np.argpartition(maxima, width - k, axis=1)[:, width - k :]
    columns = (best[:, None, :] + (np.arange(groups) * width)[None, :, None]).reshape(len(scores), -1)
    values = np.take_along_axis(scores, columns, axis=1)
    kept = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    columns, values = np.take_along_axis(columns, kept, axis=1), np.take_along_axis(values, kept, axis=1)
    order = np.lexsort((columns, -values), axis=1)
    columns, values = np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)
    return np.where(np.isfinite(values), columns, NONE)

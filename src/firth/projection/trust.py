"""How far a map can be trusted, word by word: how many of its true neighbours are near it on the map.

A word's true neighbours are the ``TRUE_NEIGHBORS`` words with the highest cosine, by exact search among the
words of the map. One is *near* if it is among the K words nearest on the map, with K the same for all words
(:func:`near_words`). This is the recall of Venna and Kaski's neighbourhoods, taken loosely, 10 in 50, as
nobody reads a map to the single word; put by chance on a map of n words, 10 K / (n - 1) would be near.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

TRUE_NEIGHBORS = 10
UNKNOWN = 255
"""Stands for a word whose trust was not measured."""

_LEAF = 64  # points of a leaf, at least; more would compare more pairs, fewer would take more steps
_FIRST_LOOK = 5  # leaves in which a bound is looked for
_NONE = -1


def near_words(words: int) -> int:
    """Return K, how many words of the map count as near: one in a hundred, from 10 to 50.

    >>> near_words(67_978), near_words(3_000), near_words(200)
    (50, 30, 10)
    """
    return min(50, max(10, words // 100))


def near_counts(positions: NDArray[np.floating], neighbors: NDArray[np.integer], k: int) -> NDArray[np.uint8]:
    """Count for each word its true neighbours that are among the ``k`` words nearest to it on the map.

    Args:
        positions: (n, 2) places on the map.
        neighbors: (n, t) places of the true neighbours in the order of ``positions``; -1 for none.
        k: K above. Words as far as the k-th are near too.

    Returns:
        (n,) counts, 0 to t.
    """
    points = np.asarray(positions, np.float64)
    reach = squared_distance_of_kth(points, k)
    counts = np.zeros(len(points), np.uint8)
    for column in neighbors.T:
        counts += (_squares(points, points[column]) <= reach) & (column != _NONE)
    return counts


def squared_distance_of_kth(points: Doubles, k: int) -> Doubles:
    """Return each point's squared distance to its k-th nearest other point, exactly: (n,).

    The points are cut in halves until they lie in leaves of equal numbers. A leaf and those beside it give
    a bound to all its points; only the leaves within that bound are looked at then. So 250,000 points take
    seconds (some outliers, far from all others, cost more).

    Where there are fewer than k other points, infinity.
    """
    if len(points) <= k:
        return np.full(len(points), np.inf)
    leaves = _leaves(points, max(_LEAF, k + 1))
    low = np.array([points[leaf].min(axis=0) for leaf in leaves])
    high = np.array([points[leaf].max(axis=0) for leaf in leaves])
    found = np.empty(len(points))
    for number, leaf in enumerate(leaves):
        own = points[leaf]
        gaps = np.square(np.maximum(0.0, np.maximum(low - high[number], low[number] - high))).sum(axis=1)
        gaps[number] = -1.0  # its own leaf comes first
        close = np.argsort(gaps, kind="stable")[:_FIRST_LOOK]
        bound = _kth(own, _gathered(points, leaves, close), k).max()
        within = np.union1d(close, np.flatnonzero(gaps < bound))
        found[leaf] = _kth(own, _gathered(points, leaves, within), k)
    return found


def summary(near: NDArray[np.uint8], k: int) -> dict[str, Any]:
    """Return what holds for a map as a whole, ready for JSON."""
    histogram = np.bincount(near, minlength=TRUE_NEIGHBORS + 1)
    return {
        "k": TRUE_NEIGHBORS,
        "among": k,
        "mean": float(near.mean()),
        "median": float(np.median(near)),
        "histogram": histogram.tolist(),
        "chance": min(1.0, k / max(1, len(near) - 1)) * min(TRUE_NEIGHBORS, len(near) - 1),
    }


def definition(k: int) -> str:
    """Say what is counted."""
    return (
        f"how many of a word's {TRUE_NEIGHBORS} nearest words (by cosine in the full space, exact, "
        f"among the words of the map) are among the {k} words nearest to it on the map"
    )


def _leaves(points: Doubles, smallest: int) -> list[NDArray[np.intp]]:
    """Halve the points until a further half would have fewer than ``smallest``."""
    leaves = [np.arange(len(points))]
    while min(map(len, leaves)) >= 2 * smallest:
        leaves = [half for leaf in leaves for half in _halves(points, leaf)]
    return leaves


def _halves(points: Doubles, leaf: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut a leaf in two across its longer side."""
    own = points[leaf]
    middle = len(leaf) // 2
    order = np.argpartition(own[:, int(np.ptp(own, axis=0).argmax())], middle)
    return leaf[order[:middle]], leaf[order[middle:]]


def _gathered(points: Doubles, leaves: list[NDArray[np.intp]], wanted: NDArray[np.intp]) -> Doubles:
    """Return the points of some leaves."""
    gathered: Doubles = points[np.concatenate([leaves[number] for number in wanted.tolist()])]
    return gathered


def _kth(own: Doubles, candidates: Doubles, k: int) -> Doubles:
    """Return the squared distances from each of ``own`` to its k-th nearest candidate, itself aside.

    A point is among its candidates, at distance 0, so the k-th other one is number k from 0.
    """
    nearest: Doubles = np.partition(_squares(own[:, None], candidates[None]), k, axis=1)[:, k]
    return nearest


def _squares(a: Doubles, b: Doubles) -> Doubles:
    """Return squared distances; the same two points always give the same bits."""
    gaps = a - b
    squares: Doubles = gaps[..., 0] * gaps[..., 0] + gaps[..., 1] * gaps[..., 1]
    return squares

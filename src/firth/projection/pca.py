"""Principal components: the plane over which a model's unit vectors spread most.

The vectors are brought to length 1 first, as all of firth compares words by cosine; otherwise the first
axis tells little more than how long a vector is (LOG.md has what each way keeps). The plane is exact: all
sums are float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firth.projection.mapped_words import MappedWords

Doubles = NDArray[np.float64]


def principal_plane(words: MappedWords) -> tuple[Doubles, float]:
    """Place words on their first two principal components.

    An axis may point either way: its largest number is made positive, so that the map stays the same.

    Args:
        words: n words; their vectors are read by blocks, so that a memory map of any size will do.

    Returns:
        (n, 2) places, the mean at the origin; and the share of the variance that the plane holds, 0 to 1
        (0 where all directions are the same).
    """
    mean, covariance = _moments(words)
    variances, directions = np.linalg.eigh(covariance)
    axes = directions[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    places = np.zeros((len(words), 2))  # a model of one dimension has only one axis
    for some, units in words.blocks():
        places[some, : axes.shape[1]] = (units - mean) @ axes
    total = float(variances.sum())
    share = float(variances[-2:].sum()) / total if total > 0 else 0.0
    return places, min(1.0, max(0.0, share))


def _moments(words: MappedWords) -> tuple[Doubles, Doubles]:
    """Return the mean (D,) and the covariance (D, D) of the unit vectors.

    Two passes: products of centered vectors lose nothing to cancellation.
    """
    mean: Doubles = sum(units.sum(axis=0) for _, units in words.blocks()) / np.float64(len(words))
    covariance = np.zeros((len(mean), len(mean)))
    for _, units in words.blocks():
        units -= mean
        covariance += units.T @ units
    return mean, covariance / len(words)

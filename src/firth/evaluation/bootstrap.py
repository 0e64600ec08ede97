"""How far a score can be trusted: the bootstrap (Efron 1979), seeded and vectorised.

The items of a test set (pairs, questions, words) are drawn anew, with replacement and as many as there
are; the score of each such draw shows how much it owes to the items that happened to be in the set.
The interval is the middle 95 % of those scores. A draw is held as *multiplicities*, how often each item
was drawn, so that one draw is one row of a matrix. What another seed of the *training* would change is
another question: see :mod:`firth.evaluation.stability`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]

LEVEL = 0.95
DRAWS, SEED = 2000, 1
NUMBERS_AT_ONCE = 1 << 20  # multiplicities of one block of draws: 8 MB
ENOUGH_ITEMS = 3
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % interval, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    """Why ``value`` (or the interval) is None; empty otherwise."""


def not_enough(reason: str) -> Estimate:
    """Return the estimate of a score that cannot be given.

    >>> not_enough("2 pairs found").reason
    'not enough data: 2 pairs found'
    """
    return Estimate(None, reason=f"not enough data: {reason}")


def multiplicities(
    items: int, draws: int, rng: np.random.Generator, width: int | None = None
) -> Iterator[Whole]:
    """Yield ``draws`` draws of ``items`` items by blocks: (block, items) int64, each row sums to ``items``.

    ``width``: numbers that the caller makes of one draw, if more than ``items``; a block gets fewer draws.
    """
    step = max(1, NUMBERS_AT_ONCE // max(items, width or 1, 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = rng.integers(0, items, (rows, items)) + items * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items)


def resample(items: int, score: Callable[[Whole], Doubles], draws: int = DRAWS, seed: int = SEED) -> Doubles:
    """Return the scores of the draws: (draws, ...), without those that have none (NaN).

    Args:
        items: items of the test set.
        score: (block, items) multiplicities -> (block,) or (block, k) scores.
        draws: draws wanted.
        seed: of the draws; the same seed draws the same items, for any score.
    """
    rng = np.random.default_rng(seed)
    scores = np.concatenate([score(block) for block in multiplicities(items, draws, rng)])
    finite = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
    kept: Doubles = scores[finite]
    return kept


def interval(scores: Doubles) -> tuple[float, float]:
    """Return the middle 95 % of the draws' scores (the percentile interval)."""
    low, high = np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def with_interval(value: float, scores: Doubles) -> Estimate:
    """Return a score with the interval of its draws."""
    if not len(scores):
        return Estimate(value, reason="not enough data for an interval")
    return Estimate(value, *interval(scores))


def share_with_interval(right: NDArray[np.bool_], draws: int = DRAWS, seed: int = SEED) -> Estimate:
    """Return the share of True with its interval, the items being independent of each other."""
    items = len(right)
    if items < ENOUGH_ITEMS:
        return not_enough(f"{items} covered, at least {ENOUGH_ITEMS} are needed")
    value = float(right.mean())
    if value in (0.0, 1.0):
        return Estimate(value, *wilson(value, items))
    numbers = right.astype(np.float64)
    return with_interval(value, resample(items, lambda drawn: drawn @ numbers / items, draws, seed))


def wilson(share: float, items: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval (1927) of a share: the one for all or none, where draws never differ.

    >>> [round(end, 3) for end in wilson(1.0, 10)]
    [0.722, 1.0]
    """
    z2 = _NORMAL_95**2
    middle = (share + z2 / (2 * items)) / (1 + z2 / items)
    half = _NORMAL_95 / (1 + z2 / items) * math.sqrt(share * (1 - share) / items + z2 / (4 * items**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def two_sided_p(differences: Doubles) -> float:
    """Return how often a draw's difference falls on or across zero: the bootstrap's two-sided p-value.

    Each side counts one draw more than it has, so that p is never 0 (Davison & Hinkley 1997, section 4.2).

    >>> two_sided_p(np.array([0.2, 0.1, 0.3]))
    0.5
    """
    below, above = int((differences <= 0).sum()), int((differences >= 0).sum())
    return min(1.0, 2 * (1 + min(below, above)) / (1 + len(differences)))

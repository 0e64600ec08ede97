"""How the speed scales: firth's runs on synthetic texts, one axis at a time from a base, in turns.

Subsampling stays on, as in every ordinary run. Without it the commonest word, a twelfth of a text by Zipf's
law, stands twice in most windows: such steps are worked on copies, and the threads race for its row, so that
the curve would show a case that nobody trains. It takes nothing away from the figures: speed and work are
both for a word that was trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Point:
    """Where a run stands on the axes."""

    vector_size: int = 100
    window: int = 5
    negative: int = 5
    vocabulary: int = 70_000
    sentence: int = 20
    """Words in a sentence."""

    def __str__(self) -> str:
        """Say in what the point is not the base."""
        own, base = vars(self), vars(Point())
        return ", ".join(f"{name} {own[name]:,}" for name in own if own[name] != base[name]) or "the base"


BASE = Point()
AXES = {
    "vector_size": (50, 64, 96, 100, 112, 128, 200, 300, 512),
    "window": (2, 3, 5, 8, 10),
    "negative": (2, 3, 5, 6, 8, 10, 15, 20),
    "vocabulary": (10_000, 70_000, 200_000, 1_000_000),
    "sentence": (5, 10, 20, 100, 1000, 10_000),
}
TREND_AXES = ("vector_size", "window", "negative")
"""The axes along which work grows, to which the trend is fitted; the others should not matter."""

NOMINAL_FLOPS, NOMINAL_WORD_SECONDS = 2.2e11, 4e-8
"""Two cores of 2024: what they do in a second, and take for a word of no work."""
KEPT = 0.75
"""The share of a text's words that subsampling leaves, about."""


def axis(name: str) -> dict[int, Point]:
    """Return the points of an axis by value."""
    return {value: replace(BASE, **{name: value}) for value in AXES[name]}


def points() -> list[Point]:
    """Return every point once."""
    return list(dict.fromkeys(point for name in AXES for point in axis(name).values()))


def pair_flops(vector_size: int) -> int:
    """Return the floating-point operations of one context with one output: a dot product, two updates."""
    return 6 * vector_size


def word_flops(vector_size: int, negative: int, contexts: float) -> float:
    """Return the operations of a center with so many contexts, each with the center and its negatives.

    >>> word_flops(100, 5, 4.0)
    14400.0
    """
    return contexts * (1 + negative) * pair_flops(vector_size)


def epochs(point: Point, words: int, seconds: float) -> int:
    """Return after how many epochs a text of ``words`` words has been trained for about ``seconds``.

    That is on two cores of 2024; elsewhere it takes more or less.
    """
    contexts = min(point.window + 1.0, point.sentence * KEPT - 1)
    work = word_flops(point.vector_size, point.negative, contexts)
    return math.ceil(seconds / (KEPT * words * (NOMINAL_WORD_SECONDS + work / NOMINAL_FLOPS)))

"""The curve's arithmetic: seconds for a word = a + b × its operations, and how far each point is off that."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from bench.curve import AXES, TREND_AXES, Point, axis, epochs, points, word_flops
from bench.summary import Record, Spread, by_round, rate, spread, trained_rate


@dataclass(frozen=True)
class Trend:
    """What a trained word takes: ``word_seconds``, and ``flop_seconds`` for each floating-point operation."""

    word_seconds: float
    flop_seconds: float

    def seconds(self, flops: float) -> float:
        """Return the seconds for a word with so many operations."""
        return self.word_seconds + self.flop_seconds * flops


@dataclass(frozen=True)
class Measured:
    """One point of the curve: operations for a trained word, and the seconds it took, by round."""

    flops: float
    contexts: float
    seconds: dict[Any, float]

    @property
    def middle(self) -> float:
        """The median of the seconds."""
        return median(self.seconds.values())


def measured(records: list[Record], options: Namespace) -> dict[Point, Measured]:
    """Return what was measured of the curve."""
    found = {}
    for point in points():
        words, seconds = options.curve_words, options.curve_seconds
        wanted = {"group": "curve", "threads": options.threads, "words": words, **asdict(point)}
        wanted["epochs"] = epochs(point, words, seconds)
        rates = by_round(records, trained_rate, **wanted)
        contexts = list(by_round(records, contexts_a_word, **wanted).values())
        if rates and contexts:
            flops = word_flops(point.vector_size, point.negative, contexts[0])
            found[point] = Measured(flops, contexts[0], {at: 1 / speed for at, speed in rates.items()})
    return found


def contexts_a_word(result: dict[str, Any]) -> float | None:
    """Return the words in the window of a trained word, on average; counted."""
    return rate(result.get("pairs"), result.get("trained_words"))


def fit(took: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the line through (operations, seconds) whose relative errors have the least squares.

    None where there are fewer than two points.
    """
    if len(took) < 2:
        return None
    flops, seconds = np.array(took).T
    scale = flops.mean()  # both columns are then of one size
    columns = np.stack([1 / seconds, flops / scale / seconds], axis=1)
    (word, flop), *_ = np.linalg.lstsq(columns, np.ones(len(took)))
    return Trend(float(word), float(flop / scale))


def trend(found: Mapping[Point, Measured], round_: Any = None) -> Trend | None:
    """Return the trend of the axes along which work grows, of the medians or of one round."""
    on_trend = {point for name in TREND_AXES for point in axis(name).values()}
    took = []
    for point, one in found.items():
        seconds = one.middle if round_ is None else one.seconds.get(round_)
        if point in on_trend and seconds is not None:
            took.append((one.flops, seconds))
    return fit(took)


def factors(found: Mapping[Point, Measured]) -> dict[Point, Spread]:
    """Return how many times as long as by the trend a word takes at each point.

    Each round has a trend of its own, so that a round on a busier machine is not off it.
    """
    rounds = {round_ for one in found.values() for round_ in one.seconds}
    trends = {round_: line for round_ in rounds if (line := trend(found, round_)) is not None}
    off = {
        point: spread(
            [took / trends[at].seconds(one.flops) for at, took in one.seconds.items() if at in trends]
        )
        for point, one in found.items()
    }
    return {point: factor for point, factor in off.items() if factor is not None}


def farthest(off: Mapping[Point, Spread]) -> tuple[Point, Spread]:
    """Return the point farthest off the trend, to either side, its spread as a factor above 1."""
    point = max(off, key=lambda one: max(off[one].middle, 1 / off[one].middle))
    one = off[point]
    if one.middle < 1:
        one = Spread(1 / one.middle, 1 / one.high, 1 / one.low, one.n)
    return point, one


def report(records: list[Record], options: Namespace) -> dict[str, Any] | None:
    """Return the trend and every point, by axis; None if the curve was not measured."""
    found = measured(records, options)
    if not found:
        return None
    line, off = trend(found), factors(found)
    rows = [
        _row(name, value, found[point], off.get(point))
        for name in AXES
        for value, point in axis(name).items()
        if point in found
    ]
    return {"trend": line and asdict(line), "points": rows}


def _row(name: str, value: int, one: Measured, factor: Spread | None) -> dict[str, Any]:
    """Return one point."""
    speeds = [1 / took for took in one.seconds.values()]
    return {
        "axis": name,
        "value": value,
        "trained_words_per_second": spread(speeds),
        "contexts_a_word": one.contexts,
        "flops_a_word": one.flops,
        "flops_per_second": spread([one.flops * speed for speed in speeds]),
        "off_trend": factor,
    }

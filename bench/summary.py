"""From runs to figures: medians, ratios of medians, seeds' spreads. What was not measured is None."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Record = dict[str, Any]
Value = Callable[[dict[str, Any]], float | None]


@dataclass(frozen=True)
class Spread:
    """One figure from several runs: its middle (median, or mean where said), lowest and highest, how many."""

    middle: float
    low: float
    high: float
    n: int

    @property
    def width(self) -> float | None:
        """Highest less lowest; None of a single value, which shows no spread."""
        return self.high - self.low if self.n > 1 else None


def spread(values: list[float], middle: Callable[[list[float]], float] = median) -> Spread | None:
    """Return the spread of ``values``, or None if there are none."""
    return Spread(middle(values), min(values), max(values), len(values)) if values else None


def ratio(above: Mapping[Any, float], below: Mapping[Any, float]) -> Spread | None:
    """Return the ratio of the medians, and the lowest and highest ratio within a round.

    Both are given by round; only rounds in which both were measured count.

    >>> ratio({1: 8.0, 2: 9.0}, {1: 2.0, 2: 3.0})
    Spread(middle=3.4, low=3.0, high=4.0, n=2)
    """
    rounds = above.keys() & below.keys()
    within = [above[round_] / below[round_] for round_ in rounds]
    if not within:
        return None
    middle = median(above[round_] for round_ in rounds) / median(below[round_] for round_ in rounds)
    return Spread(middle, min(within), max(within), len(within))


def raw_rate(result: dict[str, Any]) -> float | None:
    """Return the words of the corpus passed over in a second of the trained phase."""
    return rate(result.get("raw_words"), result.get("train_seconds"))


def trained_rate(result: dict[str, Any]) -> float | None:
    """Return the words left after subsampling that were trained in a second of the trained phase."""
    return rate(result.get("trained_words"), result.get("train_seconds"))


def rate(amount: float | None, unit: float | None) -> float | None:
    """Return how much there is for one unit; None where either is missing or 0."""
    return amount / unit if amount and unit else None


def member(name: str) -> Value:
    """Return a function that takes ``name`` out of a run's result."""
    return lambda result: result.get(name)


def by_round(records: list[Record], value: Value, **wanted: Any) -> dict[Any, float]:
    """Return ``value`` of every run with the attributes ``wanted``, by round (number, alpha, seed)."""
    found = {}
    for record in records:
        run = record["run"]
        measured = value(record["result"])
        if measured is not None and all(run[name] == wish for name, wish in wanted.items()):
            found[run["round"], run["alpha"], run["seed"]] = measured
    return found


def over_rounds(records: list[Record], value: Value, **wanted: Any) -> Spread | None:
    """Return the median and range of ``value`` over the rounds."""
    return spread(list(by_round(records, value, **wanted).values()))


def timed(options: Namespace) -> dict[str, Any]:
    """Return the attributes of the short runs at the ordinary size and thread count."""
    sizes = {"vector_size": options.vector_size, "threads": options.threads}
    usual = {"copies": 1, "reproducible": True, "shards": 1}
    return {"group": "timed", "epochs": options.speed_epochs, **usual, **sizes}


def full(options: Namespace) -> dict[str, Any]:
    """Return the attributes of the runs of all epochs."""
    sizes = {"vector_size": options.vector_size, "threads": options.threads}
    return {"group": "full", "epochs": options.quality_epochs, "copies": 1, **sizes}


def quality(records: list[Record], options: Namespace) -> dict[str, dict[float, dict[str, Any]]]:
    """Return the scores by program, alpha and evaluation file, each over the seeds.

    A score is ``{"spread": Spread (its middle the mean), "covered": questions or pairs, "of": all of them}``.
    """
    wanted = full(options)
    found: dict[str, dict[float, dict[str, Any]]] = {}
    for program in options.programs:
        for alpha in options.alphas:
            runs = [
                record["scores"]
                for record in records
                if record["scores"]
                and all(record["run"][key] == wish for key, wish in wanted.items())
                and (record["run"]["program"], record["run"]["alpha"]) == (program, alpha)
                and record["run"]["seed"] in options.seeds
            ]
            if runs:
                found.setdefault(program, {})[alpha] = {name: _score(runs, name) for name in runs[0]}
    return found


def _score(runs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return one evaluation file's score over the seeds' runs."""
    values = [run[name]["score"] for run in runs if run[name]["score"] is not None]
    return {"spread": spread(values, fmean), "covered": runs[0][name]["covered"], "of": runs[0][name]["of"]}


def best_alpha(by_alpha: dict[float, dict[str, Any]]) -> float | None:
    """Return the alpha whose mean over all scores is highest: one for a program, not one for each score."""
    means = {}
    for alpha, scores in by_alpha.items():
        middles = [score["spread"].middle for score in scores.values() if score["spread"]]
        if middles:
            means[alpha] = fmean(middles)
    return max(means, key=means.__getitem__) if means else None

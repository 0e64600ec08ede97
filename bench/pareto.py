"""Quality against time: what every whole run, of however many epochs, scored and how long it trained."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.summary import Record, full

MEAN = "mean"
"""The name of the mean over all scores."""


@dataclass(frozen=True)
class Outcome:
    """What so many epochs of a program at one alpha come to, over the seeds."""

    program: str
    alpha: float
    epochs: int
    seconds: float
    """Of training, the median over the seeds."""
    scores: dict[str, float]
    """By evaluation file, the mean over the seeds; and the mean of these."""
    seeds: int


def outcomes(records: list[Record], options: Namespace) -> list[Outcome]:
    """Return all that was scored at the ordinary size and thread count, by program, alpha and epochs."""
    wanted = {name: value for name, value in full(options).items() if name != "epochs"}
    kinds: dict[tuple[str, float, int], list[Record]] = {}
    for record in records:
        run = record["run"]
        if record["scores"] and all(run[name] == wish for name, wish in wanted.items()):
            kinds.setdefault((run["program"], run["alpha"], run["epochs"]), []).append(record)
    found = [_outcome(*kind, runs) for kind, runs in sorted(kinds.items())]
    return [one for one in found if one is not None]


def _outcome(program: str, alpha: float, epochs: int, runs: list[Record]) -> Outcome | None:
    """Return what the runs of one kind come to; None if one of the figures is missing."""
    seconds = [run["result"].get("train_seconds") for run in runs]
    scores = {name: [run["scores"][name]["score"] for run in runs] for name in runs[0]["scores"]}
    if None in seconds or any(None in values for values in scores.values()):
        return None
    means = {name: fmean(values) for name, values in scores.items()}
    means[MEAN] = fmean(means.values())
    return Outcome(program, alpha, epochs, median(seconds), means, len(runs))


def best(found: Sequence[Outcome], program: str, epochs: int, score: str) -> Outcome | None:
    """Return the program's best alpha after so many epochs."""
    own = [one for one in found if (one.program, one.epochs) == (program, epochs)]
    return max(own, key=lambda one: one.scores[score], default=None)


def soonest(found: Sequence[Outcome], program: str, score: str, target: float) -> Outcome | None:
    """Return the program's shortest run that reaches ``target``; runs only, nothing is drawn between them."""
    reaching = [one for one in found if one.program == program and one.scores[score] >= target]
    return min(reaching, key=lambda one: one.seconds, default=None)

"""What firth wants to reach beside gensim, and whether it did."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from bench.summary import (
    Record,
    Spread,
    best_alpha,
    by_round,
    full,
    member,
    quality,
    ratio,
    raw_rate,
    spread,
    timed,
)

MEMORY_LIMIT_MB = 400.0


@dataclass(frozen=True)
class Goal:
    """A target and what was measured; ``reached`` is None where either is missing."""

    name: str
    unit: str
    target: float | None
    at_least: bool
    measured: Spread | None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Tell whether the measured middle reaches the target."""
        if self.measured is None or self.target is None:
            return None
        if self.at_least:
            return self.measured.middle >= self.target
        return self.measured.middle <= self.target


def goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return all goals, measured or not."""
    size, other = options.vector_size, options.also_vector_size
    one = {**timed(options), "threads": 1, "program": "firth"}
    two = {**timed(options), "program": "firth"}
    threads = ratio(by_round(records, raw_rate, **two), by_round(records, raw_rate, **one))
    return [
        Goal(
            f"trained phase, {size} dimensions, to gensim",
            "×",
            15,
            True,
            trained_phase(records, options, size),
        ),
        Goal(
            f"whole run, epochs {options.quality_epochs}, to gensim",
            "×",
            12,
            True,
            whole_run(records, options),
        ),
        Goal(
            f"trained phase, {other} dimensions, to gensim",
            "×",
            8,
            True,
            trained_phase(records, options, other),
        ),
        Goal(f"{options.threads} threads to one", "×", 1.8, True, threads),
        Goal("encoding to gensim's vocabulary scan", "×", None, True, encoding(records, options)),
        *answer_goals(records),
        *store_goals(records),
        *service_goals(records),
        *page_goals(records),
        *memory_goals(records, options),
        *quality_goals(records, options),
    ]


def trained_phase(
    records: list[Record], options: Namespace, size: int, other: str = "gensim"
) -> Spread | None:
    """Return firth's raw words/s to the other program's."""
    wanted = {**timed(options), "vector_size": size}
    ours, theirs = (by_round(records, raw_rate, **wanted, program=name) for name in ("firth", other))
    return ratio(ours, theirs)


def whole_run(records: list[Record], options: Namespace, other: str = "gensim") -> Spread | None:
    """Return the other program's seconds, from the start of the process to saved vectors, to firth's."""
    seconds = member("total_seconds")
    ours, theirs = (by_round(records, seconds, **full(options), program=name) for name in ("firth", other))
    return ratio(theirs, ours)


def encoding(records: list[Record], options: Namespace, other: str = "gensim") -> Spread | None:
    """Return the other program's seconds for its vocabulary to firth's for ids and counts."""
    seconds = member("encode_seconds")
    ours, theirs = (by_round(records, seconds, **timed(options), program=name) for name in ("firth", other))
    return ratio(theirs, ours)


def answer_goals(records: list[Record]) -> list[Goal]:
    """Return a goal for the speed of answering the analogies, among the frequent words and among all."""
    found = [record["result"]["answer_seconds"] for record in records if record["run"]["group"] == "answers"]
    goals = []
    for words, seconds in (found[-1] if found else {}).items():
        ours, theirs = (dict(enumerate(seconds[name])) for name in ("firth", "gensim"))
        among = f"{int(words):,} words" if int(words) else "all words"
        goals.append(Goal(f"analogies among {among}, to gensim", "×", 5, True, ratio(theirs, ours)))
    return goals


STORE_TARGETS = {"loading": 5, "neighbours": 3}
"""How many times as fast as gensim, by the first word of the task."""
OPENING_LIMIT_MS = 50.0


def store_goals(records: list[Record]) -> list[Goal]:
    """Return a goal for each format's loading, for searching, and for opening a million words."""
    found = [record["result"] for record in records if record["run"]["group"] == "store"]
    if not found:
        return []
    goals = []
    for task, seconds in found[-1]["store_seconds"].items():
        ours, theirs = (dict(enumerate(seconds[name])) for name in ("firth", "gensim"))
        target = STORE_TARGETS[task.split()[0]]
        goals.append(Goal(f"{task}, to gensim", "×", target, True, ratio(theirs, ours)))
    for name, seconds in found[-1]["open_seconds"].items():
        measured = spread([second * 1e3 for second in seconds])
        goals.append(Goal(f"opening a million words, {name}", " ms", OPENING_LIMIT_MS, False, measured))
    return goals


SERVICE_TARGET = 300.0
"""Requests a second for neighbours, from sixteen connections."""


def service_goals(records: list[Record]) -> list[Goal]:
    """Return a goal for the requests that the explorer answers, and how long one of them takes."""
    found = [record["result"]["service"] for record in records if record["run"]["group"] == "service"]
    if not found:
        return []
    goals = []
    alone, mapping = found[-1]["rounds"], found[-1]["while_mapping"]
    for rounds, when in ((alone, ""), ([mapping] if mapping else [], " while the map is made")):
        if not rounds:
            continue
        rate, p50, p99 = (
            spread([float(one[name]) for one in rounds])
            for name in ("requests_per_second", "p50_ms", "p99_ms")
        )
        target = None if when else SERVICE_TARGET
        goals.append(Goal(f"explorer, neighbours{when}", " requests/s", target, True, rate))
        goals.append(Goal(f"explorer, half of the answers{when}", " ms", None, False, p50))
        goals.append(Goal(f"explorer, 99 % of the answers{when}", " ms", None, False, p99))
    return goals


PAGE_LIMITS_MS = {"first useful paint": 1000.0, "map of all words": 3000.0}


def page_goals(records: list[Record]) -> list[Goal]:
    """Return a goal for how long the explorer's page takes in a browser, from the address typed."""
    found = [record["result"]["page_ms"] for record in records if record["run"]["group"] == "page"]
    return [
        Goal(f"explorer's page, {name}", " ms", PAGE_LIMITS_MS[name], False, spread(times))
        for name, times in (found[-1] if found else {}).items()
    ]


def beside_model_mb(result: dict[str, Any]) -> float | None:
    """Return peak resident memory, mapped data files aside, less the model's tables, in 10**6 bytes."""
    resident, model = result.get("unmapped_bytes"), result.get("model_bytes")
    if resident is None or model is None:
        return None
    return float(resident - model) / 1e6


def memory_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return a goal for the corpus given once, and one for it given several times over."""
    found = []
    for copies in (1, options.memory_copies):
        wanted = {**timed(options), "group": "memory", "copies": copies}
        measured = spread(list(by_round(records, beside_model_mb, **wanted).values()))
        parts = []
        for title in ("unmapped", "anonymous", "model"):
            size = spread(list(by_round(records, member(f"{title}_bytes"), **wanted).values()))
            parts += [f"{title} {size.middle / 1e6:.0f}"] if size else []
        name = f"memory beside the model, corpus × {copies}"
        found.append(Goal(name, " MB", MEMORY_LIMIT_MB, False, measured, note=", ".join(parts)))
    return found


def quality_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return a goal for each evaluation file: firth's shortfall against gensim's own spread over the seeds.

    Both at their best alpha. A negative shortfall means that firth is ahead.
    """
    scores = quality(records, options)
    ours, theirs = scores.get("firth", {}), scores.get("gensim", {})
    our_alpha, their_alpha = best_alpha(ours), best_alpha(theirs)
    if our_alpha is None or their_alpha is None:
        return []
    return [
        _shortfall(name, ours[our_alpha][name]["spread"], theirs[their_alpha][name]["spread"])
        for name in theirs[their_alpha]
    ]


def _shortfall(name: str, ours: Spread | None, theirs: Spread | None) -> Goal:
    """Return the goal for one evaluation file."""
    title = f"{name}: below gensim, allowed its spread over the seeds"
    if ours is None or theirs is None:
        return Goal(title, "", None, False, None)
    worst, best = theirs.low - ours.high, theirs.high - ours.low
    measured = Spread(theirs.middle - ours.middle, worst, best, min(ours.n, theirs.n))
    own = "–" if ours.width is None else f"{ours.width:.4f}"
    return Goal(title, "", theirs.width, False, measured, note=f"firth's own spread {own}")

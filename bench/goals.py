"""What firth wants to reach beside gensim, and whether it did."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from bench import bits, pareto, shares, trend
from bench.curve import axis
from bench.plan import shards_of
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
        *bits_goals(records, options),
        Goal("encoding to gensim's vocabulary scan", "×", None, True, encoding(records, options)),
        *share_goals(records, options),
        *curve_goals(records, options),
        *answer_goals(records),
        *store_goals(records),
        *service_goals(records),
        *page_goals(records),
        *memory_goals(records, options),
        *quality_goals(records, options),
        *pareto_goals(records, options),
    ]


def bits_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return goals for the bits, for their price on one thread and on all, and for the speed they leave."""
    shards = shards_of(options)
    numbers = ", ".join(map(str, sorted(bits.digests(records, options))))
    return [
        Goal(f"different models from threads {numbers}", "", 1, False, bits.different(records, options)),
        *(
            Goal(
                f"reproducible to racing, threads {threads}",
                "×",
                0.9,
                True,
                bits.to_racing(records, options, threads),
            )
            for threads in sorted({1, options.threads})
        ),
        Goal(
            f"{shards} shards to racing, threads {options.threads}",
            "×",
            0.9,
            True,
            bits.to_racing(records, options, options.threads, shards),
        ),
        Goal(
            f"trained phase, {shards} shards, to gensim",
            "×",
            16,
            True,
            bits.to_gensim(records, options, shards=shards),
        ),
        Goal(
            "trained phase, racing, to gensim",
            "×",
            25,
            True,
            bits.to_gensim(records, options, reproducible=False),
        ),
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


SHARES = {
    "peak_flops_per_second": ("machine, multiply-adds in registers", " GFLOP/s", 1e-9),
    "peak_read_bytes_per_second": ("machine, reading memory", " GB/s", 1e-9),
    "flops_per_second": ("firth's trained phase", " GFLOP/s", 1e-9),
    "share_of_peak": ("firth's share of the multiply-adds", " %", 100),
}


def share_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return lines for the machine's peak and what firth makes of it: figures to know, without a target."""
    goals = []
    for threads, found in (shares.report(records, options) or {}).items():
        work, moved = found["flops_a_word"], found["bytes_a_word"]
        note = f"a trained word: {work.middle:,.0f} FLOPs, {moved.middle:,.0f} bytes" if work else ""
        for name, (title, unit, scale) in SHARES.items():
            one = found[name]
            measured = one and Spread(one.middle * scale, one.low * scale, one.high * scale, one.n)
            about = note if name == "flops_per_second" else ""
            goals.append(Goal(f"{title}, threads {threads}", unit, None, True, measured, about))
    return goals


OFF_TREND_LIMIT = 2.0
SHORT_SENTENCE, SHORT_SENTENCE_TARGET = 5, 0.8
"""Sentences of five words are to be as fast as the trend says, which the long ones are on."""


def curve_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return a goal for the point farthest off the trend, and one for short sentences."""
    off = trend.factors(trend.measured(records, options))
    if not off:
        return []
    point, factor = trend.farthest(off)
    short = off.get(axis("sentence")[SHORT_SENTENCE])
    return [
        Goal("curve, the point farthest off the trend", "×", OFF_TREND_LIMIT, False, factor, str(point)),
        Goal(
            f"sentences of {SHORT_SENTENCE} words, speed to the trend's",
            "×",
            SHORT_SENTENCE_TARGET,
            True,
            short and Spread(1 / short.middle, 1 / short.high, 1 / short.low, short.n),
        ),
    ]


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


PARETO_TARGET = 10
"""How many times as soon as gensim firth is to have gensim's mean score."""


def pareto_goals(records: list[Record], options: Namespace) -> list[Goal]:
    """Return goals for the seconds to the scores of gensim's whole run: its own to those of firth.

    A score that firth does not reach in any run counts as 0 times as soon.
    """
    found = pareto.outcomes(records, options)
    theirs = pareto.best(found, "gensim", options.quality_epochs, pareto.MEAN)
    if theirs is None or not any(one.program == "firth" for one in found):
        return []
    goals = []
    for name, score in theirs.scores.items():
        ours = pareto.soonest(found, "firth", name, score)
        sooner = theirs.seconds / ours.seconds if ours else 0.0
        told = f"firth: {_told(ours, name)}" if ours else "no run of firth reaches it"
        title = f"seconds to gensim's {'mean score' if name == pareto.MEAN else name}, gensim's to firth's"
        target = PARETO_TARGET if name == pareto.MEAN else None
        note = f"gensim: {_told(theirs, name)}; {told}"
        goals.append(Goal(title, "×", target, True, Spread(sooner, sooner, sooner, 1), note))
    return goals


def _told(one: pareto.Outcome, name: str) -> str:
    """Return one outcome in a few words."""
    return f"{one.scores[name]:.3f} in {one.seconds:.1f} s, epochs {one.epochs}, alpha {one.alpha:g}"

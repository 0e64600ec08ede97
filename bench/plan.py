"""Which runs the chosen parts need, in the order in which they alternate."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench import curve

PARTS = ("speed", "peak", "curve", "whole", "quality", "pareto", "threads", "bits", "sizes", "memory")
PARTS += ("answers", "store", "service", "page")
MODULES = {"firth": "bench.run_firth", "gensim": "bench.run_gensim", "fasttext": "bench.run_fasttext"}
Group = Literal["timed", "curve", "peak", "full", "memory", "answers", "store", "service", "page"]
MEASURED: tuple[Group, ...] = ("answers", "store", "service", "page")
"""Parts in whose runs firth's vectors are made, and then something is timed on them: bench/PART.py."""
SCORED = ("quality", "pareto")
"""Parts whose vectors are scored."""
PARETO_EPOCHS = (1, 2, 3, 5, 8, 12)
SLOWER_PARETO_EPOCHS = (1, 2, 5)
"""How long firth, and how long the slower programs are trained for the picture of quality against time."""
BITS_THREADS = (1, 2, 3, 7, 8)
"""Numbers of threads that must give the same bits."""
FIXED: dict[str, Any] = {"window": 5, "negative": 5, "sample": 1e-3, "min_count": 5}
ANALOGY_WORDS = 30_000
"""Analogies are asked and answered among this many of the most frequent words."""


@dataclass(frozen=True)
class Run:
    """One training of one program.

    Runs of the same ``group`` and ``round`` stand beside each other in time and are compared. Groups:
    *timed* (speed, threads and sizes: a few epochs), *curve* (on synthetic texts), *peak* (no training: the
    machine itself), *full* (whole runs, quality and pareto), *memory*, and those of ``MEASURED``.
    """

    group: Group
    round: int
    program: str
    vector_size: int
    threads: int
    epochs: int
    alpha: float
    seed: int
    copies: int = 1
    """How many times over the corpus is given."""
    window: int = FIXED["window"]
    negative: int = FIXED["negative"]
    vocabulary: int = 0
    """Words of a synthetic text; 0: the corpus itself."""
    sentence: int = 0
    """Words in each of its sentences."""
    words: int = 0
    """Words in all of it."""
    reproducible: bool = True
    """Whether firth's threads go in step, or race."""
    shards: int = 1
    """firth's replicas of the tables."""

    def __str__(self) -> str:
        """Describe the run in a line of progress."""
        text = f"{self.program}, {self.vector_size} dimensions, epochs {self.epochs}, threads {self.threads}"
        text += f", alpha {self.alpha:g}, seed {self.seed}{'' if self.reproducible else ', racing'}"
        text += f", shards {self.shards}" if self.shards > 1 else ""
        if self.group == "peak":
            return f"the machine's peak, threads {self.threads}"
        if self.vocabulary:
            text += f", window {self.window}, negatives {self.negative}"
            text += f", {self.vocabulary:,} words in sentences of {self.sentence:,}"
        return text + (f", {self.copies} copies of the corpus" if self.copies > 1 else "")


def plan(options: Namespace) -> list[Run]:
    """Return the runs of all chosen parts; a run that two parts need is made once."""
    runs = [*_timed(options), *_curve(options), *_full(options), *_pareto(options)]
    runs += [*_memory(options), *_vectors(options)]
    return list(dict.fromkeys(run for run in runs if run.program in options.programs))


def _timed(options: Namespace) -> list[Run]:
    """Return the rounds of short runs: programs, thread counts and vector sizes take turns."""
    pairs: list[tuple[str, int, int]] = []
    if "speed" in options.parts:
        pairs += [(program, options.vector_size, options.threads) for program in options.programs]
    if "threads" in options.parts:
        pairs += [("firth", options.vector_size, threads) for threads in (options.threads, 1)]
    if "sizes" in options.parts:
        pairs += [(program, options.also_vector_size, options.threads) for program in ("firth", "gensim")]
    epochs, alpha, seed = options.speed_epochs, options.alphas[0], options.seeds[0]
    runs = []
    for round_ in range(options.rounds):
        runs += [Run("timed", round_, *pair, epochs, alpha, seed) for pair in pairs]
        if "bits" in options.parts:
            runs += _bits(options, round_)
        if "peak" in options.parts:
            runs.append(Run("peak", round_, "firth", 0, options.threads, 0, alpha, seed))
    return runs


def _bits(options: Namespace, round_: int) -> list[Run]:
    """Return a round of firth with several numbers of threads: in rounds, with a shard for each, racing."""
    size, epochs = options.vector_size, options.speed_epochs
    kinds = [(threads, True, 1) for threads in BITS_THREADS]
    kinds += [(threads, True, shards_of(options)) for threads in (1, options.threads)]
    kinds += [(threads, False, 1) for threads in (1, options.threads)]
    return [
        Run(
            "timed",
            round_,
            "firth",
            size,
            threads,
            epochs,
            options.alphas[0],
            options.seeds[0],
            reproducible=kept,
            shards=shards,
        )
        for threads, kept, shards in kinds
    ]


def shards_of(options: Namespace) -> int:
    """Return with how many shards the same bits are timed, beside one: a shard for each thread."""
    return max(2, options.threads)


def _curve(options: Namespace) -> list[Run]:
    """Return the rounds in which all points of the curve take turns."""
    if "curve" not in options.parts:
        return []
    alpha, seed = options.alphas[0], options.seeds[0]
    return [
        Run(
            "curve",
            round_,
            "firth",
            threads=options.threads,
            epochs=curve.epochs(point, options.curve_words, options.curve_seconds),
            alpha=alpha,
            seed=seed,
            words=options.curve_words,
            **asdict(point),
        )
        for round_ in range(options.rounds)
        for point in curve.points()
    ]


def _full(options: Namespace) -> list[Run]:
    """Return the runs of all epochs, a round for each seed and alpha; whole runs need only one alpha."""
    alphas = options.alphas if "quality" in options.parts else options.alphas[:1] * ("whole" in options.parts)
    return [
        Run(
            "full", round_, program, options.vector_size, options.threads, options.quality_epochs, alpha, seed
        )
        for round_, seed in enumerate(options.seeds)
        for alpha in alphas
        for program in options.programs
    ]


def _pareto(options: Namespace) -> list[Run]:
    """Return whole runs of more and of fewer epochs, one seed, the programs in turns."""
    if "pareto" not in options.parts:
        return []
    size, threads = options.vector_size, options.threads
    return [
        Run("full", 0, program, size, threads, epochs, alpha, options.seeds[0])
        for alpha in options.pareto_alphas
        for epochs in PARETO_EPOCHS
        for program in options.programs
        if program == "firth" or epochs in SLOWER_PARETO_EPOCHS
    ]


def _memory(options: Namespace) -> list[Run]:
    """Return firth's runs on the corpus once and several times over."""
    copies = (1, options.memory_copies) if "memory" in options.parts else ()
    return [
        Run(
            "memory",
            0,
            "firth",
            options.vector_size,
            options.threads,
            options.speed_epochs,
            options.alphas[0],
            options.seeds[0],
            n,
        )
        for n in copies
    ]


def _vectors(options: Namespace) -> list[Run]:
    """Return the runs on whose vectors analogies (if there are any), the store and the explorer are timed."""
    size, threads, epochs = options.vector_size, options.threads, options.speed_epochs
    groups = [name for name in MEASURED if name in options.parts and (name != "answers" or options.analogies)]
    return [
        Run(group, 0, "firth", size, threads, epochs, options.alphas[0], options.seeds[0]) for group in groups
    ]

"""Which runs the chosen parts need, in the order in which they alternate."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Literal

PARTS = ("speed", "whole", "quality", "threads", "sizes", "memory", "answers", "store", "service", "page")
MODULES = {"firth": "bench.run_firth", "gensim": "bench.run_gensim", "fasttext": "bench.run_fasttext"}
Group = Literal["timed", "full", "memory", "answers", "store", "service", "page"]
MEASURED: tuple[Group, ...] = ("answers", "store", "service", "page")
"""Parts in whose runs firth's vectors are made, and then something is timed on them: bench/PART.py."""
FIXED = {"window": 5, "negative": 5, "sample": 1e-3, "min_count": 5}
ANALOGY_WORDS = 30_000
"""Analogies are asked and answered among this many of the most frequent words."""


@dataclass(frozen=True)
class Run:
    """One training of one program.

    Runs of the same ``group`` and ``round`` stand beside each other in time and are compared. Groups:
    *timed* (speed, threads and sizes: a few epochs), *full* (whole runs and quality), *memory*, and
    those of ``MEASURED``.
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

    def __str__(self) -> str:
        """Describe the run in a line of progress."""
        text = f"{self.program}, {self.vector_size} dimensions, epochs {self.epochs}, threads {self.threads}"
        text += f", alpha {self.alpha:g}, seed {self.seed}"
        return text + (f", {self.copies} copies of the corpus" if self.copies > 1 else "")


def plan(options: Namespace) -> list[Run]:
    """Return the runs of all chosen parts; a run that two parts need is made once."""
    runs = [*_timed(options), *_full(options), *_memory(options), *_vectors(options)]
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
    return [
        Run(
            "timed", round_, program, size, threads, options.speed_epochs, options.alphas[0], options.seeds[0]
        )
        for round_ in range(options.rounds)
        for program, size, threads in pairs
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

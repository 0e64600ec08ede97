"""Threads that march: rounds of eight shards, the same bits with any number of threads.

The threads go through some rounds inside the kernel; then this module adds up what came of them, always in
the same order, and says where the run is. So a run can stop between any two rounds and go on with another
number of threads.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from firth.errors import TrainingError
from firth.training.march import March, make_gear
from firth.training.rounds import Rounds
from firth.training.run import Run, split_of
from firth.training.schedule import Block
from firth.training.shards import SHARDS
from firth.training.supervision import conducted, diverged

SECONDS = 0.1
"""About how long the threads march at a time; nothing interrupts them meanwhile."""

FIRST_ROUNDS = 4
"""Rounds of the first march, when nobody knows yet how long they take."""


class MarchingCrew:
    """``config.threads`` threads for one run; more than SHARDS would find no work."""

    def __init__(self, run: Run) -> None:
        """Make the tables of the draws, and what each shard has of its own."""
        corpus, config = run.corpus, run.config
        self._run = run
        self._threads = min(config.threads, SHARDS)
        self._pause = threading.Event()
        self._split = split_of(corpus, config)
        gear = make_gear(corpus.vocabulary, config, self._split)
        self._march = March(corpus.ids, corpus.sentence_starts, run.tables, gear)
        self._march.compile()

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called several times a second, returns True.

        However it ends, by an error or Ctrl-C too, no thread works any more and no round is half trained.

        Raises:
            TrainingError: the numbers are no longer finite.
        """
        conducted(self._conduct, tick, self._pause, stop=self._pause)

    def _conduct(self) -> None:
        """Let the threads march again and again."""
        rounds = FIRST_ROUNDS
        with ThreadPoolExecutor(self._threads, "firth") as pool:
            while not (self._pause.is_set() or self._run.finished):
                blocks = self._next(rounds)
                took = self._train(pool, blocks)
                rounds = max(1, min(2 * rounds, round(len(blocks) * SECONDS / took)))

    def _next(self, most: int) -> list[Block]:
        """Return the next rounds, at most so many, and not beyond the end of a report."""
        schedule, first = self._run.schedule, self._run.blocks_done
        end = schedule.blocks_before_report(schedule.report_of(first) + 1)
        return [schedule.block(number) for number in range(first, min(end, first + most))]

    def _train(self, pool: ThreadPoolExecutor, blocks: list[Block]) -> float:
        """Train some rounds and add them to the tally; return the seconds that they took."""
        began, run = time.perf_counter(), self._run
        results = self._march.train(pool, self._threads, self._rounds(blocks))
        took = time.perf_counter() - began
        run.seconds += took
        for block, result in zip(blocks, results, strict=True):
            loss, pairs, centers = result.tolist()
            if not math.isfinite(loss):
                raise TrainingError(diverged(run, block))
            run.tally.add(block.report, loss, int(pairs), int(centers), run.seconds)
            run.blocks_done += 1
        return took

    def _rounds(self, blocks: list[Block]) -> Rounds:
        """Return the rounds that the run's next blocks are."""
        full = self._split.shard_positions
        return Rounds(
            begin=np.array([block.begin // SHARDS for block in blocks], np.int64),
            end=np.array(
                [min(block.begin // SHARDS + full, -(-block.end // SHARDS)) for block in blocks], np.int64
            ),
            alpha=np.array([block.alpha for block in blocks], np.float32),
            key=np.array([block.key for block in blocks], np.uint64),
            number=np.arange(len(blocks), dtype=np.int64) + self._run.blocks_done + 1,
        )

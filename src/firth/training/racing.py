"""Threads that race (Hogwild: Niu et al. 2011, arXiv:1106.5730): the fastest way, and never the same twice.

They take blocks in order; each calls the kernel on the shared tables and adds what it returns to the
tally. There is no queue of text, and nobody waits for a producer. With one thread nothing races.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from firth.errors import TrainingError
from firth.training.arrays import Scratch, make_scratch
from firth.training.kernels import train_block
from firth.training.run import Run
from firth.training.schedule import Block
from firth.training.supervision import diverged, join, supervise
from firth.training.tables import make_draws


class RacingCrew:
    """``config.threads`` threads with their buffers, for one run."""

    def __init__(self, run: Run) -> None:
        """Make the tables of the draws and each thread's buffers."""
        self._run = run
        self._draws = make_draws(run.corpus.vocabulary, run.config)
        self._scratch = [
            make_scratch(self._draws, run.tables.stride, spare=run.tables.words + number)
            for number in range(run.config.threads)
        ]
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self._next = run.blocks_done
        self._at_work: set[int] = set()  # numbers of blocks
        self._began = 0.0
        self._train(Block(0, 0, 0, 0.0, 0, 0), self._scratch[0])  # nothing but the compilation, untimed

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called every TICK_SECONDS, returns True.

        However it ends, by an error or Ctrl-C too, no thread works any more and no block is half trained.

        Raises:
            TrainingError: the numbers are no longer finite.
        """
        self._pause.clear()
        self._began = time.perf_counter() - self._run.seconds
        pool = ThreadPoolExecutor(len(self._scratch), "firth")
        try:
            threads = [pool.submit(self._work, scratch) for scratch in self._scratch]
            supervise(threads, lambda: self._told(tick), self._pause)
        finally:
            self._pause.set()
            try:
                join(pool)
            finally:
                self._run.seconds = self._elapsed()

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _told(self, tick: Callable[[], bool]) -> bool:
        self._run.seconds = self._elapsed()
        return tick()

    def _work(self, scratch: Scratch) -> None:
        while (number := self._take()) is not None:
            block = self._run.schedule.block(number)
            loss, pairs, centers = self._train(block, scratch)
            if not math.isfinite(loss):
                raise TrainingError(diverged(self._run, block))
            with self._lock:
                self._run.tally.add(block.report, loss, pairs, centers, self._elapsed())
                self._at_work.remove(number)
                self._run.blocks_done = min(self._at_work, default=self._next)

    def _take(self) -> int | None:
        """Return the number of the next block; None if there is none, or it is time to pause."""
        with self._lock:
            if self._pause.is_set() or self._next >= self._run.schedule.blocks:
                return None
            number = self._next
            self._next += 1
            self._at_work.add(number)
        return number

    def _train(self, block: Block, scratch: Scratch) -> tuple[float, int, int]:
        corpus, run = self._run.corpus, self._run
        result: tuple[float, int, int] = train_block(
            corpus.ids,
            corpus.sentence_starts,
            block.begin,
            block.end,
            np.float32(block.alpha),
            np.uint64(block.key),
            self._draws,
            run.tables,
            scratch,
        )
        return result

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

from firth.corpus.vocabulary import keep_prob, noise_prob
from firth.errors import TrainingError
from firth.training.arrays import make_scratch
from firth.training.rounds import Rounds, Work, expected_updates, make_shards, make_work, train_rounds
from firth.training.run import Run, split_of
from firth.training.schedule import Block
from firth.training.shards import SHARDS
from firth.training.supervision import diverged, join, supervise
from firth.training.tables import make_draws

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
        self._split = split_of(corpus, config)
        self._threads = min(config.threads, SHARDS)
        self._pause = threading.Event()
        self._draws = make_draws(corpus.vocabulary, config, self._split)
        counts = corpus.vocabulary.counts
        kept = keep_prob(counts, config.sample) * (counts / counts.sum())
        self._updates = expected_updates(self._split, kept, noise_prob(counts, config.ns_exponent), config)
        positions, stride = self._split.shard_positions, run.tables.stride
        self._scratches = tuple(
            make_scratch(self._draws, stride, self._split.spare_row(number), positions)
            for number in range(SHARDS)
        )
        self._shards = make_shards(self._split, stride)
        self._hand_out_head()
        self._march([], 0, make_work(0, self._split))  # nothing but the compilation, untimed

    def _hand_out_head(self) -> None:
        """Give every shard its rows of the most frequent words."""
        stride, size = self._run.tables.stride, self._split.head * self._run.tables.stride
        for flat in (self._run.tables.vectors, self._run.tables.context_vectors):
            for shard in self._shards:
                flat[shard.first_row * stride :][:size] = flat[:size]

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called several times a second, returns True.

        However it ends, by an error or Ctrl-C too, no thread works any more and no round is half trained.

        Raises:
            TrainingError: the numbers are no longer finite.
        """
        self._pause.clear()
        pool = ThreadPoolExecutor(1, "firth")
        try:
            supervise([pool.submit(self._conduct)], tick, self._pause)
        finally:
            self._pause.set()
            join(pool)

    def _conduct(self) -> None:
        """Let the threads march again and again: in a thread of its own, where no Ctrl-C comes between."""
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
        began, run, work = time.perf_counter(), self._run, make_work(len(blocks), self._split)
        threads = [pool.submit(self._march, blocks, number, work) for number in range(self._threads)]
        for thread in threads:
            thread.result()
        took = time.perf_counter() - began
        run.seconds += took
        for block, result in zip(blocks, work.results.sum(axis=1), strict=True):
            loss, pairs, centers = result.tolist()
            if not math.isfinite(loss):
                raise TrainingError(diverged(run, block))
            run.tally.add(block.report, loss, int(pairs), int(centers), run.seconds)
            run.blocks_done += 1
        return took

    def _march(self, blocks: list[Block], number: int, work: Work) -> None:
        """Do tasks of some rounds: what thread ``number`` runs."""
        corpus, full = self._run.corpus, self._split.shard_positions
        rounds = Rounds(
            begin=np.array([block.begin // SHARDS for block in blocks], np.int64),
            end=np.array(
                [min(block.begin // SHARDS + full, -(-block.end // SHARDS)) for block in blocks], np.int64
            ),
            alpha=np.array([block.alpha for block in blocks], np.float32),
            key=np.array([block.key for block in blocks], np.uint64),
            number=np.arange(len(blocks), dtype=np.int64) + self._run.blocks_done + 1,
        )
        train_rounds(
            corpus.ids,
            corpus.sentence_starts,
            number * SHARDS // self._threads,
            full,
            rounds,
            work,
            self._draws,
            self._updates,
            self._run.tables,
            self._scratches,
            self._shards,
        )

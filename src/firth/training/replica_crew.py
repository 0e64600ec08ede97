"""Threads that train several replicas of a run's tables, one after another, leg by leg, and merge them.

The same bits as a cluster that shares the replicas among its workers, with any number of threads.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firth.errors import TrainingError
from firth.training.memory import available_bytes, check_memory
from firth.training.replica_group import ReplicaGroup, Text
from firth.training.replicas import span_text
from firth.training.rules import Rules
from firth.training.run import Run, plan_of
from firth.training.supervision import conducted, diverged
from firth.training.tables import make_draws


class ReplicaCrew:
    """``config.threads`` threads for a run of ``config.shards`` replicas, whose base is the run's tables."""

    def __init__(self, run: Run) -> None:
        """Make the replicas."""
        corpus, config = run.corpus, run.config
        self._run, self._plan = run, plan_of(run)
        check_memory(self._plan.words, config.vector_size, config.shards, available_bytes())
        self._pause, self._stop = threading.Event(), threading.Event()
        texts = {
            number: Text(*span_text(self._plan, number, corpus.ids, corpus.sentence_starts))
            for number in range(self._plan.replicas)
        }
        draws = make_draws(corpus.vocabulary, config)
        rules = Rules(self._plan, config, corpus.vocabulary.counts, run.tables.stride)
        self._group = ReplicaGroup(self._plan, rules, draws, run.tables, texts, config.threads)
        self._group.compile()

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called several times a second, returns True.

        It pauses where all replicas are equal. An error or Ctrl-C ends it within a leg: then the run is where
        the replicas were equal last.

        Raises:
            TrainingError: the numbers are no longer finite.
        """
        conducted(self._conduct, tick, self._pause, self._stop)

    def _conduct(self) -> None:
        """Train from one full merge to the next, again and again."""
        while not (self._pause.is_set() or self._stop.is_set() or self._run.finished):
            mark = self._run.mark()
            for leg in self._plan.legs(self._run.blocks_done):
                if self._stop.is_set():
                    self._group.go_back()
                    self._run.go_back(mark)
                    return
                began = time.perf_counter()
                results = self._group.train(leg)
                self._group.merge(leg)
                add_results(self._run, results, time.perf_counter() - began)


def add_results(run: Run, results: NDArray[np.float64], took: float) -> None:
    """Note that the next blocks are trained; ``results`` is (replicas, blocks, 3), in the replicas' order.

    Raises:
        TrainingError: the numbers are no longer finite.
    """
    run.seconds += took
    for sums in results.sum(axis=0):
        block = run.schedule.block(run.blocks_done)
        loss, pairs, centers = sums.tolist()
        if not math.isfinite(loss):
            raise TrainingError(diverged(run, block))
        run.tally.add(block.report, loss, int(pairs), int(centers), run.seconds)
        run.blocks_done += 1

"""Rounds of eight shards on one text and one pair of tables, gone through by any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import Vocabulary
from firth.training.arrays import Draws, Scratch, Tables, make_scratch, row_stride, side_by_side
from firth.training.config import TrainConfig
from firth.training.rounds import (
    Rounds,
    Updates,
    Work,
    make_shards,
    make_work,
    round_updates,
    train_rounds,
)
from firth.training.shards import SHARDS, Split
from firth.training.tables import make_draws


class Gear(NamedTuple):
    """What all rounds of a run need, whichever text and tables they are on. Only the buffers change."""

    split: Split
    draws: Draws
    updates: Updates
    scratches: Scratch  # of all shards, side by side


def make_gear(vocabulary: Vocabulary, config: TrainConfig, split: Split) -> Gear:
    """Return the tables of the draws, the expected updates, and the shards' buffers."""
    draws = make_draws(vocabulary, config, split)
    updates, stride = round_updates(split, vocabulary.counts, config), row_stride(config.vector_size)
    scratches = [
        make_scratch(draws, stride, split.spare_row(number), split.shard_positions)
        for number in range(SHARDS)
    ]
    return Gear(split, draws, updates, side_by_side(scratches))


class March:
    """Rounds of eight shards on one text and one pair of tables: the arrays, and threads that go through."""

    def __init__(self, ids: NDArray[np.int32], starts: NDArray[np.int64], tables: Tables, gear: Gear) -> None:
        """Make what each shard has of its own, and give the shards their rows of the head."""
        self._ids, self._starts, self._tables, self._gear = ids, starts, tables, gear
        self._shards = make_shards(gear.split, tables.stride)
        self._hand_out_head()

    def _hand_out_head(self) -> None:
        """Give every shard its rows of the most frequent words."""
        size = self._gear.split.head * self._tables.stride
        for flat in (self._tables.vectors, self._tables.context_vectors):
            for shard in range(SHARDS):
                flat[self._gear.split.first_row(shard) * self._tables.stride :][:size] = flat[:size]

    def train(self, pool: ThreadPoolExecutor, threads: int, rounds: Rounds) -> NDArray[np.float64]:
        """Train some rounds; return (rounds, 3): loss in nats, pairs, centers."""
        work = make_work(len(rounds.begin), self._gear.split)
        marching = [
            pool.submit(self._go, number * SHARDS // threads, rounds, work) for number in range(threads)
        ]
        for thread in marching:
            thread.result()
        summed: NDArray[np.float64] = work.results.sum(axis=1)
        return summed

    def _go(self, first_task: int, rounds: Rounds, work: Work) -> None:
        """Do tasks of some rounds: what one thread runs."""
        gear = self._gear
        train_rounds(
            self._ids,
            self._starts,
            first_task,
            gear.split.shard_positions,
            rounds,
            work,
            gear.draws,
            gear.updates,
            self._tables,
            gear.scratches,
            self._shards,
        )

    def compile(self) -> None:
        """Compile the kernel, or load it, by training no round."""
        none = Rounds(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.float32),
            np.zeros(0, np.uint64),
            np.zeros(0, np.int64),
        )
        self._go(0, none, make_work(0, self._gear.split))

"""What one worker of a cluster holds: some replicas of a run. It trains and merges them when it is called.

Nothing here knows Ray: a worker is an ordinary object, whose methods take and return arrays.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.corpus.stored import EncodedCorpus, open_stored
from firth.corpus.vocabulary import Vocabulary
from firth.distributed.losses import OutOfStepError
from firth.errors import CorpusError
from firth.training.arrays import row_stride
from firth.training.changes import Changes, merged
from firth.training.config import TrainConfig
from firth.training.memory import available_bytes
from firth.training.replica_group import NewTables, ReplicaGroup, TableChanges, Text
from firth.training.replicas import Leg, Node, Plan, span_text
from firth.training.rules import Rules
from firth.training.run import processor, versions
from firth.training.sampling import expected_updates
from firth.training.tables import empty_tables, make_draws

Rows = tuple[int, int]
"""Rows from the first up to, but without, the second."""

Part = dict[Node, TableChanges]
"""What some nodes of the merging tree have changed in some rows."""


@dataclass(frozen=True)
class Orders:
    """All that a worker must know of a run but its text and tables: small, and the same for all workers."""

    plan: Plan
    config: TrainConfig
    counts: NDArray[np.int64]  # of the vocabulary's words
    workers: int

    def rows(self, leg: Leg) -> list[Rows]:
        """Return the rows of each part of what a worker has changed in a leg.

        After a full leg that is first the rows that tell how to weight, which all workers need, then as many
        parts as there are workers, each merged by one of them. After others, few rows, which every worker
        merges for itself: a round trip less.
        """
        if not leg.full:
            return [(0, self.plan.hot)]
        return [(0, self.plan.measured), *self.shares]

    @cached_property
    def shares(self) -> list[Rows]:
        """The rows that each worker merges after a full leg: about as much work each.

        A row costs what the workers bring, those that have changed it, and as much again where anybody has.
        """
        everybody = self.plan.full_stretch
        changed = self._changed(everybody) + self.workers * self._changed(everybody // self.workers)
        work = np.cumsum(changed)
        parts = np.linspace(0, work[-1], self.workers + 1)[1:-1]
        return list(pairwise([0, *np.searchsorted(work, parts).tolist(), self.plan.words]))

    def _changed(self, positions: int) -> NDArray[np.float64]:
        """Return in how many of the two tables so many positions change a word's row, on average: (V,)."""
        updates = expected_updates(positions, self.counts, self.config)
        changed: NDArray[np.float64] = -np.expm1(-np.array(updates, np.float64)).sum(axis=0)
        return changed

    def merged(self, parts: Sequence[Part]) -> TableChanges:
        """Return what all replicas together have changed in some rows, from every worker's part."""
        nodes = {node: changes for part in parts for node, changes in part.items()}
        stride = row_stride(self.config.vector_size)
        return TableChanges(*(merged(table, self.plan.replicas, stride) for table in _by_table(nodes)))


@dataclass(frozen=True)
class Words:
    """Where the run's encoded corpus lies, for a worker that may see it or not."""

    folder: str | None
    fingerprint: str

    def corpus(self) -> EncodedCorpus | None:
        """Return the corpus, memory-mapped; None where it is not to be seen."""
        if self.folder is None:
            return None
        try:
            corpus = open_stored(Path(self.folder), verify=False)
        except CorpusError:
            return None
        return corpus if corpus.fingerprint == self.fingerprint else None

    def texts(self, numbers: Sequence[int], plan: Plan) -> dict[int, Text]:
        """Return the texts of some replicas, memory-mapped.

        Raises:
            CorpusError: the corpus is not to be seen.
        """
        corpus = self.corpus()
        if corpus is None:
            raise CorpusError(
                f"{self.folder}: a worker no longer sees the encoded corpus: `firth train --resume` goes on"
            )
        return texts_of(corpus, numbers, plan)


def texts_of(corpus: EncodedCorpus, numbers: Sequence[int], plan: Plan) -> dict[int, Text]:
    """Return the texts of some replicas: views of the corpus."""
    return {number: Text(*span_text(plan, number, corpus.ids, corpus.sentence_starts)) for number in numbers}


class Done(NamedTuple):
    """What a worker has done of a leg."""

    results: NDArray[np.float64]  # (replicas, blocks, 3): loss in nats, pairs, centers
    nbytes: int  # of what it has changed


class Worker:
    """Some replicas of one run. A worker that has just been made, or made again, has none."""

    def __init__(self) -> None:
        """Wait for orders."""
        self._group: ReplicaGroup | None = None
        self._at = self._full = -1  # the blocks before which all replicas were merged last, and all rows
        self._trained: Leg | None = None  # but not merged yet
        self._own: Part = {}  # what changed here in the rows that this worker merges

    def describe(self, words: Words) -> dict[str, Any]:
        """Return what the bits of a model depend on here, and whether the encoded corpus can be seen."""
        return {
            "versions": versions(),
            "processor": processor(),
            "host": platform.node(),
            "available": available_bytes(),
            "pid": os.getpid(),
            "sees": words.corpus() is not None,
        }

    def begin(
        self,
        block: int,
        orders: Orders,
        place: int,
        numbers: Sequence[int],
        words: Words,
        vectors: NDArray[np.float32],
        context_vectors: NDArray[np.float32],
        *texts: Text,
    ) -> None:
        """Take these replicas; ``texts`` are theirs, in order, where ``words`` cannot be opened here.

        ``place`` is the worker's among all. ``vectors`` and ``context_vectors`` are the tables before
        ``block``, flat and without room.
        """
        if self._group is not None:
            self._group.close()
            self._group = None  # its memory goes before more is taken
        # Copied: arrays that came through the object store are read-only, and kernels compiled anew for them.
        given = {
            number: Text(text.ids, text.starts.copy()) for number, text in zip(numbers, texts, strict=False)
        }
        found = given or words.texts(numbers, orders.plan)
        config = orders.config
        draws = make_draws(Vocabulary([], orders.counts), config)
        base = empty_tables(len(orders.counts), config.vector_size)
        base.vectors[: len(vectors)] = vectors
        base.context_vectors[: len(context_vectors)] = context_vectors
        self._orders, self._place = orders, place
        self._full, self._at, self._trained = block, block, None
        rules = Rules(orders.plan, config, orders.counts, base.stride)
        self._group = ReplicaGroup(orders.plan, rules, draws, base, found, config.threads)
        self._group.compile()

    def back_to(self, block: int, orders: Orders, place: int, numbers: Sequence[int]) -> bool:
        """Be again as before ``block``, with these very replicas; False where this worker cannot."""
        if self._group is None or self._full != block or self._group.numbers != list(numbers):
            return False
        self._orders, self._place, self._at, self._trained = orders, place, block, None
        self._group.go_back()
        return True

    def step(self, done: Leg | None, leg: Leg, *brought: Part | NewTables) -> tuple[Any, ...]:
        """Take over what came of the leg before, if any; then train the next one.

        Returns:
            What was done, and what changed: a part for each of the orders' rows, but nothing of those that
            this worker is going to merge, as that need not travel.
        """
        if self._group is None or self._trained != done or (done is None and self._at != leg.first):
            raise OutOfStepError(f"a worker that has trained {self._trained} cannot go from {done} to {leg}")
        if done is not None:
            self._take_over(self._group, done, brought)
        results = self._group.train(leg)
        self._trained = leg
        parts = [
            {node: self._group.changes(node, *rows) for node in self._group.nodes}
            for rows in self._orders.rows(leg)
        ]
        if leg.full:
            own = 1 + self._place
            self._own, parts[own] = parts[own], {}
        return Done(results, sum(map(bytes_of, parts))), *parts

    def _take_over(self, group: ReplicaGroup, done: Leg, brought: Sequence[Part | NewTables]) -> None:
        self._trained = None
        if done.full:
            group.renew([new for new in brought if isinstance(new, NewTables)])
            self._full = done.past
        else:
            group.receive(done, self._orders.merged([part for part in brought if isinstance(part, dict)]))
        self._at = done.past

    def renewed(self, leg: Leg, rows: Rows, *parts: Part) -> NewTables:
        """Return some rows as a full leg leaves them: from what every worker changed in them.

        Of ``parts`` the first half are the rows that tell how to weight, each worker's. What this worker has
        changed it has kept.
        """
        if self._group is None or self._trained != leg:
            raise OutOfStepError(f"a worker that has trained {self._trained} cannot merge {leg}")
        half = len(parts) // 2
        measured = self._orders.merged(parts[:half])
        part = self._orders.merged([*parts[half:], self._own])
        return self._group.renewed(leg, measured, part, *rows)


def bytes_of(part: Part | NewTables) -> int:
    """Return how many bytes of rows a part has."""
    tables = part.values() if isinstance(part, dict) else [part]
    return sum(array.nbytes for both in tables for rows in both for array in rows)


def _by_table(nodes: Mapping[Node, TableChanges]) -> list[dict[Node, Changes]]:
    return [{node: changes[table] for node, changes in nodes.items()} for table in (0, 1)]

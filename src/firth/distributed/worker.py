"""What one worker of a cluster holds: some replicas of a run. It trains and merges them when it is called.

Nothing here knows Ray: a worker is an ordinary object, whose methods take and return arrays.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.stored import EncodedCorpus, open_stored
from firth.corpus.vocabulary import Vocabulary
from firth.distributed.losses import OutOfStepError
from firth.errors import CorpusError
from firth.training.arrays import row_stride
from firth.training.changes import Changes, merged
from firth.training.config import TrainConfig
from firth.training.march import make_gear
from firth.training.memory import available_bytes
from firth.training.replica_group import ReplicaGroup, TableChanges, Text
from firth.training.replicas import Leg, Node, Plan, span_text
from firth.training.rules import Rules
from firth.training.run import processor, versions
from firth.training.tables import empty_tables

Rows = tuple[int, int]
"""Rows from the first up to, but without, the second."""

Part = dict[Node, TableChanges]
"""What some nodes of the merging tree have changed in some rows."""


FEW_ROWS = 1 << 18
"""Rows, times workers, up to which every worker merges all of them for itself."""


@dataclass(frozen=True)
class Orders:
    """All that a worker must know of a run but its text and tables: small, and the same for all workers."""

    plan: Plan
    config: TrainConfig
    counts: NDArray[np.int64]  # of the vocabulary's words
    workers: int

    def by_each(self, leg: Leg) -> bool:
        """Tell whether every worker merges all rows for itself: a round trip less, where they are few."""
        return leg.rows * self.workers <= FEW_ROWS

    def rows(self, leg: Leg) -> list[Rows]:
        """Return the rows that each part of a merge takes: all, or as many parts as there are workers."""
        parts = 1 if self.by_each(leg) else self.workers
        return list(pairwise(leg.rows * part // parts for part in range(parts + 1)))

    def merge(self, parts: Sequence[Part]) -> TableChanges:
        """Return what all replicas together have changed in some rows, from every worker's part."""
        nodes = {node: changes for part in parts for node, changes in part.items()}
        stride = row_stride(self.config.vector_size)
        return TableChanges(*(merged(table, self.plan.replicas, stride) for table in _by_table(nodes)))

    def merged(self, brought: Sequence[Part | TableChanges]) -> list[TableChanges]:
        """Return parts that are merged as they are, others merged."""
        done = [part for part in brought if not isinstance(part, dict)]
        return done or [self.merge([part for part in brought if isinstance(part, dict)])]


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


class Worker:
    """Some replicas of one run. A worker that has just been made, or made again, has none."""

    def __init__(self) -> None:
        """Wait for orders."""
        self._group: ReplicaGroup | None = None
        self._at = self._full = -1  # the blocks before which all replicas were merged last, and all rows
        self._trained: Leg | None = None  # but not merged yet

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
        numbers: Sequence[int],
        words: Words,
        vectors: NDArray[np.float32],
        context_vectors: NDArray[np.float32],
        *texts: Text,
    ) -> None:
        """Take these replicas; ``texts`` are theirs, in order, where ``words`` cannot be opened here.

        ``vectors`` and ``context_vectors`` are the tables before ``block``, flat and without room.
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
        gear = make_gear(Vocabulary([], orders.counts), config, orders.plan.split)
        base = empty_tables(len(orders.counts), config.vector_size)
        base.vectors[: len(vectors)] = vectors
        base.context_vectors[: len(context_vectors)] = context_vectors
        self._orders, self._full, self._at, self._trained = orders, block, block, None
        rules = Rules(orders.plan, config, orders.counts, gear.updates, base.stride)
        self._group = ReplicaGroup(orders.plan, rules, gear, base, found, config.threads)
        self._group.compile()

    def back_to(self, block: int, orders: Orders, numbers: Sequence[int]) -> bool:
        """Be again as before ``block``, with these very replicas; False where this worker cannot."""
        if self._group is None or self._full != block or self._group.numbers != list(numbers):
            return False
        self._orders, self._at, self._trained = orders, block, None
        self._group.go_back()
        return True

    def step(self, done: Leg | None, leg: Leg, *brought: Part | TableChanges) -> tuple[Any, ...]:
        """Take over what all replicas changed in the leg before, if any; then train the next one.

        Returns:
            The results, (replicas, blocks, 3), and what changed: a part for each of the orders' rows.
        """
        if self._group is None or self._trained != done or (done is None and self._at != leg.first):
            raise OutOfStepError(f"a worker that has trained {self._trained} cannot go from {done} to {leg}")
        group = self._group
        if done is not None:
            self._trained = None
            group.receive(done, self._orders.merged(brought))
            self._at = done.past
            if done.full:
                self._full = done.past
        results = group.train(leg)
        self._trained = leg
        return results, *(
            {node: group.changes(node, *rows) for node in group.nodes} for rows in self._orders.rows(leg)
        )

    def merge(self, *parts: Part) -> TableChanges:
        """Return what all replicas together have changed in some rows, from every worker's part."""
        if self._group is None:
            raise OutOfStepError("a worker without orders cannot merge")
        return self._orders.merge(parts)


def bytes_of(part: Part | TableChanges) -> int:
    """Return how many bytes of changes a part has."""
    tables = part.values() if isinstance(part, dict) else [part]
    return sum(changes.nbytes for table in tables for changes in table)


def _by_table(nodes: Mapping[Node, TableChanges]) -> list[dict[Node, Changes]]:
    return [{node: changes[table] for node, changes in nodes.items()} for table in (0, 1)]

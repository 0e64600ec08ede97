"""Some replicas of a run's tables in one process: trained leg by leg, then merged with all others.

In threads one group holds all replicas. On a cluster each worker has a group of some of them, and what has
to travel are the *changes* of whole nodes of the merging tree; the bits are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.training.arrays import Tables
from firth.training.changes import (
    Changes,
    Desk,
    add_changes,
    changes_of,
    make_desk,
    make_stack,
    merge_rows,
    merged,
    replica_of,
)
from firth.training.march import Gear, March
from firth.training.merging import Rule
from firth.training.replicas import Leg, Node, Plan, nodes
from firth.training.rounds import Rounds
from firth.training.rules import Rules, mean_rows
from firth.training.shards import SHARDS

Result = TypeVar("Result")


class Text(NamedTuple):
    """The text of one replica: its span of the corpus (see :func:`~firth.training.replicas.span_text`)."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]


class TableChanges(NamedTuple):
    """The changes of both tables."""

    vectors: Changes
    context_vectors: Changes


class ReplicaGroup:
    """The replicas of the given numbers; ``base`` is the tables as they were when all were equal."""

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        gear: Gear,
        base: Tables,
        texts: Mapping[int, Text],
        threads: int = 1,
    ) -> None:
        """Make the replicas, all equal to ``base``, whose rows are changed in place by merging."""
        self.numbers = sorted(texts)
        self.nodes: Sequence[Node] = nodes(self.numbers, plan.replicas)
        self._plan, self._rules, self._base = plan, rules, base
        self._threads, self._pool = threads, ThreadPoolExecutor(threads, "firth")
        words = base.words * base.stride
        self._size = words + plan.split.room * base.stride
        self._stacks = tuple(
            make_stack(flat[:words], len(texts), self._size, base.stride)
            for flat in (base.vectors, base.context_vectors)
        )
        self._desks = [make_desk(self._stacks[0]) for _ in range(threads)]
        self._texts = [texts[number] for number in self.numbers]
        self._marches = [March(*text, self._tables(place), gear) for place, text in enumerate(self._texts)]
        self._hot_before: tuple[NDArray[np.float32], ...] = ()
        self._keep_hot()

    def _tables(self, place: int) -> Tables:
        """Return one replica's tables: views."""
        vectors, context_vectors = (replica_of(stack, place) for stack in self._stacks)
        return Tables(vectors, context_vectors, self._base.stride, self._base.words)

    def compile(self) -> None:
        """Compile the kernels, or load them."""
        self._marches[0].compile()
        parts = [self._changes((self.numbers[0], self.numbers[0] + 1), 0, 0, self._desks[0])]
        for stack, rule in zip(self._stacks, self._rules_of(Leg(0, 0, 0, 0, False), parts), strict=True):
            merge_rows(stack, rule, 0, 0, self._desks[0])
            merged({(0, 1): parts[0].vectors, (1, 2): parts[0].vectors}, 2, self._base.stride)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def train(self, leg: Leg) -> NDArray[np.float64]:
        """Train one leg; return (replicas here, blocks, 3): loss in nats, pairs, centers."""
        results = np.zeros((len(self.numbers), leg.past - leg.first, 3))
        for place, march in enumerate(self._marches):
            blocks = self._blocks(place, leg)
            rounds = self._rounds(place, blocks)
            results[place, blocks - leg.first] = march.train(self._pool, self._threads, rounds)
        return results

    def _blocks(self, place: int, leg: Leg) -> NDArray[np.int64]:
        """Return the blocks of a leg for which a replica has text: an epoch's last may have none."""
        blocks = np.arange(leg.first, leg.past)
        return blocks[self._begins(blocks) * SHARDS < len(self._texts[place].ids)]

    def _begins(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        begins: NDArray[np.int64] = (
            blocks % self._plan.schedule.blocks_per_epoch * self._plan.split.shard_positions
        )
        return begins

    def _rounds(self, place: int, numbers: NDArray[np.int64]) -> Rounds:
        """Return the rounds of a replica that are its part of some blocks."""
        stripe = -(-len(self._texts[place].ids) // SHARDS)
        begins = self._begins(numbers)
        blocks = [self._plan.schedule.block(number) for number in numbers.tolist()]
        return Rounds(
            begin=begins,
            end=np.minimum(begins + self._plan.split.shard_positions, stripe),
            alpha=np.array([block.alpha for block in blocks], np.float32),
            key=np.array([key_of(block.key, self.numbers[place]) for block in blocks], np.uint64),
            number=numbers + 1,
        )

    # --- merging -------------------------------------------------------------------------------------

    def merge(self, leg: Leg) -> None:
        """Merge the rows that are due after a leg; all replicas are here."""
        measured = self._rules.measured  # first the rows that tell how to weight, then all others
        parts = self._in_threads(0, measured, partial(self._changes, (0, self._plan.replicas)))
        rules = self._add(leg, parts)
        for stack, rule in zip(self._stacks, rules, strict=True):
            self._in_threads(measured, leg.rows, partial(merge_rows, stack, rule))
        self._merged(leg)

    def changes(self, node: Node, low: int, high: int) -> TableChanges:
        """Return what the replicas of one of ``nodes`` have changed in rows ``low`` ... ``high``."""
        return self._changes(node, low, high, self._desks[0])

    def receive(self, leg: Leg, parts: Sequence[TableChanges]) -> None:
        """Take over the summed changes of all replicas, in any number of parts, each of other rows."""
        self._add(leg, parts)
        self._merged(leg)

    def _changes(self, node: Node, low: int, high: int, desk: Desk) -> TableChanges:
        place, count = self.numbers.index(node[0]), node[1] - node[0]
        vectors, context_vectors = (changes_of(low, high, place, count, of, desk) for of in self._stacks)
        return TableChanges(vectors, context_vectors)

    def _rules_of(self, leg: Leg, parts: Sequence[TableChanges]) -> list[Rule]:
        stride, replicas = self._base.stride, self._plan.replicas
        tables = [
            mean_rows(stack.base, [part[which] for part in parts], self._rules.measured, replicas, stride)
            for which, stack in enumerate(self._stacks)
        ]
        return self._rules.of(leg, tables)

    def _add(self, leg: Leg, parts: Sequence[TableChanges]) -> list[Rule]:
        """Add summed changes to the base and all replicas, in threads; return how they were weighted."""
        rules = self._rules_of(leg, parts)
        jobs = [
            self._pool.submit(add_changes, of, stack, rule)
            for part in parts
            for of, stack, rule in zip(part, self._stacks, rules, strict=True)
        ]
        for job in jobs:
            job.result()
        return rules

    def _in_threads(self, low: int, high: int, work: Callable[[int, int, Desk], Result]) -> list[Result]:
        """Share rows ``low`` ... ``high`` among the threads."""
        edges = [low + (high - low) * number // self._threads for number in range(self._threads + 1)]
        jobs = [
            self._pool.submit(work, begin, end, desk)
            for (begin, end), desk in zip(pairwise(edges), self._desks, strict=True)
        ]
        return [job.result() for job in jobs]

    def _merged(self, leg: Leg) -> None:
        list(self._pool.map(March.hand_out_head, self._marches))
        if leg.full:
            self._keep_hot()

    # --- going back ----------------------------------------------------------------------------------

    def _keep_hot(self) -> None:
        """Keep the hot rows of the base, all that changes in it before the next full merge."""
        size = self._plan.hot * self._base.stride
        self._hot_before = tuple(stack.base[:size].copy() for stack in self._stacks)

    def go_back(self) -> None:
        """Put base and replicas back to the last full merge, whatever was trained and merged since."""
        for stack, before in zip(self._stacks, self._hot_before, strict=True):
            stack.base[: len(before)] = before
        self.begin_again()

    def begin_again(self) -> None:
        """Make all replicas equal to the base."""
        for stack in self._stacks:
            for place in range(stack.number):
                replica_of(stack, place)[: len(stack.base)] = stack.base
        for march in self._marches:
            march.forget()


def key_of(key: int, number: int) -> int:
    """Return the 64-bit key of a replica's draws in an epoch whose key is ``key``."""
    digest = hashlib.blake2b(f"{key} {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")

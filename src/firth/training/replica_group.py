"""Some replicas of a run's tables in one process: trained leg by leg, then merged with all others.

A replica is trained by one thread, position after position: nothing races, nothing waits.

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

from firth.training.arrays import Blocks, Draws, Tables, make_scratch, make_tables
from firth.training.changes import (
    Changes,
    Desk,
    NewRows,
    add_changes,
    changes_of,
    make_desk,
    make_stack,
    merge_rows,
    merged,
    new_rows,
    put_new,
    replica_of,
)
from firth.training.kernels import train_blocks
from firth.training.merging import Rule
from firth.training.replicas import Leg, Node, Plan, nodes
from firth.training.rules import Rules, mean_rows

Result = TypeVar("Result")


class Text(NamedTuple):
    """The text of one replica: its span of the corpus (see :func:`~firth.training.replicas.span_text`)."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]


class TableChanges(NamedTuple):
    """The changes of both tables."""

    vectors: Changes
    context_vectors: Changes


class NewTables(NamedTuple):
    """Rows of both tables as a merge has left them."""

    vectors: NewRows
    context_vectors: NewRows


class ReplicaGroup:
    """The replicas of the given numbers; ``base`` is the tables as they were when all were equal."""

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        draws: Draws,
        base: Tables,
        texts: Mapping[int, Text],
        threads: int = 1,
    ) -> None:
        """Make the replicas, all equal to ``base``, whose rows are changed in place by merging."""
        self.numbers = sorted(texts)
        self.nodes: Sequence[Node] = nodes(self.numbers, plan.replicas)
        self._plan, self._rules, self._draws, self._base = plan, rules, draws, base
        self._threads, self._pool = threads, ThreadPoolExecutor(threads, "firth")
        words = base.words * base.stride
        size = words + base.stride  # one row is spare
        self._stacks = tuple(
            make_stack(flat[:words], len(texts), size, base.stride)
            for flat in (base.vectors, base.context_vectors)
        )
        self._desks = [make_desk(self._stacks[0]) for _ in range(threads)]
        self._texts = [texts[number] for number in self.numbers]
        self._scratches = [make_scratch(draws, base.stride, base.words) for _ in self._texts]
        self._hot_before: tuple[NDArray[np.float32], ...] = ()
        self._keep_hot()

    def _tables(self, place: int) -> Tables:
        """Return one replica's tables: views."""
        vectors, context_vectors = (replica_of(stack, place) for stack in self._stacks)
        return make_tables(vectors, context_vectors, self._base.stride, self._base.words)

    def compile(self) -> None:
        """Compile the kernels, or load them: all of them, so that no leg has to wait for one."""
        self._train(0, np.arange(0))
        one = self.numbers[0], self.numbers[0] + 1
        none = self._changes(one, 0, 0, self._desks[0])
        merged({(0, 1): none.vectors, (1, 2): none.vectors}, 2, self._base.stride)
        rules = self._add(Leg(0, 0, 0, False), [none])
        for changes, stack, rule in zip(none, self._stacks, rules, strict=True):
            put_new(new_rows(changes, 0, 0, stack, rule), stack)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def train(self, leg: Leg) -> NDArray[np.float64]:
        """Train one leg; return (replicas here, blocks, 3): loss in nats, pairs, centers."""
        blocks = np.arange(leg.first, leg.past)
        jobs = [self._pool.submit(self._train, place, blocks) for place in range(len(self._texts))]
        return np.array([job.result() for job in jobs]).reshape(len(jobs), len(blocks), 3)

    def _train(self, place: int, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Train one replica's part of some blocks: what one thread runs."""
        results = np.zeros((len(numbers), 3))
        text, blocks = self._texts[place], self._blocks(place, numbers)
        tables, scratch = self._tables(place), self._scratches[place]
        train_blocks(*text, blocks, self._draws, tables, scratch, results)
        return results

    def _blocks(self, place: int, numbers: NDArray[np.int64]) -> Blocks:
        """Return a replica's part of some blocks; of an epoch's last one it may have no text."""
        schedule, positions = self._plan.schedule, len(self._texts[place].ids)
        each = self._plan.block_positions // self._plan.replicas
        epochs, indices = np.divmod(numbers, schedule.blocks_per_epoch)
        begins = np.minimum(indices * each, positions)
        own, which = np.unique(epochs, return_inverse=True)
        keys = [key_of(schedule.key(epoch), self.numbers[place]) for epoch in own.tolist()]
        return Blocks(
            begin=begins,
            end=np.minimum(begins + each, positions),
            alpha=schedule.alphas(numbers).astype(np.float32),
            key=np.array(keys, np.uint64)[which],
        )

    # --- merging -------------------------------------------------------------------------------------

    def merge(self, leg: Leg) -> None:
        """Merge the rows that are due after a leg; all replicas are here."""
        measured = self._plan.measured  # first the rows that tell how to weight, then all others
        parts = self._in_threads(0, measured, partial(self._changes, (0, self._plan.replicas)))
        rules = self._add(leg, parts)
        for stack, rule in zip(self._stacks, rules, strict=True):
            self._in_threads(measured, self._plan.rows(leg), partial(merge_rows, stack, rule))
        if leg.full:
            self._keep_hot()

    def changes(self, node: Node, low: int, high: int) -> TableChanges:
        """Return what the replicas of one of ``nodes`` have changed in rows ``low`` ... ``high``."""
        return self._changes(node, low, high, self._desks[0])

    def receive(self, leg: Leg, changes: TableChanges) -> None:
        """Take over the summed changes of all replicas after a leg that is not a full one."""
        self._add(leg, [changes])

    def renewed(self, leg: Leg, measured: TableChanges, part: TableChanges, low: int, high: int) -> NewTables:
        """Return rows ``low`` ... ``high`` as a full merge leaves them; the tables here stay as they are.

        ``measured`` are the summed changes of the rows that tell how to weight, ``part`` those of the rows
        asked for. The hot rows are in any case returned: they have changed since the last full merge.
        """
        hot = min(high, self._plan.hot)
        rules = zip(part, self._stacks, self._rules_of(leg, [measured]), strict=True)
        return NewTables(*(new_rows(of, low, hot, stack, rule) for of, stack, rule in rules))

    def renew(self, parts: Sequence[NewTables]) -> None:
        """Take over what :meth:`renewed` has returned of all rows: all replicas are equal then."""
        for part in parts:
            for new, stack in zip(part, self._stacks, strict=True):
                put_new(new, stack)
        self._keep_hot()

    def _changes(self, node: Node, low: int, high: int, desk: Desk) -> TableChanges:
        place, count = self.numbers.index(node[0]), node[1] - node[0]
        vectors, context_vectors = (changes_of(low, high, place, count, of, desk) for of in self._stacks)
        return TableChanges(vectors, context_vectors)

    def _rules_of(self, leg: Leg, parts: Sequence[TableChanges]) -> list[Rule]:
        stride, replicas = self._base.stride, self._plan.replicas

        def rule(which: int) -> Rule:
            other = self._stacks[1 - which].base, [part[1 - which] for part in parts]
            return self._rules.of(leg, which, mean_rows(*other, self._plan.measured, replicas, stride))

        return list(self._pool.map(rule, range(2)))

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


def key_of(key: int, number: int) -> int:
    """Return the 64-bit key of a replica's draws in an epoch whose key is ``key``."""
    digest = hashlib.blake2b(f"{key} {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")

"""How a run is shared among replicas of its tables: pure arithmetic, the same on every machine.

The text is cut into as many *spans* as there are replicas, and each replica is trained on its own span, by
one thread. A *block* of such a run is the next few positions of every span. After some blocks, a *leg*, the
replicas are merged: the rows of the most frequent words often, all rows more rarely. What a replica
does in a leg depends on its tables at the leg's beginning alone, so anybody may do it.

Two replicas are merged into one, these again in pairs, and so on: a binary tree over the replicas' numbers,
whose *nodes* are ranges of numbers. The tree is fixed, so whoever holds all replicas of a node can merge
them beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.config import MAX_SHARDS
from firth.training.schedule import Schedule

HOT = 4096
"""Most frequent words, whose rows are merged more often than the others."""

MEASURED = 1024
"""Most frequent words, whose rows tell how changes are to be weighted (``rules.py``)."""

LEG_POSITIONS = 3_400_000
"""Positions of all replicas in a leg, about, divided by their number: the more there are, the more of what a
row has learnt elsewhere is missing."""

FULL_LEGS = 10
"""Legs from one merge of all rows to the next."""

EPOCH_LEGS = 5
"""Legs of an epoch for each replica, at least: small texts need merging as often as large ones."""

GROWTH = 7
"""A leg is no longer than the text trained before it divided by this and the number of replicas: young tables
change fast ..."""

YOUNGEST = 16
"""... but not shorter than its full length divided by this."""

AS_GOOD = 4
"""Replicas with which a model is as good as with one, in short runs too (LOG.md)."""

BLOCK_POSITIONS = 64, 4096
"""Positions of a replica in a block, at least and at most."""

SPAN_POSITIONS = 1_000
"""Positions of a span, at least."""

Node = tuple[int, int]
"""A node of the tree: the replicas from the first number up to, but without, the second."""


class Leg(NamedTuple):
    """Blocks ``first`` ... ``past`` of a run, after which the hot rows are merged, or all."""

    first: int
    past: int
    since: int  # the block at which all replicas were equal
    full: bool  # all rows are merged: all replicas are equal then


@dataclass(frozen=True)
class Plan:
    """The spans and legs of a run on a text of ``positions`` words, ``words`` of them distinct."""

    positions: int
    words: int
    replicas: int
    schedule: Schedule

    @property
    def hot(self) -> int:
        """Words whose rows are merged after each leg."""
        return min(self.words, HOT)

    @property
    def measured(self) -> int:
        """Words whose rows tell how changes are to be weighted."""
        return min(self.hot, MEASURED)

    def rows(self, leg: Leg) -> int:
        """Return how many rows are merged after a leg."""
        return self.words if leg.full else self.hot

    @property
    def block_positions(self) -> int:
        """Positions of a block, of all replicas."""
        return self.schedule.block_positions

    @property
    def full_leg(self) -> int:
        """Positions of all replicas in a leg, once the tables are no longer young."""
        return self.leg_blocks(self.schedule.blocks) * self.block_positions

    @property
    def full_stretch(self) -> int:
        """... and from one merge of all rows to the next."""
        return FULL_LEGS * self.full_leg

    def leg_blocks(self, block: int) -> int:
        """Return the blocks of each leg up to the next full merge, after one at ``block``."""
        usual = leg_positions(self.positions, self.replicas)
        done = block * self.block_positions
        young = max(usual // YOUNGEST, min(usual, done // (GROWTH * self.replicas)))
        return max(1, round(young / self.block_positions))

    def span(self, number: int) -> tuple[int, int]:
        """Return the first position of replica ``number``'s span and one past its last."""
        return self.positions * number // self.replicas, self.positions * (number + 1) // self.replicas

    def legs(self, block: int) -> Iterator[Leg]:
        """Yield the legs from ``block`` on, at which all replicas are equal, to the next such block."""
        since, length = block, self.leg_blocks(block)
        end = min(self.schedule.blocks, block + FULL_LEGS * length)
        while block < end:
            past = min(end, block + length)
            yield Leg(block, past, since, past == end)
            block = past


def most_replicas(positions: int) -> int:
    """Return how many replicas a text of so many positions can feed."""
    return max(1, min(positions // SPAN_POSITIONS, MAX_SHARDS))


def auto_replicas(positions: int, workers: int) -> int:
    """Return the number that ``shards="auto"`` stands for: one for each worker, as long as quality lasts."""
    return min(workers, most_replicas(positions), AS_GOOD)


def replica_block(positions: int, replicas: int) -> int:
    """Return the positions of each replica in a block: no more than in the shortest leg."""
    shortest = leg_positions(positions, replicas) // (YOUNGEST * replicas)
    least, most = BLOCK_POSITIONS
    return min(max(shortest, least), most)


def leg_positions(positions: int, replicas: int) -> int:
    """Return the positions of all replicas in a leg of full length."""
    return min(LEG_POSITIONS // replicas, positions // (EPOCH_LEGS * replicas))


def span_text(
    plan: Plan, number: int, ids: NDArray[np.int32], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return a replica's own text, as (ids, sentence starts): a view of the ids.

    Spans are of equal length, so a sentence may be cut in two, which only costs its windows at the cut.
    """
    begin, end = plan.span(number)
    inner = starts[np.searchsorted(starts, begin, side="right") : np.searchsorted(starts, end)]
    return ids[begin:end], np.concatenate([[begin], inner, [end]]) - begin


def nodes(numbers: Iterable[int], replicas: int) -> list[Node]:
    """Return the largest nodes of the tree that the given replicas make up.

    >>> nodes([0, 1, 2, 4, 5, 6], 7)
    [(0, 2), (2, 3), (4, 7)]
    """
    found = sorted((number, number + 1) for number in numbers)
    step = 1
    while step < replicas:
        merged: list[Node] = []
        for node in found:
            first = node[0] - node[0] % (2 * step)
            whole = first, min(first + 2 * step, replicas)
            if merged and merged[-1] == (first, first + step) and node == (first + step, whole[1]):
                merged[-1] = whole
            else:
                merged.append(node)
        found, step = merged, 2 * step
    return found

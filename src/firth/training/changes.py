"""What replicas have changed: taken from their tables, combined, merged. ``merging.py`` does the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.training.arrays import aligned_zeros
from firth.training.merging import (
    STEPS,
    Rule,
    Stack,
    add_rows,
    combine_rows,
    gather_changes,
    put_rows,
    renew_rows,
)
from firth.training.replicas import Node
from firth.training.simd import LANES

CHUNK_ROWS = 1024
"""Rows that a thread merges at a time: their changes stay in its cache."""


WIDEST = 16
"""The table of weights ends at this v, where it is as flat as can be."""


Rigid = TypeVar("Rigid", bound=NDArray[Any])


class Changes(NamedTuple):
    """What is to be added to some rows of one table; the row numbers rise."""

    rows: NDArray[np.int32]  # (n,)
    values: NDArray[np.float32]  # (n * stride,)

    def part(self, low: int, high: int) -> Changes:
        """Return the changes of rows ``low`` ... ``high``: a view."""
        first, past = np.searchsorted(self.rows, [low, high]).tolist()
        stride = len(self.values) // max(len(self.rows), 1)
        return Changes(self.rows[first:past], self.values[first * stride : past * stride])


class NewRows(NamedTuple):
    """Rows of one table as a merge has left them; the row numbers rise."""

    rows: NDArray[np.int32]  # (n,)
    values: NDArray[np.float32]  # (n * stride,)


def frozen(array: Rigid) -> Rigid:
    """Return a read-only view.

    Arrays out of an object store are read-only, and kernels are compiled for these apart from others: so
    whatever is handed on is one.
    """
    view = array.view()
    view.setflags(write=False)
    return view


def make_stack(base: NDArray[np.float32], count: int, size: int, stride: int) -> Stack:
    """Return ``count`` replicas, each with the base's rows and room up to ``size`` numbers."""
    replicas = aligned_zeros(count * size)
    stack = Stack(base, base.view(np.int32), replicas, replicas.view(np.int32), count, size, stride)
    for number in range(count):
        replica_of(stack, number)[: len(base)] = base
    return stack


def replica_of(stack: Stack, place: int) -> NDArray[np.float32]:
    """Return one replica, flat: a view."""
    return stack.replicas[place * stack.size : (place + 1) * stack.size]


class Desk(NamedTuple):
    """Buffers of one thread that gathers changes."""

    changes: NDArray[np.float32]  # (replicas, stride), flat
    touched: NDArray[np.bool_]
    rows: NDArray[np.int32]
    values: NDArray[np.float32]


def make_desk(stack: Stack) -> Desk:
    """Return buffers for CHUNK_ROWS rows."""
    return Desk(
        aligned_zeros(stack.number * stack.stride),
        np.zeros(stack.number, np.bool_),
        np.zeros(CHUNK_ROWS, np.int32),
        aligned_zeros(CHUNK_ROWS * stack.stride),
    )


def changes_of(low: int, high: int, first: int, count: int, stack: Stack, desk: Desk) -> Changes:
    """Return the changes of ``count`` replicas from place ``first`` on, which must be a node of the tree."""
    most = high - low  # memory that is never written is never taken
    rows, values = np.zeros(most, np.int32), aligned_zeros(most * stack.stride)
    n = gather_changes(low, high, first, count, stack, desk.changes, desk.touched, rows, values)
    return Changes(frozen(rows[:n]), frozen(values[: n * stack.stride]))


def combined(a: Changes, b: Changes, stride: int) -> Changes:
    """Return the changes of two nodes that are neighbours in the tree, ``a`` the one of lower numbers."""
    n = len(a.rows) + len(b.rows)
    rows, values = np.zeros(n, np.int32), aligned_zeros(n * stride)
    n = combine_rows(*a, *b, stride, rows, values)
    return Changes(frozen(rows[:n]), frozen(values[: n * stride]))


def merged(parts: Mapping[Node, Changes], replicas: int, stride: int) -> Changes:
    """Return the summed changes of all replicas from those of nodes that together hold each replica once.

    Any rows may be merged apart from others: the changes of some rows merged are some rows of all merged.
    """
    found = dict(parts)
    step = 1
    while step < replicas:
        for first in range(0, replicas - step, 2 * step):
            a, b = (first, first + step), (first + step, min(first + 2 * step, replicas))
            if a in found and b in found:
                found[first, b[1]] = combined(found.pop(a), found.pop(b), stride)
        step *= 2
    return found[0, replicas]


def make_turns() -> NDArray[np.float32]:
    """Return the buffer of ``add_rows``: ``spread`` reads a whole vector from each of twelve places."""
    return aligned_zeros(2 * LANES)


def add_changes(changes: Changes, stack: Stack, rule: Rule) -> None:
    """Add summed changes, weighted by ``rule``, to the base and all replicas."""
    add_rows(len(changes.rows), *changes, stack, rule, make_turns())


def new_rows(changes: Changes, low: int, high: int, stack: Stack, rule: Rule) -> NewRows:
    """Return rows of the base with summed changes, weighted by ``rule``, added; the base stays as it is.

    Rows ``low`` ... ``high``, none if that is not above, are among them, changed or not; no changed row is
    below ``low``.
    """
    n, stride = len(changes.rows), stack.stride
    most = n + max(high - low, 0)
    rows, values = np.zeros(most, np.int32), aligned_zeros(most * stride)
    found = renew_rows(n, *changes, low, high, stack.base, stride, rule, make_turns(), rows, values)
    return NewRows(frozen(rows[:found]), frozen(values[: found * stride]))


def put_new(new: NewRows, stack: Stack) -> None:
    """Give the base and all replicas new rows."""
    put_rows(len(new.rows), *new, stack)


def merge_rows(stack: Stack, rule: Rule, low: int, high: int, desk: Desk) -> None:
    """Merge rows ``low`` ... ``high`` of all replicas, which are all here."""
    turns = make_turns()
    for begin in range(low, high, CHUNK_ROWS):
        n = gather_changes(begin, min(begin + CHUNK_ROWS, high), 0, stack.number, stack, *desk)
        add_rows(n, frozen(desk.rows), frozen(desk.values), stack, rule, turns)


def weights_of(replicas: int) -> NDArray[np.float64]:
    """Return what summed changes of ``replicas`` replicas are multiplied with, for v in steps of 1 / STEPS.

    >>> weights_of(4)[[0, 256, 1024, -1]].round(3).tolist()  # v = 0, 1, 4 and 16
    [1.0, 0.388, 0.255, 0.25]
    """
    v = np.arange(1, round(STEPS) * WIDEST + 1) / STEPS
    return np.concatenate([[1.0], np.expm1(-replicas * v) / (replicas * np.expm1(-v))])

"""Merging compiled: what replicas of a table have learnt since they were equal becomes one table again.

Two changes a and b of one row are combined as *Adasum* does (Maleki et al. 2020, arXiv:2006.02924):

    (1 - a·b / 2|a|²) a + (1 - a·b / 2|b|²) b

Changes at right angles, which tell different things, are added, and equal ones averaged, so that no row is
carried beyond the optimum which all replicas have found already; there is nothing to tune. More replicas
than two are combined in pairs and pairs of pairs (see ``replicas.py``). A row that only one of the two has
touched keeps that change as it is, bit by bit, so untouched rows need never travel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.kernel_cache import compiled, inlined
from firth.training.simd import LANES, fma, load, splat, store, totals


class Stack(NamedTuple):
    """One table in a process: the base from which its replicas began, and some replicas one after another."""

    base: NDArray[np.float32]  # flat
    base_bits: NDArray[np.int32]  # the same memory
    replicas: NDArray[np.float32]  # (number * size,)
    replica_bits: NDArray[np.int32]  # the same memory
    number: int  # of replicas
    size: int  # numbers of one replica, with the room behind its words' rows
    stride: int


@inlined
def differs(a, at, b, to, stride):
    """Tell whether two rows of integers differ."""
    bits = np.int32(0)
    for d in range(stride):
        bits |= a[at + d] ^ b[to + d]
    return bits != 0


@inlined
def copy_row(source, at, target, to, stride):
    """Copy a row."""
    for d in range(0, stride, LANES):
        store(target, to + d, load(source, at + d))


@inlined
def combine(A, a, B, b, target, to, stride, sums):
    """Write to ``target`` what the change at ``A[a]`` and the one at ``B[b]`` are together."""
    nought = splat(np.float32(0.0))
    aa = bb = ab = nought
    for d in range(0, stride, LANES):
        x, y = load(A, a + d), load(B, b + d)
        aa, bb, ab = fma(x, x, aa), fma(y, y, bb), fma(x, y, ab)
    store(
        sums,
        0,
        totals(aa, bb, ab, nought, nought, nought, nought, nought, nought, nought, nought, nought),
    )
    half = np.float32(0.5) * sums[2]
    f = g = np.float32(1.0)
    if sums[0] > 0 and sums[1] > 0:
        f, g = f - half / sums[0], g - half / sums[1]
    u, v = splat(f), splat(g)
    for d in range(0, stride, LANES):
        store(target, to + d, fma(u, load(A, a + d), v * load(B, b + d)))


@compiled
def gather_changes(low, high, first, count, stack: Stack, changes, touched, sums, rows, values):
    """Write the changes of a node, ``count`` replicas from place ``first`` on; return how many rows have any.

    ``changes`` has room for ``count`` rows, ``touched`` for ``count`` marks.
    """
    stride, n = stack.stride, 0
    for row in range(low, high):
        at = row * stride
        found = 0
        for r in range(count):
            own = (first + r) * stack.size + at
            touched[r] = differs(stack.replica_bits, own, stack.base_bits, at, stride)
            if touched[r]:
                found += 1
                for d in range(0, stride, LANES):
                    change = load(stack.replicas, own + d) - load(stack.base, at + d)
                    store(changes, r * stride + d, change)
        if found == 0:
            continue
        step = 1
        while step < count:
            for r in range(0, count - step, 2 * step):
                a, b = r * stride, (r + step) * stride
                if touched[r] and touched[r + step]:
                    combine(changes, a, changes, b, changes, a, stride, sums)
                elif touched[r + step]:
                    copy_row(changes, b, changes, a, stride)
                    touched[r] = True
            step *= 2
        rows[n] = row
        copy_row(changes, 0, values, n * stride, stride)
        n += 1
    return n


@compiled
def combine_rows(a_rows, a_values, b_rows, b_values, stride, sums, rows, values):
    """Write the combined changes of two nodes; return how many rows there are."""
    i = j = n = 0
    while i < len(a_rows) or j < len(b_rows):
        if j == len(b_rows) or (i < len(a_rows) and a_rows[i] < b_rows[j]):
            rows[n] = a_rows[i]
            copy_row(a_values, i * stride, values, n * stride, stride)
            i += 1
        elif i == len(a_rows) or b_rows[j] < a_rows[i]:
            rows[n] = b_rows[j]
            copy_row(b_values, j * stride, values, n * stride, stride)
            j += 1
        else:
            rows[n] = a_rows[i]
            combine(a_values, i * stride, b_values, j * stride, values, n * stride, stride, sums)
            i += 1
            j += 1
        n += 1
    return n


@compiled
def add_rows(n, rows, values, stack: Stack):
    """Add ``n`` changes to the base, and give every replica the new rows."""
    stride = stack.stride
    for i in range(n):
        at = np.int64(rows[i]) * stride
        for d in range(0, stride, LANES):
            new = load(stack.base, at + d) + load(values, i * stride + d)
            store(stack.base, at + d, new)
            for r in range(stack.number):
                store(stack.replicas, r * stack.size + at + d, new)

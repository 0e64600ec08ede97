"""Merging compiled: what replicas of a table have learnt since they were equal becomes one table again.

Each replica has changed a row by some amount; the amounts are summed, and the sum is weighted. Where n
replicas have each moved a row the share 1 - e**-v of the way to its optimum, n times as many steps would have
moved it 1 - e**-nv of the way; so the weight is (1 - e**-nv) / (n (1 - e**-v)), from 1 where a row is far
from its optimum (changes are added) to 1/n where each replica has reached it (they are averaged).

How fast that is differs by direction. The rows of C share a large mean and a few more directions, and a
row of W gets to its optimum along these up to a hundred times sooner than along others; likewise with W and
C exchanged. With one v for all directions the sum either overshoots along some or forgets what was learnt
along most (LOG.md). So v is measured: it is updates * alpha * curvature, the curvature of a direction being
the mean square of the *other* table's rows along it, times the pairs of an update and their slope
(``rules.py``). DIRECTIONS directions of great curvature have a v of their own, all others together one.

The sums are made in pairs and pairs of pairs of replicas (see ``replicas.py``). A row that only one of the
two has touched keeps that change as it is, bit by bit, so untouched rows need never travel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.kernel_cache import compiled, inlined
from firth.training.simd import LANES, fma, load, splat, spread, store, totals

DIRECTIONS = 12
"""Directions that have a v of their own: as many as ``totals`` sums at once."""

ITERATIONS = 6
"""Times that directions are multiplied with the matrix whose greatest ones they are to be."""

STEPS = 256.0
"""Steps of the table of weights between v and v + 1."""


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
    first, other = np.uint64(at), np.uint64(to)  # never negative, or LLVM could not make vectors of it
    for d in range(np.uint64(stride)):
        bits |= a[first + d] ^ b[other + d]
    return bits != 0


@inlined
def copy_row(source, at, target, to, stride):
    """Copy a row."""
    for d in range(0, stride, LANES):
        store(target, to + d, load(source, at + d))


@inlined
def add_up(A, a, B, b, target, to, stride):
    """Write to ``target`` what the change at ``A[a]`` and the one at ``B[b]`` are together."""
    for d in range(0, stride, LANES):
        store(target, to + d, load(A, a + d) + load(B, b + d))


@compiled
def gather_changes(low, high, first, count, stack: Stack, changes, touched, rows, values):
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
                    add_up(changes, a, changes, b, changes, a, stride)
                elif touched[r + step]:
                    copy_row(changes, b, changes, a, stride)
                    touched[r] = True
            step *= 2
        rows[n] = row
        copy_row(changes, 0, values, n * stride, stride)
        n += 1
    return n


@compiled
def combine_rows(a_rows, a_values, b_rows, b_values, stride, rows, values):
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
            add_up(a_values, i * stride, b_values, j * stride, values, n * stride, stride)
            i += 1
            j += 1
        n += 1
    return n


class Rule(NamedTuple):
    """How the summed changes of one table are weighted in one merge."""

    directions: NDArray[np.float32]  # (DIRECTIONS, stride), flat, at right angles and of length 1 (or 0)
    curvatures: NDArray[np.float64]  # (DIRECTIONS + 1,) along each of them, and of all others
    updates: NDArray[np.float32]  # (V,) expected updates of a row for each unit of heat
    hot: int  # rows before this one have ...
    hot_heat: float  # ... been trained for so much heat: blocks times alpha ...
    heat: float  # ... and the others for so much
    weights: NDArray[np.float64]  # for v = 0, 1 / STEPS, 2 / STEPS ...


class Survey(NamedTuple):
    """Buffers for finding directions."""

    squares: NDArray[np.float32]  # (stride, stride), flat
    basis: NDArray[np.float32]  # (DIRECTIONS, stride), flat
    next_basis: NDArray[np.float32]


@inlined
def mean_squares(rows, shares, stride, squares):
    """Write the weighted mean of x[i] * x[j] over all rows x; return that of x * x."""
    for at in range(0, stride * stride, LANES):
        store(squares, at, splat(np.float32(0.0)))
    for n in range(len(shares)):
        for i in range(stride):
            x = splat(np.float32(shares[n]) * rows[n * stride + i])
            for d in range(0, stride, LANES):
                at = i * stride + d
                store(squares, at, fma(x, load(rows, n * stride + d), load(squares, at)))
    trace = 0.0
    for i in range(stride):
        trace += np.float64(squares[i * stride + i])
    return trace


@inlined
def multiply(squares, stride, basis, target):
    """Write the symmetric matrix times each direction to ``target``."""
    for k in range(DIRECTIONS):
        for d in range(0, stride, LANES):
            total = splat(np.float32(0.0))
            for i in range(stride):
                total = fma(splat(basis[k * stride + i]), load(squares, i * stride + d), total)
            store(target, k * stride + d, total)


@inlined
def straighten(basis, stride):
    """Make the directions orthonormal, one after another; what is none becomes zeros (Gram-Schmidt)."""
    for k in range(DIRECTIONS):
        before = math.sqrt(dot_of(basis, k, basis, k, stride))
        for other in range(k):
            along = dot_of(basis, k, basis, other, stride)
            for d in range(stride):
                basis[k * stride + d] -= np.float32(along * basis[other * stride + d])
        length = math.sqrt(dot_of(basis, k, basis, k, stride))
        scale = 1.0 / length if length > 1e-4 * before else 0.0
        for d in range(stride):
            basis[k * stride + d] = np.float32(basis[k * stride + d] * scale)


@inlined
def dot_of(a, i, b, j, stride):
    """Return the dot product of direction ``i`` of ``a`` and direction ``j`` of ``b``."""
    total = 0.0
    for d in range(stride):
        total += np.float64(a[i * stride + d]) * np.float64(b[j * stride + d])
    return total


@compiled
def find_directions(rows, shares, size, stride, survey: Survey, directions, curvatures):
    """Find directions along which weighted rows have large mean squares, by subspace iteration.

    ``rows`` is (n, stride), flat, with ``size`` numbers used, ``shares`` (n,) and sums to 1. Writes
    ``directions`` and the mean squares along them and, by dimension, along the rest. Neither is exact, nor
    need it be.
    """
    trace = mean_squares(rows, shares, stride, survey.squares)
    for k in range(DIRECTIONS):
        for d in range(stride):
            turn = (k + 1) * (d + 1) * 0.6180339887498949  # anything that is no direction's opposite
            survey.basis[k * stride + d] = np.float32(turn - math.floor(turn) - 0.5 if d < size else 0.0)
    for _ in range(ITERATIONS):
        multiply(survey.squares, stride, survey.basis, survey.next_basis)
        for d in range(len(survey.basis)):  # no slice: it would be copied, and counted
            survey.basis[d] = survey.next_basis[d]
        straighten(survey.basis, stride)
    multiply(survey.squares, stride, survey.basis, survey.next_basis)
    rest, others = trace, size
    for k in range(DIRECTIONS):
        curvatures[k] = dot_of(survey.basis, k, survey.next_basis, k, stride)
        rest -= curvatures[k]
        others -= dot_of(survey.basis, k, survey.basis, k, stride) > 0.5
    curvatures[DIRECTIONS] = max(rest, 0.0) / max(others, 1)
    for d in range(DIRECTIONS * stride):
        directions[d] = survey.basis[d]


@inlined
def weight(v, weights):
    """Return the weight of summed changes; not a number, where training has diverged, is as good as any."""
    place = v * STEPS
    return weights[np.int64(place)] if place < len(weights) else weights[len(weights) - 1]


@inlined
def along_directions(values, at, directions, stride):
    """Return the dot products of a row with the twelve directions, in lanes 0 ... 11."""
    a0 = a1 = a2 = a3 = a4 = a5 = splat(np.float32(0.0))
    b0 = b1 = b2 = b3 = b4 = b5 = splat(np.float32(0.0))
    for d in range(0, stride, LANES):
        x = load(values, at + d)
        a0 = fma(x, load(directions, d), a0)
        a1 = fma(x, load(directions, stride + d), a1)
        a2 = fma(x, load(directions, 2 * stride + d), a2)
        a3 = fma(x, load(directions, 3 * stride + d), a3)
        a4 = fma(x, load(directions, 4 * stride + d), a4)
        a5 = fma(x, load(directions, 5 * stride + d), a5)
        b0 = fma(x, load(directions, 6 * stride + d), b0)
        b1 = fma(x, load(directions, 7 * stride + d), b1)
        b2 = fma(x, load(directions, 8 * stride + d), b2)
        b3 = fma(x, load(directions, 9 * stride + d), b3)
        b4 = fma(x, load(directions, 10 * stride + d), b4)
        b5 = fma(x, load(directions, 11 * stride + d), b5)
    return totals(a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5)


@inlined
def turn_of(row, values, at, stride, rule: Rule, turns):
    """Write how much of each direction is added to a weighted change; return the weight of all of it."""
    updates = np.float64(rule.updates[row]) * (rule.hot_heat if row < rule.hot else rule.heat)
    common = weight(updates * rule.curvatures[DIRECTIONS], rule.weights)
    store(turns, 0, along_directions(values, at, rule.directions, stride))
    for k in range(DIRECTIONS):
        turns[k] *= np.float32(weight(updates * rule.curvatures[k], rule.weights) - common)
    return splat(np.float32(common))


@inlined
def weighted(w, turns, values, at, d, stride, rule: Rule):
    """Return sixteen numbers of a weighted change."""
    change = w * load(values, at + d)
    for k in range(DIRECTIONS):
        change = fma(spread(turns, k), load(rule.directions, k * stride + d), change)
    return change


@compiled
def add_rows(n, rows, values, stack: Stack, rule: Rule, turns):
    """Add ``n`` summed changes, weighted, to the base, and give every replica the new rows."""
    stride = stack.stride
    for i in range(n):
        row, change = np.int64(rows[i]), i * stride
        w = turn_of(row, values, change, stride, rule, turns)
        for d in range(0, stride, LANES):
            at = row * stride + d
            new = load(stack.base, at) + weighted(w, turns, values, change, d, stride, rule)
            store(stack.base, at, new)
            for r in range(stack.number):
                store(stack.replicas, r * stack.size + at, new)


@compiled
def renew_rows(n, rows, values, low, high, base, stride, rule: Rule, turns, new_rows, new_values):
    """Write what rows of the base are with ``n`` summed changes, weighted; return how many rows there are.

    Rows ``low`` ... ``high`` are among them, changed or not; no changed row is below them.
    """
    i = found = 0
    while low < high or i < n:
        changed = i < n and (low >= high or rows[i] == low)
        row = np.int64(rows[i] if changed else low)
        if changed:
            w = turn_of(row, values, i * stride, stride, rule, turns)
            for d in range(0, stride, LANES):
                new = load(base, row * stride + d) + weighted(w, turns, values, i * stride, d, stride, rule)
                store(new_values, found * stride + d, new)
            i += 1
        else:
            copy_row(base, row * stride, new_values, found * stride, stride)
        new_rows[found] = row
        low += row == low
        found += 1
    return found


@compiled
def put_rows(n, rows, values, stack: Stack):
    """Give the base and every replica ``n`` new rows."""
    stride = stack.stride
    for i in range(n):
        at = np.int64(rows[i]) * stride
        copy_row(values, i * stride, stack.base, at, stride)
        for r in range(stack.number):
            copy_row(values, i * stride, stack.replicas, r * stack.size + at, stride)

"""The training step compiled: arrays in, numbers out, no files, no objects.

The mathematics and its letters (W, C, x, o, y, q) are those of ``reference.py``, which judges this file.
A *block* is the unit of training: (tables, a range of positions, learning rate, key) -> tables changed, loss.
It works through its positions in chunks: first all draws of a chunk (``draws.py``), then its steps
(:func:`train_chunk`), in which nothing is random.

How a step is made fast (each with its figure in LOG.md):

- *Scores* are made in tiles of 2 contexts x 6 outputs: twelve accumulators and eight rows' lanes stay in
  registers. ``totals`` folds the accumulators into one vector whose lanes 0-5 are the first context's scores
  and 6-11 the second's; the gradient is made from it in registers, for twelve pairs at once.
- *Updates* go by column: for each 16 columns, six output rows' old and new values stay in registers while
  the window's contexts pass by, each loaded and stored once.
- The rows of the center two steps ahead are prefetched; the draws are known by then.
- The *loss* of all pairs costs little: q is needed for the gradient anyway, so the product of all q is kept,
  its exponent summed apart, and one logarithm a chunk makes it the exact sum of log q.
"""

from __future__ import annotations

import math

import numpy as np

from firth.training.arrays import CHUNK, MASKED, SEEN, TILE, Blocks, Draws, Scratch, Tables
from firth.training.draws import PLAIN, draw_windows, keep_chunk, next_stamp
from firth.training.kernel_cache import compiled, inlined
from firth.training.simd import (
    LANES,
    clamp,
    exponent,
    fma,
    load,
    mantissa,
    nearest,
    power_of_two,
    prefetch,
    splat,
    spread,
    store,
    totals,
)

AHEAD = 2
"""How many steps ahead rows are prefetched."""

_LIMIT = np.float32(80.0)  # scores beyond this change neither loss nor gradient in float32


@inlined
def gather_contexts(k, tables: Tables, scratch: Scratch):
    """Note where the rows of center ``k``'s context words lie; return (how many, may a row stand twice).

    An odd number is made even by the last row again, whose gradients are masked.
    """
    first = max(scratch.first[k], k - scratch.reach[k])
    past = min(scratch.past[k], k + scratch.reach[k] + 1)
    M, repeated = 0, False
    stamp = next_stamp(scratch)
    for c in range(first, past):
        if c != k:
            word = scratch.kept[c]
            scratch.x_rows[M] = np.int64(word) * tables.stride
            repeated |= scratch.seen[word & (SEEN - 1)] == stamp
            scratch.seen[word & (SEEN - 1)] = stamp
            M += 1
    if M > 0:
        scratch.x_rows[M] = scratch.x_rows[M - 1]
    return M, repeated


@inlined
def gather_outputs(k, size, tables: Tables, scratch: Scratch):
    """Note where the rows of center ``k``'s outputs lie; the last tile is filled up with the spare row."""
    center = scratch.outputs[k * size]
    for j in range(size):
        scratch.o_rows[j] = np.int64(scratch.outputs[k * size + j]) * tables.stride
    for j in range(size, len(scratch.o_rows)):
        scratch.o_rows[j] = scratch.spare[0] * tables.stride
    if scratch.special[k] != PLAIN:
        for j in range(1, size):
            if scratch.outputs[k * size + j] == center:
                mask_output(j, np.float32(0.0), MASKED, scratch)


@inlined
def copy_rows(n, source, rows, target, slots, stride):
    """Copy ``n`` rows of ``source`` to ``target``."""
    for i in range(n):
        for d in range(0, stride, LANES):
            store(target, slots[i] + d, load(source, rows[i] + d))


@inlined
def mask_output(j, label, mask, scratch: Scratch):
    """Set the label and the mask of output ``j`` for every context."""
    for single in range(2):
        at = ((j // TILE) * 2 + single) * LANES + j % TILE
        scratch.label[at] = label
        scratch.mask[at] = mask
    pair = (j // TILE) * 2 * LANES + TILE + j % TILE
    scratch.label[pair] = label
    scratch.mask[pair] = mask


@inlined
def exp2_fraction(t):
    """Return 2 ** t for t in [-1/2, 1/2]: a polynomial with relative error below 2e-7."""
    p = splat(np.float32(1.535336188319500e-4))
    p = fma(p, t, splat(np.float32(1.339887440266574e-3)))
    p = fma(p, t, splat(np.float32(9.618437357674640e-3)))
    p = fma(p, t, splat(np.float32(5.550332471162809e-2)))
    p = fma(p, t, splat(np.float32(2.402264791363012e-1)))
    p = fma(p, t, splat(np.float32(6.931472028550421e-1)))
    return fma(p, t, splat(np.float32(1.0)))


@inlined
def exp_of_minus(z):
    """Return e ** -z for z in [-80, 80]."""
    t = z * splat(np.float32(-1.4426950408889634))
    whole = nearest(t)
    return exp2_fraction(t - whole) * power_of_two(whole)


@inlined
def tile_scores(X, x0, x1, O, o_rows, j, stride):
    """Return the scores of two rows of ``X`` with six of ``O``, from ``o_rows[j]`` on: lanes 0-5, 6-11."""
    o0, o1, o2 = o_rows[j], o_rows[j + 1], o_rows[j + 2]
    o3, o4, o5 = o_rows[j + 3], o_rows[j + 4], o_rows[j + 5]
    a0 = a1 = a2 = a3 = a4 = a5 = splat(np.float32(0.0))
    b0 = b1 = b2 = b3 = b4 = b5 = splat(np.float32(0.0))
    for d in range(0, stride, LANES):
        a, b = load(X, x0 + d), load(X, x1 + d)
        o = load(O, o0 + d)
        a0, b0 = fma(a, o, a0), fma(b, o, b0)
        o = load(O, o1 + d)
        a1, b1 = fma(a, o, a1), fma(b, o, b1)
        o = load(O, o2 + d)
        a2, b2 = fma(a, o, a2), fma(b, o, b2)
        o = load(O, o3 + d)
        a3, b3 = fma(a, o, a3), fma(b, o, b3)
        o = load(O, o4 + d)
        a4, b4 = fma(a, o, a4), fma(b, o, b4)
        o = load(O, o5 + d)
        a5, b5 = fma(a, o, a5), fma(b, o, b5)
    return totals(a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5)


@inlined
def step_gradients(M, alpha, X, x_rows, O, o_rows, stride, scratch: Scratch):
    """Write alpha * y * (1 - q) of every pair of the window to ``scratch.gradient``, add up its loss."""
    product, exponents, health = (
        load(scratch.loss, 0),
        load(scratch.loss, LANES),
        load(scratch.loss, 2 * LANES),
    )
    nought, one, rate = splat(np.float32(0.0)), splat(np.float32(1.0)), splat(alpha)
    at = 0
    for j in range(0, len(o_rows), TILE):
        for i in range(0, M, 2):
            z = tile_scores(X, x_rows[i], x_rows[i + 1], O, o_rows, j, stride)
            lanes = ((j // TILE) * 2 + (i + 1 == M)) * LANES
            y = load(scratch.label, lanes)
            e = exp_of_minus(clamp(fma(y, z, load(scratch.mask, lanes)), -_LIMIT, _LIMIT))
            q = one / (one + e)
            store(scratch.gradient, at, rate * y * (e * q))
            at += LANES
            health = fma(z, nought, health)
            product = product * q
            exponents = exponents + exponent(product)
            product = mantissa(product)
    store(scratch.loss, 0, product)
    store(scratch.loss, LANES, exponents)
    store(scratch.loss, 2 * LANES, health)


@inlined
def update_rows(M, add, X, x_from, O, o_from, tables: Tables, scratch: Scratch):
    """Add every pair's change to its two rows, by columns: the outputs of a tile stay in registers.

    ``X`` and ``O`` hold the rows before the step, from ``x_from`` and ``o_from`` on: the tables themselves
    or copies. With ``add`` the outputs' changes are added to rows that may have changed meanwhile.
    """
    W, C, G = tables.vectors, tables.context_vectors, scratch.gradient
    x_rows, o_rows = scratch.x_rows, scratch.o_rows
    tile = 0
    for j in range(0, len(o_rows), TILE):
        r0, r1, r2 = o_from[j], o_from[j + 1], o_from[j + 2]
        r3, r4, r5 = o_from[j + 3], o_from[j + 4], o_from[j + 5]
        for d in range(0, tables.stride, LANES):
            o0, o1, o2 = load(O, r0 + d), load(O, r1 + d), load(O, r2 + d)
            o3, o4, o5 = load(O, r3 + d), load(O, r4 + d), load(O, r5 + d)
            n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
            for i in range(M):
                x = load(X, x_from[i] + d)
                at = x_rows[i] + d
                new = load(W, at)
                g = tile + (i >> 1) * LANES + (i & 1) * TILE
                step = spread(G, g)
                new, n0 = fma(step, o0, new), fma(step, x, n0)
                step = spread(G, g + 1)
                new, n1 = fma(step, o1, new), fma(step, x, n1)
                step = spread(G, g + 2)
                new, n2 = fma(step, o2, new), fma(step, x, n2)
                step = spread(G, g + 3)
                new, n3 = fma(step, o3, new), fma(step, x, n3)
                step = spread(G, g + 4)
                new, n4 = fma(step, o4, new), fma(step, x, n4)
                step = spread(G, g + 5)
                new, n5 = fma(step, o5, new), fma(step, x, n5)
                store(W, at, new)
            if add:
                add_change(C, o_rows[j] + d, o0, n0)
                add_change(C, o_rows[j + 1] + d, o1, n1)
                add_change(C, o_rows[j + 2] + d, o2, n2)
                add_change(C, o_rows[j + 3] + d, o3, n3)
                add_change(C, o_rows[j + 4] + d, o4, n4)
                add_change(C, o_rows[j + 5] + d, o5, n5)
            else:
                store(C, r0 + d, n0)
                store(C, r1 + d, n1)
                store(C, r2 + d, n2)
                store(C, r3 + d, n3)
                store(C, r4 + d, n4)
                store(C, r5 + d, n5)
        tile += ((M + 1) >> 1) * LANES


@inlined
def add_change(flat, at, old, new):
    """Add ``new - old`` to a row that may have changed since ``old`` was read."""
    store(flat, at, load(flat, at) + (new - old))


@inlined
def prefetch_center(k, size, window, tables: Tables, scratch: Scratch):
    """Prefetch what center ``k`` will be the first to need: its outputs' rows, the farthest context's."""
    context = np.int64(scratch.kept[k + window]) * tables.stride
    for d in range(0, tables.stride, LANES):
        prefetch(tables.vectors, context + d)
    for j in range(k * size, (k + 1) * size):
        row = np.int64(scratch.outputs[j]) * tables.stride
        for d in range(0, tables.stride, LANES):
            prefetch(tables.context_vectors, row + d)


@inlined
def train_center(M, repeated, special, alpha, tables: Tables, scratch: Scratch):
    """Take the step of one center. All gradients are those at the rows' values before the step.

    The common case works on the tables in place. Where a row may stand twice among the contexts or the
    outputs, the rows are first copied; where there are several tiles, the contexts' are.
    """
    stride, x_rows, o_rows = tables.stride, scratch.x_rows, scratch.o_rows
    W, C, x_old, o_old = tables.vectors, tables.context_vectors, scratch.x_old, scratch.o_old
    x_slots, o_slots = scratch.x_slots, scratch.o_slots
    copied = repeated or special
    if copied or len(o_rows) > TILE:
        copy_rows(M + (M & 1), W, x_rows, x_old, x_slots, stride)
    if copied:
        copy_rows(len(o_rows), C, o_rows, o_old, o_slots, stride)
        step_gradients(M, alpha, x_old, x_slots, o_old, o_slots, stride, scratch)
        update_rows(M, True, x_old, x_slots, o_old, o_slots, tables, scratch)
    elif len(o_rows) > TILE:
        step_gradients(M, alpha, x_old, x_slots, C, o_rows, stride, scratch)
        update_rows(M, False, x_old, x_slots, C, o_rows, tables, scratch)
    else:
        step_gradients(M, alpha, W, x_rows, C, o_rows, stride, scratch)
        update_rows(M, False, W, x_rows, C, o_rows, tables, scratch)


@inlined
def train_chunk(center_first, center_past, drawn, alpha, draws: Draws, tables: Tables, scratch: Scratch):
    """Take the step of every center of the chunk, prefetching up to ``drawn``; return the number of pairs."""
    size = draws.negative + 1
    pairs = 0
    for k in range(center_first, center_past):
        if k + AHEAD < drawn:
            prefetch_center(k + AHEAD, size, draws.window, tables, scratch)
        M, repeated = gather_contexts(k, tables, scratch)
        if M == 0:
            continue
        gather_outputs(k, size, tables, scratch)
        special = scratch.special[k] != PLAIN
        train_center(M, repeated, special, alpha, tables, scratch)
        if special:
            for j in range(1, size):
                mask_output(j, np.float32(-1.0), np.float32(0.0), scratch)
        pairs += M
    return pairs


@inlined
def take_loss(scratch: Scratch) -> float:
    """Return minus the logarithm of the product of all likelihoods since the last call, in nats.

    It is NaN if a score was not finite: the third vector is then not 0 but NaN.
    """
    bits = 0.0
    for lane in range(LANES):
        bits += math.log2(scratch.loss[lane]) + scratch.loss[LANES + lane] + scratch.loss[2 * LANES + lane]
        scratch.loss[lane] = 1.0
        scratch.loss[LANES + lane] = 0.0
    return -bits * math.log(2.0)


@compiled
def train_block(ids, starts, begin, end, alpha, key, draws: Draws, tables: Tables, scratch: Scratch):
    """Train on the centers at positions ``begin`` ... ``end``; return (loss in nats, pairs, centers).

    Windows reach over the block's edges into its sentence; only the rows of ``tables`` change.
    """
    sentence = np.searchsorted(starts, begin, side="right") - 1
    loss, pairs, centers = 0.0, 0, 0
    for chunk in range(begin, end, CHUNK):
        first, past, sentence = keep_chunk(
            ids, starts, sentence, chunk, min(chunk + CHUNK, end), draws, key, scratch
        )
        draw_windows(first, past, draws, 0, scratch)
        pairs += train_chunk(first, past, past, alpha, draws, tables, scratch)
        loss += take_loss(scratch)
        centers += past - first
    return loss, pairs, centers


@compiled
def train_blocks(ids, starts, blocks: Blocks, draws: Draws, tables: Tables, scratch: Scratch, results):
    """Train blocks one after another; write (blocks, 3): loss in nats, pairs, centers."""
    for b in range(len(blocks.begin)):
        begin, end, alpha, key = blocks.begin[b], blocks.end[b], blocks.alpha[b], blocks.key[b]
        loss, pairs, centers = train_block(ids, starts, begin, end, alpha, key, draws, tables, scratch)
        results[b, 0] = loss
        results[b, 1] = pairs
        results[b, 2] = centers

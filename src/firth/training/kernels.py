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

from firth.training.arrays import AHEAD, CHUNK, MASKED, TILE, Blocks, Draws, Scratch, Tables
from firth.training.draws import PLAIN, draw_windows, find_repeats, keep_chunk
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

_LIMIT = np.float32(80.0)  # scores beyond this change neither loss nor gradient in float32


@inlined
def row(rows, i):
    """Return ``rows[i]``; ``i`` must not be negative, which compiled code then need not find out each time."""
    return rows[np.uint64(i)]


@inlined
def copy_rows(n, source, rows, first, target, slots, stride):
    """Copy the ``n`` rows of ``source`` that lie at ``rows``, from the entry ``first`` on, to ``target``."""
    for i in range(n):
        for d in range(0, stride, LANES):
            store(target, row(slots, i) + d, load(source, row(rows, first + i) + d))


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
    o0, o1, o2 = row(o_rows, j), row(o_rows, j + 1), row(o_rows, j + 2)
    o3, o4, o5 = row(o_rows, j + 3), row(o_rows, j + 4), row(o_rows, j + 5)
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
def step_gradients(M, alpha, X, x_rows, x_at, O, o_rows, o_at, stride, scratch: Scratch):
    """Write alpha * y * (1 - q) of every pair of the window to ``scratch.gradient``, add up its loss."""
    product, exponents, health = (
        load(scratch.loss, 0),
        load(scratch.loss, LANES),
        load(scratch.loss, 2 * LANES),
    )
    nought, one, rate = splat(np.float32(0.0)), splat(np.float32(1.0)), splat(alpha)
    at = 0
    for j in range(0, len(scratch.o_slots), TILE):
        for i in range(0, M, 2):
            z = tile_scores(X, row(x_rows, x_at + i), row(x_rows, x_at + i + 1), O, o_rows, o_at + j, stride)
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
def update_rows(M, k, x_at, add, X, x_from, x_first, O, o_from, o_first, tables: Tables, scratch: Scratch):
    """Add every pair's change to its two rows, by columns: the outputs of a tile stay in registers.

    ``X`` and ``O`` hold the rows before the step, at ``x_from`` and ``o_from``: the tables themselves
    or copies. With ``add`` the outputs' changes are added to rows that may have changed meanwhile.
    """
    W, C, G = tables.vectors, tables.context_vectors, scratch.gradient
    x_rows, o_rows, size = scratch.rows, scratch.outputs, len(scratch.o_slots)
    nought = splat(np.float32(0.0))
    tile = 0
    for j in range(0, size, TILE):
        o_at, ahead = k * size + j, (k + AHEAD) * size + j
        at = o_first + j
        r0, r1, r2 = row(o_from, at), row(o_from, at + 1), row(o_from, at + 2)
        r3, r4, r5 = row(o_from, at + 3), row(o_from, at + 4), row(o_from, at + 5)
        for d in range(0, tables.stride, LANES):
            o0, o1, o2 = load(O, r0 + d), load(O, r1 + d), load(O, r2 + d)
            o3, o4, o5 = load(O, r3 + d), load(O, r4 + d), load(O, r5 + d)
            n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
            for i in range(M):
                x = load(X, row(x_from, x_first + i) + d)
                at = row(x_rows, x_at + i) + d
                new, change = load(W, at), nought
                g = tile + (i >> 1) * LANES + (i & 1) * TILE
                step = spread(G, g)
                new, n0 = fma(step, o0, new), fma(step, x, n0)
                step = spread(G, g + 1)
                change, n1 = step * o1, fma(step, x, n1)
                step = spread(G, g + 2)
                new, n2 = fma(step, o2, new), fma(step, x, n2)
                step = spread(G, g + 3)
                change, n3 = fma(step, o3, change), fma(step, x, n3)
                step = spread(G, g + 4)
                new, n4 = fma(step, o4, new), fma(step, x, n4)
                step = spread(G, g + 5)
                change, n5 = fma(step, o5, change), fma(step, x, n5)
                store(W, at, new + change)
            if add:
                add_change(C, row(o_rows, o_at) + d, o0, n0)
                add_change(C, row(o_rows, o_at + 1) + d, o1, n1)
                add_change(C, row(o_rows, o_at + 2) + d, o2, n2)
                add_change(C, row(o_rows, o_at + 3) + d, o3, n3)
                add_change(C, row(o_rows, o_at + 4) + d, o4, n4)
                add_change(C, row(o_rows, o_at + 5) + d, o5, n5)
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
def prefetch_center(k, window, tables: Tables, scratch: Scratch):
    """Prefetch what center ``k`` will be the first to need: its outputs' rows, the farthest context's.

    Beyond the last center it is rows of an earlier chunk: no harm, and no branch.
    """
    context, size = row(scratch.rows, k + window), len(scratch.o_slots)
    for d in range(0, tables.stride, LANES):
        prefetch(tables.vectors, context + d)
    for j in range(k * size, (k + 1) * size):
        output = row(scratch.outputs, j)
        for d in range(0, tables.stride, LANES):
            prefetch(tables.context_vectors, output + d)


@inlined
def train_center(k, M, first, repeated, special, alpha, tables: Tables, scratch: Scratch):
    """Take the step of one center. All gradients are those at the rows' values before the step.

    The common case works on the tables in place. Where a row may stand twice among the outputs, all rows
    are first copied; where one may stand twice among the contexts, or there are several tiles, theirs are.
    """
    stride, x_rows, o_rows = tables.stride, scratch.rows, scratch.outputs
    W, C, x_old, o_old = tables.vectors, tables.context_vectors, scratch.x_old, scratch.o_old
    x_slots, o_slots = scratch.x_slots, scratch.o_slots
    size = len(o_slots)
    o_at = k * size
    if special or repeated or size > TILE:
        copy_rows(M + (M & 1), W, x_rows, first, x_old, x_slots, stride)
    if special:
        copy_rows(size, C, o_rows, o_at, o_old, o_slots, stride)
        step_gradients(M, alpha, x_old, x_slots, 0, o_old, o_slots, 0, stride, scratch)
        update_rows(M, k, first, True, x_old, x_slots, 0, o_old, o_slots, 0, tables, scratch)
    elif repeated or size > TILE:
        step_gradients(M, alpha, x_old, x_slots, 0, C, o_rows, o_at, stride, scratch)
        update_rows(M, k, first, False, x_old, x_slots, 0, C, o_rows, o_at, tables, scratch)
    else:
        step_gradients(M, alpha, W, x_rows, first, C, o_rows, o_at, stride, scratch)
        update_rows(M, k, first, False, W, x_rows, first, C, o_rows, o_at, tables, scratch)


@inlined
def mask_repeats(k, size, label, mask, scratch: Scratch):
    """Give the negatives of center ``k`` that are the center itself another label and mask."""
    for j in range(k * size + 1, (k + 1) * size):
        if scratch.outputs[j] == scratch.outputs[k * size]:
            mask_output(j - k * size, label, mask, scratch)


@inlined
def train_chunk(center_first, center_past, alpha, draws: Draws, tables: Tables, scratch: Scratch):
    """Take the step of every center of the chunk; return the number of pairs.

    The contexts of a center are the other words of its window: for the time of the step the window's last
    row takes the center's place, so they lie side by side.
    """
    size, rows = len(scratch.o_slots), scratch.rows
    pairs = 0
    for k in range(center_first, center_past):
        first = max(scratch.first[k], k - scratch.reach[k])
        last = min(scratch.past[k], k + scratch.reach[k] + 1) - 1
        if first == last:
            continue
        repeated, special = scratch.repeats[last] >= first, scratch.special[k] != PLAIN
        own, rows[k] = rows[k], rows[last]
        if special:
            mask_repeats(k, size, np.float32(0.0), MASKED, scratch)
        prefetch_center(k + AHEAD, draws.window, tables, scratch)
        train_center(k, last - first, first, repeated, special, alpha, tables, scratch)
        if special:
            mask_repeats(k, size, np.float32(-1.0), np.float32(0.0), scratch)
        rows[k] = own
        pairs += last - first
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
        words = np.int64(scratch.past[past - 1]) if past > first else 0
        find_repeats(words, scratch)
        for k in range(words):
            scratch.rows[k] = np.int64(scratch.kept[k]) * tables.stride
        draw_windows(first, past, draws, 0, tables.stride, scratch)
        pairs += train_chunk(first, past, alpha, draws, tables, scratch)
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

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
  the window's contexts pass by, each loaded and stored once. A context's six changes are summed in two
  chains, of which neither waits for the other.
- No loop collects a step's rows: the outputs' offsets are drawn as such, and those of a window's words lie
  side by side, the last one in the center's place while its step is taken.
- The rows of the center two steps ahead are prefetched; the draws are known by then.
- Rows of the default size have a kernel of their own, in which the loops over a row unroll.
- The *loss* of all pairs costs little: q is needed for the gradient anyway, so the product of all q is kept,
  its exponent summed apart, and one logarithm a chunk makes it the exact sum of log q.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.arrays import AHEAD, CHUNK, MASKED, TILE, Blocks, Draws, Scratch, Tables
from firth.training.draws import PLAIN, draw_windows, find_repeats, keep_chunk
from firth.training.kernel_cache import compiled, inlined, spliced
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
def stride_of(tables: Tables):
    """Return the stride, as a constant where the kernel is compiled for it: the loops over a row unroll."""
    columns = len(tables.columns)
    return columns * LANES if columns > 0 else tables.stride


class Rows(NamedTuple):
    """Some rows, of a table or of a copy: row ``i`` begins at ``flat[at[first + i]]``."""

    flat: NDArray[np.float32]
    at: NDArray[np.int64]
    first: int


@inlined
def row(rows: Rows, i):
    """Return where row ``i`` begins. An index without a sign need not be tested for being negative."""
    return rows.at[np.uint64(rows.first + i)]


@inlined
def copy_rows(n, source: Rows, target: Rows, stride):
    """Copy ``n`` rows."""
    for i in range(n):
        for d in range(0, stride, LANES):
            store(target.flat, row(target, i) + d, load(source.flat, row(source, i) + d))


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
def tile_scores(X: Rows, i, O: Rows, j, stride):
    """Return the scores of rows ``i``, ``i`` + 1 of X with the six of O from ``j`` on: lanes 0-5, 6-11."""
    x, o = X.flat, O.flat
    x0, x1 = row(X, i), row(X, i + 1)
    o0, o1, o2 = row(O, j), row(O, j + 1), row(O, j + 2)
    o3, o4, o5 = row(O, j + 3), row(O, j + 4), row(O, j + 5)
    a0 = a1 = a2 = a3 = a4 = a5 = splat(np.float32(0.0))
    b0 = b1 = b2 = b3 = b4 = b5 = splat(np.float32(0.0))
    for d in range(0, stride, LANES):
        a, b = load(x, x0 + d), load(x, x1 + d)
        c = load(o, o0 + d)
        a0, b0 = fma(a, c, a0), fma(b, c, b0)
        c = load(o, o1 + d)
        a1, b1 = fma(a, c, a1), fma(b, c, b1)
        c = load(o, o2 + d)
        a2, b2 = fma(a, c, a2), fma(b, c, b2)
        c = load(o, o3 + d)
        a3, b3 = fma(a, c, a3), fma(b, c, b3)
        c = load(o, o4 + d)
        a4, b4 = fma(a, c, a4), fma(b, c, b4)
        c = load(o, o5 + d)
        a5, b5 = fma(a, c, a5), fma(b, c, b5)
    return totals(a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5)


@inlined
def step_gradients(M, X: Rows, O: Rows, alpha, stride, scratch: Scratch):
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
            z = tile_scores(X, i, O, j, stride)
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
def update_rows(M, X: Rows, O: Rows, W: Rows, C: Rows, add, stride, scratch: Scratch):
    """Add every pair's change to its two rows in W and C, by columns: a tile's outputs stay in registers.

    X and O are the same rows as they were before the step: in the tables themselves or copied. With
    ``add`` the outputs' changes are added to rows that may have changed meanwhile.
    """
    w, c, x_old, o_old, G = W.flat, C.flat, X.flat, O.flat, scratch.gradient
    tile = 0
    for j in range(0, len(scratch.o_slots), TILE):
        r0, r1, r2 = row(O, j), row(O, j + 1), row(O, j + 2)
        r3, r4, r5 = row(O, j + 3), row(O, j + 4), row(O, j + 5)
        for d in range(0, stride, LANES):
            o0, o1, o2 = load(o_old, r0 + d), load(o_old, r1 + d), load(o_old, r2 + d)
            o3, o4, o5 = load(o_old, r3 + d), load(o_old, r4 + d), load(o_old, r5 + d)
            n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
            for i in range(M):
                x = load(x_old, row(X, i) + d)
                at = row(W, i) + d
                new = load(w, at)
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
                store(w, at, new + change)
            if add:
                add_change(c, row(C, j) + d, o0, n0)
                add_change(c, row(C, j + 1) + d, o1, n1)
                add_change(c, row(C, j + 2) + d, o2, n2)
                add_change(c, row(C, j + 3) + d, o3, n3)
                add_change(c, row(C, j + 4) + d, o4, n4)
                add_change(c, row(C, j + 5) + d, o5, n5)
            else:
                store(c, r0 + d, n0)
                store(c, r1 + d, n1)
                store(c, r2 + d, n2)
                store(c, r3 + d, n3)
                store(c, r4 + d, n4)
                store(c, r5 + d, n5)
        tile += ((M + 1) >> 1) * LANES


@inlined
def add_change(flat, at, old, new):
    """Add ``new - old`` to a row that may have changed since ``old`` was read."""
    store(flat, at, load(flat, at) + (new - old))


@inlined
def prefetch_rows(n, rows: Rows, stride):
    """Prefetch ``n`` rows."""
    for i in range(n):
        for d in range(0, stride, LANES):
            prefetch(rows.flat, row(rows, i) + d)


@spliced
def train_center(M, W: Rows, C: Rows, repeated, special, alpha, stride, scratch: Scratch):
    """Take the step of one center. All gradients are those at the rows' values before the step.

    The common case works on the tables in place. Where a row may stand twice among the outputs, all rows
    are first copied; where one may stand twice among the contexts, or there are several tiles, theirs are.
    """
    X, O = Rows(scratch.x_old, scratch.x_slots, 0), Rows(scratch.o_old, scratch.o_slots, 0)
    size = len(scratch.o_slots)
    if special or repeated or size > TILE:
        copy_rows(M + (M & 1), W, X, stride)
    if special:
        copy_rows(size, C, O, stride)
        step_gradients(M, X, O, alpha, stride, scratch)
        update_rows(M, X, O, W, C, True, stride, scratch)
    elif repeated or size > TILE:
        step_gradients(M, X, C, alpha, stride, scratch)
        update_rows(M, X, C, W, C, False, stride, scratch)
    else:
        step_gradients(M, W, C, alpha, stride, scratch)
        update_rows(M, W, C, W, C, False, stride, scratch)


@spliced
def mask_repeats(k, size, label, mask, scratch: Scratch):
    """Give the negatives of center ``k`` that are the center itself another label and mask."""
    for j in range(k * size + 1, (k + 1) * size):
        if scratch.outputs[j] == scratch.outputs[k * size]:
            mask_output(j - k * size, label, mask, scratch)


@spliced
def train_chunk(center_first, center_past, alpha, draws: Draws, tables: Tables, scratch: Scratch):
    """Take the step of every center of the chunk; return the number of pairs.

    The contexts of a center are the other words of its window: for the time of the step the window's last
    row takes the center's place, so they lie side by side.
    """
    size, rows, stride = len(scratch.o_slots), scratch.rows, stride_of(tables)
    W, C = tables.vectors, tables.context_vectors
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
        # What the center two steps ahead is the first to need; past the last one it is rows of old: no harm.
        prefetch_rows(1, Rows(W, rows, k + AHEAD + draws.window), stride)
        prefetch_rows(size, Rows(C, scratch.outputs, (k + AHEAD) * size), stride)
        contexts, outputs = Rows(W, rows, first), Rows(C, scratch.outputs, k * size)
        train_center(last - first, contexts, outputs, repeated, special, alpha, stride, scratch)
        if special:
            mask_repeats(k, size, np.float32(-1.0), np.float32(0.0), scratch)
        rows[k] = own
        pairs += last - first
    return pairs


@spliced
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
            scratch.rows[k] = np.int64(scratch.kept[k]) * stride_of(tables)
        draw_windows(first, past, draws, 0, stride_of(tables), scratch)
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

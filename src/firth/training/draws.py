"""The random draws of skip-gram: which words are kept, how far a window reaches, which negatives are taken.

Every draw is a pure function of (key, position), and the key one of (seed, epoch): it does not depend on how
positions are split into blocks and chunks, nor on what was drawn before.
"""

from __future__ import annotations

import numpy as np

from firth.training.arrays import SEEN, Draws, Scratch
from firth.training.kernel_cache import inlined, spliced
from firth.training.simd import prefetch

PLAIN, SPECIAL = np.uint8(0), np.uint8(1)
"""What ``scratch.special`` says of a center's outputs: all different, or perhaps not."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: steps of this size make SplitMix64's sequence."""

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@inlined
def mix64(x):
    """Return 64 well mixed bits of ``x``: the finalizer of SplitMix64 (Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inlined
def position_bits(key, position):
    """Return the 64 random bits that belong to a position: the low half says whether it is kept."""
    return mix64(key + (np.uint64(position) + np.uint64(1)) * GOLDEN)


@inlined
def scaled(bits, n):
    """Return a number from 0 to n - 1 made from the high half of ``bits`` (Lemire 2019, no rejection)."""
    return ((bits >> _HALF) * n) >> _HALF


@inlined
def draw_word(noise, first, size, bits: np.uint64) -> np.int64:
    """Return an entry drawn by the alias table of ``size`` entries that begins at ``first`` in ``noise``."""
    slot = scaled(bits, size)
    entry = noise[first + slot]
    return np.int64(slot if bits & _LOW <= entry >> _HALF else entry & _LOW)


@inlined
def word_of(place, kind, classes, head):
    """Return the word that entry ``place`` stands for in the table of class ``kind``."""
    return place if place < head else head + (place - head) * classes + kind


@spliced
def keep_range(ids, begin, end, most, draws: Draws, key, scratch: Scratch, n, first):
    """Append the kept words among positions ``begin`` ... ``end`` to ``scratch.kept``, at most ``most``.

    ``n`` words are there already; ``first`` is the index of the sentence's first. Returns the new ``n``.
    """
    past = n + most
    for p in range(begin, end):
        if n == past:
            break
        bits = position_bits(key, p)
        scratch.kept[n] = ids[p]
        scratch.first[n] = first
        scratch.bits[n] = bits
        n += np.int64(bits & _LOW <= np.uint64(draws.keep[ids[p]]))  # no branch: it would be a guess
    return n


@inlined
def kept_before(ids, low, begin, draws: Draws, key):
    """Return the position from which ``window`` words before ``begin`` are kept, not below ``low``."""
    found, p = 0, begin
    while p > low and found < draws.window:
        p -= 1
        if position_bits(key, p) & _LOW <= np.uint64(draws.keep[ids[p]]):
            found += 1
    return p


@inlined
def next_stamp(scratch: Scratch):
    """Return a number that ``scratch.seen`` does not hold yet."""
    scratch.stamp[0] += 1
    return scratch.stamp[0]


@spliced
def keep_chunk(ids, starts, sentence, begin, end, draws: Draws, key, scratch: Scratch):
    """Draw which of the positions ``begin`` ... ``end`` are kept; ``begin`` lies in sentence ``sentence``.

    Kept words go to ``scratch.kept``, with up to ``window`` kept words of the same sentence on either side,
    so that no window is cut at a chunk's edge. Returns (first center, one past the last, sentence of
    ``end``), the centers as indices in ``kept``.
    """
    before = kept_before(ids, starts[sentence], begin, draws, key)
    n = keep_range(ids, before, begin, begin - before, draws, key, scratch, 0, 0)
    center_first, first, p = n, 0, begin
    while p < end:
        stop = min(end, starts[sentence + 1])
        n = keep_range(ids, p, stop, stop - p, draws, key, scratch, n, first)
        p = stop
        if p == starts[sentence + 1]:
            scratch.past[first:n] = n
            sentence, first = sentence + 1, n
    center_past = n
    if first < n:
        n = keep_range(ids, end, starts[sentence + 1], draws.window, draws, key, scratch, n, first)
        scratch.past[first:n] = n
    return center_first, center_past, sentence


@spliced
def find_repeats(n, scratch: Scratch):
    """Note for each of the first ``n`` kept words how near to it a word stands twice.

    Afterwards the words ``first`` ... ``past`` - 1 of ``kept`` are all different unless
    ``repeats[past - 1] >= first``; then two of them may be the same.
    """
    stamp, last = scratch.stamp[0] + 1, np.int64(-1)
    for k in range(n):
        slot = scratch.kept[k] & (SEEN - 1)
        last = max(last, scratch.seen[slot] - stamp)
        scratch.seen[slot] = stamp + k
        scratch.repeats[k] = last
    scratch.stamp[0] = stamp + n


@inlined
def draw_bits(center_first, center_past, draws: Draws, first, size, scratch: Scratch):
    """Note the random bits of every negative in its place, and prefetch the entries that they will choose.

    Between two chunks the steps drive the noise distribution from the nearest cache.
    """
    outputs = len(scratch.o_slots)
    for k in range(center_first, center_past):
        for j in range(1, draws.negative + 1):
            bits = mix64(scratch.bits[np.uint64(k)] + np.uint64(j) * GOLDEN)
            scratch.outputs[np.uint64(k * outputs + j)] = np.int64(bits)
            prefetch(draws.noise, first + scaled(bits, size))


@spliced
def draw_windows(center_first, center_past, draws: Draws, kind, unit, scratch: Scratch):
    """Draw the window and the outputs, center and negatives of class ``kind``, of every center.

    Outputs are noted as their words' ids times ``unit``.
    """
    size, classes = len(scratch.o_slots), len(draws.noise_starts) - 1
    first = np.uint64(draws.noise_starts[kind])
    entries = np.uint64(draws.noise_starts[kind + 1]) - first
    draw_bits(center_first, center_past, draws, first, entries, scratch)
    for k in range(center_first, center_past):
        scratch.reach[k] = draws.window
        if draws.shrink_windows:
            scratch.reach[k] = np.int32(1) + np.int32(scaled(scratch.bits[k], np.uint64(draws.window)))
        center = np.int64(scratch.kept[k])
        scratch.outputs[np.uint64(k * size)] = center * unit
        stamp, special = next_stamp(scratch), PLAIN
        scratch.seen[center & (SEEN - 1)] = stamp
        for j in range(1, draws.negative + 1):
            at = np.uint64(k * size + j)
            place = draw_word(draws.noise, first, entries, np.uint64(scratch.outputs[at]))
            word = place if classes == 1 else word_of(place, kind, classes, draws.head)
            scratch.outputs[at] = word * unit
            if scratch.seen[word & (SEEN - 1)] == stamp:
                special = SPECIAL
            scratch.seen[word & (SEEN - 1)] = stamp
        scratch.special[k] = special

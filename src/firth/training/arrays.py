"""The arrays that a block of training works on: the tables, what the draws need, a thread's buffers.

NamedTuples of plain arrays, because that is what a compiled kernel takes; all of them are allocated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.simd import LANES

CHUNK = 1024
"""Positions whose draws are made at a time."""

TILE = 6
"""Outputs in a tile; a step with more outputs (center + negatives) takes several tiles."""

AHEAD = 2
"""How many centers ahead rows are prefetched."""

SEEN = 1024
"""Entries of the table that finds repeated words; two words with equal low bits are taken for one, safely."""

MASKED = np.float32(80.0)
"""Added to a masked score: its likelihood is then 1 and its gradient 0."""


COMMON_STRIDE = 112
"""The stride for which kernels are compiled of their own, with loops that unroll: that of 100 numbers.

They train 5 % faster. All other strides share a kernel, or every new vector size would wait for a compiler.
"""


LINE = 8
"""64-bit numbers of a cache line."""


class Tables(NamedTuple):
    """The two tables that a run learns, row-major and flat; a row is ``stride`` numbers, D of them used.

    The first ``words`` rows are the words'. Behind them there may be room for rows that shards work on.
    """

    vectors: NDArray[np.float32]  # W
    context_vectors: NDArray[np.float32]  # C
    stride: int
    words: int
    columns: tuple[int, ...]  # a 0 for each 16 of a common stride: a kernel sees the length in the type


def make_tables(
    vectors: NDArray[np.float32], context_vectors: NDArray[np.float32], stride: int, words: int
) -> Tables:
    """Return the two tables as the kernels take them."""
    columns = (0,) * (stride // LANES) if stride == COMMON_STRIDE else ()
    return Tables(vectors, context_vectors, stride, words, columns)


class Draws(NamedTuple):
    """What the random draws of a run need besides the key: nothing here changes during a run."""

    keep: NDArray[np.uint32]  # word id -> kept if 32 random bits are at most this
    noise: NDArray[np.uint64]  # the noise distribution of each class: see ``sampling.noise_tables``
    noise_starts: NDArray[np.int64]  # where each class's table begins in ``noise``, and the end
    head: int  # words below this id are in every class, the others in class (id - head) % classes
    window: int
    shrink_windows: bool
    negative: int


class Blocks(NamedTuple):
    """Some blocks of one text, one after another: positions, learning rates, keys of the draws."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    alpha: NDArray[np.float32]
    key: NDArray[np.uint64]


class Scratch(NamedTuple):
    """Buffers of one thread, allocated once; sizes by :func:`make_scratch`."""

    kept: NDArray[np.int32]  # word ids of the chunk's kept positions, with some on either side
    rows: NDArray[np.int64]  # offsets of their rows in W
    bits: NDArray[np.uint64]  # random bits of their positions
    first: NDArray[np.int32]  # index in ``kept`` of the first word of its sentence
    past: NDArray[np.int32]  # ... and one past the last
    repeats: NDArray[np.int32]  # up to here, the last index in ``kept`` whose word came once more, or -1
    reach: NDArray[np.int32]  # drawn window
    outputs: NDArray[np.int64]  # (kept, whole tiles): offsets in C of the center, its negatives, spare rows
    special: NDArray[np.uint8]  # SPECIAL where two of the outputs may be the same word
    label: NDArray[np.float32]  # lanes of y by tile, for a pair of contexts and for a single one
    mask: NDArray[np.float32]  # lanes added to y * score, like label
    gradient: NDArray[np.float32]  # lanes of alpha * y * (1 - q) by tile and pair of contexts
    x_old: NDArray[np.float32]  # copies of the window's rows before the step
    x_slots: NDArray[np.int64]  # offsets of the rows in x_old
    o_old: NDArray[np.float32]  # copies of the outputs' rows before the step
    o_slots: NDArray[np.int64]  # offsets of the rows in o_old
    seen: NDArray[np.int64]  # by a word's low bits: the stamp of the last step that met such a word
    stamp: NDArray[np.int64]  # the last stamp given, in a cache line of its own
    loss: NDArray[np.float32]  # vectors: product of the likelihoods' mantissas, sum of exponents, scores x 0


def row_stride(vector_size: int) -> int:
    """Return the float32 numbers that a row takes: 100 -> 112."""
    return -(-vector_size // LANES) * LANES


def make_scratch(draws: Draws, stride: int, spare: int, positions: int = CHUNK) -> Scratch:
    """Return the buffers that one thread needs to train ``positions`` positions at a time.

    ``spare`` is a row of the context table that is no word's and stays zero.
    """
    words = positions + 2 * draws.window
    size = draws.negative + 1
    tiles = -(-size // TILE)
    contexts = 2 * draws.window + 2
    outputs = np.full((words + AHEAD, tiles * TILE), spare * stride, np.int64)
    label, mask = np.zeros((tiles, 2, LANES), np.float32), np.full((tiles, 2, LANES), MASKED)
    for j in range(size):
        for single, lane in ((0, j % TILE), (0, TILE + j % TILE), (1, j % TILE)):
            label[j // TILE, single, lane] = 1.0 if j == 0 else -1.0
            mask[j // TILE, single, lane] = 0.0
    return Scratch(
        kept=np.zeros(words, np.int32),
        rows=np.zeros(words + AHEAD + draws.window, np.int64),
        bits=np.zeros(words, np.uint64),
        first=np.zeros(words, np.int32),
        past=np.zeros(words, np.int32),
        repeats=np.zeros(words, np.int32),
        reach=np.zeros(words, np.int32),
        outputs=outputs.reshape(-1),
        special=np.zeros(words, np.uint8),
        label=label.reshape(-1),
        mask=mask.reshape(-1),
        gradient=np.zeros((tiles * contexts // 2 + 1) * LANES, np.float32),
        x_old=aligned_zeros(contexts * stride),
        x_slots=np.arange(contexts, dtype=np.int64) * stride,
        o_old=aligned_zeros(tiles * TILE * stride),
        o_slots=np.arange(tiles * TILE, dtype=np.int64) * stride,
        seen=np.zeros(SEEN, np.int64),
        stamp=np.zeros(LINE, np.int64),
        loss=np.repeat(np.array([1.0, 0.0, 0.0], np.float32), LANES),
    )


def side_by_side(scratches: Sequence[Scratch]) -> Scratch:
    """Return buffers that are those of all threads, one after another in each array."""
    return Scratch(*(aligned_copy(np.concatenate(arrays)) for arrays in zip(*scratches, strict=True)))


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of a flat array that begins on a cache line."""
    copy = aligned_zeros(-(-array.nbytes // 4)).view(np.uint8)[: array.nbytes].view(array.dtype)
    copy[:] = array
    return copy


def aligned_zeros(n: int) -> NDArray[np.float32]:
    """Return ``n`` float32 zeros that begin on a cache line, so that no row of 16 lies across two."""
    raw = np.zeros(n + LANES, np.float32)
    skip = (-raw.ctypes.data % 64) // 4
    return raw[skip : skip + n]

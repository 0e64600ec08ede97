"""Reproducible training compiled: rounds of eight shards, the same bits whichever threads do the work.

A round is a few phases, and in each phase every shard has one task. No phase begins before the last one
is done, and within a phase no task reads what another one writes; so it does not matter who does a task:

1. *draw*: a shard draws its piece of the text and is lent a copy of the rows of each word in it;
2. *train*, in up to eight parts: a shard takes the steps of some centers, on rows of its own. Only the
   negatives are not its own: they are changed in place in the common table, and the shards of a phase
   draw them from different classes of words. After each part the classes go round;
3. *merge*: the changes of all shards are added to the common rows, always in the same order.

Of the HEAD most frequent words each shard keeps rows of its own from round to round, for negatives too.

*Weights.* Where eight shards have each moved a row towards its optimum, the sum of their moves would carry
it far beyond. If u updates by one shard go the share 1 - e**-v of the way, with v = u * alpha / RATE, eight
times as many go 1 - e**-8v of it; so the sum is weighted by (1 - e**-8v) / (8 (1 - e**-v)), from 1 for rare
words (their changes are added) to 1/8 for the most frequent ones (averaged). u is the expected number of
updates; see :func:`~firth.training.sampling.expected_updates`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.arrays import LINE, Draws, Scratch, Tables, aligned_zeros
from firth.training.atomics import fetch_add, wait_until
from firth.training.config import TrainConfig
from firth.training.draws import GOLDEN, draw_windows, find_repeats, keep_chunk, position_bits
from firth.training.kernel_cache import compiled, inlined, spliced
from firth.training.kernels import stride_of, take_loss, train_chunk
from firth.training.sampling import expected_updates
from firth.training.shards import SHARDS, Split
from firth.training.simd import LANES, fma, load, prefetch, splat, store

RATE = 0.2
"""How soon a row is where its updates draw it: u updates at rate alpha go 1 - exp(-u * alpha / RATE) of the
way. Found by trying .1 to 1; see LOG.md."""

AHEAD = 8
"""How many words ahead rows to lend are prefetched."""

_STEPS, _WIDEST = 256, 16


class Shard(NamedTuple):
    """What one shard has of its own, beside its buffers for the steps; or what all have, side by side."""

    first_row: int  # of its own rows: the head's first, then those lent
    own_rows: int  # how many these are: those of the next shard follow
    words: NDArray[np.int32]  # the words whose rows are lent, in the order in which they came
    lent: NDArray[np.int64]  # how many, in a cache line of its own
    order: NDArray[np.int32]  # places in ``words``, sorted by the task that merges the word
    dealt: NDArray[np.int64]  # (SHARDS,) where in ``order`` each task's places end
    before: NDArray[np.float32]  # the lent rows of W and C as they were, one after the other
    keys: NDArray[np.int64]  # hash table: number of the round and word ...
    places: NDArray[np.int32]  # ... to the word's place in ``words``
    centers: NDArray[np.int64]  # the first center in the buffers, and one past the last, in a cache line
    parts: int  # in which the centers are trained


class Updates(NamedTuple):
    """Expected updates of a word's row in each table by one shard in one full round, and the weights."""

    vectors: NDArray[np.float32]
    context_vectors: NDArray[np.float32]
    weights: NDArray[np.float32]  # of changes, for v = 0, 1 / 256, 2 / 256 ... 16


class Rounds(NamedTuple):
    """Some rounds, one after another: of its stripe, each shard trains positions ``begin`` ... ``end``."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    alpha: NDArray[np.float32]
    key: NDArray[np.uint64]
    number: NDArray[np.int64]  # through all epochs, counted from 1


class Work(NamedTuple):
    """Who does what, and what came of it."""

    claims: NDArray[np.int64]  # (phases of all rounds, SHARDS), flat; 0: the task is free
    done: NDArray[np.int64]  # (1,) tasks that are done
    results: NDArray[np.float64]  # (rounds, SHARDS, 3): loss in nats, pairs, centers


def make_shards(split: Split, stride: int) -> Shard:
    """Return what the eight shards have of their own; their rows lie behind the words' rows in the tables."""
    size = 1 << (2 * split.lent).bit_length()
    return Shard(
        first_row=split.first_row(0),
        own_rows=split.own_rows,
        words=np.zeros(SHARDS * split.lent, np.int32),
        lent=np.zeros(SHARDS * LINE, np.int64),
        order=np.zeros(SHARDS * split.lent, np.int32),
        dealt=np.zeros(SHARDS * SHARDS, np.int64),
        before=aligned_zeros(SHARDS * 2 * split.lent * stride),
        keys=np.zeros(SHARDS * size, np.int64),
        places=np.zeros(SHARDS * size, np.int32),
        centers=np.zeros(SHARDS * LINE, np.int64),
        parts=split.parts,
    )


def make_work(rounds: int, split: Split) -> Work:
    """Return the counters and results of some rounds, nothing done."""
    tasks = rounds * (split.parts + 2) * SHARDS
    return Work(np.zeros(tasks, np.int64), np.zeros(1, np.int64), np.zeros((rounds, SHARDS, 3)))


def round_updates(split: Split, counts: NDArray[np.int64], config: TrainConfig) -> Updates:
    """Return how often one shard updates each row in a full round, on average, and the weights."""
    v = np.arange(1, _STEPS * _WIDEST + 1) / _STEPS
    weights = np.expm1(-SHARDS * v) / (SHARDS * np.expm1(-v))
    return Updates(
        *expected_updates(split.shard_positions, counts, config),
        weights=np.concatenate([[1.0], weights]).astype(np.float32),
    )


@spliced
def own(arrays, s):
    """Return shard ``s``'s part of arrays that lie side by side: a view."""
    size = len(arrays) // SHARDS
    return arrays[s * size : (s + 1) * size]


@spliced
def scratch_of(all_of: Scratch, s):
    """Return the buffers of shard ``s``."""
    return Scratch(
        own(all_of.kept, s),
        own(all_of.rows, s),
        own(all_of.bits, s),
        own(all_of.first, s),
        own(all_of.past, s),
        own(all_of.repeats, s),
        own(all_of.reach, s),
        own(all_of.outputs, s),
        own(all_of.special, s),
        own(all_of.label, s),
        own(all_of.mask, s),
        own(all_of.gradient, s),
        own(all_of.x_old, s),
        own(all_of.x_slots, s),
        own(all_of.o_old, s),
        own(all_of.o_slots, s),
        own(all_of.seen, s),
        own(all_of.stamp, s),
        own(all_of.loss, s),
    )


@spliced
def shard_of(all_of: Shard, s):
    """Return what shard ``s`` has of its own."""
    return Shard(
        all_of.first_row + s * all_of.own_rows,
        all_of.own_rows,
        own(all_of.words, s),
        own(all_of.lent, s),
        own(all_of.order, s),
        own(all_of.dealt, s),
        own(all_of.before, s),
        own(all_of.keys, s),
        own(all_of.places, s),
        own(all_of.centers, s),
        all_of.parts,
    )


@inlined
def weight(updates, share, alpha, weights):
    """Return what the sum of the shards' changes to a row is multiplied with."""
    v = np.int64(updates * share * alpha * np.float32(_STEPS / RATE))
    return splat(weights[min(v, len(weights) - 1)])


@inlined
def add_changes(weight, flat, row, own, before, was, stride):
    """Add ``weight`` times what the row ``own`` has changed since it was ``before[was]`` to another row."""
    for d in range(0, stride, LANES):
        change = load(flat, own + d) - load(before, was + d)
        store(flat, row + d, fma(weight, change, load(flat, row + d)))


@inlined
def prefetch_row(row, tables: Tables):
    """Prefetch a row of both tables."""
    for d in range(0, stride_of(tables), LANES):
        prefetch(tables.vectors, row * stride_of(tables) + d)
        prefetch(tables.context_vectors, row * stride_of(tables) + d)


@inlined
def lend(word, number, head, tables: Tables, shard: Shard):
    """Return which row a shard has for a word of its text; at the first time in a round, copy it there."""
    if word < head:
        return shard.first_row + word
    mask, entry = len(shard.keys) - 1, (number << 32) | word
    at = np.int64((np.uint64(word) * GOLDEN) >> np.uint64(40)) & mask
    while shard.keys[at] != entry:
        if shard.keys[at] >> 32 != number:  # left from an earlier round: free
            shard.keys[at], shard.places[at] = entry, shard.lent[0]
            copy_row(word, shard.lent[0], head, tables, shard)
            shard.words[shard.lent[0]] = word
            shard.lent[0] += 1
        else:
            at = (at + 1) & mask
    return shard.first_row + head + shard.places[at]


@inlined
def copy_row(word, place, head, tables: Tables, shard: Shard):
    """Copy a word's row of both tables to the shard's own, and once more as what they were before."""
    W, C, stride = tables.vectors, tables.context_vectors, stride_of(tables)
    row, own, before = word * stride, (shard.first_row + head + place) * stride, 2 * place * stride
    for d in range(0, stride, LANES):
        x = load(W, row + d)
        store(W, own + d, x)
        store(shard.before, before + d, x)
        x = load(C, row + d)
        store(C, own + d, x)
        store(shard.before, before + stride + d, x)


@spliced
def draw_shard(
    ids, starts, begin, end, kind, key, number, draws: Draws, tables: Tables, scratch: Scratch, shard: Shard
):
    """Make a shard's draws for a round; its buffers then hold rows where they held words.

    The negatives of part p are of class ``kind + p``.
    """
    sentence = np.searchsorted(starts, begin, side="right") - 1
    first, past, _ = keep_chunk(ids, starts, sentence, begin, end, draws, key, scratch)
    shard.centers[0], shard.centers[1] = first, past
    for part in range(shard.parts):
        low, high = part_of(part, shard)
        draw_windows(low, high, draws, (kind + part) % (len(draws.noise_starts) - 1), 1, scratch)
    words = np.int64(scratch.past[past - 1]) if past > first else 0
    find_repeats(words, scratch)
    shard.lent[0] = 0
    for k in range(words):
        if k + AHEAD < words and scratch.kept[k + AHEAD] >= draws.head:
            prefetch_row(np.int64(scratch.kept[k + AHEAD]), tables)
        word = np.int64(scratch.kept[k])
        row = lend(word, number, draws.head, tables, shard)
        scratch.rows[k] = row * stride_of(tables)
        if first <= k < past:
            place_outputs(k, word, row, draws.negative, draws.head, stride_of(tables), scratch, shard)
    deal(shard)


@spliced
def part_of(part, shard: Shard):
    """Return the first center of a part, and one past its last."""
    first, past = shard.centers[0], shard.centers[1]
    length = (past - first + shard.parts - 1) // shard.parts
    return min(first + part * length, past), min(first + (part + 1) * length, past)


@inlined
def place_outputs(k, word, row, negatives, head, stride, scratch: Scratch, shard: Shard):
    """Turn the outputs of center ``k`` from words to rows: its own row, the shard's head, common rows."""
    size = len(scratch.o_slots)
    scratch.outputs[k * size] = row * stride
    for j in range(k * size + 1, k * size + 1 + negatives):
        negative = scratch.outputs[j]
        place = negative + shard.first_row if negative < head else negative
        scratch.outputs[j] = (row if negative == word else place) * stride


@spliced
def train_part(part, alpha, draws: Draws, tables: Tables, scratch: Scratch, shard: Shard):
    """Take the steps of one part of a shard's centers; return the number of pairs."""
    low, high = part_of(part, shard)
    return train_chunk(low, high, alpha, draws, tables, scratch)


@inlined
def deal(shard: Shard):
    """Sort the places of the lent words by the task that will merge them: word % SHARDS."""
    dealt, count = shard.dealt, shard.lent[0]
    dealt[:] = 0
    for place in range(count):
        dealt[shard.words[place] % SHARDS] += 1
    past = 0
    for task in range(SHARDS):
        past, dealt[task] = past + dealt[task], past
    for place in range(count):
        task = shard.words[place] % SHARDS
        shard.order[dealt[task]] = place
        dealt[task] += 1


@inlined
def prefetch_lent(place, own, tables: Tables, shard: Shard):
    """Prefetch all that merging the lent row ``place`` will need."""
    prefetch_row(np.int64(shard.words[place]), tables)
    prefetch_row(own + place, tables)
    for d in range(0, 2 * stride_of(tables), LANES):
        prefetch(shard.before, 2 * place * stride_of(tables) + d)


@spliced
def merge_lent(task, share, alpha, head, updates: Updates, tables: Tables, shard: Shard):
    """Add a shard's changes to the common rows of every word that falls to this task."""
    W, C, stride = tables.vectors, tables.context_vectors, stride_of(tables)
    own = shard.first_row + head
    begin, end = (shard.dealt[task - 1] if task > 0 else 0), shard.dealt[task]
    for i in range(begin, end):
        if i + AHEAD < end:
            prefetch_lent(np.int64(shard.order[i + AHEAD]), own, tables, shard)
        place = np.int64(shard.order[i])
        word = np.int64(shard.words[place])
        row, at, before = word * stride, (own + place) * stride, 2 * place * stride
        w = weight(updates.vectors[word], share, alpha, updates.weights)
        add_changes(w, W, row, at, shard.before, before, stride)
        w = weight(updates.context_vectors[word], share, alpha, updates.weights)
        add_changes(w, C, row, at, shard.before, before + stride, stride)


@inlined
def merge_head(task, share, alpha, head, flat, updates, weights, stride, shards: Shard):
    """Give the common rows of a part of the head all shards' changes, and every shard the new rows."""
    first, step = shards.first_row * stride, shards.own_rows * stride
    for word in range(task * head // SHARDS, (task + 1) * head // SHARDS):
        w = weight(updates[word], share, alpha, weights)
        for d in range(0, stride, LANES):
            at = word * stride + d
            old = load(flat, at)
            change = splat(np.float32(0.0))
            for s in range(SHARDS):
                change = change + (load(flat, at + first + s * step) - old)
            new = fma(w, change, old)
            store(flat, at, new)
            for s in range(SHARDS):
                store(flat, at + first + s * step, new)


@spliced
def merge(task, share, alpha, head, updates: Updates, tables: Tables, shards: Shard):
    """Merge the eighth ``task`` of all words, shard by shard."""
    stride, weights = stride_of(tables), updates.weights
    merge_head(task, share, alpha, head, tables.vectors, updates.vectors, weights, stride, shards)
    merge_head(
        task, share, alpha, head, tables.context_vectors, updates.context_vectors, weights, stride, shards
    )
    for s in range(SHARDS):
        merge_lent(task, share, alpha, head, updates, tables, shard_of(shards, s))


@compiled
def train_rounds(
    ids,
    starts,
    first_task,
    full,
    rounds: Rounds,
    work: Work,
    draws: Draws,
    updates: Updates,
    tables: Tables,
    scratches: Scratch,
    shards: Shard,
):
    """Do tasks of some rounds until all are done; every thread calls this, with the same arguments.

    But for ``first_task``: the shard whose tasks a thread takes first, so that a shard's rows mostly stay
    in one core's cache. ``full`` is the positions of a shard in a full round; ``scratches`` and ``shards``
    are those of all shards, side by side: taken one by one they would take long to compile.
    """
    stripes, classes = len(ids), len(draws.noise_starts) - 1
    parts = shards.parts
    for phase in range(len(rounds.begin) * (parts + 2)):
        r, step = phase // (parts + 2), phase % (parts + 2)
        alpha = rounds.alpha[r]
        share = np.float32(rounds.end[r] - rounds.begin[r]) / np.float32(full)
        for i in range(SHARDS):
            s = (first_task + i) % SHARDS
            if fetch_add(work.claims, phase * SHARDS + s, 1) != 0:
                continue
            scratch, shard = scratch_of(scratches, s), shard_of(shards, s)
            if step == 0:
                key, stripe = rounds.key[r], stripes * s // SHARDS
                begin = stripe + rounds.begin[r]
                end = min(stripe + rounds.end[r], stripes * (s + 1) // SHARDS)
                turn = np.int64(position_bits(key, rounds.number[r]) >> np.uint64(32)) + s
                draw_shard(
                    ids,
                    starts,
                    begin,
                    end,
                    turn % classes,
                    key,
                    rounds.number[r],
                    draws,
                    tables,
                    scratch,
                    shard,
                )
                work.results[r, s, 2] = shard.centers[1] - shard.centers[0]
            elif step <= parts:
                work.results[r, s, 1] += train_part(step - 1, alpha, draws, tables, scratch, shard)
                if step == parts:
                    work.results[r, s, 0] = take_loss(scratch)
            else:
                merge(s, share, alpha, draws.head, updates, tables, shards)
            fetch_add(work.done, 0, 1)
        wait_until(work.done, 0, (phase + 1) * SHARDS)

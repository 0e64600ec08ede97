"""The tables that turn uniform random bits into draws: which words are kept, which negatives are taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import keep_prob, noise_prob
from firth.training.config import TrainConfig

_WHOLE = 2.0**32


def keep_threshold(keep_prob: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return, for each word, the largest 32 random bits with which it is kept: 1.0 -> 2**32 - 1."""
    return (np.clip(np.ceil(keep_prob * _WHOLE), 1.0, _WHOLE) - 1.0).astype(np.uint32)


def noise_tables(
    prob: NDArray[np.float64], classes: int, head: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return an alias table for each class of words, one after another, and where each begins.

    Words from id ``head`` on are dealt out to the classes in turn; the words before are in all of them. The
    table of a class lists the head, then its own words: these have ``classes`` times their probability, the
    head has the rest. So drawing from all classes in equal parts is drawing by ``prob``. Only where the
    head has next to no chance, as rare words are preferred, may a class have more than its share: it is cut.

    >>> tables, starts = noise_tables(np.array([0.4, 0.2, 0.2, 0.1, 0.1]), classes=2, head=1)
    >>> starts.tolist()
    [0, 3, 6]
    """
    tables = []
    for kind in range(classes):
        own = prob[head + kind :: classes] * classes
        rest = max(0.0, 1.0 - own.sum())
        common = prob[:head] * (rest / prob[:head].sum()) if head else prob[:0]
        both = np.concatenate([common, own])
        tables.append(alias_table(both / both.sum()))
    starts = np.cumsum([0, *map(len, tables)], dtype=np.int64)
    return np.concatenate(tables), starts


def expected_updates(
    positions: int, counts: NDArray[np.int64], config: TrainConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how often so many positions update each row of W and each row of C, on average: (V,) each.

    A row of W is updated by each center near its word, a row of C by each center that is its word or has it
    as a negative.
    """
    contexts = config.window + 1 if config.shrink_windows else 2 * config.window
    kept = keep_prob(counts, config.sample) * (counts / counts.sum())
    outputs = kept + kept.sum() * config.negative * noise_prob(counts, config.ns_exponent)
    return (positions * kept * contexts).astype(np.float32), (positions * outputs).astype(np.float32)


def alias_table(prob: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return a table of V entries from which one uniform slot and 32 random bits draw a word by ``prob``.

    With random bits of at most the entry's high half the slot stands for itself, else for the word in the
    entry's low half (Walker 1977; built as by Vose 1991): one memory access a draw. ``prob`` is (V,) and
    sums to 1; it is met exactly but for the rounding to 2**-32 of a slot.
    """
    V = len(prob)
    share = prob * V
    accept = np.full(V, 2**32 - 1, np.uint32)
    other = np.arange(V, dtype=np.int32)
    shares = share.tolist()
    poor = [i for i, p in enumerate(shares) if p < 1.0]
    rich = [i for i, p in enumerate(shares) if p >= 1.0]
    while poor and rich:
        small, large = poor.pop(), rich[-1]
        accept[small] = max(int(np.ceil(shares[small] * _WHOLE)) - 1, 0)
        other[small] = large
        shares[large] -= 1.0 - shares[small]
        if shares[large] < 1.0:
            poor.append(rich.pop())
    return (accept.astype(np.uint64) << np.uint64(32)) | other.astype(np.uint64)

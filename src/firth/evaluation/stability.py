"""How much of a word's neighbourhood is the same from one run to the next.

A model is one draw: another seed, or another sample of sentences, gives another one. What stays is knowledge
of the text, what changes is noise (Antoniak and Mimno 2018, https://aclanthology.org/Q18-1008/;
Wendlandt et al. 2018, https://aclanthology.org/N18-1190/). The measure is the overlap of two lists of k
nearest words, |A ∩ B| / k, as a mean over all pairs of runs; chance alone gives k / (V - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.evaluation.nearest import NONE

NOISE_BELOW = 0.2
"""A word whose overlap is lower has noise for neighbours: of ten not even two stay from run to run.

Which words are the nearest is then chance. They may still be of one kind: a surname has surnames around
it in each run, but other ones.
"""

BAND_EDGES = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000)
"""Counts at which the bands of frequency begin."""

Neighbors = NDArray[np.int32]
"""(N, k) rows: the nearest of each of N words in one run, ``NONE`` where there are fewer."""


@dataclass(frozen=True, eq=False)
class Stability:
    """What several runs of one corpus have in common. The words stand in the order of their counts.

    Attributes:
        rows: (N,) row of each word in the model.
        overlap: (N,) mean overlap of the word's nearest words, over all pairs of runs: 0 to 1.
        neighbors: (N, k) rows of the nearest words in the first run, which is the model.
        agree: (N, k) how many of the runs, the first one included, have this neighbour among their k.
        summary: what ``stability.json`` holds: settings, means, bands of frequency.
    """

    rows: NDArray[np.int64]
    overlap: NDArray[np.float32]
    neighbors: Neighbors
    agree: NDArray[np.int16]
    summary: dict[str, Any]

    @property
    def runs(self) -> int:
        """How many runs were compared."""
        return int(self.summary["settings"]["runs"])

    def place(self, row: int) -> int | None:
        """Return where a row of the model stands in the arrays here; None if it was not measured."""
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else None

    def overlap_of(self, row: int) -> float | None:
        """Return a word's overlap by its row in the model; None if it was not measured."""
        place = self.place(row)
        return None if place is None else float(self.overlap[place])

    def is_noise(self, row: int) -> bool:
        """Tell whether a word was measured and its neighbourhood found to be noise."""
        overlap = self.overlap_of(row)
        return overlap is not None and overlap < NOISE_BELOW

    def agreement(self, row: int) -> dict[int, int]:
        """Return neighbour's row -> number of runs that agree, for the word of this row.

        Empty for a word that was not measured; the neighbours beyond the k nearest are not in it.
        """
        place = self.place(row)
        if place is None:
            return {}
        pairs = zip(self.neighbors[place].tolist(), self.agree[place].tolist(), strict=True)
        return {near: runs for near, runs in pairs if near != NONE}

    def noise_places(self) -> NDArray[np.int64]:
        """Return where the words stand whose neighbourhood is noise, the most frequent first."""
        return np.flatnonzero(self.overlap < NOISE_BELOW).astype(np.int64)


def compare(
    runs: Sequence[Neighbors],
    counts: NDArray[np.int64],
    rows: NDArray[np.int64],
    row_of: NDArray[np.int64],
    settings: dict[str, Any],
) -> Stability:
    """Compare the nearest words of several runs.

    Args:
        runs: for each run (N, k) word ids, the nearest of the N most frequent words.
        counts: (N,) how often each of these occurs.
        rows: (N,) their rows in the model.
        row_of: (V,) word id -> row in the model.
        settings: what to say about the runs; ``topn``, ``runs`` and ``vocabulary`` among it.
    """
    pairs = list(combinations(range(len(runs)), 2))
    overlap = np.zeros(len(counts), np.float64)
    between = np.eye(len(runs))
    for a, b in pairs:
        shared = overlap_at_k(runs[a], runs[b])
        overlap += shared / len(pairs)
        between[a, b] = between[b, a] = shared.mean()
    agree = np.zeros(runs[0].shape, np.int16)
    for run in runs:
        agree += (runs[0][:, :, None] == run[:, None, :]).any(axis=2)
    agree[runs[0] == NONE] = 0
    neighbors = np.where(runs[0] == NONE, NONE, row_of[runs[0]]).astype(np.int32)
    summary = {
        "settings": settings,
        "summary": _summary(overlap, settings),
        "bands": bands(counts, overlap),
        "agree_by_place": [round(float(mean), 6) for mean in agree.mean(axis=0)],
        "between_runs": between.round(6).tolist(),
    }
    return Stability(rows, overlap.astype(np.float32), neighbors, agree, summary)


def overlap_at_k(a: Neighbors, b: Neighbors) -> NDArray[np.float64]:
    """Return the share of k that two lists have in common, for each of N words.

    >>> overlap_at_k(np.array([[3, 1, 2, 7]]), np.array([[1, 9, 3, 8]]))
    array([0.5])
    """
    merged = np.sort(np.concatenate([a, b], axis=1), axis=1)
    twice = (merged[:, 1:] == merged[:, :-1]) & (merged[:, 1:] != NONE)
    shared: NDArray[np.float64] = twice.sum(axis=1) / a.shape[1]
    return shared


def chance_level(topn: int, words: int) -> float:
    """Return the overlap of two lists drawn at random from the other words: topn / (words - 1)."""
    return topn / (words - 1)


def bands(counts: NDArray[np.int64], overlap: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return the distribution of the overlap for each band of frequency that has words, the rarest first."""
    found = []
    for low, past in zip(BAND_EDGES, (*BAND_EDGES[1:], None), strict=True):
        inside = (counts >= low) & (counts < past if past is not None else True)
        if inside.any():
            band = {"count_from": low, "count_to": None if past is None else past - 1}
            found.append(band | _figures(overlap[inside]))
    return found


def _summary(overlap: NDArray[np.float64], settings: dict[str, Any]) -> dict[str, Any]:
    chance = chance_level(settings["topn"], settings["vocabulary"])
    return {**_figures(overlap), "chance": chance, "noise_below": NOISE_BELOW}


def _figures(overlap: NDArray[np.float64]) -> dict[str, Any]:
    low, median, high = np.quantile(overlap, [0.1, 0.5, 0.9])
    noise = int((overlap.astype(np.float32) < NOISE_BELOW).sum())
    return {
        "words": len(overlap),
        "overlap": round(float(overlap.mean()), 6),
        "lowest_tenth": round(float(low), 6),
        "median": round(float(median), 6),
        "highest_tenth": round(float(high), 6),
        "noise_words": noise,
        "noise_share": round(noise / len(overlap), 6),
    }

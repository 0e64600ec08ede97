"""Categorisation: do words of one category lie together?

The covered words are clustered by spherical k-means (Dhillon and Modha 2001), with as many clusters as there
are categories. Purity is the share of words whose category is the one most frequent in their cluster (the
measure of Baroni, Dinu and Kruszewski 2014, https://aclanthology.org/P14-1023/). Many small categories make
any clustering look pure, so the purity of the same clusters under shuffled categories stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.evaluation.bootstrap import DRAWS, SEED, Doubles, Estimate, not_enough, share_with_interval
from firth.evaluation.lookup import Lexicon

RESTARTS, ROUNDS, SHUFFLES = 10, 100, 200


class Member(NamedTuple):
    """A word and the category that it belongs to."""

    word: str
    category: str


@dataclass(frozen=True)
class CategoryScore:
    """How well clusters of the vectors agree with categories."""

    purity: Estimate
    """Share of the covered words that are in a cluster of their own category: 0 to 1."""
    chance: float | None
    """Purity of the same clusters when the categories are shuffled."""
    categories: int
    """Different categories of the covered words, which is the number of clusters."""
    covered: int
    total: int
    missing: tuple[str, ...]
    found: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True for the covered words."""
    right: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True for words whose category is the most frequent of their cluster."""


def evaluate_categories(
    model: Embeddings,
    members: Sequence[Member | tuple[str, str]],
    *,
    case_insensitive: bool = True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> CategoryScore:
    """Cluster the words and compare the clusters with the categories.

    The interval draws words anew within the clusters as they are.

    Args:
        model: the model.
        members: (word, category).
        case_insensitive: see :class:`firth.evaluation.lookup.Lexicon`.
        draws: draws of the bootstrap over words.
        seed: of the clustering and of the draws.
    """
    lexicon = Lexicon(model, case_insensitive=case_insensitive)
    places = lexicon.find_all(member[0] for member in members)
    found = places >= 0
    missing, _ = lexicon.missing(member[0] for member in members)
    covered = int(found.sum())
    names, category = np.unique(
        np.array([member[1] for member in members], object)[found].astype(str), return_inverse=True
    )
    right = np.zeros(len(members), bool)
    chance = None
    if len(names) < 2 or covered <= len(names):
        purity = not_enough(
            f"{covered} of {len(members)} words covered, of {len(names)} categories; "
            "two categories, and more words than categories, are needed"
        )
    else:
        cluster = spherical_kmeans(lexicon.units(places[found]), len(names), seed)
        right[found] = in_majority(cluster, category)
        purity = share_with_interval(right[found], draws, seed)
        rng = np.random.default_rng(seed)
        chance = float(
            np.mean([in_majority(cluster, rng.permutation(category)).mean() for _ in range(SHUFFLES)])
        )
    return CategoryScore(purity, chance, len(names), covered, len(members), missing, found, right)


def in_majority(cluster: NDArray[np.intp], category: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell for each of (n,) words whether its category is the most frequent one of its cluster.

    >>> in_majority(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])).tolist()
    [True, True, False, True]
    """
    table = np.zeros((cluster.max() + 1, category.max() + 1), np.int64)
    np.add.at(table, (cluster, category), 1)
    same: NDArray[np.bool_] = table.argmax(axis=1)[cluster] == category
    return same


def spherical_kmeans(units: Doubles, clusters: int, seed: int = SEED) -> NDArray[np.intp]:
    """Return the cluster of each of (n, D) unit vectors: the best of ``RESTARTS`` by the sum of cosines."""
    rng = np.random.default_rng(seed)
    best, highest = np.zeros(len(units), np.intp), -np.inf
    for _ in range(RESTARTS):
        centers = units[_spread(units, clusters, rng)]
        cluster = np.full(len(units), -1, np.intp)
        for _ in range(ROUNDS):
            cosines = units @ centers.T
            now = cosines.argmax(axis=1)
            if (now == cluster).all():
                break
            cluster = now
            centers = _centers(units, cluster, cosines)
        total = float((units * centers[cluster]).sum())
        if total > highest:
            best, highest = cluster, total
    return best


def _spread(units: Doubles, clusters: int, rng: np.random.Generator) -> list[int]:
    """Choose rows to begin with, far from each other (k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(units)))]
    while len(chosen) < clusters:
        distance = np.maximum(0.0, 1.0 - (units @ units[chosen].T).max(axis=1))
        total = distance.sum()
        if total > 1e-9:
            chosen.append(int(rng.choice(len(units), p=distance / total)))
        else:
            chosen.append(int(rng.integers(len(units))))
    return chosen


def _centers(units: Doubles, cluster: NDArray[np.intp], cosines: Doubles) -> Doubles:
    """Return the mean directions; an empty cluster takes the word that is farthest from its center."""
    sums = np.zeros((cosines.shape[1], units.shape[1]))
    np.add.at(sums, cluster, units)
    farthest = iter(np.argsort(cosines.max(axis=1), kind="stable").tolist())
    for empty in np.flatnonzero(~np.isin(np.arange(len(sums)), cluster)).tolist():
        sums[empty] = units[next(farthest)]
    lengths = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    centers: Doubles = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    return centers

"""Word similarity: do the model's cosines rank pairs of words as people do?

The score is Spearman's rank correlation ρ (1904) of people's scores with the model's cosines; ties
share the mean of their ranks. Coverage stands beside it: a pair with a word that the model does not
know cannot be ranked, and a high ρ over half of the pairs is no better than a lower one over all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.evaluation.bootstrap import (
    DRAWS,
    ENOUGH_ITEMS,
    SEED,
    Doubles,
    Estimate,
    Whole,
    not_enough,
    resample,
    with_interval,
)
from firth.evaluation.lookup import Lexicon


class Pair(NamedTuple):
    """Two words and how similar people find them."""

    a: str
    b: str
    score: float


@dataclass(frozen=True)
class SimilarityScore:
    """How well the cosines of a model follow people's scores."""

    rho: Estimate
    """Spearman's ρ over the covered pairs, -1 to 1."""
    rho_all: Estimate
    """The same over all pairs, missing ones counted as the mean cosine of the others."""
    pearson: float | None
    """Pearson's r over the covered pairs."""
    covered: int
    """Pairs of which the model knows both words."""
    total: int
    missing: tuple[str, ...]
    """Words of the file that the model does not know."""
    beyond: tuple[str, ...]
    """Words that it knows, but that are not among the ``restrict_vocab`` most frequent."""
    scores: Doubles = field(repr=False, compare=False)
    """(total,) people's scores."""
    cosines: Doubles = field(repr=False, compare=False)
    """(total,) the model's cosines; 0.0 where a word is missing."""
    found: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True for the covered pairs."""


def evaluate_similarity(
    model: Embeddings,
    pairs: Sequence[Pair | tuple[str, str, float]],
    *,
    restrict_vocab: int = 0,
    case_insensitive: bool = True,
    missing_cosine: float | None = None,
    single_precision: bool = False,
    draws: int = DRAWS,
    seed: int = SEED,
) -> SimilarityScore:
    """Compare a model's cosines with people's scores.

    gensim's ``evaluate_word_pairs`` gives the same ρ and r with ``restrict_vocab=300_000``, to the last digit
    with ``single_precision=True``; its ``dummy4unknown=True`` is ``rho_all`` with ``missing_cosine=0.0``.

    Args:
        model: the model.
        pairs: (word, word, score).
        restrict_vocab: only the so many most frequent words count as known; 0 for all.
        case_insensitive: see :class:`firth.evaluation.lookup.Lexicon`.
        missing_cosine: what ``rho_all`` takes for a missing pair; None for the mean of the covered ones.
        single_precision: round each cosine as gensim does, in float32: pairs that differ by less than that
            may change places, and ρ its seventh digit.
        draws: draws of the bootstrap over pairs.
        seed: of the draws.
    """
    lexicon = Lexicon(model, restrict_vocab, case_insensitive=case_insensitive)
    a = lexicon.find_all(pair[0] for pair in pairs)
    b = lexicon.find_all(pair[1] for pair in pairs)
    found = (a >= 0) & (b >= 0)
    scores = np.array([pair[2] for pair in pairs], np.float64)
    cosines = np.zeros(len(pairs))
    cosines[found] = lexicon.cosines(a[found], b[found], single=single_precision)
    missing, beyond = lexicon.missing(word for pair in pairs for word in (pair[0], pair[1]))
    filled = cosines.copy()
    if found.any():
        filled[~found] = cosines[found].mean() if missing_cosine is None else missing_cosine
    rho = _estimate(scores[found], cosines[found], len(pairs), draws, seed)
    # Without one missing pair both scores are the same, and one bootstrap is enough.
    rho_all = rho if found.all() else _estimate(scores, filled, len(pairs), draws, seed, int(found.sum()))
    return SimilarityScore(
        rho,
        rho_all,
        pearson(scores[found], cosines[found]) if rho.value is not None else None,
        int(found.sum()),
        len(pairs),
        missing,
        beyond,
        scores,
        cosines,
        found,
    )


def spearman(x: Doubles, y: Doubles) -> float | None:
    """Return Spearman's ρ of two (n,) arrays; None if one of them is constant.

    >>> spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    0.8
    """
    return pearson(ranks(x), ranks(y))


def pearson(x: Doubles, y: Doubles) -> float | None:
    """Return the correlation of two (n,) arrays; None if one of them is constant."""
    if len(x) == 0 or (x == x[0]).all() or (y == y[0]).all():
        return None
    dx, dy = x - x.mean(), y - y.mean()
    dx, dy = dx / np.sqrt(dx @ dx), dy / np.sqrt(dy @ dy)
    return float(min(1.0, max(-1.0, dx @ dy)))


def ranks(values: Doubles) -> Doubles:
    """Return the rank of each of (n,) values, 1 for the lowest; equal values share their mean rank.

    >>> ranks(np.array([30.0, 10.0, 30.0, 20.0])).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    mean: Doubles = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return mean


class RankedDraws:
    """The ranks of fixed values within draws: sorted once, whatever the number of draws."""

    def __init__(self, values: Doubles) -> None:
        """Sort (n,) values and note which of them are equal."""
        _, self._group, sizes = np.unique(values, return_inverse=True, return_counts=True)
        self._order = np.argsort(self._group, kind="stable")
        self._starts = np.cumsum(sizes) - sizes

    def __call__(self, drawn: Whole) -> tuple[Doubles, Doubles]:
        """Return (block, n) ranks less their mean, of items drawn so often, and (block,) sums of squares."""
        copies = drawn[:, self._order]
        if len(self._starts) < drawn.shape[1]:
            copies = np.add.reduceat(copies, self._starts, axis=1)
        middle = np.cumsum(copies, axis=1) - (copies - 1) / 2 - (drawn.shape[1] + 1) / 2
        squares: Doubles = np.einsum("bg,bg,bg->b", copies, middle, middle)
        return middle[:, self._group], squares


def spearman_of_draws(x: RankedDraws, y: RankedDraws, drawn: Whole) -> Doubles:
    """Return Spearman's ρ of each draw: (block,); NaN where a draw holds one value only."""
    (ranks_x, squares_x), (ranks_y, squares_y) = x(drawn), y(drawn)
    products = np.einsum("bi,bi,bi->b", drawn, ranks_x, ranks_y)
    length = np.sqrt(squares_x * squares_y)
    rho: Doubles = np.divide(products, length, out=np.full(len(drawn), np.nan), where=length > 0)
    return rho


def _estimate(
    scores: Doubles, cosines: Doubles, total: int, draws: int, seed: int, covered: int | None = None
) -> Estimate:
    """Return ρ with its interval, or say why there is none."""
    covered = len(scores) if covered is None else covered
    if covered < ENOUGH_ITEMS:
        return not_enough(f"{covered} of {total} pairs covered, at least {ENOUGH_ITEMS} are needed")
    if (scores == scores[0]).all():
        return not_enough("all covered pairs have the same score in the file, there is no order to compare")
    value = spearman(scores, cosines)
    if value is None:
        return not_enough("all covered pairs have the same cosine in the model")
    x, y = RankedDraws(scores), RankedDraws(cosines)
    return with_interval(
        value, resample(len(scores), lambda drawn: spearman_of_draws(x, y, drawn), draws, seed)
    )

"""Is a difference real? Two models on the same items: the paired bootstrap.

Both models answer the same items, those that both cover; each draw of items gives one difference. A
difference is called reliable if the middle 95 % of the draws lie on one side of zero. The draws know
nothing of the training: another seed of the same options may differ by as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.evaluation.analogies import (
    MEASURES,
    AnalogyScore,
    independent_parts,
    ratios,
    resampled_sums,
)
from firth.evaluation.bootstrap import DRAWS, ENOUGH_ITEMS, SEED, Doubles, interval, resample, two_sided_p
from firth.evaluation.categories import CategoryScore
from firth.evaluation.oddity import OddityScore
from firth.evaluation.similarity import RankedDraws, SimilarityScore, spearman, spearman_of_draws

Score = SimilarityScore | AnalogyScore | OddityScore | CategoryScore

NO_DIFFERENCE = "no difference you could rely on"
ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """What a second model scores more than a first one on the items that both cover."""

    measure: str
    a: float | None
    """The first model's score on these items; None if there are too few."""
    b: float | None
    value: float | None
    """b - a."""
    low: float | None
    high: float | None
    p: float | None
    """Two-sided p-value of the bootstrap, at least 2 / (draws + 1)."""
    items: int
    """Items that both models cover."""
    reason: str = ""

    @property
    def reliable(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.value is None:
            return self.reason
        if not self.reliable:
            return NO_DIFFERENCE
        return "the second model is better" if self.value > 0 else "the first model is better"


def compare(a: Score, b: Score, *, draws: int = DRAWS, seed: int = SEED) -> list[Difference]:
    """Compare two models' scores of the same file, measure by measure.

    Args:
        a: the first model's score.
        b: the second model's score.
        draws: draws of the bootstrap; the same items are drawn for both.
        seed: of the draws.

    Raises:
        ConfigError: the scores are of different items.
    """
    if type(a) is not type(b) or a.found.shape != b.found.shape:
        raise ConfigError("only scores of the same file can be compared: evaluate both models on it")
    both = a.found & b.found
    if isinstance(a, SimilarityScore) and isinstance(b, SimilarityScore):
        return [_compare_similarity(a, b, both, draws, seed)]
    if isinstance(a, AnalogyScore) and isinstance(b, AnalogyScore):
        return _compare_analogies(a, b, both, draws, seed)
    measure = "purity" if isinstance(a, CategoryScore) else "accuracy"
    if not isinstance(a, (OddityScore, CategoryScore)) or not isinstance(b, (OddityScore, CategoryScore)):
        raise ConfigError("only scores of the same file can be compared: evaluate both models on it")
    return [_compare_shares(measure, a.right[both], b.right[both], draws, seed)]


def _compare_similarity(
    a: SimilarityScore, b: SimilarityScore, both: NDArray[np.bool_], draws: int, seed: int
) -> Difference:
    items = int(both.sum())
    if items < ENOUGH_ITEMS:
        return _too_few("Spearman's ρ", items)
    scores = a.scores[both]
    one, other = spearman(scores, a.cosines[both]), spearman(scores, b.cosines[both])
    if one is None or other is None:
        return _too_few("Spearman's ρ", items, "all scores, or all cosines, are the same")
    gold, first, second = (RankedDraws(values) for values in (scores, a.cosines[both], b.cosines[both]))
    drawn = resample(
        items,
        lambda times: spearman_of_draws(gold, second, times) - spearman_of_draws(gold, first, times),
        draws,
        seed,
    )
    return _difference("Spearman's ρ", one, other, drawn, items)


def _compare_analogies(
    a: AnalogyScore, b: AnalogyScore, both: NDArray[np.bool_], draws: int, seed: int
) -> list[Difference]:
    items = int(both.sum())
    if items < ENOUGH_ITEMS or independent_parts(a.questions, both) < ENOUGH_ITEMS:
        return [_too_few(measure, items) for measure in MEASURES]
    gained = b.right.astype(np.float64) - a.right.astype(np.float64)
    drawn = ratios(resampled_sums(a.questions, both, gained.T, draws, seed).sum(axis=1))
    return [
        _difference(
            measure,
            float(a.right[number, both].mean()),
            float(b.right[number, both].mean()),
            drawn[:, number],
            items,
        )
        for number, measure in enumerate(MEASURES)
    ]


def _compare_shares(
    measure: str, a: NDArray[np.bool_], b: NDArray[np.bool_], draws: int, seed: int
) -> Difference:
    items = len(a)
    if items < ENOUGH_ITEMS:
        return _too_few(measure, items)
    gained = b.astype(np.float64) - a.astype(np.float64)
    drawn = resample(items, lambda times: times @ gained / items, draws, seed)
    return _difference(measure, float(a.mean()), float(b.mean()), drawn, items)


def _difference(measure: str, a: float, b: float, drawn: Doubles, items: int) -> Difference:
    if not len(drawn):
        return _too_few(measure, items, "no draw gave a difference")
    return Difference(measure, a, b, b - a, *interval(drawn), two_sided_p(drawn), items)


def _too_few(measure: str, items: int, why: str = "") -> Difference:
    reason = f"not enough data: {why or f'both models cover {items} of the items, too few to compare'}"
    return Difference(measure, None, None, None, None, None, None, items, reason)

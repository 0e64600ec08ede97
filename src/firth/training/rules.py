"""How summed changes are weighted in each merge: measured on the tables themselves (see ``merging.py``).

What is measured is the most frequent words' rows as the mean of all replicas has them after a leg: whoever
has the base and the summed changes of those rows can tell, and gets the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import keep_prob, noise_prob
from firth.training.arrays import aligned_zeros
from firth.training.changes import Changes, weights_of
from firth.training.config import TrainConfig
from firth.training.merging import DIRECTIONS, Rule, Survey, find_directions
from firth.training.replicas import AS_GOOD, Leg, Plan
from firth.training.sampling import expected_updates

SLOPE = 0.15
"""q (1 - q), the slope of the logistic function, as it is on average where it counts: found by trying .06
to .4 (LOG.md). With more than AS_GOOD replicas the sum overshoots sooner, so the slope is taken to be
greater, by the root of how many times more ..."""

STEEPEST = 2.0
"""... but no more than twice as many."""


class Rules:
    """The rules of a run's merges, for the changes of W and of C."""

    def __init__(
        self,
        plan: Plan,
        config: TrainConfig,
        counts: NDArray[np.int64],
        stride: int,
    ) -> None:
        """Take in what does not change; ``counts`` are those of the words."""
        self._plan, self._config, self._stride = plan, config, stride
        measured = plan.measured
        kept = keep_prob(counts, config.sample) * counts
        outputs = kept / kept.sum() + config.negative * noise_prob(counts, config.ns_exponent)
        # A row of W meets rows of C as centers and negatives, a row of C rows of W as contexts.
        self._shares = [_shares(outputs[:measured]), _shares(kept[:measured])]
        contexts = config.window + 1 if config.shrink_windows else 2 * config.window
        self._pairs = [1 + config.negative, contexts]
        self._updates = expected_updates(plan.block_positions // plan.replicas, counts, config)
        self._slope = SLOPE * math.sqrt(min(max(1.0, plan.replicas / AS_GOOD), STEEPEST))
        self._weights = weights_of(plan.replicas)
        alphas = plan.schedule.alphas(np.arange(plan.schedule.blocks))
        self._heats = np.cumsum(np.concatenate([[0.0], alphas]))  # before each block
        self._surveys = [
            Survey(*(aligned_zeros(n * stride) for n in (stride, DIRECTIONS, DIRECTIONS))) for _ in range(2)
        ]

    def of(self, leg: Leg, which: int, other: NDArray[np.float32]) -> Rule:
        """Return the rule for W (0) or C (1) after a leg; ``other`` is the other one by :func:`mean_rows`."""
        directions, curvatures = aligned_zeros(DIRECTIONS * self._stride), np.zeros(DIRECTIONS + 1)
        size, shares, survey = self._config.vector_size, self._shares[which], self._surveys[which]
        find_directions(other, shares, size, self._stride, survey, directions, curvatures)
        curvatures *= self._slope * self._pairs[which]
        return Rule(
            directions,
            curvatures,
            self._updates[which],
            self._plan.hot,
            self._heat(leg.first, leg.past),
            self._heat(leg.since, leg.past),
            self._weights,
        )

    def _heat(self, first: int, past: int) -> float:
        """Return the sum of the learning rates of some blocks."""
        return float(self._heats[past] - self._heats[first])


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def mean_rows(
    base: NDArray[np.float32], parts: list[Changes], rows: int, replicas: int, stride: int
) -> NDArray[np.float32]:
    """Return the first rows of a table as the mean of all replicas has them, from their summed changes."""
    mean = base[: rows * stride].reshape(rows, stride).copy()
    for part in parts:
        few = part.part(0, rows)
        mean[few.rows] += few.values.reshape(-1, stride) / np.float32(replicas)
    return mean.reshape(-1)

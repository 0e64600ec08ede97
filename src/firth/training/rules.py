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
from firth.training.rounds import Updates
from firth.training.shards import SHARDS

SLOPE = 0.06
"""q (1 - q), the slope of the logistic function, as it is on average where it counts: found by trying .04
to 1 with up to AS_GOOD replicas (LOG.md). With more the sum overshoots sooner, so the slope is taken to be
greater, by the root of how many times more."""

MEASURED = 1024
"""Most frequent words on whose rows curvatures are measured."""


class Rules:
    """The rules of a run's merges, for the changes of W and of C."""

    def __init__(
        self,
        plan: Plan,
        config: TrainConfig,
        counts: NDArray[np.int64],
        updates: Updates,
        stride: int,
    ) -> None:
        """Take in what does not change; ``counts`` are those of the words."""
        self._plan, self._config, self._stride = plan, config, stride
        self.measured = min(plan.hot, MEASURED)
        kept = keep_prob(counts, config.sample) * counts
        outputs = kept / kept.sum() + config.negative * noise_prob(counts, config.ns_exponent)
        # A row of W meets rows of C as centers and negatives, a row of C rows of W as contexts.
        self._shares = [_shares(outputs[: self.measured]), _shares(kept[: self.measured])]
        contexts = config.window + 1 if config.shrink_windows else 2 * config.window
        self._pairs = [1 + config.negative, contexts]
        self._updates = [SHARDS * of for of in (updates.vectors, updates.context_vectors)]
        self._slope = SLOPE * math.sqrt(max(1.0, plan.replicas / AS_GOOD))
        self._weights = weights_of(plan.replicas)
        self._survey = Survey(*(aligned_zeros(n * stride) for n in (stride, DIRECTIONS, DIRECTIONS)))

    def of(self, leg: Leg, tables: list[NDArray[np.float32]]) -> list[Rule]:
        """Return the rules for W and C after a leg; ``tables`` are their rows by :func:`mean_rows`."""
        rules = []
        for which, (other, shares) in enumerate(zip(reversed(tables), self._shares, strict=True)):
            directions, curvatures = aligned_zeros(DIRECTIONS * self._stride), np.zeros(DIRECTIONS + 1)
            size = self._config.vector_size
            find_directions(other, shares, size, self._stride, self._survey, directions, curvatures)
            curvatures *= self._slope * self._pairs[which]
            rules.append(
                Rule(
                    directions,
                    curvatures,
                    self._updates[which],
                    self._plan.hot,
                    self._heat(leg.first, leg.past),
                    self._heat(leg.since, leg.past),
                    self._weights,
                )
            )
        return rules

    def _heat(self, first: int, past: int) -> float:
        return sum(self._plan.schedule.alpha_at(block) for block in range(first, past))


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

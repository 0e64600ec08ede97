"""Analogies by multiplication, 3CosMul, with any number of terms and the nearest words ranked.

Levy and Goldberg (2014, https://aclanthology.org/W14-1618/): where 3CosAdd adds the cosines of a candidate
with the words of the question, so that the largest decides, 3CosMul multiplies them::

    product over positive p of cos'(x, p)  /  (product over negative n of cos'(x, n) + 0.001)

with cos' = (cos + 1) / 2. For one negative word and two positive ones it is the rule by which
:mod:`firth.evaluation.answers` answers thousands of questions at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.errors import ConfigError

EPSILON = 0.001


def most_similar_cosmul(
    model: Embeddings, positive: Sequence[str], negative: Sequence[str] = (), topn: int = 10
) -> list[tuple[str, float]]:
    """Return the ``topn`` words with the highest 3CosMul score, the words of the question left out.

    A score has no upper bound and is not a cosine: compare it with those of the other words only. A word
    without a direction adds nothing that tells words apart, and is never found.

    Raises:
        UnknownWordError: a word is not in the model.
        ConfigError: no word is given, or ``topn`` is out of its range.
    """
    if not (positive or negative):
        raise ConfigError("an analogy needs at least one word: give positive=[...]")
    wanted = at_least(0, "topn", topn)
    scores = _product(model, positive) / (_product(model, negative) + EPSILON)
    scores[~_findable(model)] = -np.inf
    own = [model.key_to_index[word] for word in {*positive, *negative} if word in model.key_to_index]
    scores[own] = -np.inf
    rows = np.argsort(-scores, kind="stable")[: min(wanted, int(np.isfinite(scores).sum()))]
    return [(model.index_to_key[row], float(scores[row])) for row in rows.tolist()]


def _product(model: Embeddings, words: Sequence[str]) -> NDArray[np.float64]:
    """Return for each row the product of its cosines with some words, moved to 0 to 1: (V,)."""
    product = np.ones(len(model))
    for word in words:
        product *= (model.most_similar(word, topn=None).astype(np.float64) + 1.0) / 2.0
    return product


def _findable(model: Embeddings) -> NDArray[np.bool_]:
    """Return which rows have a direction and were trained."""
    some = np.asarray(model.vectors.any(axis=1))
    return some if model.trained is None else some & model.trained

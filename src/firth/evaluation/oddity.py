"""Odd one out: which word of a group does not belong?

The model names the word with the lowest cosine with the mean of the group's unit vectors, as gensim's
``doesnt_match`` does. A group counts as covered only if the model knows all of its words: with one left
out it would be an easier question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.evaluation.bootstrap import DRAWS, SEED, Estimate, share_with_interval
from firth.evaluation.lookup import Lexicon


class Group(NamedTuple):
    """Words of which one does not belong."""

    words: tuple[str, ...]
    odd: int
    """Which one, counted from 0."""


@dataclass(frozen=True)
class OddityScore:
    """How often a model finds the word that does not belong."""

    accuracy: Estimate
    """Over the covered groups: 0 to 1."""
    accuracy_all: float | None
    """Over all groups, those not covered counted as wrong."""
    chance: float | None
    """The accuracy of guessing, over the covered groups."""
    covered: int
    total: int
    missing: tuple[str, ...]
    found: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True for the covered groups."""
    right: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True where the model named the odd word."""


def evaluate_oddity(
    model: Embeddings,
    groups: Sequence[Group],
    *,
    case_insensitive: bool = True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> OddityScore:
    """Ask a model for the odd word of each group.

    Args:
        model: the model.
        groups: words, and which of them is odd.
        case_insensitive: see :class:`firth.evaluation.lookup.Lexicon`.
        draws: draws of the bootstrap over groups.
        seed: of the draws.
    """
    lexicon = Lexicon(model, case_insensitive=case_insensitive)
    found = np.zeros(len(groups), bool)
    right = np.zeros(len(groups), bool)
    for number, group in enumerate(groups):
        places = lexicon.find_all(group.words)
        if (places >= 0).all():
            units = lexicon.units(places)
            found[number] = True
            right[number] = int((units @ units.mean(axis=0)).argmin()) == group.odd
    sizes = np.array([len(group.words) for group in groups])[found]
    missing, _ = lexicon.missing(word for group in groups for word in group.words)
    return OddityScore(
        share_with_interval(right[found], draws, seed),
        float(right.mean()) if len(groups) else None,
        float((1 / sizes).mean()) if found.any() else None,
        int(found.sum()),
        len(groups),
        missing,
        found,
        right,
    )

"""Associations of word sets: WEAT, SC-WEAT and axes, each with what is needed to doubt it.

The Word Embedding Association Test (Caliskan, Bryson and Narayanan 2017, https://doi.org/10.1126/science.aal4230)
asks whether the target words X are nearer to the attribute words A than to B, more so than the targets Y:

    s(w, A, B)  = mean over a of cos(w, a)  -  mean over b of cos(w, b)
    effect size = (mean over x of s(x, A, B)  -  mean over y of s(y, A, B)) / std over X and Y of s(w, A, B)

SC-WEAT asks the same of one word w: (mean over a of cos(w, a) - mean over b of cos(w, b)) / std over A and B
of cos(w, .). The standard deviation is that of a sample (n - 1), as in the authors' later code and in
SEAT; with n in its place, effect sizes grow by sqrt(n / (n - 1)). A permutation test asks how often words
parted at random differ as much as they do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, compress, islice

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.printable import quoted

Doubles = NDArray[np.float64]

MOST_EXACT = 200_000
"""Partitions up to which all of them are gone through."""
DRAWS = 99_999
"""Partitions drawn where there are more."""
BOOTSTRAPS = 2_000
FEWEST = 2
"""Words that each set needs: one alone has no spread."""
ROUNDING = 1e-12  # relative: two sums of the same numbers in another order are a tie
SUMS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Permutation:
    """How often words parted at random differ as much: each p counts the parting that was observed."""

    p_two_sided: float
    """Share of partitions whose difference of means is at least as large, whatever its sign."""
    p_one_sided: float
    """Share of partitions whose difference is at least as high: only X nearer to A counts as evidence."""
    partitions: int
    """Partitions gone through."""
    exact: bool
    """True: all that there are. False: drawn at random, the observed one added to them."""


@dataclass(frozen=True)
class Association:
    """The result of one test. ``effect_size`` and what follows are None where ``reason`` says why."""

    effect_size: float | None
    interval: tuple[float, float] | None
    """95 % bootstrap percentiles of the effect size, words drawn anew with replacement within each set."""
    permutation: Permutation | None
    used: tuple[tuple[str, ...], ...]
    """The words of each set that the model has: X, Y, A, B (SC-WEAT: the word, A, B)."""
    missing: tuple[tuple[str, ...], ...]
    """The words of each set that it does not have, or that were never trained."""
    reason: str | None = None
    """Why there is not enough data for a result."""


def weat(
    model: Embeddings,
    x: Sequence[str],
    y: Sequence[str],
    a: Sequence[str],
    b: Sequence[str],
    *,
    seed: int = 1,
) -> Association:
    """Return how much nearer X is to A than to B, compared with Y: positive if X goes with A and Y with B.

    Args:
        model: the words and vectors.
        x: the target words X.
        y: the target words Y.
        a: the attribute words A.
        b: the attribute words B.
        seed: seed of the draws of permutation and bootstrap.

    Raises:
        ConfigError: a set is empty, or a word is there twice.
    """
    _check_apart("X", x, "Y", y)
    _check_apart("A", a, "B", b)
    used, missing = _sorted_out(model, x, y, a, b)
    reason = _too_few(used, ("X", "Y", "A", "B"))
    if reason is not None:
        return Association(None, None, None, used, missing, reason)
    targets, attributes = _units(model, (*used[0], *used[1])), _units(model, (*used[2], *used[3]))
    cosines = targets @ attributes.T
    many, split = len(used[0]), len(used[2])
    scores = cosines[:, :split].mean(axis=1) - cosines[:, split:].mean(axis=1)
    effect = effect_size(scores, many)
    if effect is None:
        reason = "not enough data: all target words are equally near to A and B (no variance)"
        return Association(None, None, None, used, missing, reason)
    interval = _interval(_bootstrap_weat(cosines, many, split, seed))
    return Association(effect, interval, permutation_test(scores, many, seed=seed), used, missing)


def sc_weat(
    model: Embeddings, word: str, a: Sequence[str], b: Sequence[str], *, seed: int = 1
) -> Association:
    """Return how much nearer one word is to A than to B: the single-category test, positive towards A.

    Raises:
        ConfigError: a set is empty, or a word is there twice.
    """
    _check_apart("A", a, "B", b)
    used, missing = _sorted_out(model, [word], a, b)
    reason = _too_few(used[1:], ("A", "B"))
    if not used[0]:
        reason = f"not enough data: the model does not have {quoted(word)}"
    if reason is not None:
        return Association(None, None, None, used, missing, reason)
    attributes = _units(model, (*used[1], *used[2]))
    cosines = (attributes @ _units(model, used[0]).T)[:, 0]
    split = len(used[1])
    effect = effect_size(cosines, split)
    if effect is None:
        reason = "not enough data: the word is equally near to all of A and B (no variance)"
        return Association(None, None, None, used, missing, reason)
    interval = _interval(_bootstrap_means(cosines, split, seed))
    return Association(effect, interval, permutation_test(cosines, split, seed=seed), used, missing)


def project(
    model: Embeddings, words: Sequence[str], pole: Sequence[str], opposite: Sequence[str]
) -> list[tuple[str, float]]:
    """Return where words stand on the axis between two poles: 1 towards ``pole``, -1 towards ``opposite``.

    The axis is the mean of one pole's unit vectors minus the mean of the other's, and a word's place on it
    the cosine of its vector with the axis (as in Bolukbasi et al. 2016, arXiv:1607.06520, and Kozlowski et
    al. 2019, https://doi.org/10.1177/0003122419877135). It has no interval: compare it with other
    words', and the pairs of poles with one another.

    >>> project(model, ["nurse", "doctor"], ["she"], ["he"])  # doctest: +SKIP
    [('nurse', 0.31), ('doctor', 0.08)]

    Raises:
        UnknownWordError: the model does not have a word.
        ConfigError: a pole is empty, a vector is all zeros, or both poles are the same.
    """
    for name, side in (("pole", pole), ("opposite", opposite)):
        if not side or isinstance(side, str):
            raise ConfigError(f"{name} must be a list of at least one word, not {side!r}")
    for word in (*words, *pole, *opposite):
        if not model[word].any():
            raise ConfigError(f"the vector of {quoted(word)} is all zeros: it stands nowhere; leave it out")
    axis = _units(model, pole).mean(axis=0) - _units(model, opposite).mean(axis=0)
    length = float(np.linalg.norm(axis))
    if length < ROUNDING:
        raise ConfigError("both poles have the same mean, so that there is no axis: give other words")
    places = (_units(model, words) @ (axis / length)).clip(-1.0, 1.0) if words else np.empty(0)
    return list(zip(words, places.tolist(), strict=True))


def effect_size(scores: Doubles, first: int) -> float | None:
    """Return the difference of the means of ``scores[:first]`` and the rest, in standard deviations of all.

    None if they have no variance.

    >>> effect_size(np.array([3.0, 5.0, 1.0, 3.0]), 2)  # means 4 and 2, std sqrt(8 / 3)
    1.224744871391589
    """
    spread = float(scores.std(ddof=1))
    if spread <= ROUNDING * max(1.0, float(np.abs(scores).max())):
        return None
    return float((scores[:first].mean() - scores[first:].mean()) / spread)


def permutation_test(
    scores: Doubles, first: int, *, seed: int = 1, most_exact: int = MOST_EXACT
) -> Permutation:
    """Return how often a random part of ``first`` scores differs from the rest as much as the first ones do.

    The difference of the means depends on the sum of the part alone. All partitions are gone through if
    there are at most ``most_exact``; otherwise DRAWS are drawn and p = (1 + as extreme) / (1 + DRAWS)
    (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585). Unlike in Caliskan's definition
    partitions that are as extreme as the observed one count, so that p is never 0.
    """
    many = len(scores)
    total = math.comb(many, first)
    centered = scores - scores.mean()  # sums of parts then are 0 in the mean, for parts of any size
    observed = float(centered[:first].sum())
    margin = ROUNDING * max(1.0, float(np.abs(scores).sum()))
    exact = total <= most_exact
    draws = _all_sums(centered, first) if exact else _random_sums(centered, first, seed)
    higher = further = seen = 0
    for sums in draws:
        higher += int((sums >= observed - margin).sum())
        further += int((np.abs(sums) >= abs(observed) - margin).sum())
        seen += len(sums)
    own = 0 if exact else 1
    partitions = seen + own
    return Permutation((further + own) / partitions, (higher + own) / partitions, partitions, exact)


def _all_sums(scores: Doubles, first: int) -> list[Doubles]:
    """Return the sum of each part of ``first`` scores, in pieces."""
    parts = combinations(range(len(scores)), first)
    sums = []
    while piece := list(islice(parts, SUMS_AT_ONCE)):
        sums.append(scores[np.array(piece)].sum(axis=1))
    return sums


def _random_sums(scores: Doubles, first: int, seed: int) -> list[Doubles]:
    """Return the sums of DRAWS random parts of ``first`` scores, in pieces."""
    random = np.random.default_rng([seed, 1])
    sums = []
    for begin in range(0, DRAWS, SUMS_AT_ONCE):
        keys = random.random((min(SUMS_AT_ONCE, DRAWS - begin), len(scores)))
        sums.append(scores[np.argpartition(keys, first - 1, axis=1)[:, :first]].sum(axis=1))
    return sums


def _bootstrap_weat(cosines: Doubles, many: int, split: int, seed: int) -> Doubles:
    """Return effect sizes of resampled sets.

    ``cosines``: (targets, attributes); the first ``many`` targets are X, the first ``split`` attributes A.
    """
    random = np.random.default_rng([seed, 2])
    effects = np.full(BOOTSTRAPS, np.nan)
    for draw in range(BOOTSTRAPS):
        targets = _drawn(random, len(cosines), many)
        attributes = _drawn(random, cosines.shape[1], split)
        part = cosines[np.ix_(targets, attributes)]
        effect = effect_size(part[:, :split].mean(axis=1) - part[:, split:].mean(axis=1), many)
        effects[draw] = np.nan if effect is None else effect
    return effects


def _bootstrap_means(scores: Doubles, first: int, seed: int) -> Doubles:
    random = np.random.default_rng([seed, 3])
    found = [effect_size(scores[_drawn(random, len(scores), first)], first) for _ in range(BOOTSTRAPS)]
    return np.array([np.nan if effect is None else effect for effect in found])


def _drawn(random: np.random.Generator, many: int, first: int) -> NDArray[np.int64]:
    """Draw with replacement within [0, first) and within [first, many)."""
    return np.concatenate([random.integers(0, first, first), random.integers(first, many, many - first)])


def _interval(effects: Doubles) -> tuple[float, float] | None:
    """Return the 95 % percentiles; None if many of the resamples had no variance."""
    found = effects[np.isfinite(effects)]
    if len(found) < 0.9 * len(effects):
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _check_apart(name: str, words: Sequence[str], other_name: str, others: Sequence[str]) -> None:
    """Refuse empty sets, words that are there twice, and words in both of two sets."""
    for own, side in ((name, words), (other_name, others)):
        if isinstance(side, str) or not side:
            raise ConfigError(f"the set {own} must be a list of at least one word, not {side!r}")
        twice = next((word for place, word in enumerate(side) if word in side[:place]), None)
        if twice is not None:
            raise ConfigError(f"the set {own} has {quoted(twice)} twice: leave one out")
    both = next((word for word in words if word in set(others)), None)
    if both is not None:
        raise ConfigError(f"{quoted(both)} is in both sets, {name} and {other_name}: leave it out of one")


def _sorted_out(
    model: Embeddings, *sets: Sequence[str]
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return for each set the words that have a direction in the model, and those that have none."""
    has = [[word in model and bool(model[word].any()) for word in words] for words in sets]
    used = [tuple(compress(words, marks)) for words, marks in zip(sets, has, strict=True)]
    missing = [
        tuple(word for word, mark in zip(words, marks, strict=True) if not mark)
        for words, marks in zip(sets, has, strict=True)
    ]
    return tuple(used), tuple(missing)


def _too_few(sets: Sequence[Sequence[str]], names: Sequence[str]) -> str | None:
    for name, words in zip(names, sets, strict=True):
        if len(words) < FEWEST:
            return (
                f"not enough data: the model has {len(words)} of the words of the set {name}, "
                f"and at least {FEWEST} are needed"
            )
    return None


def _units(model: Embeddings, words: Sequence[str]) -> Doubles:
    """Return the vectors of some words, scaled to length 1: (n, D) float64."""
    vectors = model[list(words)].astype(np.float64)
    vectors /= np.abs(vectors).max(axis=1, keepdims=True)  # so that no square vanishes or overflows
    units: Doubles = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units

"""Two models in one space, and the words that stand elsewhere in the second one.

Training determines vectors up to a rotation, so that two models cannot be compared number by number. The
rotation that brings the words they share closest together solves the orthogonal Procrustes problem
(Schönemann 1966, https://doi.org/10.1007/BF02289451); what is still apart after it has changed its use
(Hamilton et al. 2016, https://aclanthology.org/P16-1141/) or was never well known: rare words move
most, for no other reason (Dubossarsky et al. 2017, https://aclanthology.org/D17-1118/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.errors import ConfigError

Matrix = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

ROWS_AT_ONCE = 1 << 14
MIN_COUNT = 50
"""Words that are rarer in one of the models are left out of a list of shifts, unless told otherwise."""
COMPANY = 100
"""Words of like frequency whose median distance is called typical."""


@dataclass(frozen=True)
class Shared:
    """The words that two models share and that were trained in both; in the order of the first."""

    rows_a: Rows
    rows_b: Rows

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows_a)


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a model B is brought onto a model A: ``b' = (b - mean_b) @ rotation + mean_a``.

    Attributes:
        rotation: (D, D) orthogonal, float64; a mirror image is allowed, as usual.
        mean_a: (D,) zeros unless centered.
        mean_b: (D,) zeros unless centered.
        shared: the words that determined it.
        cosine_before: mean cosine of the shared words' vectors in A and B as they were.
        cosine_after: the same after the rotation.
    """

    rotation: Doubles
    mean_a: Doubles
    mean_b: Doubles
    shared: Shared
    cosine_before: float
    cosine_after: float

    @property
    def determined(self) -> bool:
        """Whether there are at least as many shared words as dimensions; with fewer it fits by itself."""
        return len(self.shared) >= len(self.rotation)

    @property
    def centered(self) -> bool:
        """Whether means were taken away."""
        return bool(self.mean_a.any() or self.mean_b.any())


@dataclass(frozen=True)
class Shift:
    """A word and how far it is from where it was."""

    word: str
    distance: float
    """1 - cosine of its two vectors after the alignment: 0 to 2."""
    typical: float
    """Median distance of the words that are about as frequent: what noise alone may well do."""
    count_a: int | None
    count_b: int | None


@dataclass(frozen=True)
class Shifts:
    """The words that moved, the farthest first."""

    words: list[Shift]
    compared: int
    """Shared words that were frequent enough."""
    rare: int
    """Shared words left out because they are rarer than ``min_count`` in one of the models."""
    min_count: int


def procrustes(a: Doubles, b: Doubles) -> Doubles:
    """Return the orthogonal matrix R (D, D) that makes the sum of squares of ``b @ R - a`` smallest.

    With the singular value decomposition  bᵀ a = U diag(s) Vᵀ  it is  R = U Vᵀ.

    Args:
        a: (n, D) rows to be met.
        b: (n, D) rows to be rotated.

    Raises:
        ConfigError: the shapes differ.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise ConfigError(f"rows of shapes {a.shape} and {b.shape} cannot be aligned: give pairs of rows")
    return _rotation(b.T @ a)


def shared_words(a: Embeddings, b: Embeddings) -> Shared:
    """Return the rows of the words that both models have, rows of zeros left out."""
    pairs = [(row, b.key_to_index[word]) for row, word in enumerate(a.index_to_key) if word in b.key_to_index]
    rows_a, rows_b = np.array(pairs, np.int64).reshape(-1, 2).T
    whole = np.zeros(len(rows_a), bool)
    for part in _parts(len(rows_a)):
        whole[part] = a.vectors[rows_a[part]].any(axis=1) & b.vectors[rows_b[part]].any(axis=1)
    return Shared(rows_a[whole], rows_b[whole])


def align(a: Embeddings, b: Embeddings, *, center: bool = False, normalize: bool = True) -> Alignment:
    """Return the rotation of ``b`` onto ``a``, from the words that they share.

    Args:
        a: the model that stays.
        b: the model to be rotated. Neither is changed.
        center: take away each model's mean over the shared words first.
        normalize: scale the vectors to length 1 to find the rotation, so that each word counts alike.

    Raises:
        ConfigError: other vector sizes, or fewer than two shared words.
    """
    if a.vector_size != b.vector_size:
        raise ConfigError(
            f"the models have vectors of {a.vector_size} and {b.vector_size} numbers, which no rotation "
            "brings together: train both with one --vector-size"
        )
    shared = shared_words(a, b)
    if len(shared) < 2:
        raise ConfigError(
            f"not enough data: the models share {len(shared)} of {len(a):,} and {len(b):,} words, and two at "
            "least are needed: compare models whose words are written alike (--lowercase, --tokenizer)"
        )
    size = a.vector_size
    means = [_mean(a, shared.rows_a), _mean(b, shared.rows_b)] if center else [np.zeros(size)] * 2
    product = np.zeros((size, size))
    for part in _parts(len(shared)):
        rows_a, rows_b = a.vectors[shared.rows_a[part]] - means[0], b.vectors[shared.rows_b[part]] - means[1]
        if normalize:
            rows_a, rows_b = _units(rows_a), _units(rows_b)
        product += rows_b.T.astype(np.float64) @ rows_a
    rotation = _rotation(product)
    still = Alignment(np.eye(size), np.zeros(size), np.zeros(size), shared, 0.0, 0.0)
    before = 1.0 - float(distances(a, b, still).mean())
    moved = Alignment(rotation, means[0], means[1], shared, before, 0.0)
    after = 1.0 - float(distances(a, b, moved).mean())
    return Alignment(rotation, means[0], means[1], shared, before, after)


def rotated(b: Embeddings, alignment: Alignment, onto: str = "") -> Embeddings:
    """Return ``b`` in the space of the model that it was aligned with.

    Cosines within the model stay as they were, unless the alignment is centered. The context vectors are
    rotated too, which leaves their products with the vectors as they were; a centered model has none.
    Rows of zeros stay zeros. ``onto`` names the other model in the config.
    """
    vectors = np.empty(b.vectors.shape, np.float32)
    for part in _parts(len(b)):
        rows = b.vectors[part].astype(np.float64)
        moved = (rows - alignment.mean_b) @ alignment.rotation + alignment.mean_a
        vectors[part] = np.where(rows.any(axis=1, keepdims=True), moved, 0.0)
    context = None
    if b.context_vectors is not None and not alignment.centered:
        context = np.empty(b.vectors.shape, np.float32)
        for part in _parts(len(b)):
            context[part] = b.context_vectors[part].astype(np.float64) @ alignment.rotation
    note = {"onto": onto, "shared_words": len(alignment.shared), "centered": alignment.centered}
    return Embeddings(
        b.index_to_key,
        vectors,
        counts=b.counts,
        context_vectors=context,
        trained=b.trained,
        config={**b.config, "aligned": note},
        training=b.training,
    )


def distances(a: Embeddings, b: Embeddings, alignment: Alignment) -> Doubles:
    """Return 1 - cosine of each shared word's vector in ``a`` and its aligned vector in ``b``: (n,).

    Where the alignment is centered, so are the vectors.
    """
    shared = alignment.shared
    found = np.empty(len(shared))
    for part in _parts(len(shared)):
        rows_b = (b.vectors[shared.rows_b[part]] - alignment.mean_b) @ alignment.rotation
        rows_a = a.vectors[shared.rows_a[part]] - alignment.mean_a
        found[part] = 1.0 - (_units(rows_a) * _units(rows_b)).sum(axis=1)
    return found.clip(0.0, 2.0)


def shifts(
    a: Embeddings, b: Embeddings, alignment: Alignment, *, topn: int | None = 20, min_count: int = MIN_COUNT
) -> Shifts:
    """Return the words that are farthest from where they were, the farthest first.

    Args:
        a: the first model.
        b: the second one, not rotated yet.
        alignment: of ``b`` onto ``a``.
        topn: words wanted; None: all.
        min_count: leave out words that are rarer in either model; without effect where counts are unknown.
    """
    wanted = None if topn is None else at_least(0, "topn", topn)
    fewest = at_least(0, "min_count", min_count)
    shared, apart = alignment.shared, distances(a, b, alignment)
    counts_a = None if a.counts is None else a.counts[shared.rows_a]
    counts_b = None if b.counts is None else b.counts[shared.rows_b]
    known = [counts for counts in (counts_a, counts_b) if counts is not None]
    lower = np.minimum.reduce(known) if known else None
    frequent = np.ones(len(shared), bool) if lower is None else lower >= fewest
    places = np.flatnonzero(frequent)
    typical = np.empty(len(shared))
    typical[places] = _typical(apart[places], None if lower is None else lower[places])
    order = places[np.argsort(-apart[places], kind="stable")][:wanted]
    words = [
        Shift(
            a.index_to_key[int(shared.rows_a[place])],
            float(apart[place]),
            float(typical[place]),
            None if counts_a is None else int(counts_a[place]),
            None if counts_b is None else int(counts_b[place]),
        )
        for place in order
    ]
    return Shifts(words, len(places), len(shared) - len(places), fewest)


def _typical(apart: Doubles, counts: NDArray[np.int64] | None) -> Doubles:
    """Return for each word the median distance of the COMPANY words whose counts are nearest to its own."""
    if not len(apart):
        return apart
    order = np.arange(len(apart)) if counts is None else np.argsort(counts, kind="stable")
    width = len(apart) if counts is None else min(COMPANY, len(apart))
    windows = np.median(np.lib.stride_tricks.sliding_window_view(apart[order], width), axis=1)
    typical = np.empty(len(apart))
    typical[order] = windows[np.clip(np.arange(len(apart)) - width // 2, 0, len(windows) - 1)]
    return typical


def _rotation(product: Doubles) -> Doubles:
    u, _, vt = np.linalg.svd(product)
    rotation: Doubles = u @ vt
    return rotation


def _mean(model: Embeddings, rows: Rows) -> Doubles:
    total = np.zeros(model.vector_size)
    for part in _parts(len(rows)):
        total += model.vectors[rows[part]].sum(axis=0, dtype=np.float64)
    return total / len(rows)


def _units(rows: NDArray[np.floating]) -> Doubles:
    """Return rows scaled to length 1, in float64; zeros stay zeros."""
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    units: Doubles = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return units


def _parts(rows: int) -> list[slice]:
    """Cut ``rows`` rows into parts that are small enough to become float64."""
    return [slice(begin, min(begin + ROWS_AT_ONCE, rows)) for begin in range(0, rows, ROWS_AT_ONCE)]

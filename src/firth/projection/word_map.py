"""A map of words: where each lies, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.errors import ConfigError, Interrupted
from firth.evaluation.nearest import nearest_rows
from firth.printable import quoted
from firth.projection import layout, trust
from firth.projection.mapped_words import MappedWords
from firth.projection.pca import principal_plane

PCA, TSNE = "pca", "tsne"
METHODS = (PCA, TSNE)
NAMES = {PCA: "principal components", TSNE: "t-SNE"}
"""What people call the methods."""

_ROWS_AT_ONCE = 4096
_SEARCHED, _LAID_OUT = 0.3, 0.97
"""Shares of the work that are done once the neighbours are known, and once the words are laid out."""
_NO_NEIGHBORS = np.empty((0, 0), np.int32)

Progress = Callable[[float, str], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class WordMap:
    """Words on a plane, the most frequent first; a word's number in this order is its *place*."""

    rows: NDArray[np.int32]
    """(n,) rows of the model."""
    positions: NDArray[np.float32]
    """(n, 2) within [-1, 1], the longer side filling it."""
    near: NDArray[np.uint8]
    """(n,) how many true neighbours are near: see ``definition``; ``trust.UNKNOWN`` if not measured."""
    neighbors: NDArray[np.int32]
    """(n, t) places of the true neighbours, the nearest first; empty if they were not looked for."""
    method: str
    """One of ``METHODS``."""
    settings: dict[str, Any]
    """Ready for JSON: *words* asked for (None: all), *seed*, *seconds*, and what the method adds."""
    identity: str
    """Of which model it is: :meth:`firth.embeddings.Embeddings.identity`."""

    def __len__(self) -> int:
        """Return the number of words, n."""
        return len(self.rows)

    @property
    def measured(self) -> bool:
        """Whether it is known how far the map can be trusted."""
        return self.neighbors.size > 0

    @property
    def definition(self) -> str:
        """What ``near`` counts, in words."""
        return trust.definition(trust.near_words(len(self)))

    def summary(self) -> dict[str, Any] | None:
        """Return the trust of the map as a whole (see :func:`firth.projection.trust.summary`), if known."""
        return trust.summary(self.near, trust.near_words(len(self))) if self.measured else None


def compute(
    model: Embeddings,
    method: str = TSNE,
    *,
    progress: Progress | None = None,
    words: int | None = None,
    seed: int = 1,
    stop: Stop | None = None,
    trusted: bool = True,
) -> WordMap:
    """Make a map of a model's most frequent words.

    Args:
        model: the model. Rows of zeros, and rows never trained, stay out.
        method: "pca", at once, or "tsne", which keeps many more neighbours together (extra ``[map]``).
        progress: told, in this thread, a share of 0 to 1 and what is being done.
        words: how many words, at most 250,000; None for as many as there are.
        seed: of t-SNE's start; there is no chance in principal components.
        stop: asked now and then; True gives up.
        trusted: find the true neighbours and count those that are near. Without, principal components are
            there at once, and :func:`with_trust` may follow. t-SNE needs the neighbours in any case.

    Raises:
        ConfigError: an unknown method, ``words`` out of range, or too few words.
        MissingExtraError: openTSNE is not installed.
        Interrupted: ``stop`` said so.
    """
    if method not in METHODS:
        raise ConfigError(f"there is no method {quoted(method)} for a map: give one of {', '.join(METHODS)}")
    if method == TSNE:
        layout.library()  # before the work rather than after
    tell, asked = progress or _silent, stop or _never
    settings: dict[str, Any] = {"words": words, "seed": at_least(0, "seed", seed)}
    begin = perf_counter()
    chosen = MappedWords(model, words)
    tell(0.0, "principal components")
    places, variance = principal_plane(chosen)
    neighbors = _NO_NEIGHBORS
    if method == TSNE:
        neighbors = _nearest(chosen.units(), layout.NEIGHBORS, _part(tell, 0.0, _SEARCHED), asked)
        places = layout.tsne(
            neighbors,
            _distances(chosen, neighbors),
            places,
            seed=seed,
            progress=_part(tell, _SEARCHED, _LAID_OUT),
            stop=asked,
        )
        settings["perplexity"] = layout.PERPLEXITY
    else:
        settings["variance"] = variance
    found = WordMap(
        rows=chosen.rows,
        positions=_scaled(places),
        near=np.full(len(chosen), trust.UNKNOWN, np.uint8),
        neighbors=neighbors[:, : trust.TRUE_NEIGHBORS].copy(),
        method=method,
        settings=settings,
        identity=model.identity(),
    )
    if trusted or method == TSNE:
        found = with_trust(found, model, progress=tell, stop=asked)
    tell(1.0, "done")
    return replace(found, settings=settings | {"seconds": round(perf_counter() - begin, 3)})


def with_trust(
    found: WordMap, model: Embeddings, *, progress: Progress | None = None, stop: Stop | None = None
) -> WordMap:
    """Return a map with the trust of each word, counted by exact search among the words of the map.

    Raises:
        Interrupted: ``stop`` said so.
    """
    tell, neighbors = progress or _silent, found.neighbors
    if not neighbors.size:
        units = MappedWords(model, found.settings["words"]).units()
        neighbors = _nearest(units, trust.TRUE_NEIGHBORS, _part(tell, 0.0, _LAID_OUT), stop or _never)
    tell(_LAID_OUT, "counting neighbours that are near")
    near = trust.near_counts(found.positions, neighbors, trust.near_words(len(found)))
    return replace(found, near=near, neighbors=neighbors)


def _nearest(units: NDArray[np.float32], k: int, progress: Progress, stop: Stop) -> NDArray[np.int32]:
    """Return the places of each word's ``k`` nearest words (all others where there are fewer)."""
    words = len(units)
    k = min(k, words - 1)
    found = np.empty((words, k), np.int32)
    for start in range(0, words, _ROWS_AT_ONCE):
        if stop():
            raise Interrupted("the map was stopped while it looked for neighbours; nothing of it is kept")
        progress(start / words, "looking for neighbours")
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, words))
        found[rows] = nearest_rows(units, rows, k)
    return found


def _distances(words: MappedWords, neighbors: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the Euclidean distances of unit vectors to those of their neighbours: (n, k)."""
    units = words.units()
    distances = np.empty(neighbors.shape)
    for column, places in enumerate(neighbors.T):
        gaps = units - units[places]
        distances[:, column] = np.sqrt(np.einsum("ij,ij->i", gaps, gaps, dtype=np.float64))
    return distances


def _scaled(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return places moved and shrunk or grown until the longer side of the map goes from -1 to 1."""
    low, high = places.min(axis=0), places.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-300)
    positions: NDArray[np.float32] = ((places - (low + high) / 2) / half).astype(np.float32)
    return positions


def _part(progress: Progress, low: float, high: float) -> Progress:
    """Return what tells a part of the work as a share of the whole."""
    return lambda share, what: progress(low + share * (high - low), what)


def _silent(_share: float, _what: str) -> None:
    pass


def _never() -> bool:
    return False

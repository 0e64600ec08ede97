"""The good layout: t-SNE by the library openTSNE (extra ``[map]``), on exact neighbours.

van der Maaten and Hinton 2008, "Visualizing Data using t-SNE"; repulsion by interpolation on a grid
(Linderman et al. 2019, FIt-SNE). It starts from the principal plane, so that the large shape is not a matter
of chance (Kobak and Berens 2019). LOG.md has the figures that chose it, UMAP's beside them. The same seed
gives the same map, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, Interrupted
from firth.extras import optional
from firth.training.config import available_cores

Progress = Callable[[float, str], None]
Stop = Callable[[], bool]

PERPLEXITY = 30
NEIGHBORS = 3 * PERPLEXITY
"""Neighbours of a word that t-SNE looks at."""
FEWEST_WORDS = 10
PHASES = ((250, 12.0), (400, 1.0))
"""Steps, and the attraction in them as a multiple of t-SNE's own."""
START_SPREAD = 1e-4
STEPS_A_REPORT = 10
EXACT_BELOW = 2000
"""Words for which the grid would cost more than it saves."""
ONE_THREAD_BELOW = 20_000
"""Words for which threads would wait for each other longer than they work."""
EXTRA = "map"


def library(part: str = "") -> Any:
    """Return openTSNE, or a part of it.

    Raises:
        MissingExtraError: it is not installed.
    """
    return optional(f"openTSNE{part}", "a map by t-SNE (the method pca does without)", EXTRA)


def tsne(
    neighbors: NDArray[np.int32],
    distances: NDArray[np.float64],
    start: NDArray[np.float64],
    *,
    seed: int,
    progress: Progress,
    stop: Stop,
) -> NDArray[np.float64]:
    """Lay words out so that neighbours lie together.

    Args:
        neighbors: (n, k) places of each word's nearest words, the nearest first: ``NEIGHBORS`` of them, or
            all others where there are fewer.
        distances: (n, k) Euclidean distances to them, between unit vectors.
        start: (n, 2) where the words begin; only the shape counts.
        seed: of the little noise that sets words apart which begin at the same place.
        progress: told a share, 0 to 1, and what is being done.
        stop: asked every few steps whether to give up.

    Returns:
        (n, 2) places.

    Raises:
        MissingExtraError: openTSNE is not installed.
        ConfigError: fewer than ``FEWEST_WORDS`` words.
        Interrupted: ``stop`` said so.
    """
    if len(start) < FEWEST_WORDS:
        raise ConfigError(
            f"{len(start)} words are too few for t-SNE (it needs {FEWEST_WORDS}): use the method pca"
        )
    progress(0.0, "weighing the neighbours")
    known = library(".nearest_neighbors").PrecomputedNeighbors(neighbors.astype(np.int64), distances)
    threads = available_cores() if len(start) >= ONE_THREAD_BELOW else 1
    weights = library(".affinity").PerplexityBasedNN(
        knn_index=known, perplexity=min(PERPLEXITY, neighbors.shape[1] / 3), n_jobs=threads
    )
    noise = np.random.default_rng(seed).normal(scale=START_SPREAD / 100, size=start.shape)
    widest = max(float(start.std(axis=0).max()), 1e-300)
    embedding = library().TSNEEmbedding(
        start / widest * START_SPREAD + noise,
        weights,
        negative_gradient_method="bh" if len(start) < EXACT_BELOW else "fft",
        n_jobs=threads,
    )
    done, total = 0, sum(steps for steps, _ in PHASES)
    for steps, attraction in PHASES:
        embedding.optimize(
            steps,
            inplace=True,
            exaggeration=attraction,
            momentum=0.8,
            learning_rate="auto",
            callbacks=[_watcher(done, total, progress, stop)],
            callbacks_every_iters=STEPS_A_REPORT,
        )
        done += steps
    return np.array(embedding, np.float64)


def _watcher(done: int, total: int, progress: Progress, stop: Stop) -> Callable[..., bool]:
    """Return what the library calls every few steps."""

    def watch(step: int, _error: float, _embedding: Any) -> bool:
        if stop():
            raise Interrupted("the map was stopped before it was done; nothing of it is kept")
        progress((done + step) / total, "laying out")
        return False

    return watch

"""What can be done to vectors after training: plain functions from a (V, D) table to a new one.

None changes its input. All sums are float64, results float32. They treat all rows alike: for a
model some of whose rows were never trained, use :func:`processed`, which leaves those rows out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.errors import ConfigError

Matrix = NDArray[np.float32]
Doubles = NDArray[np.float64]

NUMBERS_AT_ONCE = 1 << 22  # 32 MB of float64
FLAT = 1e-10  # variance of a direction, relative to the highest, below which it counts as none


def mean_centered(vectors: Matrix) -> Matrix:
    """Return v - mean of all v, for each row v: (V, D).

    >>> mean_centered(np.array([[1, 5], [3, 1]], np.float32)).tolist()
    [[-1.0, 2.0], [1.0, -2.0]]
    """
    _check(vectors)
    return _moved(vectors, _mean(vectors), None)


def all_but_the_top(vectors: Matrix, components: int | None = None) -> Matrix:
    """Return the vectors without their mean and their most dominant directions: (V, D).

    With the mean m and the first principal directions u_1 ... u_d of the v - m:

        v'  =  v - m - sum over i of (u_i · (v - m)) u_i

    (Mu and Viswanath 2018, arXiv:1702.01417, algorithm 1. Its last line has u_i · v; with the
    centered vector, as in the code in use, the mean of the result is 0. They differ by a constant vector.)

    Args:
        vectors: (V, D) float32.
        components: d, how many directions go; by default D / 100, at least 1, as the paper advises.

    Raises:
        ConfigError: ``components`` is not from 0 to D.
    """
    size = _check(vectors)
    components = max(1, round(size / 100)) if components is None else components
    if not 0 <= components <= size:
        raise ConfigError(f"components must be from 0 to the vector size {size}, not {components}")
    mean = _mean(vectors)
    _, directions = _principal(_covariance(vectors, mean, None))
    top = directions[:, :components]
    return _moved(vectors, mean, np.eye(size) - top @ top.T)


def with_context(vectors: Matrix, context_vectors: Matrix) -> Matrix:
    """Return W + C: (V, D), word vectors plus the context vectors of the same words.

    (Pennington et al. 2014, https://aclanthology.org/D14-1162/; for skip-gram Levy et al. 2015,
    https://aclanthology.org/Q15-1016/.) A cosine then mixes similarity (w·w, c·c) with co-occurrence (w·c).

    Raises:
        ConfigError: the tables have different shapes.
    """
    _check(vectors)
    if vectors.shape != context_vectors.shape:
        raise ConfigError(
            f"W has the shape {vectors.shape} and C {context_vectors.shape}: give tables of one model"
        )
    total: Matrix = vectors + context_vectors
    return total


def zipfian_whitened(vectors: Matrix, counts: NDArray[np.integer]) -> Matrix:
    """Return vectors with mean 0 and covariance 1 over the running text, not over the list of words: (V, D).

    With p(w) = count / sum of counts, and the eigenvectors U and eigenvalues s of the covariance:

        m  =  sum over w of p(w) w          S  =  sum over w of p(w) (w - m)(w - m)ᵀ  =  U diag(s) Uᵀ
        w' =  diag(s)^(-1/2) Uᵀ (w - m)

    (Yokoi et al. 2024, arXiv:2411.00680, algorithm 1.) The length of w' then tells how informative a word is.
    A direction without variance becomes 0.

    Raises:
        ConfigError: the counts do not fit, are negative, or are all 0.
    """
    _check(vectors)
    weights = np.asarray(counts)
    if weights.shape != (len(vectors),) or (weights < 0).any() or not weights.sum():
        raise ConfigError(
            f"counts must be {len(vectors)} numbers, one a word, none below 0 and not all 0; they have the "
            f"shape {weights.shape} and go from {weights.min(initial=0)} to {weights.max(initial=0)}"
        )
    shares = weights / weights.sum()
    mean = _mean(vectors, shares)
    variances, directions = _principal(_covariance(vectors, mean, shares))
    some = variances > FLAT * max(float(variances[0]), 0.0)
    scale = np.where(some, 1.0 / np.sqrt(np.where(some, variances, 1.0)), 0.0)
    return _moved(vectors, mean, directions * scale)


def processed(
    model: Embeddings, function: Callable[[Matrix, NDArray[np.int64]], Matrix], name: str
) -> Embeddings:
    """Return a model with the vectors that ``function`` makes of its trained rows; other rows stay zeros.

    Args:
        model: stays as it is.
        function: (V', D) vectors and (V',) rows in the model -> (V', D') vectors.
        name: what was done; it is added to the list "postprocessing" of the model's config.

    Returns:
        A model without context vectors, for they do not belong to the new vectors.

    >>> processed(model, lambda v, rows: zipfian_whitened(v, model.counts[rows]), "zipfian")  # doctest: +SKIP
    """
    mask = np.ones(len(model), bool) if model.trained is None else model.trained
    rows = np.flatnonzero(mask)
    made = function(model.vectors if model.trained is None else model.vectors[rows], rows)
    vectors = made
    if model.trained is not None:
        vectors = np.zeros((len(model), made.shape[1]), np.float32)
        vectors[rows] = made
    done = [*model.config.get("postprocessing", []), name]
    return Embeddings(
        model.index_to_key,
        vectors,
        counts=model.counts,
        trained=model.trained,
        config={**model.config, "postprocessing": done},
        training=model.training,
    )


def _check(vectors: Matrix) -> int:
    """Check that there is a table, and return its vector size."""
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ConfigError(f"vectors must have the shape (words, vector size), not {vectors.shape}")
    return int(vectors.shape[1])


def _blocks(vectors: Matrix) -> Iterator[tuple[slice, Doubles]]:
    step = max(1, NUMBERS_AT_ONCE // vectors.shape[1])
    for begin in range(0, len(vectors), step):
        rows = slice(begin, min(begin + step, len(vectors)))
        yield rows, vectors[rows].astype(np.float64)


def _mean(vectors: Matrix, shares: Doubles | None = None) -> Doubles:
    """Return the (D,) mean of the rows, weighted by ``shares`` (None: all alike)."""
    total = np.zeros(vectors.shape[1])
    for rows, block in _blocks(vectors):
        total += block.sum(axis=0) if shares is None else shares[rows] @ block
    return total / len(vectors) if shares is None else total


def _covariance(vectors: Matrix, mean: Doubles, shares: Doubles | None) -> Doubles:
    """Return the (D, D) mean of (v - mean)(v - mean)ᵀ, weighted by ``shares`` (None: all alike)."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows, block in _blocks(vectors):
        block -= mean
        total += block.T @ (block if shares is None else block * shares[rows, None])
    return total / len(vectors) if shares is None else total


def _principal(covariance: Doubles) -> tuple[Doubles, Doubles]:
    """Return variances, the highest first, and the (D, D) directions as columns."""
    variances, directions = np.linalg.eigh(covariance)
    return variances[::-1].copy(), directions[:, ::-1].copy()


def _moved(vectors: Matrix, mean: Doubles, matrix: Doubles | None) -> Matrix:
    """Return (v - mean) @ matrix for each row v, as float32."""
    result = np.empty(vectors.shape, np.float32)
    for rows, block in _blocks(vectors):
        block -= mean
        result[rows] = block if matrix is None else block @ matrix
    return result

"""The nearest rows of a matrix by cosine: exact, in blocks, for one query or for many.

The matrix is never copied or normalised as a whole, so that a memory map of any size will do: a
score is a float32 product divided by the row's norm. Float32 only *finds* the candidates; their
order is decided by float64 cosines, row by row, so that it depends neither on the number of
queries nor on the processor's order of summation, and equal cosines are ordered by row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

MARGIN = 1e-5  # above the rounding error of a float32 cosine of 1,024 dimensions
BELOW_ALL = -2.0  # no cosine is as low; rows that must not appear score -inf
TIES_KEPT = 1024  # candidates within MARGIN of the last place that are kept beyond k
QUERIES_AT_ONCE = 256
SCORES_AT_ONCE = 1 << 20  # 4 MB of float32 scores
NUMBERS_AT_ONCE = 1 << 23  # 64 MB where a block of rows has to become float64
FLOAT32_SAFE = (1e-15, 1e15)  # norms within which a float32 product neither overflows nor vanishes


class NearestRows:
    """Exact search by cosine in a (V, D) float32 matrix, which may be a read-only memory map."""

    def __init__(self, vectors: Floats, shown: NDArray[np.bool_] | None = None) -> None:
        """Keep the matrix and the (V,) mask of rows that may be found (None: all). Computes nothing yet.

        Rows of zeros are never found, whatever the mask says.
        """
        self._vectors: Floats = np.asarray(vectors)
        self._shown = shown
        self._norms: Doubles | None = None
        self._inverse: Floats = np.empty(0, np.float32)
        self._hidden: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._wide = False

    @property
    def norms(self) -> Doubles:
        """The (V,) Euclidean lengths of the rows, computed by blocks at the first use.

        Raises:
            FormatError: a row holds NaN or infinity.
        """
        if self._norms is None:
            self._norms = self._measure()
        return self._norms

    def unit(self, row: int) -> Doubles:
        """Return one row scaled to length 1, or zeros if it is zero: (D,) float64."""
        norm = self.norms[row]
        vector: Doubles = self._vectors[row].astype(np.float64)
        if norm > 0:
            vector /= norm
        return vector

    def cosines(self, query: Doubles, limit: int | None = None) -> Floats:
        """Return the cosine of ``query`` with each of the first ``limit`` rows; 0.0 for rows of zeros."""
        blocks = [scores[0] for _, scores in self._score_blocks(unit_rows(query[None, :]), limit)]
        cosines = np.concatenate(blocks) if blocks else np.empty(0, np.float32)
        return np.clip(np.where(np.isfinite(cosines), cosines, np.float32(0)), -1.0, 1.0)

    def top(self, queries: Doubles, k: int, limit: int | None = None) -> list[tuple[Rows, Doubles]]:
        """Return for each query the ``k`` nearest of the first ``limit`` rows and their cosines.

        Args:
            queries: (Q, D) directions of any length; one of zeros has no nearest row.
            k: rows wanted; fewer come back where fewer may be found.
            limit: rows searched (None: all).
        """
        found: list[tuple[Rows, Doubles]] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            units = unit_rows(queries[start : start + QUERIES_AT_ONCE])
            query_of, rows = self._candidates(units, k, limit)
            bounds = np.searchsorted(query_of, np.arange(len(units) + 1))
            for unit, low, high in zip(units, bounds[:-1], bounds[1:], strict=True):
                found.append(self.ranked(unit, rows[low:high], k))
        return found

    def rank(self, query: Doubles, row: int, without: Collection[int]) -> int:
        """Return 1 + the number of rows, ``without`` aside, strictly nearer to ``query`` than ``row``."""
        unit = unit_rows(query[None, :])
        target = float(self._exact(unit[0], np.array([row]))[0])
        nearer = 0
        for start, scores in self._score_blocks(unit, None):
            for own in {row, *without}:
                if start <= own < start + scores.shape[1]:
                    scores[0, own - start] = -np.inf
            nearer += int((scores[0] > target + MARGIN).sum())
            close = start + np.flatnonzero(np.abs(scores[0] - target) <= MARGIN)
            nearer += int((self._exact(unit[0], close) > target).sum())
        return nearer + 1

    def _measure(self) -> Doubles:
        """Compute the norms, and from them what scoring needs."""
        rows, size = self._vectors.shape
        norms = np.empty(rows, np.float64)
        step = max(1, NUMBERS_AT_ONCE // 8 // size)
        for start in range(0, rows, step):
            block = self._vectors[start : start + step].astype(np.float64)
            norms[start : start + step] = np.sqrt(np.square(block, out=block).sum(axis=1))
        if not np.isfinite(norms).all():
            row = int(np.flatnonzero(~np.isfinite(norms))[0])
            raise FormatError(
                f"row {row} of the vectors holds NaN or infinity: it has no direction; train with less alpha"
            )
        zero = norms == 0.0
        some = norms[~zero]
        self._wide = bool(some.size and (some.min() < FLOAT32_SAFE[0] or some.max() > FLOAT32_SAFE[1]))
        self._hidden = zero if self._shown is None else zero | ~self._shown
        self._inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=~zero).astype(np.float32)
        return norms

    def _score_blocks(self, units: Doubles, limit: int | None) -> Iterator[tuple[int, Floats]]:
        """Yield (first row, (Q, rows) cosines in float32) block by block; -inf for rows not to be found."""
        norms = self.norms
        total, size = self._vectors.shape
        stop = total if limit is None else min(limit, total)
        step = max(1, min(SCORES_AT_ONCE // len(units), NUMBERS_AT_ONCE // size))
        narrow = units.astype(np.float32)
        for start in range(0, stop, step):
            end = min(start + step, stop)
            block = self._vectors[start:end]
            if self._wide:
                lengths = np.where(norms[start:end] > 0, norms[start:end], 1.0)
                scores = (units @ (block.astype(np.float64) / lengths[:, None]).T).astype(np.float32)
            else:
                scores = narrow @ block.T
                scores *= self._inverse[start:end]
            hidden = self._hidden[start:end]
            if hidden.any():
                scores[:, hidden] = -np.inf
            yield start, scores

    def _candidates(self, units: Doubles, k: int, limit: int | None) -> tuple[NDArray[np.intp], Rows]:
        """Return (query, row) pairs, by query, that hold each query's ``k`` nearest rows and near ties."""
        floor = np.where(units.any(axis=1), BELOW_ALL, np.inf).astype(np.float32)
        query_of, rows = np.empty(0, np.intp), np.empty(0, np.int64)
        kept = np.empty(0, np.float32)
        for start, scores in self._score_blocks(units, limit):
            width = scores.shape[1]
            if start == 0 and width > k > 0:
                floor = np.maximum(floor, np.partition(scores, width - k, axis=1)[:, width - k] - MARGIN)
            # Of a flat array, NumPy finds the few places that are True many times as fast.
            queries, columns = np.divmod(np.flatnonzero(scores >= floor[:, None]), width)
            query_of = np.concatenate([query_of, queries])
            rows = np.concatenate([rows, start + columns])
            kept = np.concatenate([kept, scores[queries, columns]])
            order = np.lexsort((rows, -kept.round(6), query_of))
            query_of, rows, kept = query_of[order], rows[order], kept[order]
            first = np.searchsorted(query_of, np.arange(len(units)))
            place = np.arange(len(rows)) - first[query_of]
            last = place == k - 1
            floor[query_of[last]] = np.maximum(floor[query_of[last]], kept[last] - MARGIN)
            good = (kept >= floor[query_of]) & (place < k + TIES_KEPT)
            query_of, rows, kept = query_of[good], rows[good], kept[good]
        return query_of, rows

    def ranked(self, unit: Doubles, rows: Rows, k: int) -> tuple[Rows, Doubles]:
        """Return the ``k`` nearest of some ``rows`` to a (D,) unit vector, with their float64 cosines."""
        cosines = self._exact(unit, rows)
        order = np.lexsort((rows, -cosines))[:k]
        return rows[order], cosines[order]

    def _exact(self, unit: Doubles, rows: Rows) -> Doubles:
        """Return the float64 cosines of ``unit`` with ``rows``; equal rows give equal bits."""
        norms = self.norms[rows]
        products = (self._vectors[rows].astype(np.float64) * unit).sum(axis=1)
        cosines: Doubles = np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)
        return cosines.clip(-1.0, 1.0)


def unit_rows(queries: Doubles) -> Doubles:
    """Return (Q, D) queries scaled to length 1; zeros stay zeros."""
    largest = np.abs(queries).max(axis=1, keepdims=True)  # scaled first, so that no square overflows
    scaled = np.divide(queries, largest, out=np.zeros_like(queries), where=largest > 0)
    norms = np.sqrt(np.square(scaled).sum(axis=1, keepdims=True))
    units: Doubles = np.divide(scaled, norms, out=np.zeros_like(scaled), where=norms > 0)
    return units

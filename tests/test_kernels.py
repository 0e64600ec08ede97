"""The compiled kernels against ``reference.py``, step by step and block by block."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.training import arrays, draws, kernels, reference
from firth.training.sampling import keep_threshold, noise_tables

KEY = np.uint64(987654321)
HERE = Path(__file__).parent


class Case:
    """A small corpus whose ids, positions, counts and sentence numbers all differ, and random tables."""

    def __init__(
        self,
        *,
        vector_size=20,
        window=3,
        negative=5,
        shrink=True,
        words=50,
        sample=True,
        lengths=(1, 40, 7, 2),
    ) -> None:
        random = np.random.default_rng(words + vector_size)
        self.starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        weights = 1 / np.arange(1, words + 1)
        self.ids = random.choice(words, int(self.starts[-1]), p=weights / weights.sum()).astype(np.int32)
        keep = np.linspace(0.4, 1.0, words) if sample else np.ones(words)
        noise = weights**0.75 / (weights**0.75).sum()
        alias, ends = noise_tables(noise, classes=1, head=0)
        self.draws = arrays.Draws(keep_threshold(keep), alias, ends, 0, window, shrink, negative)
        self.vector_size, self.words = vector_size, words
        self.W, self.C = (random.normal(scale=0.3, size=(words, vector_size)) for _ in range(2))

    def tables(self) -> arrays.Tables:
        stride = arrays.row_stride(self.vector_size)
        tables = arrays.make_tables(
            arrays.aligned_zeros((self.words + 1) * stride),  # one row is spare
            arrays.aligned_zeros((self.words + 1) * stride),
            stride,
            self.words,
        )
        for flat, matrix in zip(tables[:2], (self.W, self.C), strict=True):
            flat.reshape(-1, stride)[: self.words, : self.vector_size] = matrix
        return tables

    def train(self, blocks, alpha=0.05, tables=None) -> tuple[arrays.Tables, list]:
        tables = tables or self.tables()
        scratch = arrays.make_scratch(self.draws, tables.stride, spare=self.words)
        results = [
            kernels.train_block(
                self.ids, self.starts, begin, end, np.float32(alpha), KEY, self.draws, tables, scratch
            )
            for begin, end in blocks
        ]
        return tables, results

    def steps(self, begin, end):
        """Every (contexts, outputs) of a range of positions, drawn by a plain reading of the definitions."""
        kept = [int(p) for p in range(len(self.ids)) if self._bits(p) % 2**32 <= self.draws.keep[self.ids[p]]]
        for p in kept:
            if not begin <= p < end:
                continue
            bits, window = self._bits(p), self.draws.window
            reach = 1 + ((bits >> 32) * window >> 32) if self.draws.shrink_windows else window
            sentence = np.searchsorted(self.starts, p, side="right") - 1
            low, high = self.starts[sentence], self.starts[sentence + 1]
            before = [q for q in kept if low <= q < p][-reach:]
            after = [q for q in kept if p < q < high][:reach]
            contexts = [int(self.ids[q]) for q in before + after]
            drawn = [mix(bits + j * 0x9E3779B97F4A7C15) for j in range(1, self.draws.negative + 1)]
            yield contexts, [int(self.ids[p]), *map(self._negative, drawn)]

    def _bits(self, position: int) -> int:
        return mix(int(KEY) + (position + 1) * 0x9E3779B97F4A7C15)

    def _negative(self, bits: int) -> int:
        slot = (bits >> 32) * self.words >> 32
        entry = int(self.draws.noise[slot])
        return slot if bits % 2**32 <= entry >> 32 else entry % 2**32

    def expect(self, alpha=0.05) -> tuple[np.ndarray, np.ndarray, float, int, int]:
        """Train in float64 by the reference."""
        W, C, loss, pairs, centers = self.W.copy(), self.C.copy(), 0.0, 0, 0
        for contexts, outputs in self.steps(0, len(self.ids)):
            centers += 1
            pairs += len(contexts)
            if contexts:
                loss += reference.train_step(W, C, contexts, outputs, alpha)
        return W, C, loss, pairs, centers


def mix(x: int) -> int:
    """SplitMix64's finalizer in Python integers."""
    x %= 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    return x ^ (x >> 31)


CASES = {
    "default": {},
    "two dimensions": {"vector_size": 2},
    "whole vectors": {"vector_size": 32},
    "1024 dimensions": {"vector_size": 1024},
    "odd size": {"vector_size": 37},
    "one negative": {"negative": 1},
    "six negatives, two tiles": {"negative": 6},
    "twelve outputs, whole tiles": {"negative": 11},
    "fifty negatives": {"negative": 50},
    "window of one": {"window": 1},
    "window wider than any sentence": {"window": 60},
    "full windows": {"shrink": False},
    "two words: everything repeats": {"words": 2, "negative": 3},
    "three words, several tiles": {"words": 3, "negative": 8},
    "all kept": {"sample": False},
    "over several chunks": {"lengths": (900, 1300, 3, 700)},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_a_block_is_what_the_reference_does(options) -> None:
    case = Case(**options)
    W, C, loss, pairs, centers = case.expect()
    tables, [result] = case.train([(0, len(case.ids))])
    assert result[1:] == (pairs, centers)
    assert pairs > 20
    assert result[0] == pytest.approx(loss, rel=2e-5)
    for flat, matrix, start in zip(tables, (W, C), (case.W, case.C), strict=False):
        learnt = flat.reshape(-1, tables.stride)[: case.words]
        np.testing.assert_allclose(learnt[:, : case.vector_size], matrix, rtol=2e-4, atol=2e-5)
        assert not learnt[:, case.vector_size :].any(), "the padding must stay zero"
        assert not flat[case.words * tables.stride :].any(), "the spare row must stay zero"
        assert np.abs(matrix - start).max() > 0.01, "the case must train something"


def test_the_draws_do_not_depend_on_how_positions_are_split() -> None:
    case = Case(lengths=(700, 2500, 1, 900))
    whole, [one] = case.train([(0, len(case.ids))])
    cuts = [0, 1, 690, 701, 1024, 2000, 3200, 3201, 3333, len(case.ids)]
    split, parts = case.train(itertools.pairwise(cuts))
    assert [sum(column) for column in list(zip(*parts, strict=True))[1:]] == list(one[1:])
    np.testing.assert_array_equal(split.vectors, whole.vectors)
    np.testing.assert_array_equal(split.context_vectors, whole.context_vectors)


def test_a_block_is_a_pure_function_whatever_the_scratch_held_before() -> None:
    case = Case(words=5, lengths=(300, 200))
    fresh, _ = case.train([(200, 400)])
    used = case.tables()
    scratch = arrays.make_scratch(case.draws, used.stride, spare=case.words)
    others = case.tables()
    arguments = (case.ids, case.starts)
    kernels.train_block(*arguments, 0, 500, np.float32(0.1), KEY, case.draws, others, scratch)
    kernels.train_block(*arguments, 200, 400, np.float32(0.05), KEY, case.draws, used, scratch)
    assert used.vectors.tobytes() == fresh.vectors.tobytes()


def test_loss_at_extreme_scores_is_exact() -> None:
    case = Case(negative=2, sample=False)
    case.W *= 12
    case.C *= 3
    _, [(loss, _, _)] = case.train([(0, len(case.ids))], alpha=0.0)
    expected = case.expect(alpha=0.0)[2]
    assert expected / len(case.ids) > 5
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_number_that_is_not_finite_shows_in_the_loss() -> None:
    case = Case()
    case.W[case.ids[10]] = np.inf
    _, [(loss, _, _)] = case.train([(0, len(case.ids))])
    assert np.isnan(loss)


def test_draws_follow_their_distributions() -> None:
    case = Case(words=20, window=4, lengths=(20_000,), negative=4)
    scratch = arrays.make_scratch(case.draws, 16, spare=0)
    outputs, reaches, kept = [], [], 0
    keep = draws.keep_chunk
    for begin in range(0, 20_000, arrays.CHUNK):
        end = min(begin + arrays.CHUNK, 20_000)
        first, past, _ = keep(case.ids, case.starts, 0, begin, end, case.draws, KEY, scratch)
        draws.draw_windows(first, past, case.draws, 0, 1, scratch)
        outputs.append(scratch.outputs.reshape(-1, len(scratch.o_slots))[first:past, 1:5].copy())
        reaches.append(scratch.reach[first:past].copy())
        kept += past - first
    weights = (1 / np.arange(1, 21)) ** 0.75
    drawn = np.bincount(np.concatenate(outputs).ravel(), minlength=20)
    expected = weights / weights.sum() * drawn.sum()
    assert ((drawn - expected) ** 2 / expected).sum() < 45, "chi-square with 19 degrees: 0.1 % are above 43.8"
    windows = np.bincount(np.concatenate(reaches), minlength=5)
    assert windows[0] == 0
    np.testing.assert_allclose(windows[1:] / windows.sum(), 0.25, atol=0.02)
    chance = np.linspace(0.4, 1.0, 20)[case.ids].mean()
    assert kept / 20_000 == pytest.approx(chance, abs=0.015)


def test_kernels_keep_no_reference_to_their_arrays() -> None:
    case = Case()
    tables, _ = case.train([(0, 10)])
    before = [sys.getrefcount(array) for array in (case.ids, tables.vectors, case.draws.noise)]
    case.train([(0, 10)] * 50, tables=tables)
    assert [sys.getrefcount(array) for array in (case.ids, tables.vectors, case.draws.noise)] == before


CHECKED_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from test_kernels import CASES, Case
import numpy as np
from firth.training import simd
for options in CASES.values():
    if options.get("vector_size", 0) > 100 or "lengths" in options:
        continue
    case = Case(**options)
    W, C, loss, pairs, centers = case.expect()
    tables, [result] = case.train([(0, len(case.ids))])
    assert result[1:] == (pairs, centers)
    assert abs(result[0] - loss) < 1e-4 * loss
    learnt = tables.vectors.reshape(-1, tables.stride)[: case.words, : case.vector_size]
    assert np.abs(learnt - W).max() < 1e-4
"""


def run_python(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)} | environment
    command = [sys.executable, "-c", code, str(HERE)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_kernels_run_as_plain_python(tmp_path) -> None:
    """Without compilation every index is checked by NumPy, and the vectors are their NumPy twins."""
    done = run_python(CHECKED_RUN, tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr


def test_kernels_stay_in_bounds(tmp_path) -> None:
    """The checked build raises where a vector or an index reaches outside its array."""
    outside = """
flat = np.zeros(20, np.float32)
from numba import njit
try:
    njit(lambda flat: simd.store(flat, 5, simd.splat(1.0)))(flat)
except IndexError:
    print("caught")
"""
    done = run_python(CHECKED_RUN + outside, tmp_path, FIRTH_CHECKED_KERNELS="1", NUMBA_BOUNDSCHECK="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["caught"]

"""What the machine itself can do, for the kernels to be held against: ``python -m bench.peak SPEC``.

The spec's members: ``threads``, ``started``. Measured on one thread and on all of them: float32 fused
multiply-adds in registers, independent of each other, by the instructions of firth's own kernels; and reading
numbers one after another from more memory than the caches hold. Each is the best of a few short turns.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.runner import answer
from firth.training.simd import LANES, fma, load, splat, store

TURNS = 5
STEPS = 30_000_000
READ_BYTES = 1 << 28
"""More than the caches of nearly all processors; all threads together read so much in a turn."""
AT_ONCE = 4 * LANES
"""Numbers that a step of :func:`read` takes."""

Timed = Callable[[Any], object]


@njit(nogil=True)  # type: ignore[untyped-decorator]
def multiply_add_6(steps: int, out: NDArray[np.float32]) -> None:
    """Take ``steps`` × 6 fused multiply-adds of vectors: all that sixteen AVX2 registers have room for."""
    m, c = load(out, 0), load(out, LANES)
    a0 = a1 = a2 = a3 = a4 = a5 = splat(np.float32(0.0))
    for _ in range(steps):
        a0, a1, a2 = fma(a0, m, c), fma(a1, m, c), fma(a2, m, c)
        a3, a4, a5 = fma(a3, m, c), fma(a4, m, c), fma(a5, m, c)
    store(out, 0, a0 + a1 + a2 + a3 + a4 + a5)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def multiply_add_12(steps: int, out: NDArray[np.float32]) -> None:
    """Take ``steps`` × 12 of them: enough to fill two units of AVX-512 that take four cycles."""
    m, c = load(out, 0), load(out, LANES)
    a0 = a1 = a2 = a3 = a4 = a5 = splat(np.float32(0.0))
    b0 = b1 = b2 = b3 = b4 = b5 = splat(np.float32(0.0))
    for _ in range(steps):
        a0, a1, a2 = fma(a0, m, c), fma(a1, m, c), fma(a2, m, c)
        a3, a4, a5 = fma(a3, m, c), fma(a4, m, c), fma(a5, m, c)
        b0, b1, b2 = fma(b0, m, c), fma(b1, m, c), fma(b2, m, c)
        b3, b4, b5 = fma(b3, m, c), fma(b4, m, c), fma(b5, m, c)
    store(out, 0, a0 + a1 + a2 + a3 + a4 + a5 + b0 + b1 + b2 + b3 + b4 + b5)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def read(numbers: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Add all ``numbers`` up, whole steps of ``AT_ONCE``."""
    a0 = a1 = a2 = a3 = splat(np.float32(0.0))
    for at in range(0, len(numbers) - AT_ONCE + 1, AT_ONCE):
        a0, a1 = a0 + load(numbers, at), a1 + load(numbers, at + LANES)
        a2, a3 = a2 + load(numbers, at + 2 * LANES), a3 + load(numbers, at + 3 * LANES)
    store(out, 0, a0 + a1 + a2 + a3)


def fastest(work: Timed, parts: list[Any]) -> float:
    """Return the seconds in which ``work`` has taken every part, a thread for each: the best turn's."""
    seconds = []
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in range(TURNS):
            start = time.perf_counter()
            list(pool.map(work, parts))
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def flops(threads: int, steps: int = STEPS) -> float:
    """Return the floating-point operations a second: two for each multiply-add and lane."""
    rates = []
    for function, at_once in ((multiply_add_6, 6), (multiply_add_12, 12)):
        function(1, _operands())  # compiles
        seconds = fastest(partial(function, steps), [_operands() for _ in range(threads)])
        rates.append(2 * LANES * at_once * steps * threads / seconds)
    return max(rates)


def _operands() -> NDArray[np.float32]:
    """Return a factor and an addend, a vector each, with which the sums stay ordinary numbers."""
    return np.repeat(np.array([0.5, 1.0], np.float32), LANES)


def read_rate(threads: int, total: int = READ_BYTES) -> float:
    """Return the bytes read a second."""
    per_thread = total // 4 // threads // AT_ONCE * AT_ONCE
    parts = [np.ones(per_thread, np.float32) for _ in range(threads)]
    out = _operands()
    read(parts[0][:AT_ONCE], out)  # compiles
    seconds = fastest(lambda numbers: read(numbers, _operands()), parts)
    return 4 * per_thread * threads / seconds


def main() -> None:
    """Print what was measured, by threads."""
    spec = json.loads(sys.argv[1])
    counts = sorted({1, spec["threads"]})
    found = {str(n): {"flops": flops(n), "read_bytes_per_second": read_rate(n)} for n in counts}
    answer({"program": "firth", "peak": found, "total_seconds": time.time() - spec["started"]})


if __name__ == "__main__":
    main()

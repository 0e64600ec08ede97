"""Each vector operation against its NumPy twin, which is the same function called from Python."""

import numpy as np
import pytest
from numba import njit

from firth.training import simd

X = np.array(
    [0.3, -1.5, 2.5, 3.5, -2.5, 1e-30, 7.25, -0.0, 88.0, 1.0, 0.7, -9.0, 1e6, 4.0, -3.25, 0.125], "f4"
)
Y = np.array([1.1, 0.2, 5.0, 1e-20, 3.0, 2.0, 0.5, 1e16, 1.0, 9.0, 0.9, 6.0, 7.0, 0.3, 1.5, 2.25], "f4")
PAIR = np.concatenate([X, Y])


def add(x, y):
    return x + y


def subtract(x, y):
    return x - y


def multiply(x, y):
    return x * y


def divide(x, y):
    return x / y


def fma(x, y):
    return simd.fma(x, y, x)


def clamp(x, _y):
    return simd.clamp(x, -2.0, 3)


def splat(_x, _y):
    return simd.splat(np.float32(0.1))


def nearest(x, _y):
    return simd.nearest(x)


def power_of_two(x, _y):
    return simd.power_of_two(simd.nearest(simd.clamp(x, -126.0, 127.0)))


def exponent(_x, y):
    return simd.exponent(y)


def mantissa(_x, y):
    return simd.mantissa(y)


def totals(x, y):
    return simd.totals(x, y, x + y, x - y, x * y, y, x, y - x, y + y, x + x, y * y, x * x)


OPERATIONS = [
    add, subtract, multiply, divide, fma, clamp, splat, nearest, power_of_two, exponent, mantissa, totals,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda function: function.__name__)
def test_compiled_and_twin_have_the_same_bits(operation) -> None:
    inner = njit(operation)

    @njit
    def run(pair, result):
        simd.store(result, 0, inner(simd.load(pair, 0), simd.load(pair, 16)))

    compiled = np.full(16, np.nan, "f4")
    run(PAIR, compiled)
    twin = operation(simd.load(PAIR, 0), simd.load(PAIR, 16)).astype("f4")
    assert compiled.tobytes() == twin.tobytes()


def test_totals_are_the_sums_of_each_vector() -> None:
    rows = [np.arange(16, dtype="f4") + 100 * k for k in range(12)]
    assert simd.totals(*rows).tolist() == [row.sum() for row in rows] + [0.0] * 4


def test_clamp_keeps_a_nan() -> None:
    @njit
    def run(flat):
        simd.store(flat, 0, simd.clamp(simd.load(flat, 0), -1.0, 1.0))

    flat = np.full(16, np.nan, "f4")
    flat[:2] = 5, -5
    twin = simd.clamp(flat.copy(), -1.0, 1.0)
    run(flat)
    assert np.isnan(flat[2:]).all()
    assert np.isnan(twin[2:]).all()
    assert flat[:2].tolist() == twin[:2].tolist() == [1, -1]


def test_load_store_and_spread_touch_just_their_place() -> None:
    @njit
    def run(flat):
        simd.store(flat, 3, simd.spread(flat, 2))
        simd.prefetch(flat, 1_000_000)  # a prefetch may point anywhere

    flat = np.arange(40, dtype="f4")
    run(flat)
    expected = np.arange(40, dtype="f4")
    expected[3:19] = 2
    assert flat.tolist() == expected.tolist()


@pytest.mark.parametrize("index", [-1, 1, 17])
def test_twins_check_their_bounds(index) -> None:
    with pytest.raises(IndexError, match="outside"):
        simd.load(np.zeros(16, "f4"), index)
    with pytest.raises(IndexError, match="outside"):
        simd.store(np.zeros(16, "f4"), index, X)

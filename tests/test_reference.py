"""The judge is judged first: by hand-computed values and by finite differences."""

import math

import numpy as np
import pytest

from firth.training import reference


@pytest.fixture
def tables() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return random.normal(size=(7, 3)), random.normal(size=(7, 3))


def test_sigmoid_and_its_logarithm_at_the_extremes() -> None:
    x = np.array([0.0, 2.0, -1000.0, 1000.0])
    expected = [0.5, 1 / (1 + math.exp(-2.0)), 0.0, 1.0]
    np.testing.assert_allclose(reference.sigmoid(x), expected, rtol=1e-14, atol=0)
    np.testing.assert_allclose(
        reference.log_sigmoid(x), [math.log(0.5), math.log(expected[1]), -1000.0, 0.0], rtol=1e-14
    )


def test_labels_leave_out_negatives_that_equal_the_center() -> None:
    assert reference.labels([7, 3, 7, 3]).tolist() == [1, -1, 0, -1]


def test_loss_by_hand() -> None:
    W = np.array([[1.0, 2.0], [0.5, -1.0], [9.0, 9.0]])
    C = np.array([[9.0, 9.0], [2.0, 0.0], [0.0, 3.0]])
    # contexts 0 and 1, center 1, negative 2: scores 2, 6 and 1, -3
    expected = sum(math.log1p(math.exp(z)) for z in (-2.0, 6.0, -1.0, -3.0))
    assert reference.step_loss(W, C, [0, 1], [1, 2]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("contexts", "outputs"),
    [
        ([1, 4, 2], [5, 0, 3]),
        ([1, 4, 1, 2], [5, 0, 3]),  # a context twice
        ([1, 4], [5, 0, 5, 3, 0]),  # a negative that equals the center, one that stands twice
        ([5], [5, 1]),  # the center among its own contexts
    ],
)
def test_gradients_by_finite_differences(tables, contexts, outputs) -> None:
    W, C = tables
    gradients = reference.step_gradients(W, C, contexts, outputs)
    step = 1e-6
    for table, gradient in zip((W, C), gradients, strict=True):
        numeric = np.zeros_like(table)
        for at in np.ndindex(*table.shape):
            value = table[at]
            sides = []
            for table[at] in (value + step, value - step):
                sides.append(reference.step_loss(W, C, contexts, outputs))
            table[at] = value
            numeric[at] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)
        assert np.abs(gradient).max() > 0.01


def test_a_step_lowers_the_loss_and_returns_the_loss_before(tables) -> None:
    W, C = tables
    before = reference.step_loss(W, C, [1, 4], [5, 0, 3])
    assert reference.train_step(W, C, [1, 4], [5, 0, 3], 0.01) == before
    assert reference.step_loss(W, C, [1, 4], [5, 0, 3]) < before

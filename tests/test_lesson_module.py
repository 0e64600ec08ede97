"""The small module that a learner takes home: by hand, by finite differences, against the reference."""

import ast
import doctest
import math
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.lesson import embeddings
from firth.lesson.embeddings import cosine, dot, init_embeddings, sigmoid, skipgram_step
from firth.training import reference


def table() -> list[list[float]]:
    return [[0.9, -0.4, 0.2], [0.3, 0.3, 0.3], [0.5, 1.0, -0.7], [-0.1, 0.6, 0.8]]


def loss_of(E: list[list[float]], center: int, context: int) -> float:
    return math.log1p(math.exp(-dot(E[center], E[context])))


def test_it_needs_nothing_but_math_and_random() -> None:
    tree = ast.parse(Path(embeddings.__file__).read_text("utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert sorted(alias.name for node in nodes for alias in node.names) == ["math", "random"]


def test_the_docstrings_are_true() -> None:
    tried = doctest.testmod(embeddings)
    assert (tried.failed, tried.attempted > 5) == (0, True)


def test_the_start_repeats_with_the_seed_and_stays_within_the_scale() -> None:
    random.seed(5)
    first = init_embeddings(40, 3)
    random.seed(5)
    assert init_embeddings(40, 3) == first
    assert init_embeddings(40, 3) != first
    assert [len(row) for row in first] == [3] * 40
    numbers = [x for row in first for x in row]
    assert -0.01 <= min(numbers) < -0.008 < 0.008 < max(numbers) <= 0.01
    assert 2.0 < max(abs(x) for row in init_embeddings(40, 3, scale=2.5) for x in row) <= 2.5


def test_dot_and_cosine_by_hand() -> None:
    assert dot([1.0, 2.0, 3.0], [4.0, -5.0, 6.0]) == 12.0
    assert cosine([3.0, 4.0], [5.0, 12.0]) == pytest.approx(63 / 65, rel=1e-15)
    assert cosine([1.0, -2.0], [-3.0, 6.0]) == pytest.approx(-1.0, rel=1e-15)
    assert cosine([0.0, 0.0], [1.0, 2.0]) == cosine([1.0, 2.0], [0.0, 0.0]) == cosine([0.0], [0.0]) == 0.0
    vectors = [[random.gauss(0, 1) for _ in range(7)] for _ in range(200)]
    assert all(abs(cosine(v, [3 * x for x in v])) <= 1.0 for v in vectors)
    assert cosine([1e-200, 1e-200], [1e200, 1e200]) == pytest.approx(1.0)


def test_sigmoid_is_right_for_every_finite_number() -> None:
    assert sigmoid(0.0) == 0.5
    assert sigmoid(2.0) == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-15)
    assert sigmoid(-40.0) == pytest.approx(math.exp(-40), rel=1e-12)
    assert (sigmoid(-1000.0), sigmoid(1000.0), sigmoid(-sys.float_info.max)) == (0.0, 1.0, 0.0)


def test_a_step_by_hand() -> None:
    E = [[9.0, 9.0], [1.0, 2.0], [9.0, 9.0], [3.0, -1.0]]
    p = 1 / (1 + math.exp(-1.0))  # 1 · 3 + 2 · (-1) = 1
    assert skipgram_step(E, 3, 1, lr=0.5) == pytest.approx(-math.log(p), rel=1e-15)
    g = p - 1
    assert E[3] == pytest.approx([3 - 0.5 * g * 1, -1 - 0.5 * g * 2], rel=1e-15)
    assert E[1] == pytest.approx([1 - 0.5 * g * 3, 2 - 0.5 * g * -1], rel=1e-15)  # by the old row 3
    assert E[0] == E[2] == [9.0, 9.0]
    assert dot(E[3], E[1]) > 1.0


def test_its_learning_rate_is_a_tenth_unless_told() -> None:
    default, told = table(), table()
    skipgram_step(default, 2, 0)
    skipgram_step(told, 2, 0, lr=0.1)
    assert default == told != table()


def test_the_loss_has_an_upper_bound() -> None:
    assert skipgram_step([[100.0], [-100.0]], 0, 1) == pytest.approx(-math.log(1e-9))


@pytest.mark.parametrize(("center", "context"), [(2, 0), (1, 3), (1, 1), (2, 2)])
def test_the_step_follows_the_gradient_of_its_loss(center: int, context: int) -> None:
    """Also where both are one word, whose row is u and v at once."""
    E, lr, tiny = table(), 1e-3, 1e-6
    skipgram_step(E, center, context, lr)
    for row in range(len(E)):
        for k in range(len(E[row])):
            sides = []
            for value in (table()[row][k] + tiny, table()[row][k] - tiny):
                moved = table()
                moved[row][k] = value
                sides.append(loss_of(moved, center, context))
            slope = (sides[0] - sides[1]) / (2 * tiny)
            assert (table()[row][k] - E[row][k]) / lr == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_step_is_the_positive_half_of_the_trainers() -> None:
    """The reference has two tables and teaches a context's vector to predict the center: here u is its x."""
    E = table()
    loss = skipgram_step(E, 2, 0, lr=0.3)
    W, C = np.array(table()), np.array(table())
    assert reference.train_step(W, C, [2], [0], 0.3) == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(E[2], W[2], rtol=1e-14)
    np.testing.assert_allclose(E[0], C[0], rtol=1e-14)


@pytest.mark.parametrize(
    ("mistake", "kind", "told"),
    [
        (lambda: skipgram_step(table(), 4, 0), IndexError, "center is 4, but E has the rows 0 to 3"),
        (lambda: skipgram_step(table(), 0, -1), IndexError, "context is -1"),
        (lambda: skipgram_step(table(), "king", 0), TypeError, "center is 'king'"),
        (lambda: skipgram_step(table(), 1.0, 0), TypeError, "center is 1.0"),
        (lambda: skipgram_step([], 0, 0), ValueError, "E is empty"),
        (lambda: skipgram_step([[], []], 0, 1), ValueError, "E is empty"),
        (lambda: skipgram_step([[1.0], [1.0, 2.0]], 0, 1), ValueError, "1 and 2 numbers"),
        (lambda: skipgram_step(table(), 0, 1, lr=math.inf), ValueError, "lr is inf"),
        (lambda: skipgram_step([[math.nan], [1.0]], 0, 1), ValueError, "x is nan"),
        (lambda: dot([1.0], [1.0, 2.0]), ValueError, "1 and 2 numbers"),
        (lambda: dot([1.0, "2"], [3.0, 4.0]), TypeError, "'2'"),
        (lambda: cosine([1.0, 2.0], [1.0]), ValueError, "2 and 1 numbers"),
        (lambda: sigmoid("1"), TypeError, "x is '1'"),
        (lambda: init_embeddings(0, 8), ValueError, "vocab_size is 0"),
        (lambda: init_embeddings(8, -1), ValueError, "dim is -1"),
        (lambda: init_embeddings(8, 2.5), TypeError, "dim is 2.5"),
        (lambda: init_embeddings(8, 2, "big"), TypeError, "scale is 'big'"),
    ],
)
def test_what_learners_do_wrong_is_told(mistake, kind, told) -> None:
    with pytest.raises(kind) as caught:
        mistake()
    assert told in str(caught.value)


def test_a_refused_step_changes_nothing() -> None:
    E = table()
    with pytest.raises(IndexError):
        skipgram_step(E, 1, 9)
    assert table() == E

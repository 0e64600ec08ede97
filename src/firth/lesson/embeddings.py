"""Word vectors in their smallest form: a table of numbers, and one step that teaches it.

A vocabulary of V words becomes a *matrix* of V rows; row i is the *vector* of the word with id i.
Everything here is plain Python: a vector is a list of floats, a matrix is a list of vectors.

    E = init_embeddings(vocab_size=5, dim=3)    # five random rows
    skipgram_step(E, center=2, context=4)       # rows 2 and 4 turn a little towards each other
    cosine(E[2], E[4])                          # how alike are their directions?
"""

import math
import random

Vector = list[float]
"""The numbers of one word."""
Matrix = list[Vector]
"""One vector a row; the row number is the word's id."""


def init_embeddings(vocab_size: int, dim: int, scale: float = 0.01) -> Matrix:
    """Return ``vocab_size`` rows of ``dim`` random numbers, each uniform between -scale and scale.

    The numbers come from the ``random`` module: after ``random.seed(7)`` they are the same every time.

    >>> random.seed(7)
    >>> [[round(x, 4) for x in row] for row in init_embeddings(2, 3)]
    [[-0.0035, -0.007, 0.003], [-0.0086, 0.0007, -0.0027]]
    """
    for name, value in (("vocab_size", vocab_size), ("dim", dim)):
        if not _is_whole(value):
            raise TypeError(f"{name} is {value!r}: give a whole number")
        if value < 1:
            raise ValueError(f"{name} is {value}: give at least 1")
    _check_number("scale", scale)
    return [[random.uniform(-scale, scale) for _ in range(dim)] for _ in range(vocab_size)]


def dot(a: Vector, b: Vector) -> float:
    """Return the dot product, the sum of a[k] * b[k].

    >>> dot([1.0, 2.0, 3.0], [4.0, 0.0, -1.0])
    1.0
    """
    if len(a) != len(b):
        raise ValueError(
            f"the vectors have {len(a)} and {len(b)} numbers: a dot product needs as many in both"
        )
    try:
        return float(sum(x * y for x, y in zip(a, b, strict=True)))
    except TypeError:
        raise TypeError(f"a vector holds something that is no number: {_strangers([*a, *b])}") from None


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x), which turns any score into a number from 0 to 1.

    e^1000 is too large for a float, so the exponent is kept below zero on both sides.

    >>> sigmoid(0.0), sigmoid(-1000.0), sigmoid(1000.0)
    (0.5, 0.0, 1.0)
    """
    _check_number("x", x)
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def skipgram_step(E: Matrix, center: int, context: int, lr: float = 0.1) -> float:
    """Do one step of gradient descent on a pair of words seen together; return the loss before it.

    The pair's score is the dot product of its rows u = E[center] and v = E[context], the model's belief
    that they belong together is p = sigmoid(u . v), and the loss is -log p, with p kept above 1e-9. Its
    gradient with respect to u is g v and with respect to v it is g u, where g = p - 1 says how far short
    of 1 the belief falls. So, with the values that both rows had before the step,

        u <- u - lr g v        v <- v - lr g u

    The rows are changed in place. Where center == context, u and v are one row; the slope of
    -log sigmoid(u . u) is 2 g u, and that is what it moves by: the two changes add up.

    >>> E = [[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]
    >>> round(skipgram_step(E, center=0, context=2), 4)
    0.6931
    >>> E
    [[1.0, 0.1], [0.0, 0.0], [0.05, 2.0]]
    """
    u, v = _row(E, center, "center"), _row(E, context, "context")
    _check_number("lr", lr)
    p = sigmoid(dot(u, v))
    g = p - 1.0
    for k, (old_u, old_v) in enumerate(zip(u, v, strict=True)):
        u[k] -= lr * g * old_v
        v[k] -= lr * g * old_u
    return -math.log(max(p, 1e-9))


def cosine(a: Vector, b: Vector) -> float:
    """Return the cosine of the angle between two vectors, from -1 to 1; 0.0 where either is zero.

    It is a . b / (|a| |b|): 1 for the same direction, 0 for a right angle, -1 for opposite directions.

    >>> cosine([3.0, 4.0], [4.0, 3.0])
    0.96
    """
    product, length_a, length_b = dot(a, b), math.hypot(*a), math.hypot(*b)
    if length_a == 0.0 or length_b == 0.0:
        return 0.0
    return max(-1.0, min(1.0, product / length_a / length_b))  # rounding must not pass the bounds


def _row(E: Matrix, word_id: int, name: str) -> Vector:
    """Return a row of E, refusing what Python would let pass: E[-1] is the last row, not an error."""
    if not E or not E[0]:
        raise ValueError("E is empty: make it with init_embeddings(vocab_size, dim)")
    if not _is_whole(word_id):
        raise TypeError(f"{name} is {word_id!r}: give the word's id, a whole number")
    if not 0 <= word_id < len(E):
        raise IndexError(f"{name} is {word_id}, but E has the rows 0 to {len(E) - 1}")
    return E[word_id]


def _is_whole(value: object) -> bool:
    return hasattr(value, "__index__")


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__")


def _check_number(name: str, value: float) -> None:
    if not _is_number(value):
        raise TypeError(f"{name} is {value!r}: give a number")
    if not math.isfinite(value):
        raise ValueError(
            f"{name} is {value}: give a finite number (numbers that have run away come from too large an lr)"
        )


def _strangers(values: list[float]) -> str:
    return ", ".join(repr(value) for value in values if not _is_number(value))

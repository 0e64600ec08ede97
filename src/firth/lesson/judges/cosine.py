"""The judge of ``cosine``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from firth.lesson.embeddings import Vector, cosine, dot
from firth.lesson.judges.common import Subject, Wrong, call_of, close, is_number, short


def judge_cosine(ask: Subject) -> Iterator[str]:
    """Judge ``cosine(a, b)``."""
    for a, b, point in (
        ([3.0, 4.0], [5.0, 12.0], "It is the dot product, divided by both lengths."),
        ([1.0, 2.0, 0.0], [-4.0, 2.0, 7.0], "Vectors at a right angle have the cosine 0."),
        ([1.0, -2.0, 2.0], [-2.0, 4.0, -4.0], "Opposite directions have the cosine −1."),
        (
            [0.002, 0.001],
            [30.0, 40.0],
            "Length does not matter: a short vector compares as well as a long one.",
        ),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], ""),
        ([4.0, -1.0], [0.0, 0.0], ""),
        ([0.0, 0.0], [0.0, 0.0], "A vector of zeros gives 0.0, on either side."),
    ):
        given = (list(a), list(b))
        got = ask(*given)
        if given != (a, b):
            raise Wrong("Your function changes the vectors that it is given.")
        wanted = cosine(a, b)
        if not is_number(got) or not close(got, wanted):
            raise Wrong(
                f"{call_of('cosine', a, b)} should be {wanted:.6g}, but yours gives `{short(got)}`. "
                f"{_mistake(a, b, got)}"
            )
        if point:
            yield point


def _mistake(a: Vector, b: Vector, got: Any) -> str:
    """Return a sentence on what went wrong."""
    if not is_number(got):
        return "It must be one number."
    if not any(a) or not any(b):
        return "A vector of zeros has no direction: return 0.0 for it."
    product, right = dot(a, b), cosine(a, b)
    long_a, long_b = math.hypot(*a), math.hypot(*b)
    sums = sum(map(abs, a)) * sum(map(abs, b))
    mistakes = (
        (product, "That is the dot product alone: divide it by the lengths of both vectors."),
        (product / (long_a * long_b) ** 2, "The lengths lack their square root: `math.sqrt(dot(a, a))`."),
        (product / long_a, "It is divided by the length of `a` only, not by that of `b`."),
        (product / long_b, "It is divided by the length of `b` only, not by that of `a`."),
        (product / long_a * long_b, "`x / y * z` divides by `y` and then *multiplies* by `z`: use brackets."),
        (product / (long_a + long_b), "The lengths are to be multiplied, not added."),
        (product / sums, "A length is the square root of the sum of squares, not the sum of the numbers."),
        (product / math.sqrt(long_a * long_b), "There is a square root too many."),
        (1 - right, "That is 1 minus the cosine, a distance."),
        (abs(right), "The sign is lost: opposite directions have the cosine −1."),
        (math.acos(right), "That is the angle; its cosine is wanted."),
        (-right, "The sign is the wrong way round."),
    )
    fitting = (sentence for mistaken, sentence in mistakes if close(got, mistaken))
    return next(fitting, f"Here `a·b` is {product:.6g}, `‖a‖` is {long_a:.6g} and `‖b‖` is {long_b:.6g}.")

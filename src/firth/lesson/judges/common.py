"""What the judges share: the reader's function as they see it, and how values are compared and told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Protocol

from firth.lesson.embeddings import Vector

Pair = tuple[int, int]

_LONGEST = 160


class Wrong(Exception):  # noqa: N818 - it is no fault of the program
    """What is wrong yet, in words for the reader."""


class Subject(Protocol):
    """The reader's function on trial."""

    space: dict[str, Any]
    """The names of the reader's code, in which its calls look up."""

    def __call__(self, *args: Any) -> Any:
        """Call the function; raises :class:`Wrong` where it fails or returns nothing."""


def pairs_of(ids: Sequence[int], window: int) -> list[Pair]:
    """Return what ``skipgram_pairs`` must; written in another way than the solution, which it checks.

    >>> pairs_of([17, 5, 80], 1)
    [(17, 5), (5, 17), (5, 80), (80, 5)]
    """
    reach = [offset for offset in range(-window, window + 1) if offset]
    return [
        (center, ids[i + offset])
        for i, center in enumerate(ids)
        for offset in reach
        if 0 <= i + offset < len(ids)
    ]


def is_number(value: Any) -> bool:
    """Tell whether ``value`` is a finite number (True and False are none)."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def is_table(value: Any, rows: int, numbers: int) -> bool:
    """Tell whether ``value`` is a list of ``rows`` lists of ``numbers`` numbers."""
    return (
        isinstance(value, list)
        and len(value) == rows
        and all(isinstance(row, list) and len(row) == numbers and all(map(is_number, row)) for row in value)
    )


def close(a: float, b: float) -> bool:
    """Tell whether two numbers are equal but for rounding."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8)


def close_rows(a: Sequence[Vector], b: Sequence[Vector]) -> bool:
    """Tell whether two lists of vectors of the same shape are equal but for rounding."""
    return all(close(x, y) for row, other in zip(a, b, strict=True) for x, y in zip(row, other, strict=True))


def call_of(function: str, *args: Any) -> str:
    """Return a call as the reader would write it.

    >>> call_of("f", [1, 2], 3)
    '`f([1, 2], 3)`'
    """
    return f"`{function}({', '.join(map(short, args))})`"


def short(value: Any) -> str:
    """Return ``value`` as Python writes it, fit for a Markdown code span and cut where it gets long."""
    return shortened(repr(value))


def shortened(text: str) -> str:
    """Return ``text`` without back quotes, cut where it gets long."""
    text = text.replace("`", "'")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 10] + " …"

"""Room for labels: a label is placed if it covers no other one and is not cut at the edge."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle of a picture, in pixels; y runs downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Tell whether two rectangles share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class LabelSpace:
    """The pixels of a picture that labels have taken; whoever comes first is served first."""

    def __init__(self, width: int, height: int, *, edge: int = 0) -> None:
        """Begin with an empty picture, of whose ``edge`` no label takes anything."""
        self._taken = np.ones((height, width), bool)
        self._taken[edge : height - edge, edge : width - edge] = False

    def place(self, x: float, y: float, width: float, height: float, gap: float) -> Box | None:
        """Take room for a label beside a point: to its right, left, above or below, ``gap`` away.

        Returns:
            The label's rectangle, or None if it would cover another or leave the picture.
        """
        corners = (
            (x + gap, y - height / 2),
            (x - gap - width, y - height / 2),
            (x - width / 2, y - gap - height),
            (x - width / 2, y + gap),
        )
        boxes = (Box(left, top, left + width, top + height) for left, top in corners)
        return next((box for box in boxes if self._take(box)), None)

    def _take(self, box: Box) -> bool:
        """Take a rectangle if it is free: every pixel that it touches."""
        rows, columns = self._taken.shape
        if box.left < 0 or box.top < 0 or box.right > columns or box.bottom > rows:
            return False
        part = self._taken[
            math.floor(box.top) : math.ceil(box.bottom), math.floor(box.left) : math.ceil(box.right)
        ]
        if part.any():
            return False
        part[:] = True
        return True

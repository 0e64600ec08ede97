"""Where the words of a scatter go so that they can be read: none over another, none over a point."""

from __future__ import annotations

import math
from collections.abc import Sequence

LINE = 13.0
"""Height of a line in pixels, in the pictures' font of 11 pixels."""
_WIDTHS = {"m": 10.0, "w": 9.0} | dict.fromkeys("fijlrt", 4.0)
"""Pixels of the letters that are not as wide as the others, in a wide sans-serif."""

Place = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_POINT = 5.0
_DISTANCES = (0.0, 7.0, 15.0, 24.0, 34.0)
_ANGLES = [math.tau * part / 16 for part in (0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 3, 13, 5, 11, 7, 9)]


def place_labels(points: Sequence[Place], words: Sequence[str], width: float, height: float) -> list[Place]:
    """Return the middle of each word's label, in pixels, for points in a picture of ``width`` × ``height``.

    Each label tries places around its point, near ones first, and takes the one that covers least of the
    labels before it, of the points and of what lies outside the picture. Crowded points go first.
    """
    dots = [(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    frame = (0.0, 0.0, width, height)
    taken: dict[int, Box] = {}
    for row in sorted(range(len(points)), key=lambda row: _spacing(points, row)):
        obstacles = [*taken.values(), *dots]
        costs = {box: _covered(box, obstacles, frame) for box in _boxes(points[row], words[row])}
        taken[row] = min(costs, key=lambda box: costs[box])
    boxes = [taken[row] for row in range(len(points))]
    return [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in boxes]


def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def label_box(middle: Place, word: str) -> Box:
    """Return the box that a word takes up."""
    half = _width(word) / 2
    return (middle[0] - half, middle[1] - LINE / 2, middle[0] + half, middle[1] + LINE / 2)


def leader(point: Place, middle: Place, word: str) -> Place | None:
    """Return where a line from a point to its word ends, at the word's edge; None for one beside it."""
    left, top, right, bottom = label_box(middle, word)
    end = (min(max(point[0], left), right), min(max(point[1], top), bottom))
    return end if math.dist(point, end) > 2 * _POINT else None


def _width(word: str) -> float:
    return sum(_WIDTHS.get(letter, 6.6) for letter in word)


def _spacing(points: Sequence[Place], row: int) -> float:
    return min((math.dist(points[row], other) for at, other in enumerate(points) if at != row), default=0.0)


def _boxes(point: Place, word: str) -> list[Box]:
    half_width, half_height = _width(word) / 2 + _POINT, LINE / 2 + _POINT
    return [
        label_box(
            (
                point[0] + math.cos(angle) * (half_width + distance),
                point[1] + math.sin(angle) * (half_height + distance),
            ),
            word,
        )
        for distance in _DISTANCES
        for angle in _ANGLES
    ]


def _covered(box: Box, obstacles: Sequence[Box], frame: Box) -> float:
    """Return the area of obstacles under a box; the first, nearest box wins among equals."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return 2 * (area - overlap(box, frame)) + sum(overlap(box, other) for other in obstacles)

"""The course of the loss over a run, drawn in plain text. Reports in, lines out: nothing is printed here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

# The dots of a Braille cell, two columns of four: the bit for (column, row counted from the top).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_UNICODE_AXES, _ASCII_AXES = ("┤", "│", "└", "─", "┬"), ("+", "|", "+", "-", "+")


def draw_loss(
    reports: Sequence[Mapping[str, Any]], width: int = 72, height: int = 10, *, unicode: bool = True
) -> list[str]:
    """Draw the mean loss per pair against the epochs, as lines of at most ``width`` characters.

    Args:
        reports: the lines of ``training.jsonl``; ``loss`` and ``epoch`` are used, where both are numbers.
        width: columns of the drawing with its axis, at least 20.
        height: rows of the curve itself, at least 3.
        unicode: draw with Braille dots and lines; False keeps to ASCII.
    """
    points = [(_number(report.get("epoch")), _number(report.get("loss"))) for report in reports]
    points = sorted((epoch, loss) for epoch, loss in points if math.isfinite(epoch) and math.isfinite(loss))
    if not points:
        return ["no loss was reported"]
    width, height = max(width, 20), max(height, 3)
    low, high = _range([loss for _, loss in points])
    labels = _labels(low, high)
    room = width - max(map(len, labels)) - 2
    across, down = (2, 4) if unicode else (1, 1)
    rows = _trace(points, room * across, height * down, low, high)
    lines = (
        _cells(rows, room, height)
        if unicode
        else ["".join("*" if dot else " " for dot in row) for row in rows]
    )
    return [
        "mean loss per pair",
        *_with_axis(lines, labels, _UNICODE_AXES if unicode else _ASCII_AXES),
        *_epochs(points[-1][0], room, len(labels[0]), _UNICODE_AXES if unicode else _ASCII_AXES),
    ]


def _number(value: object) -> float:
    """Return a number as a float, anything else as NaN."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def _range(losses: list[float]) -> tuple[float, float]:
    """Return the lowest and the highest loss, apart even if all are the same."""
    low, high = min(losses), max(losses)
    spread = max(abs(low), abs(high)) * 1e-6 or 1e-6
    return (low, high) if high - low > spread else (low - spread, high + spread)


def _labels(low: float, high: float) -> list[str]:
    """Return the labels of the highest, the middle and the lowest loss, equally wide."""
    digits = min(8, max(2, 2 - math.floor(math.log10(high - low))))
    texts = [
        f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.4g}"
        for value in (high, (high + low) / 2, low)
    ]
    widest = max(map(len, texts))
    return [text.rjust(widest) for text in texts]


def _trace(
    points: list[tuple[float, float]], columns: int, rows: int, low: float, high: float
) -> list[list[bool]]:
    """Return the dots of the line through ``points``: rows from the top, each a list of columns."""
    last = points[-1][0] or 1.0
    sums: dict[int, tuple[float, int]] = {}
    for epoch, loss in points:
        column = round(epoch / last * (columns - 1)) if epoch > 0 else 0
        total, n = sums.get(column, (0.0, 0))
        sums[column] = (total + loss, n + 1)
    level = {c: round((high - total / n) / (high - low) * (rows - 1)) for c, (total, n) in sums.items()}
    dots = [[False] * columns for _ in range(rows)]
    known = sorted(level)
    for left, right in zip(known, known[1:] or known, strict=False):
        before = level[left]
        for column in range(left, right + 1):
            share = (column - left) / (right - left) if right > left else 0.0
            now = round(level[left] + share * (level[right] - level[left]))
            for row in range(min(before, now), max(before, now) + 1):
                dots[row][column] = True
            before = now
    return dots


def _cells(dots: list[list[bool]], width: int, height: int) -> list[str]:
    """Pack dots into Braille characters."""
    lines = []
    for top in range(0, 4 * height, 4):
        codes = [
            sum(_DOTS[x][y] for x in (0, 1) for y in range(4) if dots[top + y][left + x])
            for left in range(0, 2 * width, 2)
        ]
        lines.append("".join(chr(0x2800 + code) if code else " " for code in codes))
    return lines


def _with_axis(lines: list[str], labels: list[str], axes: tuple[str, ...]) -> list[str]:
    """Put the loss axis before the lines, with a label at the top, the middle and the bottom."""
    tick, bar = axes[0], axes[1]
    places = {0: labels[0], (len(lines) - 1) // 2: labels[1], len(lines) - 1: labels[2]}
    if len(lines) % 2 == 0:  # no line is the middle one: a label there would be off by half a line
        del places[(len(lines) - 1) // 2]
    blank = " " * len(labels[0])
    return [
        f"{places.get(row, blank)} {tick if row in places else bar}{line}".rstrip()
        for row, line in enumerate(lines)
    ]


def _epochs(last: float, room: int, indent: int, axes: tuple[str, ...]) -> list[str]:
    """Return the epoch axis and its labels."""
    _, _, corner, rule, tick = axes
    middle = room // 2
    axis = [rule] * room
    axis[0] = axis[middle] = axis[-1] = tick
    half, end = f"{last / 2:g}", f"{last:g}"
    text = "0".ljust(middle - len(half) // 2) + half
    text = text.ljust(room - len(end)) + end
    return [
        " " * (indent + 1) + corner + "".join(axis),
        " " * (indent + 2) + text,
        " " * (indent + 2) + "epochs".center(room).rstrip(),
    ]

"""The report's plots as SVG: points with error bars, the loss curve, the map. Numbers in, markup out.

Places across are percentages, so that a plot takes the width that it is given and its text keeps its size.
Colours are classes of the report's style sheet. All text is escaped here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.evaluation.bootstrap import Estimate
from firth.evaluation.lookup import rows_by_frequency
from firth.neighbors import NearestRows
from firth.printable import printable

MAP_WORDS = 150
MAP_WIDTH, MAP_HEIGHT = 720, 480
_LETTER, _LINE = 6.4, 13
_STRIP = 22


def text(words: str) -> str:
    """Return words as HTML text: never markup, nothing invisible."""
    return html.escape(printable(words))


def strip(marks: Sequence[tuple[str, Estimate]], low: float, high: float, label: str) -> str:
    """Draw points with error bars on one line of a plot from ``low`` to ``high``.

    Args:
        marks: (class of the style sheet, estimate); class names that hold "hollow" or "diamond" are so drawn.
        low: the left end.
        high: the right end.
        label: the plot in words, for who does not see it.
    """
    lines = [_grid(low, high)]
    for number, (kind, one) in enumerate(marks):
        if one.value is None:
            continue
        # Several marks lie a little below each other, so that none hides another's bar.
        middle = round(_STRIP * (number + 1.5) / (len(marks) + 2))
        x = _across(one.value, low, high)
        if one.low is not None and one.high is not None:
            ends = _across(one.low, low, high), _across(one.high, low, high)
            places = f'x1="{ends[0]:.2f}%" x2="{ends[1]:.2f}%" y1="{middle}" y2="{middle}"'
            lines.append(f'<line class="bar {kind}" {places}/>')
        lines.append(_point(kind, x, middle))
    return (
        f'<svg class="strip" role="img" aria-label="{text(label)}" width="100%" height="{_STRIP}">'
        f"{''.join(lines)}</svg>"
    )


def axis(low: float, high: float) -> str:
    """Draw the numbers below strips from ``low`` to ``high``."""
    marks = []
    for value in ticks(low, high):
        x = _across(value, low, high)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        marks.append(f'<text x="{x:.2f}%" y="12" text-anchor="{anchor}">{value:g}</text>')
    return f'<svg class="strip axis" aria-hidden="true" width="100%" height="16">{"".join(marks)}</svg>'


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``, about five.

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def loss_plot(runs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> str:
    """Draw the mean loss per pair against the epochs: (class, lines of ``training.jsonl``) of each model."""
    curves = [(kind, _curve(reports)) for kind, reports in runs]
    points = [point for _, curve in curves for point in curve]
    if len(points) < 2:
        return ""
    last = max(epoch for epoch, _ in points) or 1.0
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    low, high = low - room, high + room
    height, lines, labels = 200, [], []
    for value in ticks(low, high):
        y = height * (high - value) / (high - low)
        lines.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        labels.append(f'<text x="4" y="{y - 4:.1f}">{value:g}</text>')
    for value in ticks(0.0, last):
        x = 100 * value / last
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        labels.append(f'<text x="{x:.2f}%" y="{height + 16}" text-anchor="{anchor}">{value:g}</text>')
    for kind, curve in curves:
        path = " ".join(f"{1000 * e / last:.1f},{1000 * (high - y) / (high - low):.1f}" for e, y in curve)
        lines.append(
            f'<svg x="0" y="0" width="100%" height="{height}" viewBox="0 0 1000 1000" '
            f'preserveAspectRatio="none"><polyline class="curve {kind}" points="{path}"/></svg>'
        )
    return (
        '<svg class="loss" role="img" aria-label="mean loss per pair by epoch" width="100%" '
        f'height="{height + 22}">{"".join(lines + labels)}</svg>'
    )


def map_plot(model: Embeddings, words: int = MAP_WORDS) -> tuple[str, int, int, float]:
    """Draw the most frequent words by the first two principal components of their unit vectors.

    Returns:
        The drawing, the words in it, those with a label, and the share of the variance that it shows; an
        empty drawing if there are too few words.
    """
    rows, places, share = principal_plane(model, words)
    if not len(rows):
        return "", 0, 0, 0.0
    middle = (places.max(axis=0) + places.min(axis=0)) / 2
    half = np.maximum((places.max(axis=0) - places.min(axis=0)) / 2, 1e-12)
    x = MAP_WIDTH / 2 + (places[:, 0] - middle[0]) / half[0] * (MAP_WIDTH / 2 - 50)
    y = MAP_HEIGHT / 2 - (places[:, 1] - middle[1]) / half[1] * (MAP_HEIGHT / 2 - 20)
    names = [printable(model.index_to_key[row]) for row in rows.tolist()]
    labels = _free_labels(names, x, y)
    dots = [
        f'<circle cx="{x[at]:.1f}" cy="{y[at]:.1f}" r="2.2"><title>{html.escape(name)}</title></circle>'
        for at, name in enumerate(names)
    ]
    dots += [
        f'<text x="{x[at] + 5:.1f}" y="{y[at] + 4:.1f}">{html.escape(names[at])}</text>' for at in labels
    ]
    drawing = (
        f'<svg class="map" role="img" aria-label="map of frequent words" width="{MAP_WIDTH}" '
        f'height="{MAP_HEIGHT}" viewBox="0 0 {MAP_WIDTH} {MAP_HEIGHT}">{"".join(dots)}</svg>'
    )
    return drawing, len(names), len(labels), share


def principal_plane(model: Embeddings, words: int) -> tuple[NDArray[np.intp], NDArray[np.float64], float]:
    """Return the most frequent words' rows and (n, 2) principal components; the share of variance.

    No rows at all if fewer than three words, or only one direction, are there.
    """
    norms = NearestRows(model.vectors, model.trained).norms
    rows = rows_by_frequency(model)
    rows = rows[norms[rows] > 0][:words]
    units = model.vectors[rows].astype(np.float64) / norms[rows][:, None]
    if len(rows) < 3 or units.shape[1] < 2:
        return rows[:0], np.empty((0, 2)), 0.0
    left, lengths, axes = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    if lengths[1] <= 1e-9 * max(lengths[0], 1e-300):
        return rows[:0], np.empty((0, 2)), 0.0
    # An axis may point either way: the largest number of it is made positive, so that the map stays the same.
    signs = np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])
    return rows, left[:, :2] * lengths[:2] * signs, float((lengths[:2] ** 2).sum() / (lengths**2).sum())


def _free_labels(names: Sequence[str], x: NDArray[np.float64], y: NDArray[np.float64]) -> list[int]:
    """Return which words get a label: the most frequent first, if it covers no other label."""
    boxes: list[tuple[float, float, float, float]] = []
    kept = []
    for at, name in enumerate(names):
        left, top = x[at] + 4, y[at] - _LINE / 2
        box = left, top, left + _LETTER * len(name) + 2, top + _LINE
        clear = all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in boxes)
        if clear and box[2] <= MAP_WIDTH:
            boxes.append(box)
            kept.append(at)
    return kept


def _curve(reports: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return (epoch, loss) of the reports that have both, in order."""
    pairs = [(report.get("epoch"), report.get("loss")) for report in reports]
    return sorted(
        (float(epoch), float(loss))
        for epoch, loss in pairs
        if isinstance(epoch, (int, float)) and isinstance(loss, (int, float)) and math.isfinite(epoch + loss)
    )


def _across(value: float, low: float, high: float) -> float:
    """Return a value's place in per cent, at the edge if it is beyond."""
    return 100 * min(1.0, max(0.0, (value - low) / (high - low)))


def _grid(low: float, high: float) -> str:
    """Draw the vertical lines of a strip."""
    return "".join(
        f'<line class="{"zero" if value == 0 else "grid"}" x1="{_across(value, low, high):.2f}%" '
        f'x2="{_across(value, low, high):.2f}%" y1="0" y2="{_STRIP}"/>'
        for value in ticks(low, high)
    )


def _point(kind: str, x: float, y: int) -> str:
    """Draw a point: a diamond where the class says so, else a circle."""
    if "diamond" in kind:
        return (
            f'<svg x="{x:.2f}%" y="{y}" overflow="visible" width="1" height="1">'
            f'<rect class="point {kind}" x="-4" y="-4" width="8" height="8" transform="rotate(45)"/></svg>'
        )
    return f'<circle class="point {kind}" cx="{x:.2f}%" cy="{y}" r="4.5"/>'

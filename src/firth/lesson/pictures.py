"""The chapter's pictures: Altair charts from plain data.

Colours are Okabe and Ito's, which a colour-blind reader can tell apart, and a shape, a dash or a word always
says the same again. Text and axes take the colour of the page's own text, so that one picture serves on light
and on dark; no picture is wider than a phone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import altair as alt

from firth.lesson.placing import leader, place_labels

BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"
_INK = "currentColor"
_WIDTH = 280
"""Of the plot; with its axis about 345 pixels, which is what a phone has."""

Pairs = Sequence[tuple[int, int]]
Places = Sequence[tuple[float, float]]


def pair_graph(words: Sequence[str], pairs: Pairs) -> alt.LayerChart:
    """Draw the words on a circle, with a line between two that are a pair: the thicker, the more often."""
    angles = [math.tau * row / len(words) for row in range(len(words))]
    at = [(math.sin(angle), math.cos(angle)) for angle in angles]
    counts = Counter(tuple(sorted(pair)) for pair in pairs)
    lines = [
        {
            "x": at[a][0], "y": at[a][1], "x2": at[b][0], "y2": at[b][1],
            "times": times, "pair": f"{words[a]} – {words[b]}",
        }
        for (a, b), times in sorted(counts.items())
    ]  # fmt: skip
    labels = [{"x": 1.22 * x, "y": 1.1 * y, "word": word} for (x, y), word in zip(at, words, strict=True)]
    hidden: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[-1.35, 1.35])}
    flat: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[-1.15, 1.15])}
    edges = (
        alt.Chart(_data(lines))
        .mark_rule(color=BLUE, opacity=0.75)
        .encode(
            x=alt.X("x:Q", **hidden), y=alt.Y("y:Q", **flat), x2="x2:Q", y2="y2:Q",
            strokeWidth=alt.StrokeWidth(
                "times:Q", scale=alt.Scale(domain=[1, 12], range=[1, 7]), legend=None
            ),
            tooltip=[alt.Tooltip("pair:N"), alt.Tooltip("times:Q", title="times")],
        )
    )  # fmt: skip
    dots = (
        alt.Chart(_data([{"x": x, "y": y} for x, y in at]))
        .mark_point(filled=True, color=ORANGE, size=60, opacity=1)
        .encode(x=alt.X("x:Q", **hidden), y=alt.Y("y:Q", **flat))
    )
    names = (
        alt.Chart(_data(labels))
        .mark_text(color=_INK, fontSize=12)
        .encode(x=alt.X("x:Q", **hidden), y=alt.Y("y:Q", **flat), text="word:N")
    )
    return _finished(edges + dots + names, "Who stands near whom (thicker: more often)", 335, 290)


def dot_bars(before: float, after: float) -> alt.LayerChart:
    """Draw a dot product before and after a step."""
    rows = [{"when": "before", "dot": before}, {"when": "after", "dot": after}]
    reach = max(abs(before), abs(after)) + 2.0  # room for the number beside the bar
    scale = alt.Scale(domain=[-reach, reach])
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("when:N", sort=["before", "after"], title=None),
        x=alt.X("dot:Q", scale=scale, title="dot product u·v"),
    )
    bars = base.mark_bar(size=22).encode(
        color=alt.Color(
            "when:N", scale=alt.Scale(domain=["before", "after"], range=[ORANGE, BLUE]), legend=None
        )
    )
    right = base.mark_text(align="left", dx=5, color=_INK).encode(text=alt.Text("dot:Q", format="+.3f"))
    left = base.mark_text(align="right", dx=-5, color=_INK).encode(text=alt.Text("dot:Q", format="+.3f"))
    zero = alt.Chart(_data([{"x": 0}])).mark_rule(color=_INK).encode(x="x:Q")
    values = right.transform_filter("datum.dot >= 0") + left.transform_filter("datum.dot < 0")
    return _finished(bars + zero + values, "The dot product before and after the step", _WIDTH, 90)


def scatter(
    words: Sequence[str], places: Places, partners: Sequence[tuple[str, str]], title: str
) -> alt.LayerChart:
    """Draw words as points in the plane; partners are squares, joined by a dashed line."""
    frame = _Frame(places, _WIDTH, 290)
    pixels = [frame.to_pixels(place) for place in places]
    middles = place_labels(pixels, words, frame.width, frame.height)
    paired = {word for pair in partners for word in pair}
    points, leaders = [], []
    for word, place, pixel, middle in zip(words, places, pixels, middles, strict=True):
        label = frame.from_pixels(middle)
        kind = "partner" if word in paired else "other"
        points.append(
            {"x": place[0], "y": place[1], "lx": label[0], "ly": label[1], "word": word, "kind": kind}
        )
        if (end := leader(pixel, middle, word)) is not None:
            leaders.append(_line(place, frame.from_pixels(end)))
    at = dict(zip(words, places, strict=True))
    links = [_line(at[a], at[b]) for a, b in partners]
    key: dict[str, Any] = {"domain": ["partner", "other"]}
    base = alt.Chart(_data(points))
    dots = base.mark_point(filled=True, opacity=1).encode(
        **frame.axes("x", "y"), tooltip="word:N",
        color=alt.Color("kind:N", scale=alt.Scale(**key, range=[ORANGE, BLUE]), legend=None),
        shape=alt.Shape("kind:N", scale=alt.Scale(**key, range=["square", "circle"]), legend=None),
        size=alt.Size("kind:N", scale=alt.Scale(**key, range=[70, 30]), legend=None),
    )  # fmt: skip
    names = base.mark_text(color=_INK, fontSize=11).encode(**frame.axes("lx", "ly"), text="word:N")
    joined = alt.Chart(_data(links)).mark_rule(color=ORANGE, strokeDash=[4, 3])
    led = alt.Chart(_data(leaders)).mark_rule(color=_INK, opacity=0.35)
    lines = [one.encode(**frame.axes("x", "y"), x2="x2:Q", y2="y2:Q") for one in (led, joined)]
    return _finished(alt.layer(*lines, dots, names), title, frame.width, frame.height)


def loss_curve(losses: Sequence[float], every: int = 100) -> alt.LayerChart:
    """Draw the mean loss of each ``every`` steps."""
    rows = [
        {"step": start + len(part), "loss": fmean(part)}
        for start in range(0, len(losses), every)
        if (part := losses[start : start + every])
    ]
    line = (
        alt.Chart(_data(rows))
        .mark_line(color=BLUE, strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="step", axis=alt.Axis(tickCount=4)),
            y=alt.Y("loss:Q", title=f"loss of a pair, mean of {every} steps", scale=alt.Scale(zero=True)),
            tooltip=["step:Q", alt.Tooltip("loss:Q", format=".3f")],
        )
    )
    return _finished(alt.layer(line), "The loss falls", _WIDTH, 290)


def neighbor_bars(
    query: str, ranking: Sequence[tuple[str, float]], marked: Sequence[str] = (), width: float = 250
) -> alt.LayerChart:
    """Draw cosines to ``query`` as bars in their order; ``marked`` words are orange and have a star."""
    rows = [
        {"word": f"★ {word}", "cosine": value, "kind": "marked"}
        if word in marked
        else {"word": word, "cosine": value, "kind": "other"}
        for word, value in ranking
    ]
    low = -1 if any(value < 0 for _, value in ranking) else 0
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("word:N", sort=None, title=None),
        x=alt.X("cosine:Q", scale=alt.Scale(domain=[low, 1.25]), title=f"cosine to “{query}”",
                axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1])),
    )  # fmt: skip
    bars = base.mark_bar().encode(
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["marked", "other"], range=[ORANGE, BLUE]), legend=None
        )
    )
    right = base.mark_text(align="left", dx=4, color=_INK).encode(text=alt.Text("cosine:Q", format=".2f"))
    left = base.mark_text(align="right", dx=-4, color=_INK).encode(text=alt.Text("cosine:Q", format=".2f"))
    values = right.transform_filter("datum.cosine >= 0") + left.transform_filter("datum.cosine < 0")
    return _finished(bars + values, f"Nearest to “{query}”", width, 22 * max(1, len(rows)))


def cosine_histogram(cosines: Sequence[float]) -> alt.LayerChart:
    """Draw how the cosines of all pairs of words are spread between -1 and 1."""
    bins = 20
    counts = Counter(min(bins - 1, int((value + 1) / 2 * bins)) for value in cosines)
    rows = [
        {"from": -1 + 2 * bin_ / bins, "to": -1 + 2 * (bin_ + 1) / bins, "share": counts[bin_] / len(cosines)}
        for bin_ in range(bins)
    ]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("from:Q", bin="binned", title="cosine of two words",
                    axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1])),
            x2="to:Q",
            y=alt.Y("share:Q", title="share of all pairs of words", scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format=".0%")),
        )
    )  # fmt: skip
    return _finished(alt.layer(bars), "How alike any two words are", _WIDTH, 290)


def rate_lines(
    rates: Mapping[str, Sequence[tuple[int, float]]], chance: float, now: int | None = None, title: str = ""
) -> alt.LayerChart:
    """Draw the share of partners found over the steps of several runs, each labelled at its end.

    ``chance`` is a dotted line, ``now`` the step at which the reader stands.
    """
    colors, dashes = [ORANGE, PINK, BLUE, GREEN], [[1, 0], [6, 3], [10, 2, 2, 2], [2, 2]]
    names = list(rates)
    rows = [{"step": step, "rate": rate, "run": name} for name in names for step, rate in rates[name]]
    last = max(step for line in rates.values() for step, _ in line)
    ends = _apart([(name, rates[name][-1][1]) for name in names] + [("chance", chance)], 0.09)
    labels = [{"step": last, "rate": height, "run": name} for name, height in ends]
    x = alt.X(
        "step:Q", title="step", scale=alt.Scale(domain=[0, last], nice=False), axis=alt.Axis(tickCount=2)
    )
    y = alt.Y("rate:Q", title="partners found in the top 3", scale=alt.Scale(domain=[0, 1.05]),
              axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1]))  # fmt: skip
    key: dict[str, Any] = {"domain": [*names, "chance"]}
    color = alt.Color("run:N", scale=alt.Scale(**key, range=[*colors[: len(names)], "#888888"]), legend=None)
    lines = (
        alt.Chart(_data(rows))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x, y=y, color=color,
            strokeDash=alt.StrokeDash(
                "run:N", scale=alt.Scale(**key, range=[*dashes[: len(names)], [2, 3]]), legend=None
            ),
        )
    )  # fmt: skip
    floor = alt.Chart(_data([{"rate": chance}])).mark_rule(strokeDash=[2, 3], color="#888888").encode(y=y)
    texts = (
        alt.Chart(_data(labels))
        .mark_text(align="left", dx=5, color=_INK, fontSize=11)
        .encode(x=x, y=y, text="run:N")
    )
    layers = [lines, floor, texts]
    if now is not None:
        layers.append(alt.Chart(_data([{"step": now}])).mark_rule(color=_INK, opacity=0.6).encode(x=x))
    return _finished(alt.layer(*layers), title or "Do partners find each other?", 215, 200)


def axis_bars(scores: Mapping[int, Mapping[str, float]]) -> alt.LayerChart:
    """Draw, for each way in which words differ, how well vectors of so many numbers keep it apart."""
    dims = [f"{dim} numbers" for dim in scores]
    rows = [
        {"way": way, "numbers": f"{dim} numbers", "share": share, "label": f"{dim} numbers: {share:.0%}"}
        for dim, ways in scores.items()
        for way, share in ways.items()
    ]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("way:N", sort=None, title=None),
        yOffset=alt.YOffset("numbers:N", sort=dims),
        x=alt.X("share:Q", title="couples that differ in the right direction",
                scale=alt.Scale(domain=[0, 1.5]), axis=alt.Axis(format=".0%", values=[0, 0.5, 1])),
    )  # fmt: skip
    bars = base.mark_bar().encode(
        color=alt.Color("numbers:N", scale=alt.Scale(domain=dims, range=[ORANGE, BLUE]), legend=None)
    )
    chance = alt.Chart(_data([{"share": 0.5}])).mark_rule(color=_INK, strokeDash=[2, 3]).encode(x="share:Q")
    labels = base.mark_text(align="left", dx=4, color=_INK, fontSize=11).encode(text="label:N")
    return _finished(bars + chance + labels, "Do differences lie side by side? (dotted: chance)", _WIDTH, 150)


def table_rows(
    words: Sequence[str], vectors: Sequence[Sequence[float]], title: str, column: str
) -> alt.LayerChart:
    """Draw a table of vectors as coloured squares, a word a row: blue for positive, orange for negative."""
    cells = [
        {"word": word, "column": number, "value": value}
        for word, row in zip(words, vectors, strict=True)
        for number, value in enumerate(row)
    ]
    reach = max((abs(value) for row in vectors for value in row), default=1.0)
    squares = (
        alt.Chart(_data(cells))
        .mark_rect(stroke="#88888855", strokeWidth=0.5)
        .encode(
            x=alt.X("column:O", title=column, axis=alt.Axis(labelAngle=0, labelOverlap=True, tickCount=8)),
            y=alt.Y("word:N", sort=None, title=None, axis=alt.Axis(labelFontSize=9, labelOverlap=False)),
            color=alt.Color(
                "value:Q", legend=None,
                scale=alt.Scale(domain=[-reach, 0, reach], range=[ORANGE, "#88888811", BLUE]),
            ),
            tooltip=["word:N", "column:O", alt.Tooltip("value:Q", format="+.2f")],
        )
    )  # fmt: skip
    return _finished(alt.layer(squares), title, 270, 10.5 * len(words))


def _finished(chart: Any, title: str, width: float, height: float) -> alt.LayerChart:
    """Give a chart its title and size, and let the page's own text colour be its ink."""
    finished: alt.LayerChart = (
        chart.properties(
            title=alt.TitleParams(title, anchor="start", fontSize=13, color=_INK),
            width=width,
            height=height,
            # SVG and not a canvas, so that "currentColor" follows the page from light to dark.
            usermeta={"embedOptions": {"renderer": "svg", "actions": False}},
        )
        .configure(background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK, titleColor=_INK, domainColor=_INK, tickColor=_INK, titleFontWeight="normal",
            gridColor="#888888", gridOpacity=0.25, labelFontSize=11, titleFontSize=11,
        )
    )  # fmt: skip
    return finished


def _data(rows: list[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=rows)


def _line(start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    return {"x": start[0], "y": start[1], "x2": end[0], "y2": end[1]}


class _Frame:
    """A plot of fixed size around places in the plane, so that pixels are known before it is drawn."""

    def __init__(self, places: Places, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._x = _with_room([x for x, _ in places])
        self._y = _with_room([y for _, y in places])

    def to_pixels(self, place: tuple[float, float]) -> tuple[float, float]:
        (left, right), (low, high) = self._x, self._y
        return self.width * (place[0] - left) / (right - left), self.height * (high - place[1]) / (high - low)

    def from_pixels(self, pixel: tuple[float, float]) -> tuple[float, float]:
        (left, right), (low, high) = self._x, self._y
        return left + (right - left) * pixel[0] / self.width, high - (high - low) * pixel[1] / self.height

    def axes(self, x: str, y: str) -> dict[str, Any]:
        """Return the encodings of two columns as places in this frame."""
        return {
            "x": alt.X(f"{x}:Q", scale=alt.Scale(domain=self._x, nice=False), title="first main direction"),
            "y": alt.Y(f"{y}:Q", scale=alt.Scale(domain=self._y, nice=False), title="second main direction"),
        }


def _with_room(values: Sequence[float]) -> list[float]:
    """Return a range with room at both ends; of equal values, a range around them."""
    low, high = min(values), max(values)
    room = 0.12 * (high - low) or 1.0
    return [low - room, high + room]


def _apart(labels: Sequence[tuple[str, float]], gap: float) -> list[tuple[str, float]]:
    """Return labels, the lowest first, moved upwards until their heights are at least ``gap`` apart."""
    placed: list[tuple[str, float]] = []
    for name, height in sorted(labels, key=lambda one: one[1]):
        floor = placed[-1][1] + gap if placed else height
        placed.append((name, max(height, floor)))
    over = max(0.0, placed[-1][1] - 1.05)
    return [(name, height - over) for name, height in placed]

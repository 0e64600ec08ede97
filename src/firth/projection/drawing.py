"""A map as a picture: PNG, or SVG with the points as one image below labels that are text.

The picture says itself how far it can be trusted. Labels come by frequency and never cover each other; words
that were asked for come first, with lines to their true neighbours. Drawn by matplotlib (extra ``[map]``).
"""

from __future__ import annotations

import html
import logging
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.extras import optional
from firth.printable import printable
from firth.projection.fonts import OWN, families
from firth.projection.labels import LabelSpace
from firth.projection.telling import sentences
from firth.projection.trust import TRUE_NEIGHBORS
from firth.projection.word_map import WordMap

FORMATS = ("png", "svg")
TRUST, FREQUENCY, NO_COLOR = "trust", "frequency", "none"
COLORINGS = (TRUST, FREQUENCY, NO_COLOR)
EXTRA = "map"

DPI = 200
_SVG_DPI = 150  # of the points within an SVG
_BOLD = ' font-weight="bold"'
_WIDTH, _HEAD, _FOOT, _EDGE, _LINE = 10.0, 0.55, 0.85, 0.3, 0.19  # inches
_COLUMNS = 150  # letters of a line of the foot
_HIGHEST, _FLATTEST = 1.0, 0.5  # the map's height by its width
_LONGEST_LABEL = 28
_TIERS = ((0.06, 11.0), (0.3, 9.0), (1.0, 7.0))  # the first 6 % of the labels have 11 points, and so on
_CHOSEN_SIZE = 11.0
_CANDIDATES = 40  # words tried for one label
_MARGIN, _GAP = 3, 6  # pixels: what sets a label off from others, and from its point


@dataclass(frozen=True)
class Look:
    """The colours of a picture."""

    paper: str
    ink: str
    dim: str
    point: str
    """Points without a colour of their own."""
    accent: str
    scale: tuple[float, float]
    """The part of viridis that is told apart from the paper, from the least to the most."""


LIGHT = Look("#ffffff", "#16181d", "#5b6270", "#8a93a5", "#c2410c", (0.86, 0.0))
DARK = Look("#14161b", "#eef0f4", "#a3abb9", "#6d7688", "#ffa94d", (0.18, 1.0))


def require() -> None:
    """Raise MissingExtraError if matplotlib is not installed: better before the work than after."""
    _part()


def draw(
    word_map: WordMap,
    words: Sequence[str],
    file: IO[bytes],
    kind: str,
    *,
    name: str,
    labels: int = 250,
    chosen: Sequence[int] = (),
    coloring: str = TRUST,
    dark: bool = False,
) -> int:
    """Draw a map.

    Args:
        word_map: the map, with its trust measured.
        words: (n,) the word at each place of the map.
        file: where the picture goes.
        kind: one of ``FORMATS``.
        name: what the model is called.
        labels: words that get a label, at most; fewer where there is no room.
        chosen: places of words to point out, with lines to their true neighbours.
        coloring: one of ``COLORINGS``.
        dark: light on dark.

    Returns:
        How many of the words tried have no label because no font here has their letters.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigError: an unknown kind or colouring.
    """
    if kind not in FORMATS or coloring not in COLORINGS:
        raise ConfigError(
            f"a picture is one of {', '.join(FORMATS)}, coloured by one of {', '.join(COLORINGS)}, "
            f"not {kind!r} by {coloring!r}"
        )
    look = DARK if dark else LIGHT
    with _settled_style():
        told = _foot_lines(word_map, words, chosen)
        picture = _Picture(word_map, words, look, _FOOT + _LINE * len(told))
        picture.points(coloring)
        picture.lines(chosen)
        placed, unwritten = picture.place_labels(labels, chosen)
        picture.head(f"{len(word_map):,} words of {printable(name)}")
        picture.foot(coloring, told)
        if kind == "png":
            picture.write_labels(placed)
            picture.figure.savefig(file, format=kind, dpi=DPI, facecolor=look.paper)
        else:
            drawn = BytesIO()
            picture.figure.savefig(
                drawn, format=kind, dpi=_SVG_DPI, facecolor=look.paper, metadata={"Date": None}
            )
            before, end, after = drawn.getvalue().rpartition(b"</svg>")
            file.write(before + svg_labels(placed, look.ink, look.paper, _HEAD * DPI).encode() + end + after)
    return unwritten


class PlacedLabel(NamedTuple):
    """A label that found room; pixels of the map, y downwards."""

    text: str
    left: float
    baseline: float
    width: float
    size: float
    """Points."""
    bold: bool


def svg_labels(labels: Sequence[PlacedLabel], ink: str, paper: str, top: float) -> str:
    """Return labels as SVG text, each held to the width that it was given, whatever fonts the reader has."""
    scale = 72 / DPI
    lines = [
        f'<text x="{label.left * scale:.2f}" y="{(label.baseline + top) * scale:.2f}" '
        f'textLength="{label.width * scale:.2f}" lengthAdjust="spacingAndGlyphs" '
        f'font-size="{label.size:g}"{_BOLD if label.bold else ""}>{html.escape(label.text)}</text>\n'
        for label in labels
    ]
    style = f'font-family="{OWN}, sans-serif" fill="{ink}" stroke="{paper}" stroke-width="2"'
    return f'<g {style} paint-order="stroke" stroke-linejoin="round">\n{"".join(lines)}</g>\n'


@contextmanager
def _settled_style() -> Iterator[None]:
    """Draw with matplotlib's own style, whatever the user's is; letters that no font has are no news."""
    style = _part("style").context(["default", {"svg.fonttype": "none", "svg.hashsalt": "firth"}])
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    try:
        fonts.setLevel(logging.ERROR)  # that a family has no bold is no news
        with style, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            yield
    finally:
        fonts.setLevel(level)


class _Picture:
    """A figure with a map on it; measures are pixels, y runs downwards, but for matplotlib's own."""

    def __init__(self, word_map: WordMap, words: Sequence[str], look: Look, foot: float) -> None:
        """Make room for the map, in its own proportions, a head above and a foot of some inches below."""
        self.map, self.words, self.look = word_map, words, look
        sides = np.maximum(np.ptp(word_map.positions, axis=0), 1e-9)
        height = _WIDTH * float(np.clip(sides[1] / sides[0], _FLATTEST, _HIGHEST))
        self._whole = _HEAD + height + foot
        self._foot = foot
        self.figure: Any = _part("figure").Figure((_WIDTH, self._whole), dpi=DPI)
        self._renderer = _part("backends.backend_agg").FigureCanvasAgg(self.figure).get_renderer()
        self._size = _WIDTH * DPI, height * DPI
        self._axes = self.figure.add_axes((0, foot / self._whole, 1, height / self._whole))
        self._axes.set_xlim(0, self._size[0])
        self._axes.set_ylim(self._size[1], 0)
        self._axes.axis("off")
        self._places = self._pixels(word_map.positions.astype(np.float64))

    def _pixels(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, 2) pixels for positions, y downwards; one scale for both axes."""
        low, high = positions.min(axis=0), positions.max(axis=0)
        room = np.array(self._size) - 2 * _EDGE * DPI
        scale = float((room / np.maximum(high - low, 1e-9)).min())
        centered = (positions - (low + high) / 2) * scale
        pixels: NDArray[np.float64] = np.array(self._size) / 2 + centered * np.array([1, -1])
        return pixels

    def points(self, coloring: str) -> None:
        """Draw all words as points, the most frequent on top, as one image."""
        share = np.prod(self._size) / len(self.map)
        diameter = float(np.clip(0.4 * np.sqrt(share), 2.5, 14)) * 72 / DPI
        self._axes.scatter(
            *self._places[::-1].T,
            s=diameter**2,
            c=self._colors(coloring)[::-1],
            linewidths=0,
            rasterized=True,
        )

    def lines(self, chosen: Sequence[int]) -> None:
        """Draw lines from words that were asked for to their true neighbours."""
        for place in chosen:
            for other in self.map.neighbors[place].tolist():
                self._axes.plot(*self._places[[place, other]].T, color=self.look.accent, lw=0.7, alpha=0.8)
            self._axes.plot(
                *self._places[place], "o", ms=8, mfc="none", mec=self.look.accent, mew=1.8, zorder=3
            )

    def place_labels(self, most: int, chosen: Sequence[int]) -> tuple[list[PlacedLabel], int]:
        """Find room for labels: words asked for, their neighbours, then the most frequent words.

        Returns:
            Those that found room, and how many words were passed over for want of a font.
        """
        near = [other for place in chosen for other in self.map.neighbors[place].tolist()]
        first = list(dict.fromkeys([*chosen, *near]))
        order = list(dict.fromkeys([*first, *range(min(len(self.words), most * _CANDIDATES))]))
        texts = [_shortened(self.words[place]) for place in order]
        fonts, missing = families(texts, EXTRA)
        space = LabelSpace(*map(int, self._size), edge=_MARGIN * 4)
        placed: list[PlacedLabel] = []
        unwritten = 0
        for number, (place, text) in enumerate(zip(order, texts, strict=True)):
            if number >= len(first) and len(placed) >= most:
                break
            if missing & set(text):
                unwritten += 1
            elif text.strip():
                size = _CHOSEN_SIZE if number < len(first) else _size(len(placed) / most)
                label = self._placed(space, place, text, fonts, size, place in chosen)
                placed += [label] if label else []
        return placed, unwritten

    def _placed(
        self, space: LabelSpace, place: int, text: str, fonts: list[str], size: float, bold: bool
    ) -> PlacedLabel | None:
        """Return one label if there is room for it."""
        font = _font(fonts, size, bold)
        width, height, descent = self._renderer.get_text_width_height_descent(text, font, ismath=False)
        x, y = self._places[place]
        box = space.place(x, y, width + 2 * _MARGIN, height + 2 * _MARGIN, _GAP)
        if box is None:
            return None
        return PlacedLabel(text, box.left + _MARGIN, box.bottom - _MARGIN - descent, width, size, bold)

    def write_labels(self, labels: Sequence[PlacedLabel]) -> None:
        """Write labels, each set off from the points below it."""
        fonts, _ = families([label.text for label in labels], EXTRA)
        outline = _part("patheffects").withStroke(linewidth=2, foreground=self.look.paper)
        for label in labels:
            self._axes.text(
                label.left,
                label.baseline,
                label.text,
                fontproperties=_font(fonts, label.size, label.bold),
                color=self.look.ink,
                parse_math=False,
                path_effects=[outline],
                zorder=4,
            )

    def head(self, title: str) -> None:
        """Write the title."""
        self._write(title, _EDGE, self._whole - 0.36, size=15, weight="bold", color=self.look.ink)

    def foot(self, coloring: str, told: Sequence[str]) -> None:
        """Draw the legend, and write how far the map can be trusted."""
        for number, line in enumerate(told):
            bottom = _EDGE + _LINE * (len(told) - 1 - number)
            self._write(line, _EDGE, bottom, size=8.8, color=self.look.dim)
        if coloring == TRUST:
            self._legend(
                [f"{count}" for count in range(TRUE_NEIGHBORS + 1)],
                np.linspace(0, 1, TRUE_NEIGHBORS + 1),
                f"of a word's {TRUE_NEIGHBORS} true neighbours so many are near it on this map",
            )
        elif coloring == FREQUENCY:
            ends = ["rarest", *[""] * 9, "most frequent"]
            self._legend(ends, np.linspace(0, 1, len(ends)), "words by their place in the order of frequency")

    def _legend(self, names: Sequence[str], shares: NDArray[np.float64], title: str) -> None:
        """Draw a row of fields with their names below, and what they mean beside them."""
        width, bottom, height = 0.24, self._foot - 0.35, 0.14
        patch = _part("patches").Rectangle
        for number, (name, color) in enumerate(zip(names, self._scale(shares), strict=True)):
            left = _EDGE + width * number
            self.figure.add_artist(
                patch(self._of_figure(left, bottom), *self._of_figure(width, height), color=color, lw=0)
            )
            align = "center" if len(name) < 3 else "left" if number == 0 else "right"
            at = left + {"center": width / 2, "left": 0, "right": width}[align]
            self._write(name, at, bottom - 0.16, size=8, color=self.look.dim, ha=align)
        self._write(title, _EDGE + width * len(names) + 0.15, bottom + 0.02, size=8.8, color=self.look.ink)

    def _write(self, text: str, left: float, bottom: float, **style: Any) -> None:
        """Write text on the figure, at inches from its lower left corner."""
        family, _ = families([text], EXTRA)
        self.figure.text(*self._of_figure(left, bottom), text, family=family, parse_math=False, **style)

    def _of_figure(self, x: float, y: float) -> tuple[float, float]:
        """Return inches as shares of the figure."""
        return x / _WIDTH, y / self._whole

    def _scale(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return colours for shares of 0 to 1: (n, 4)."""
        low, high = self.look.scale
        colors: NDArray[np.float64] = _part().colormaps["viridis"](low + shares * (high - low))
        return colors

    def _colors(self, coloring: str) -> NDArray[np.float64]:
        """Return each point's colour: (n, 4)."""
        words = len(self.map)
        if coloring == TRUST:
            return self._scale(self.map.near / TRUE_NEIGHBORS)
        if coloring == FREQUENCY:
            return self._scale(1 - np.log1p(np.arange(words)) / np.log1p(words))
        return np.tile(_part("colors").to_rgba(self.look.point), (words, 1))


def _foot_lines(word_map: WordMap, words: Sequence[str], chosen: Sequence[int]) -> list[str]:
    """Return the text below the map: how far to trust it, and the neighbours of the words asked for."""
    told = textwrap.wrap(" ".join(sentences(word_map)), _COLUMNS)
    for place in chosen:
        near = [_shortened(words[other]) for other in word_map.neighbors[place].tolist()]
        word, count = _shortened(words[place]), word_map.near[place]
        told += textwrap.wrap(
            f"Nearest to {word} in the full space: {', '.join(near)} ({count} near on the map).", _COLUMNS
        )
    return told


def _part(name: str = "") -> Any:
    """Return matplotlib, or a part of it."""
    module = f"matplotlib.{name}" if name else "matplotlib"
    return optional(module, "a picture of a map (an .html file does without)", EXTRA)


def _font(families: list[str], size: float, bold: bool) -> Any:
    """Return a font of matplotlib's."""
    weight = "bold" if bold else "normal"
    return _part("font_manager").FontProperties(family=families, size=size, weight=weight)


def _shortened(word: str) -> str:
    """Return a word as a label: nothing invisible in it, and not longer than a label may be."""
    text = printable(word)
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _size(share: float) -> float:
    """Return the points of a label by how many of the labels came before it: frequent words are larger."""
    return next((size for below, size in _TIERS if share < below), _TIERS[-1][1])

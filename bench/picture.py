"""Quality against training time as an SVG, drawn from the report: ``python -m bench.picture report.json``.

A panel for each score, a line for each program and alpha, a point for each number of epochs; time on a
logarithmic axis. A program has a colour (Okabe and Ito's, told apart by colour-blind readers) and a shape of
its own, an alpha a dash. Letters are large beside the panels, so that the picture can be read on a phone.
"""

from __future__ import annotations

import html
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firth.evaluation.plots import ticks

TITLES = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "men3000": "MEN", "analogies": "analogies"}
PAPER, INK, DIM, GRID = "#ffffff", "#16181d", "#4b515c", "#d9dce1"
NAMES = {"fasttext": "fastText"}
COLORS = {"firth": "#0072b2", "gensim": "#d55e00", "fasttext": "#009e73"}
DASHES = ("", "7 4", "2 3", "10 3 2 3")
WIDTH, COLUMNS = 560, 2
LEFT, TOP, WIDE, HIGH = 52, 84, 216, 150
STEP_X, STEP_Y = 278, 238
"""A panel's place: its left edge and its top, its size, and how far it is to the next one."""
LETTER = 16

Point = tuple[float, float]


def draw(report: dict[str, Any]) -> str:
    """Return the picture; one that says what is missing, if nothing was scored."""
    runs = report["pareto"]
    if not runs:
        return _svg(60, [_text(12, 34, "No run was scored: give --eval and the part pareto.")])
    scores = [name for name in runs[0]["scores"] if name != "mean"]
    alphas = sorted({run["alpha"] for run in runs})
    parts = [
        _text(12, 22, "Quality against training time (ρ: Spearman’s)", weight="bold"),
        *_legend(runs, alphas),
    ]
    seconds = _range_of_seconds([run["seconds"] for run in runs])
    for number, name in enumerate(scores):
        x, y = LEFT + number % COLUMNS * STEP_X, TOP + 40 + number // COLUMNS * STEP_Y
        parts += _panel(x, y, name, runs, alphas, seconds)
    return _svg(TOP + 20 + -(-len(scores) // COLUMNS) * STEP_Y, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    """Return the whole drawing: as wide as there is room, up to one and a half times its own size."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    style = f"width:100%;max-width:{WIDTH * 3 // 2}px;height:auto;background:{PAPER}"
    label = "quality against training seconds, by program and learning rate"
    font = f'font-family="system-ui, sans-serif" font-size="{LETTER}" fill="{INK}"'
    paper = f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>'
    return "\n".join([f'{head} style="{style}" aria-label="{label}" {font}>', paper, *parts, "</svg>", ""])


def _legend(runs: Sequence[dict[str, Any]], alphas: Sequence[float]) -> list[str]:
    """Return a mark for each program, and a dash for each alpha."""
    parts, shown = [], {run["program"] for run in runs}
    for x, program in zip(range(12, WIDTH, 120), filter(shown.__contains__, COLORS), strict=False):
        parts += [_line([(x, 46), (x + 26, 46)], program), _mark(x + 13, 46, program)]
        parts.append(_text(x + 32, 51, NAMES.get(program, program)))
    step = min(150, (WIDTH - 12) // len(alphas))
    for x, alpha in zip(range(12, WIDTH, step), alphas, strict=False):
        parts.append(_line([(x, 72), (x + 30, 72)], "", _dash(alpha, alphas)))
        parts.append(_text(x + 35, 77, f"alpha {alpha:g}"))
    return parts


def _range_of_seconds(seconds: Sequence[float]) -> tuple[float, float]:
    """Return logarithms of the ends of the time axis, with some room."""
    low, high = math.log10(min(seconds)), math.log10(max(seconds))
    room = max(0.05, 0.05 * (high - low))
    return low - room, high + room


def _panel(
    x: float, y: float, name: str, runs: list[dict[str, Any]], alphas: list[float], ends: tuple[float, float]
) -> list[str]:
    """Return one score's panel, its plot's upper left corner at (x, y)."""
    percent = 100.0 if name == "analogies" else 1.0
    values = [run["scores"][name] * percent for run in runs]
    room = max(0.08 * (max(values) - min(values)), 0.005 * percent)
    low, high = min(values) - room, max(values) + room

    def across(seconds: float) -> float:
        return x + WIDE * (math.log10(seconds) - ends[0]) / (ends[1] - ends[0])

    def down(score: float) -> float:
        return y + HIGH * (high - score) / (high - low)

    title = TITLES.get(name, name) + (", % right" if name == "analogies" else ", ρ")
    parts = [_text(x, y - 10, title, weight="bold")]
    for value in ticks(low, high):
        at = down(value)
        parts += [_rule(x, at, x + WIDE, at), _text(x - 6, at + 5, f"{value:g}", "end", DIM)]
    for value in round_seconds(*ends):
        at = across(value)
        parts += [_rule(at, y, at, y + HIGH), _text(at, y + HIGH + 19, f"{value:g}", "middle", DIM)]
    parts.append(_text(x + WIDE / 2, y + HIGH + 39, "training, seconds", "middle", DIM))
    lines: dict[tuple[str, float], list[Point]] = {}
    for run in sorted(runs, key=lambda run: run["epochs"]):
        place = across(run["seconds"]), down(run["scores"][name] * percent)
        lines.setdefault((run["program"], run["alpha"]), []).append(place)
    for (program, alpha), places in sorted(lines.items()):
        parts.append(_line(places, program, _dash(alpha, alphas)))
        parts += [_mark(*place, program) for place in places]
    return parts


def round_seconds(low: float, high: float) -> list[float]:
    """Return numbers between two logarithms: powers of ten, where they are few also three times them.

    >>> round_seconds(-0.1, 1.6)
    [1.0, 3.0, 10.0, 30.0]
    """
    for digits in ((1,), (1, 3), (1, 2, 3, 5, 7)):
        found = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high)) for digit in digits]
        within = [value for value in found if low <= math.log10(value) <= high]
        if len(within) > 3:
            break
    return within


def _dash(alpha: float, alphas: Sequence[float]) -> str:
    return DASHES[list(alphas).index(alpha) % len(DASHES)]


def _line(places: Sequence[Point], program: str, dash: str = "") -> str:
    """Return a line in the program's colour."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    color = COLORS.get(program, DIM)
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dashed}/>'


def _mark(x: float, y: float, program: str) -> str:
    """Return a point in the program's colour and shape: circle, square or triangle."""
    look = f'fill="{COLORS.get(program, DIM)}" stroke="{PAPER}"'
    if program == "firth":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {look}/>'
    if program == "gensim":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" {look}/>'
    return f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" {look}/>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def _text(
    x: float, y: float, words: str, anchor: str = "start", color: str = INK, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-weight="{weight}">'
        f"{html.escape(words)}</text>"
    )


def main() -> None:
    """Print the picture of a report that was written before."""
    print(draw(json.loads(Path(sys.argv[1]).read_text())), end="")


if __name__ == "__main__":
    main()

"""Pieces of the report's HTML. Whatever is text comes out as text: escaped, and nothing invisible in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firth.evaluation.bootstrap import Estimate
from firth.evaluation.plots import axis, strip, text


def strips(rows: Sequence[tuple[str, Sequence[tuple[str, Estimate]], str]], low: float, high: float) -> str:
    """Lay out rows of (name, marks, values) as a plot."""
    lowest = min([low, *(e.low for _, marks, _ in rows for _, e in marks if e.low is not None)])
    cells = []
    for name, marks, values in rows:
        spoken = ", ".join(plain(one) for _, one in marks)
        drawn = strip(marks, lowest, high, spoken) if marks else ""
        cells.append(f'<div class="name">{name}</div><div>{drawn}</div><div class="values">{values}</div>')
    return f'<div class="plot">{"".join(cells)}<div></div><div>{axis(lowest, high)}</div><div></div></div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table; every cell is text."""
    top = "".join(f"<th>{text(cell)}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>{f"<tr>{top}</tr>" if top else ""}{lines}</table></div>'


def mark(kind: str) -> str:
    """Return the mark of a model within text."""
    shape = "diamond" if "diamond" in kind else ""
    return f'<span class="mark {kind} {shape}" aria-hidden="true"></span>'


def written(estimate: Estimate) -> str:
    """Write a score and its interval as HTML."""
    if estimate.value is None:
        return text(estimate.reason)
    ends = (
        f' <span class="dim">[{estimate.low:.3f}, {estimate.high:.3f}]</span>'
        if estimate.low is not None
        else ""
    )
    return f"<b>{estimate.value:.3f}</b>{ends}"


def plain(estimate: Estimate) -> str:
    """Write a score and its interval as text."""
    if estimate.value is None:
        return estimate.reason
    ends = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if estimate.low is not None else ""
    return f"{estimate.value:.3f}{ends}"


def listed_words(words: Iterable[str]) -> str:
    """Write words in a row, each in its own direction of writing."""
    return ", ".join(f"<bdi>{text(word)}</bdi>" for word in words)

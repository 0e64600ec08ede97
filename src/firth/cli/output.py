"""How commands print: tables for people, strict JSON for programs, one line for an error.

Results go to stdout and everything else to stderr. A terminal gets colour (unless ``NO_COLOR`` is set);
a pipe or a file gets plain text in aligned columns.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.notes import note, wrapped
from firth.printable import one_line, printable


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    right: bool = False
    """Numbers stand to the right."""
    style: str = ""
    """Style on a terminal, in rich's words."""


def print_json(value: Any) -> None:
    """Print a value as strict JSON in UTF-8, whatever the terminal's own encoding.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=2)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def print_error(message: str) -> None:
    """Print an error as one line on stderr."""
    note(f"firth: error: {one_line(message)}")


def program() -> str:
    """Return how the user can type this program: ``firth`` if that is on the path, else its file."""
    typed = sys.argv[0]
    found = shutil.which("firth")
    if Path(typed).name != "firth" or (found and Path(found).samefile(typed)):
        return "firth"
    return os.path.relpath(typed)


def print_line(text: str) -> None:
    """Print a line of text: control characters escaped, on a terminal wrapped between words."""
    print(wrapped(printable(text)) if sys.stdout.isatty() else printable(text))


def print_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells under a title; control characters are escaped, markup is printed literally."""
    safe = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(printable(title), columns, safe)
    else:
        _print_plain(printable(title), columns, safe)


def speaks_unicode() -> bool:
    """Tell whether stdout can show what is not ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def screen_width(default: int = 72, most: int = 100) -> int:
    """Return the columns to draw in: the terminal's, or a default for a pipe."""
    if not sys.stdout.isatty():
        return default
    return max(40, min(shutil.get_terminal_size().columns - 1, most))


def bar(share: float, width: int = 10) -> str:
    """Return a bar for a share of 0 to 1 on a terminal that can show it, otherwise nothing."""
    if not (sys.stdout.isatty() and speaks_unicode()):
        return ""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _print_rich(title: str, columns: Sequence[Column], rows: list[list[str]]) -> None:
    """Print a table on a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    headed = any(column.title for column in columns)
    table = Table(
        box=box.SIMPLE_HEAD if headed else None, show_header=headed, pad_edge=False, show_edge=False
    )
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            style=column.style,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(markup=False, highlight=False, emoji=False)
    if title:
        console.print(Text(title, style="bold"))
    console.print(table)


def _print_plain(title: str, columns: Sequence[Column], rows: list[list[str]]) -> None:
    """Print a table as aligned text; columns without a single filled cell are left out."""
    from rich.cells import cell_len

    used = [c for c in range(len(columns)) if any(row[c] for row in rows)]
    head = [[columns[c].title for c in used]] if any(columns[c].title for c in used) else []
    lines = head + [[row[c] for c in used] for row in rows]
    widths = [max((cell_len(line[c]) for line in lines), default=0) for c in range(len(used))]
    if title:
        print(title)
    for line in lines:
        cells = []
        for place, (cell, width) in enumerate(zip(line, widths, strict=True)):
            gap = " " * (width - cell_len(cell))
            cells.append(gap + cell if columns[used[place]].right else cell + gap)
        print("  ".join(cells).rstrip())

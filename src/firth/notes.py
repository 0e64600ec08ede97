"""Lines on stderr that tell what goes on. Nobody listening is no reason to stop working."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

from firth.printable import printable


def note(text: str) -> None:
    """Print one line on stderr, wrapped between words on a terminal.

    Where stderr has been closed (``firth train … 2>&1 | head``), this and all that follows goes nowhere.
    """
    try:
        print(
            wrapped(printable(text)) if sys.stderr.isatty() else printable(text), file=sys.stderr, flush=True
        )
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def wrapped(text: str) -> str:
    """Return a line broken between words so that it fits the terminal; its indentation stays."""
    indent = text[: len(text) - len(text.lstrip())]
    width = max(20, shutil.get_terminal_size().columns - 1)
    lines = textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return "\n".join(lines)

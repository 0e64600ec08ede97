"""Lists as comma-separated values, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence

from firth.errors import ConfigError
from firth.printable import printable


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a heading and rows as CSV in UTF-8; a value that is None is left empty.

    A terminal gets control characters escaped, a pipe or a file gets the words as they are.
    """
    sys.stdout.flush()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    whole = text.getvalue()
    if sys.stdout.isatty():
        whole = "".join(f"{printable(line)}\n" for line in whole.splitlines())
    sys.stdout.buffer.write(whole.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def one_output(as_json: bool, as_csv: bool) -> None:
    """Refuse ``--json`` and ``--csv`` together.

    Raises:
        ConfigError: both are wanted.
    """
    if as_json and as_csv:
        raise ConfigError("--json and --csv are two forms of one answer: give one of them")

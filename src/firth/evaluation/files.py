"""Evaluation files: which kind a file is, told by what is in it, and what it asks.

=============  ======================================================================================
similarity     two words and a score a line (WordSim-353, SimLex-999, MEN, RW, SCWS, SimVerb, RG-65)
analogies      ``: section`` lines and four words a line (Google), four words a line that recur, MSR's
               files, pairs of words; a folder of files of pairs is BATS
odd-one-out    a group of words a line: the odd one has a ``*``, or is the last
categories     a word and its category a line
=============  ======================================================================================

Everywhere: UTF-8; tabs, commas, semicolons or spaces; any line ends; blank lines and lines that begin with
``#`` are skipped.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.errors import ConfigError, FormatError
from firth.evaluation.analogies import Section
from firth.evaluation.parsing import (
    LINES_LOOKED_AT,
    MARK,
    Line,
    combined,
    in_columns,
    is_number,
    parse_answers,
    parse_groups,
    parse_members,
    parse_msr,
    parse_pairs,
    parse_questions,
    score_layout,
    share,
)
from firth.printable import quoted

SIMILARITY, ANALOGIES, ODDITY, CATEGORIES = "similarity", "analogies", "odd-one-out", "categories"
KINDS = (SIMILARITY, ANALOGIES, ODDITY, CATEGORIES)

LARGEST = 1 << 28
_LINE_END = re.compile(r"\r\n|\n|\r")
_SENTENCE_END = re.compile(r"[.!?:;,\"')]$")
_MOST_WORDS = 30


@dataclass(frozen=True)
class EvaluationFile:
    """What a file asks."""

    name: str
    """Its file name, with as much of the path as tells it from the other files."""
    path: str
    kind: str
    """One of ``KINDS``."""
    items: Sequence[Any]
    """Pairs, sections of questions, groups, or members: see the modules of that name."""


def read_files(paths: Sequence[str | os.PathLike[str]], kind: str | None = None) -> list[EvaluationFile]:
    """Read several files; one that is named twice is read once. See :func:`read_file`."""
    first: dict[Path, Path] = {}
    for path in map(Path, paths):
        first.setdefault(path.resolve(), path)
    different = list(first.values())
    names = distinct_names(different)
    return [read_file(path, kind, name) for path, name in zip(different, names, strict=True)]


def read_file(
    path: str | os.PathLike[str], kind: str | None = None, name: str | None = None
) -> EvaluationFile:
    """Read a file, or a folder of BATS.

    Args:
        path: the file.
        kind: one of ``KINDS``; None to tell it by what is in the file.
        name: what to call it; None for its file name.

    Raises:
        FormatError: it cannot be read; the message names the line.
        ConfigError: there is no such kind.
    """
    place = Path(path)
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"there is no kind {quoted(kind)}: give one of {', '.join(KINDS)}")
    title = name or place.name
    if place.is_dir():
        if kind not in (None, ANALOGIES):
            raise ConfigError(f"{place}: a folder holds analogies (BATS), not {kind}: give a file")
        return EvaluationFile(title, str(place), ANALOGIES, _read_bats(place))
    lines = read_lines(place)
    answers = place.with_suffix(".answers")
    if place.suffix == ".questions" and answers.is_file() and kind in (None, ANALOGIES):
        sections = parse_msr(str(place), lines, str(answers), read_lines(answers))
        return EvaluationFile(title, str(place), ANALOGIES, sections)
    known = kind or sniff(place, lines)
    items: Sequence[Any]
    if known == SIMILARITY:
        items = parse_pairs(str(place), lines)
    elif known == ANALOGIES:
        items = parse_questions(str(place), place.stem, lines)
    elif known == ODDITY:
        items = parse_groups(str(place), lines)
    else:
        items = parse_members(str(place), lines)
    if not items:
        raise FormatError(f"{place}: has a header and nothing else: give a file with data in it")
    return EvaluationFile(title, str(place), known, items)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a text file that are neither blank nor comments."""
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path}: has {path.stat().st_size:,} bytes, too many for an evaluation file")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: byte {error.start} is not UTF-8: convert the file "
            f"(iconv -f latin1 -t utf-8), or give another"
        ) from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}): give an evaluation file") from None
    if "\0" in text:
        raise FormatError(f"{path}: holds zero bytes, so it is no text: give an evaluation file")
    numbered = (Line(number, line.strip()) for number, line in enumerate(_LINE_END.split(text), 1))
    lines = [line for line in numbered if line.text and not line.text.startswith("#")]
    if not lines:
        raise FormatError(
            f"{path}: has no lines (blank ones and comments aside): give a file with data in it"
        )
    return lines


def sniff(path: Path, lines: Sequence[Line]) -> str:
    """Tell the kind of a file by its lines.

    Raises:
        FormatError: it looks like none of them.
    """
    if any(line.text.startswith(":") for line in lines):
        return ANALOGIES
    rows = in_columns(lines)[:LINES_LOOKED_AT]
    if score_layout(rows) is not None:
        return SIMILARITY
    cells = [row.cells for row in rows]
    width, times = Counter(map(len, cells)).most_common(1)[0]
    regular = times >= 0.9 * len(cells)
    if width == 2 and regular:
        if share(is_number(second) for _, second in (row for row in cells if len(row) == 2)) > 0.5:
            return SIMILARITY  # its parser says which column is missing
        seconds = [row[1] for row in cells if len(row) == 2]
        several = share("/" in second for second in seconds) > 0.3  # BATS
        return CATEGORIES if len(set(seconds)) <= 0.7 * times and not several else ANALOGIES
    marked = share(any(MARK in (cell[:1], cell[-1:]) for cell in row) for row in cells) > 0.5
    wordy = share(any(map(is_number, row)) or bool(_SENTENCE_END.search(row[-1])) for row in cells) < 0.1
    if wordy and not marked and regular and width in (4, 5):
        tagged = share(len(row) == 5 and row[3].isupper() for row in cells) > 0.5
        words = [cell for row in cells for cell in row]
        recurring = len(set(words)) <= len(words) / 2  # pairs are asked by each other; groups share no words
        if tagged or (width == 4 and recurring):
            return ANALOGIES
    if wordy and 3 <= width <= _MOST_WORDS and (regular or marked):
        return ODDITY
    if share(len(row) > 3 and all(map(is_number, row[1:])) for row in cells[1:]) > 0.5:
        raise FormatError(f"{path}: looks like word vectors: models come before the files")
    first = f"line {lines[0].number}, {quoted(lines[0].text[:40])}"
    raise FormatError(
        f"{path}: looks like no evaluation file ({first}): if it is one, give --kind ({', '.join(KINDS)})"
    )


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Return for each path its last part, and as many of the parts before as tell it from the others.

    >>> distinct_names([Path("a/x.txt"), Path("b/x.txt"), Path("b/y.txt")])
    ['a/x.txt', 'b/x.txt', 'y.txt']
    """
    parts = [Path.cwd().joinpath(path).parts for path in paths]
    lengths = [1] * len(paths)
    while True:
        names = [Path(*part[-length:]).as_posix() for part, length in zip(parts, lengths, strict=True)]
        clashing = [
            at for at, name in enumerate(names) if names.count(name) > 1 and lengths[at] < len(parts[at])
        ]
        if not clashing:
            return names
        for at in clashing:
            lengths[at] += 1


def _read_bats(folder: Path) -> list[Section]:
    """Read a folder of files of pairs, at any depth, in the order of their names."""
    files = sorted(folder.rglob("*.txt"))
    if not files:
        raise FormatError(
            f"{folder}: no .txt file is in it: give a folder of BATS or an evaluation file, after the model"
        )
    return [
        Section(file.stem, combined(parse_answers(str(file), in_columns(read_lines(file))))) for file in files
    ]

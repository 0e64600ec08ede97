"""The lines of evaluation files: what the published test sets look like, read without being told.

Every parser takes the path, for its messages, and the file's lines without blank ones and comments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, NoReturn

from firth.errors import FormatError
from firth.evaluation.analogies import Question, Section
from firth.evaluation.categories import Member
from firth.evaluation.oddity import Group
from firth.evaluation.similarity import Pair
from firth.printable import quoted

LINES_LOOKED_AT = 200
MARK = "*"
_POS = re.compile(r"[-_][nvjar]", re.IGNORECASE)
_POS_COLUMN = re.compile(r"[A-Za-z]{1,3}")
_HEADER_SCORE = re.compile(r"score|mean|rating|human|sim|relat|gold|average|avg|judg", re.IGNORECASE)
_HEADER_WORD = re.compile(r"(word|w|term|item|target|concept)[ _-]?\d?", re.IGNORECASE)
_HEADER_CATEGORY = re.compile(r"category|categories|class|label|cluster", re.IGNORECASE)
_MSR_TAG = re.compile(r"[A-Z]+\$?_[A-Z]+\$?")


class Line(NamedTuple):
    """A line and its number in the file."""

    number: int
    text: str


class Row(NamedTuple):
    """A line in columns."""

    number: int
    cells: list[str]


def fail(path: str, number: int, problem: str) -> NoReturn:
    """Raise the error for a line that cannot be read."""
    raise FormatError(f"{path}:{number}: {problem}")


def is_number(text: str) -> bool:
    """Tell whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def in_columns(lines: Sequence[Line]) -> list[Row]:
    """Split lines at what most of them have between their words: tab, semicolon, comma, or white space."""
    some = lines[:LINES_LOOKED_AT]
    delimiter = next((d for d in "\t;," if sum(d in line.text for line in some) > len(some) / 2), None)
    if delimiter is None:
        return [Row(line.number, line.text.split()) for line in lines]
    cells = (
        next(csv.reader([line.text], delimiter=delimiter), [""])
        if '"' in line.text and delimiter != "\t"
        else line.text.split(delimiter)
        for line in lines
    )
    return [Row(line.number, [cell.strip() for cell in row]) for line, row in zip(lines, cells, strict=True)]


def share(rows: Iterable[bool]) -> float:
    """Return the share of True; 0 of nothing."""
    values = list(rows)
    return sum(values) / len(values) if values else 0.0


def score_layout(rows: Sequence[Row]) -> tuple[int, int, int] | None:
    """Return the columns of the two words and of their score; None if no column holds scores.

    A first column of whole numbers before two words is a number of the line. SCWS has, behind that, each
    word followed by its part of speech, two contexts, and then the score.
    """
    every = [row.cells for row in rows[:LINES_LOOKED_AT]]
    some = every[1:] or every  # the first may be a header
    width = max((len(cells) for cells in every), default=0)

    def numeric(column: int, lines: Sequence[list[str]] = some) -> float:
        return share(len(cells) > column and is_number(cells[column]) for cells in lines)

    numbered = width >= 4 and numeric(0) > 0.9 and numeric(1) < 0.1 and numeric(2) < 0.1
    tagged = share(len(c) > 7 and all(_POS_COLUMN.fullmatch(c[at]) for at in (2, 4)) for c in some)
    if numbered and tagged > 0.9:
        return (1, 3, 7) if numeric(7) > 0.5 else None
    first = int(numbered)
    if numeric(first) > 0.5 or numeric(first + 1) > 0.5:
        return None
    scored = next((at for at in range(first + 2, width) if numeric(at, every) >= 0.5), None)
    return None if scored is None else (first, first + 1, scored)


def parse_pairs(path: str, lines: Sequence[Line]) -> list[Pair]:
    """Read two words and a score a line; further columns are left aside."""
    rows = in_columns(lines)
    a, b, score = score_layout(rows) or (0, 1, 2)
    if _is_header(rows[0], a, b, score):
        rows = rows[1:]
    scores = [_score(path, row, score) for row in rows]
    pairs = [Pair(row.cells[a], row.cells[b], value) for row, value in zip(rows, scores, strict=True)]
    if all(_POS.fullmatch(word[-2:]) and len(word) > 2 for pair in pairs for word in pair[:2]):
        return [Pair(pair.a[:-2], pair.b[:-2], pair.score) for pair in pairs]  # MEN's lemmas: sun_n, run_v
    return pairs


def _is_header(row: Row, a: int, b: int, score: int) -> bool:
    """Tell whether the first line names the columns."""
    if len(row.cells) <= score or is_number(row.cells[score]):
        return False
    words = all(_HEADER_WORD.fullmatch(row.cells[column]) for column in (a, b))
    return words or bool(_HEADER_SCORE.search(row.cells[score]))


def _score(path: str, row: Row, column: int) -> float:
    """Return the score of a line."""
    if len(row.cells) <= column:
        fail(
            path,
            row.number,
            f"{_count(row)} where two words and a score are needed ({quoted(' '.join(row.cells))}): "
            "separate them by tabs, commas or spaces, the same on every line",
        )
    text = row.cells[column]
    value = float(text) if is_number(text) else float("nan")
    if not abs(value) < float("inf"):
        remedy = (
            "write it with a point, as 7.35"
            if "," in text
            else "mend the line, or begin it with # to skip it"
        )
        fail(path, row.number, f"the score {quoted(text)} is not a number: {remedy}")
    return value


def _count(row: Row) -> str:
    return f"{len(row.cells)} column" + ("s" if len(row.cells) != 1 else "")


def parse_questions(path: str, name: str, lines: Sequence[Line]) -> list[Section]:
    """Read analogies: Google's sections of four words, four words without sections, MSR's, or pairs.

    MSR's lines have a tag before the answer, which names the section. Pairs ("word<TAB>word/other", as in
    BATS) are combined: each with each other.
    """
    if any(line.text.startswith(":") for line in lines):
        return _parse_sections(path, lines)
    rows = in_columns(lines)
    if share(len(row.cells) == 2 for row in rows) > 0.5:
        return [Section(name, combined(parse_answers(path, rows)))]
    tags = share(len(row.cells) == 5 and bool(_MSR_TAG.fullmatch(row.cells[3])) for row in rows) > 0.5
    sections: dict[str, list[Question]] = {}
    for row in rows:
        if len(row.cells) != (5 if tags else 4):
            _wrong_question(path, row)
        a, b, c, *tag, answer = row.cells
        sections.setdefault(tag[0] if tag else name, []).append(Question(a, (b,), c, (answer,)))
    return [Section(title, questions) for title, questions in sections.items()]


def _parse_sections(path: str, lines: Sequence[Line]) -> list[Section]:
    """Read Google's format."""
    sections: list[tuple[str, list[Question]]] = []
    for line in lines:
        if line.text.startswith(":"):
            sections.append((line.text[1:].strip() or f"section {len(sections) + 1}", []))
            continue
        words = line.text.split()
        if not sections:
            fail(
                path,
                line.number,
                f"the question {quoted(line.text)} stands before any section: begin with a line "
                "': NAME-OF-SECTION'",
            )
        if len(words) != 4:
            _wrong_question(path, Row(line.number, words))
        sections[-1][1].append(Question(words[0], (words[1],), words[2], (words[3],)))
    return [Section(name, questions) for name, questions in sections]


def _wrong_question(path: str, row: Row) -> NoReturn:
    fail(
        path,
        row.number,
        f"{len(row.cells)} words where an analogy has four, 'a b c d' for a : b = c : d "
        f"({quoted(' '.join(row.cells))}); begin the line with # to skip it",
    )


def parse_msr(path: str, lines: Sequence[Line], answers_path: str, answers: Sequence[Line]) -> list[Section]:
    """Read MSR's two files: three words a line, and beside it a tag and the answer."""
    if len(lines) != len(answers):
        raise FormatError(
            f"{path}: has {len(lines)} questions, but {answers_path} has {len(answers)} answers: "
            "they must belong together, line by line"
        )
    joined = []
    for line, answer in zip(lines, answers, strict=True):
        if len(answer.text.split()) != 2:
            fail(answers_path, answer.number, f"{quoted(answer.text)} is not a tag and a word")
        if len(line.text.split()) != 3:
            fail(path, line.number, f"{quoted(line.text)} is not three words")
        joined.append(Line(line.number, f"{line.text} {answer.text}"))
    sections: dict[str, list[Question]] = {}
    for line in joined:
        a, b, c, tag, right = line.text.split()
        sections.setdefault(tag, []).append(Question(a, (b,), c, (right,)))
    return [Section(title, questions) for title, questions in sections.items()]


def parse_answers(path: str, rows: Sequence[Row]) -> list[tuple[str, tuple[str, ...]]]:
    """Read BATS's lines: a word, and one or several answers between slashes."""
    pairs = []
    for row in rows:
        answers = tuple(filter(None, row.cells[1].split("/"))) if len(row.cells) == 2 else ()
        if not answers or not row.cells[0]:
            fail(
                path,
                row.number,
                f"{quoted(' '.join(row.cells))} is not a word and its answers: "
                "write 'word<TAB>answer' or 'word<TAB>answer/other'",
            )
        pairs.append((row.cells[0], answers))
    return pairs


def combined(pairs: Sequence[tuple[str, tuple[str, ...]]]) -> list[Question]:
    """Return the questions that ask each pair by each other pair."""
    return [
        Question(a, b, c, answers)
        for i, (a, b) in enumerate(pairs)
        for j, (c, answers) in enumerate(pairs)
        if i != j
    ]


def parse_groups(path: str, lines: Sequence[Line]) -> list[Group]:
    """Read groups of words; the odd one has a ``*`` before or behind it, or is the last."""
    groups = []
    for row in in_columns(lines):
        words = [cell for cell in row.cells if cell]
        marked = [at for at, word in enumerate(words) if len(word) > 1 and MARK in (word[0], word[-1])]
        plain = tuple(word.strip(MARK) if at in marked else word for at, word in enumerate(words))
        if len(marked) > 1:
            fail(
                path,
                row.number,
                f"{len(marked)} words are marked with {MARK}: mark one, or none for the last",
            )
        if len(plain) < 3 or len(set(plain)) < len(plain):
            fail(
                path,
                row.number,
                f"{quoted(' '.join(words))} is not a group of three different words or more",
            )
        groups.append(Group(plain, marked[0] if marked else len(plain) - 1))
    return groups


def parse_members(path: str, lines: Sequence[Line]) -> list[Member]:
    """Read a word and its category a line."""
    rows = in_columns(lines)
    if (
        len(rows[0].cells) == 2
        and _HEADER_WORD.fullmatch(rows[0].cells[0])
        and _HEADER_CATEGORY.fullmatch(rows[0].cells[1])
    ):
        rows = rows[1:]
    for row in rows:
        if len(row.cells) != 2 or not all(row.cells):
            fail(
                path,
                row.number,
                f"{quoted(' '.join(row.cells))} is not a word and a category: 'word<TAB>category'",
            )
    return [Member(*row.cells) for row in rows]

"""Lines of a word and its numbers, read and written: what all text formats of word vectors have in common.

pyarrow's CSV reader parses a block of lines at once. A block that does not fit its idea of a table (a word
with a space in it, a number that is none, lines of different lengths) is halved until few lines are left,
and these are looked at one by one: so a few odd lines cost little, and an error names its line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.packed import UTF8_BOM, Source
from firth.formats.stream import Block, ReadOptions
from firth.printable import quoted

LARGEST_SIZE = 1 << 20
"""Dimensions that a header may ask for."""
BLOCK_BYTES = 1 << 22
"""Read at a time: enough for several threads, and little enough for the processor's cache."""
LONGEST_LINE = 64 << 20
HEADER = re.compile(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*(?:\n|\Z)")
"""The first line of word2vec's formats: the number of words, then of dimensions."""
_FEW_LINES = 64
_CSV_BLOCK = 1 << 20  # what a thread parses at a time
_NUMBERS_AT_ONCE = 1 << 19  # as text about 6 MB
_BLANK = re.compile(r"[ \t\n\v\f\r]|\A\Z")


@dataclass(frozen=True)
class Rows:
    """How a file's lines are to be read."""

    path: Path
    size: int
    """Numbers in a line, D."""
    options: ReadOptions
    separator: bytes = b" "

    def blocks(self, *, header: bool = False) -> Iterator[Block]:
        """Walk through the file; its first line is left out if it is a ``header``.

        Raises:
            FormatError: a damaged line, unless such are left out.
        """
        for data, line in line_blocks(self.path):
            if header and line == 1:
                start = data.find(b"\n") + 1 or len(data)
                yield from self.parsed(data[start:], 2)
            else:
                yield from self.parsed(data, line)

    def parsed(self, data: bytes, line: int) -> Iterator[Block]:
        """Parse whole lines, of which the first has the number ``line``."""
        if not data:
            return
        block = _parsed_at_once(data, self.size, self.separator, self.options.encoding)
        if block is not None:
            words, vectors = block
            yield Block(words, vectors, None, lambda row: f"line {line + row}")
            return
        lines = data.count(b"\n")
        if lines <= _FEW_LINES:
            yield from self._one_by_one(data, line)
            return
        middle = data.rfind(b"\n", 0, len(data) // 2) + 1 or data.find(b"\n") + 1
        yield from self.parsed(data[:middle], line)
        yield from self.parsed(data[middle:], line + data.count(b"\n", 0, middle))

    def _one_by_one(self, data: bytes, first: int) -> Iterator[Block]:
        """Parse a few lines with all the patience that they need; blank ones are left out."""
        words: list[str] = []
        vectors: list[NDArray[np.float32]] = []
        numbers: list[int] = []
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                continue
            place = f"line {number}"
            found = _word_and_numbers(line, self.size, self.separator)
            if isinstance(found, str):
                self.options.bad(self.path, place, found)
                continue
            word = self.options.decode(found[0], self.path, place)
            if word is not None:
                words.append(word)
                vectors.append(found[1])
                numbers.append(number)
        if words:
            yield Block(words, np.stack(vectors), None, lambda row: f"line {numbers[row]}")


def line_blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield (whole lines, number of the first of them), a block at a time; a byte order mark is taken off.

    Raises:
        FormatError: the file cannot be read, or has a line that is longer than any row of vectors.
    """
    with Source(path) as source:
        carry = source.read(len(UTF8_BOM)).removeprefix(UTF8_BOM)
        line = 1
        while True:
            more = source.read(BLOCK_BYTES)
            data = carry + more
            # A line's end cannot lie in what was carried over, save at the very beginning.
            end = data.rfind(b"\n") + 1 if more else len(data)
            if end:
                yield data[:end], line
                line += data.count(b"\n", 0, end)
            elif len(data) > LONGEST_LINE:
                raise FormatError(
                    f"{path}, line {line}: has more than {LONGEST_LINE:,} bytes: this is no text of "
                    "word vectors; name the format with --from (format=)"
                )
            if not more:
                return
            carry = data[end:]


def write_lines(
    file: IO[bytes], words: list[str] | None, vectors: NDArray[np.float32], separator: str, end: str
) -> None:
    """Write a line a row: its word, if there are words, and its numbers.

    A number gets the fewest digits that read back as the same float32.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    size = vectors.shape[1]
    step = max(1, _NUMBERS_AT_ONCE // size)
    for start in range(0, len(vectors), step):
        some = vectors[start : start + step]
        numbers = pa.array(np.ascontiguousarray(some).ravel()).cast(pa.string())
        bounds = np.arange(0, some.size + 1, size, dtype=np.int32)
        parts = [pc.binary_join(pa.ListArray.from_arrays(bounds, numbers), separator), end]
        if words is not None:
            parts = [pa.array(words[start : start + step], pa.string()), separator, *parts]
        file.write(pc.binary_join_element_wise(*parts, "").buffers()[2])


def refuse_words(words: list[str], first: int, path: Path, pattern: re.Pattern[str], what: str) -> None:
    """Refuse words that a text format cannot hold.

    Args:
        words: the words of a block.
        first: the number of rows before it.
        path: where they are to be written.
        pattern: finds what the format cannot hold, in any one word.
        what: what it finds, for the message.

    Raises:
        FormatError: names the word, its row and formats that hold any word.
    """
    if not any(map(pattern.search, words)) and _has_utf8("".join(words)):
        return
    for row, word in enumerate(words, first + 1):
        if not pattern.search(word) and _has_utf8(word):
            continue
        problem = f"has {what}" if word else "is empty"
        remedy = "write firth, parquet or npz instead"
        if not _has_utf8(word):
            problem, remedy = "has no UTF-8 form", "clean the corpus of it"
        raise FormatError(
            f"{path}: the word {quoted(word)} (row {row:,}) {problem}, which this format cannot hold: "
            f"{remedy}"
        )


def refuse_blanks(words: list[str], first: int, path: Path) -> None:
    """Refuse words that a format of words between spaces cannot hold: empty ones and those with blanks.

    Raises:
        FormatError: see :func:`refuse_words`.
    """
    refuse_words(words, first, path, _BLANK, "a blank or a line's end in it")


def parse_header(head: bytes) -> tuple[int, int] | None:
    """Return (V, D) if a file begins with them.

    >>> parse_header(b"3 2\\nking 0.1 0.2\\n")
    (3, 2)
    """
    found = HEADER.match(head)
    return (int(found[1]), int(found[2])) if found else None


def check_promise(
    path: Path, rows: int, size: int, least: int, available: int | None, options: ReadOptions
) -> None:
    """Compare what a header promises with the size of the file, before anything is made of it.

    Args:
        path: the file.
        rows: V, as the header says.
        size: D, as the header says.
        least: bytes that a row takes at least.
        available: bytes in the file; None if it is compressed.
        options: whether to go on regardless.

    Raises:
        FormatError: the promise cannot be kept.
    """
    if size > LARGEST_SIZE:
        raise FormatError(
            f"{path}, line 1: its header promises vectors of {size:,} dimensions, and firth reads at most "
            f"{LARGEST_SIZE:,}: the header is damaged, or the file is something else"
        )
    needed = rows * least
    if available is not None and needed > available:
        options.bad(
            path,
            "line 1",
            f"its header promises {rows:,} vectors of {size:,} dimensions, at least {needed:,} bytes, but "
            f"the file has {available:,}: it is cut short, or its header lies",
        )


def is_number(field: bytes) -> bool:
    """Tell whether a field is a decimal number; 1_000, which Python takes for one, is none."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def trailing_numbers(line: bytes) -> int:
    """Return how many fields of a line, from its end, are numbers; the first field is a word.

    >>> trailing_numbers(b"at 5 0.1 0.2")
    3
    """
    fields = line.split()[1:]
    wrong = [at for at, field in enumerate(fields, 1) if not is_number(field)]
    return len(fields) - (wrong[-1] if wrong else 0)


def _parsed_at_once(
    data: bytes, size: int, separator: bytes, encoding: str
) -> tuple[list[str], NDArray[np.float32]] | None:
    """Return the words and the vectors of lines that are all of one kind, or None if they are not."""
    import pyarrow as pa
    from pyarrow import csv

    if data.startswith(UTF8_BOM):  # pyarrow would take it off, wherever in the file the block lies
        return None
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    line = data.partition(b"\n")[0].rstrip(b"\r")
    if line.count(separator) < size:  # so that no header makes us prepare for a million columns in vain
        return None
    ended = line.endswith(separator)
    text = codecs.lookup(encoding).name == "utf-8"
    names, convert = _columns(size, text, ended)
    block_size = max(_CSV_BLOCK, 2 * len(data) // lines)
    try:
        table = csv.read_csv(
            pa.BufferReader(_own_copy(data)),
            read_options=csv.ReadOptions(column_names=names, block_size=block_size),
            parse_options=csv.ParseOptions(
                delimiter=separator.decode(), quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            convert_options=convert,
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != lines or (ended and any(table.column(size + 1).to_pylist())):
        return None
    words = table.column(0).to_pylist()
    if not text:
        try:
            words = [one.decode(encoding) for one in words]
        except UnicodeDecodeError:
            return None
    return words, _matrix(table, size)


def _own_copy(data: bytes) -> Any:
    """Return bytes in memory of Arrow's own.

    A thread of the CSV reader may let go of its input late, when Python ends; for memory of Python's it would
    then wait for a lock that is gone, and abort the process.
    """
    import pyarrow as pa

    buffer = pa.allocate_buffer(len(data))
    memoryview(buffer).cast("B")[:] = data
    return buffer


@lru_cache(maxsize=8)
def _columns(size: int, text: bool, ended: bool) -> tuple[list[str], Any]:
    """Return the names of the columns, and how pyarrow is to convert them.

    They are a word, D numbers and, where a line ends with a separator, one in which nothing must stand.
    """
    import pyarrow as pa
    from pyarrow import csv

    types = {"word": pa.string() if text else pa.binary()}
    types |= {str(column): pa.float32() for column in range(size)}
    types |= {"end": pa.string()} if ended else {}
    return list(types), csv.ConvertOptions(column_types=types, null_values=[])


def _matrix(table: Any, size: int) -> NDArray[np.float32]:
    """Return the columns of numbers as one matrix."""
    vectors = np.empty((table.num_rows, size), np.float32)
    row = 0
    for batch in table.select(range(1, size + 1)).to_batches():
        vectors[row : row + batch.num_rows] = batch.to_tensor().to_numpy()
        row += batch.num_rows
    return vectors


def _word_and_numbers(line: bytes, size: int, separator: bytes) -> tuple[bytes, NDArray[np.float32]] | str:
    """Return the word and the vector of one line, or what is wrong with it.

    The last D fields are the numbers, and the rest is the word, spaces and all; but a rest of numbers only
    is a line that has too many.
    """
    bare = line.rstrip(b"\r").rstrip(separator)
    for fields in (bare.rsplit(separator, size), _at_blanks(line, size)):
        if len(fields) == size + 1 and all(map(is_number, fields[1:])):
            break
    else:
        return _what_is_wrong(line.split(), size)
    if b"\r" in fields[0]:
        return f"{quoted(_shown(fields[0]))} … has a carriage return in it, but lines end with newlines"
    more = fields[0].split(separator)[1:]
    if more and all(map(is_number, more)):
        return f"{quoted(_shown(fields[0]))} … holds {len(more) + size} numbers, not {size}"
    with np.errstate(over="ignore"):
        return fields[0], np.array([float(field) for field in fields[1:]]).astype(np.float32)


def _at_blanks(line: bytes, size: int) -> list[bytes]:
    """Cut a line at any number of spaces and tabs; one that begins with them has the empty word."""
    fields = line.rsplit(None, size)
    return [b"", *fields] if len(fields) == size and line[:1].isspace() else fields


def _what_is_wrong(fields: list[bytes], size: int) -> str:
    """Describe a line that cannot be read."""
    begin = quoted(_shown(b" ".join(fields[:4])))
    if len(fields) <= size:
        return f"{begin} … has {len(fields)} fields, but a word and {size} numbers are needed"
    wrong = next((field for field in fields[-size:] if not is_number(field)), b"")
    return f"{begin} … has {quoted(_shown(wrong))} where one of {size} numbers is needed"


def _shown(text: bytes) -> str:
    return text[:40].decode("utf-8", "replace")


def _has_utf8(text: str) -> bool:
    """Tell whether a text has a UTF-8 form; a lone surrogate has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

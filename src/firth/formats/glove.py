"""GloVe's text format: a line a word, the word and its numbers, and no header.

The published files hold words with spaces in them (``. . .``): the last D fields of a line are its numbers.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from firth.errors import FormatError
from firth.formats.packed import head_of, output, text_head
from firth.formats.stream import ReadOptions, Stream
from firth.formats.text_rows import (
    HEADER,
    Rows,
    check_promise,
    is_number,
    parse_header,
    refuse_blanks,
    trailing_numbers,
    write_lines,
)
from firth.printable import quoted

NAME = "glove"
_LINES_LOOKED_AT = 16


def sniff(path: Path) -> bool:
    """Tell whether the first line of a file is a word and at least two numbers, and no table of numbers."""
    head = head_of(path)
    line = head.partition(b"\n")[0]
    table = b"\t" in line and is_number(line.partition(b"\t")[0])
    return parse_header(head) is None and not table and b"\0" not in line and trailing_numbers(line) >= 2


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of words and vectors; a header, which some programs add, is believed.

    Raises:
        FormatError: the first lines are no words with numbers; later, a damaged line.
    """
    head, available = text_head(path)
    size = _usual_size(head)
    found, header = HEADER.match(head), parse_header(head)
    if found and header and _usual_size(head[found.end() :]) == header[1]:
        check_promise(path, *header, 2 * header[1] + 1, available, options)
        return Stream(header[1], Rows(path, header[1], options).blocks(header=True), header[0])
    if not size:
        raise FormatError(
            f"{path}, line 1: {quoted(head[:40].decode('utf-8', 'replace'))} is no word with its numbers, as "
            "GloVe's format wants them; name another format with --from (format=)"
        )
    return Stream(size, Rows(path, size, options).blocks())


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream; numbers in the shortest form that reads back the same.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word that the format cannot hold (see :func:`text_rows.refuse_blanks`), a full disk.
    """
    with output(path, force=force) as file:
        done = 0
        for block in stream.blocks:
            refuse_blanks(block.words, done, path)
            write_lines(file, block.words, block.vectors, " ", "\n")
            done += len(block.words)


def _usual_size(head: bytes) -> int:
    """Return how many numbers most of the first lines have, D; 0 if there are none.

    Most, not the first: its word may end with a number.
    """
    lines = head.split(b"\n")
    whole = [line for line in lines[:-1] or lines if line.strip()][:_LINES_LOOKED_AT]
    sizes = Counter(trailing_numbers(line) for line in whole)
    return sizes.most_common(1)[0][0] if sizes else 0

"""word2vec's text format: a line ``V D``, then a line a word: the word and its D numbers, spaces between.

As the original program, gensim (``save_word2vec_format(binary=False)``) and many others write it; with a
blank at the end of each line or without.
"""

from __future__ import annotations

from pathlib import Path

from firth.errors import FormatError
from firth.formats.packed import head_of, output, text_head
from firth.formats.stream import ReadOptions, Stream, settled, stream_of
from firth.formats.text_rows import (
    HEADER,
    Rows,
    check_promise,
    parse_header,
    refuse_blanks,
    trailing_numbers,
    write_lines,
)
from firth.printable import quoted

NAME = "word2vec"


def sniff(path: Path) -> bool:
    """Tell whether a file begins with ``V D`` and goes on with text."""
    head = head_of(path)
    return parse_header(head) is not None and not looks_binary(head)


def looks_binary(head: bytes) -> bool:
    """Tell whether what follows the header ``V D`` are floats as they lie in memory, not as they are written.

    A line of D numbers is text. In the 4 D bytes of a float32 vector, one is a control character or not
    ASCII, but for the rarest of vectors.
    """
    found = HEADER.match(head)
    start = head.find(b" ", found.end()) + 1 if found else 0
    if found is None or not start:
        return False
    size = int(found[2])
    if trailing_numbers(head[found.end() :].partition(b"\n")[0]) >= size:
        return False
    return any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head[start : start + 4 * size])


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of words and vectors.

    Raises:
        FormatError: there is no header, or it promises more than the file can hold; later, a damaged line.
    """
    head, available = text_head(path)
    header = parse_header(head)
    if header is None:
        raise FormatError(
            f"{path}, line 1: {quoted(head[:40].decode('utf-8', 'replace'))} is no header of the number of "
            "words and of dimensions; a file without a header is read with --from glove (format='glove')"
        )
    rows, size = header
    check_promise(path, rows, size, 2 * size + 1, available, options)
    return Stream(size, Rows(path, size, options).blocks(header=True), rows)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream; numbers in the shortest form that reads back the same.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word that the format cannot hold (see :func:`text_rows.refuse_blanks`), a full disk.
    """
    write_with_header(stream, path, force=force, end="\n")


def write_with_header(stream: Stream, path: Path, *, force: bool, end: str) -> None:
    """Write a header and a line a row; ``end`` ends the lines of rows."""
    if stream.rows is None:
        with settled(stream, path) as model:
            return write_with_header(stream_of(model), path, force=force, end=end)
    with output(path, force=force) as file:
        file.write(f"{stream.rows} {stream.size}\n".encode())
        done = 0
        for block in stream.blocks:
            refuse_blanks(block.words, done, path)
            write_lines(file, block.words, block.vectors, " ", end)
            done += len(block.words)
    return None

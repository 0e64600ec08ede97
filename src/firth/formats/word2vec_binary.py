"""word2vec's binary format: a line ``V D``, then a word, a space and D float32 a row, and maybe a line's end.

The original program ends each row with a newline, gensim does not; both are read, and newlines are written.
Numbers are little-endian. A word ends at the first space, so it can have none in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.packed import Source, head_of, output
from firth.formats.stream import Block, ReadOptions, Stream, settled, stream_of
from firth.formats.text_rows import HEADER, check_promise, parse_header, refuse_blanks
from firth.formats.word2vec import looks_binary
from firth.printable import quoted

NAME = "word2vec-binary"
LONGEST_WORD = 1 << 16
BLOCK_BYTES = 1 << 18
"""Read at a time: what stays in the processor's cache, and is not given back to the system, between steps."""
_HEADER_BYTES = 64


def sniff(path: Path) -> bool:
    """Tell whether a file begins with ``V D`` and goes on with what is no text."""
    return looks_binary(head_of(path))


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of words and vectors.

    Raises:
        FormatError: there is no header, or it promises more than the file can hold; later, a file that is cut
            short or goes on after its last row.
    """
    with Source(path) as source:
        head, available = source.read(_HEADER_BYTES), source.size
    header = parse_header(head)
    if header is None:
        raise FormatError(
            f"{path}: {quoted(head[:40].decode('utf-8', 'replace'))} is no header of the number of "
            "words and of dimensions; name another format with --from (format=)"
        )
    rows, size = header
    check_promise(path, rows, size, 4 * size + 1, available, options)
    blocks = _Walk(path, rows, size, options).blocks() if size else iter(())
    return Stream(size, blocks, rows)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream as the original program does, a newline after each row.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word that the format cannot hold (see :func:`text_rows.refuse_blanks`), a full disk.
    """
    if stream.rows is None:
        with settled(stream, path) as model:
            return write(stream_of(model), path, force=force)
    with output(path, force=force) as file:
        file.write(f"{stream.rows} {stream.size}\n".encode())
        done, step = 0, 4 * stream.size
        for block in stream.blocks:
            refuse_blanks(block.words, done, path)
            numbers = block.vectors.astype("<f4").tobytes()
            rows = (numbers[at : at + step] for at in range(0, len(numbers), step))
            named = zip(block.words, rows, strict=True)
            file.write(b"".join([b"%b %b\n" % (word.encode(), row) for word, row in named]))
            done += len(block.words)
    return None


class _Walk:
    """One pass over the rows of a file."""

    def __init__(self, path: Path, rows: int, size: int, options: ReadOptions) -> None:
        self._path, self._rows, self._size, self._options = path, rows, size, options
        # One row: its word and the space (kept), then its numbers, whatever bytes they are. What is left
        # over at the end is swallowed in one match, instead of being searched again from each byte of it.
        self._row = re.compile(rb"([^ ]*+ )(?s:.{%d})|(?s:.+)" % (4 * size))

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, a block of the file at a time."""
        done = 0
        with Source(self._path) as source:
            data, offset = self._after_header(source.read(_HEADER_BYTES))
            more = True
            while more and done < self._rows:
                read = source.read(max(BLOCK_BYTES, 4 * self._size))
                more, data = bool(read), data + read
                found = self._found(data, self._rows - done)
                used = sum(map(len, found)) + 4 * self._size * len(found)
                if found:
                    yield from self._block(found, data, offset)
                data, offset, done = data[used:], offset + used, done + len(found)
                if done < self._rows and data.find(b" ", 0, LONGEST_WORD) < 0 and len(data) >= LONGEST_WORD:
                    self._bad(offset, f"no space ends a word within {LONGEST_WORD:,} bytes")
                    return
            self._check_end(done, data.removeprefix(b"\n") + source.read(1), offset)

    def _after_header(self, head: bytes) -> tuple[bytes, int]:
        header = HEADER.match(head)
        end = header.end() if header else 0
        return head[end:], end

    def _found(self, data: bytes, most: int) -> list[bytes]:
        """Return the words at the head of the whole rows in ``data``, each with its space."""
        found: list[bytes] = self._row.findall(data)
        if found and not found[-1]:
            found.pop()
        return found[:most]

    def _block(self, found: list[bytes], data: bytes, offset: int) -> Iterator[Block]:
        """Make a block of the rows that begin with the words ``found``."""
        step = 4 * self._size
        lengths = np.fromiter(map(len, found), np.int64, len(found))
        starts = np.cumsum(lengths + step) - step
        places = offset + starts - lengths
        # An array of all runs of 4 D bytes, at every byte; the rows are taken out of it in one go.
        runs: NDArray[np.void] = np.ndarray((len(data) - step + 1,), f"V{step}", data, strides=(1,))
        vectors = runs[starts].view("<f4").reshape(-1, self._size).astype(np.float32, copy=False)

        words = self._decoded(found)
        if words is None:
            one_by_one = [
                self._options.decode(word[:-1].removeprefix(b"\n"), self._path, f"byte {place:,}")
                for word, place in zip(found, places.tolist(), strict=True)
            ]
            kept = [row for row, word in enumerate(one_by_one) if word is not None]
            words = [word for word in one_by_one if word is not None]
            vectors, places = vectors[kept], places[kept]
        if words:
            yield Block(words, vectors, None, lambda row: f"byte {places[row]:,}")

    def _decoded(self, found: list[bytes]) -> list[str] | None:
        """Return the words as text, all at once, or None if one does not decode.

        As no word has a space in it, a newline after a space is the end of the row before.
        """
        text = b"".join(found).replace(b" \n", b" ").removeprefix(b"\n")
        try:
            words = text.decode(self._options.encoding).split(" ")[:-1]
        except UnicodeDecodeError:
            return None
        return words if len(words) == len(found) else None

    def _check_end(self, done: int, rest: bytes, offset: int) -> None:
        if done < self._rows:
            self._bad(
                offset,
                f"the file ends in row {done + 1:,}: {done:,} of the {self._rows:,} rows that its header "
                "promises are whole",
            )
        elif rest:
            self._bad(offset, f"the file goes on after the {self._rows:,} rows that its header promises")

    def _bad(self, offset: int, what: str) -> None:
        self._options.bad(self._path, f"byte {offset:,}", what)

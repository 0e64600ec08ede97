"""Binary files: read through a memory map, what they declare compared with what they have; rows written."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError

REMEDY = "copy or fetch the file again"

_MOST = 1 << 48  # rows or columns; beyond, NumPy has no array for them, not even one without numbers


class MappedFile:
    """The bytes of a file, and how far they have been read.

    Attributes:
        path: for messages.
        data: all bytes.
        at: where the next ones are read.
    """

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            FormatError: it cannot be opened.
        """
        self.path, self.at = path, 0
        try:
            with path.open("rb") as file:
                empty = not file.read(1)
                self.data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FormatError(f"{path}: cannot be read ({reason}); give a file") from None

    @property
    def left(self) -> int:
        """Bytes from here to the end."""
        return len(self.data) - self.at

    def need(self, size: int, what: str) -> None:
        """Check that the file goes on for ``size`` bytes.

        Raises:
            FormatError: it ends before, or ``size`` is less than nothing.
        """
        if not 0 <= size <= self.left:
            raise self.damaged(f"{what} would take {size:,} bytes, but {self.left:,} are left")

    def part(self, size: int, what: str) -> bytes:
        """Read ``size`` bytes; ``what`` they are is for the message."""
        self.need(size, what)
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    def numbers(self, layout: str, what: str) -> tuple[Any, ...]:
        """Read little-endian numbers, ``layout`` being one of ``struct``'s."""
        return struct.unpack("<" + layout, self.part(struct.calcsize("<" + layout), what))

    def until(self, mark: bytes, limit: int, what: str) -> bytes:
        """Read the bytes before the next ``mark``, and step over it."""
        end = self.data.find(mark, self.at, self.at + limit)
        if end < 0:
            raise self.damaged(f"{what} has no end within {limit:,} bytes, or the file's end")
        found = bytes(self.data[self.at : end])
        self.at = end + len(mark)
        return found

    def matrix(self, rows: int, columns: int, what: str) -> NDArray[np.float32]:
        """Map (rows, columns) float32 numbers, which stay on disk, and step over them."""
        if not (0 <= rows < _MOST and 0 <= columns < _MOST):
            raise self.damaged(f"{what} would have {rows:,} rows of {columns:,} numbers")
        size = 4 * rows * columns
        self.need(size, f"{what}, {rows:,} rows of {columns:,} numbers,")
        self.at += size
        if not size:
            return np.empty((rows, columns), np.float32)
        return np.memmap(self.path, "<f4", "r", self.at - size, (rows, columns))

    def damaged(self, what: str, at: int | None = None) -> FormatError:
        """Return the error for something that cannot be, at this byte or another."""
        place = self.at if at is None else at
        return FormatError(f"{self.path}, byte {place:,}: {what}: it is damaged or cut short; {REMEDY}")


def begins_with(path: Path, *marks: bytes) -> bool:
    """Tell whether a file begins with one of some marks; never raises."""
    try:
        with path.open("rb") as file:
            head = file.read(max(map(len, marks)))
    except OSError:
        return False
    return head.startswith(marks)


def byte_places(starts: Sequence[int]) -> Callable[[int], str]:
    """Return what tells of a row at which byte it begins."""
    return lambda row: f"byte {starts[row]:,}"


def write_rows(file: IO[bytes], rows: NDArray[np.float32]) -> None:
    """Write rows as little-endian float32, without a copy where they are that already."""
    if rows.size:
        file.write(np.ascontiguousarray(rows, "<f4").data.cast("B"))

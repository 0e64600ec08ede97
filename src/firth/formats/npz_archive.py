"""An archive of NumPy's arrays (``.npz``), opened with mistrust: no pickle, no path, no size unchecked.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html — a zip archive, each member an array
with a short header.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.safetensors_file import ALIGNMENT
from firth.printable import printable, quoted

MAGIC = b"PK\x03\x04"
SAVING = "np.savez(file, words=np.array(words, dtype=str), vectors=vectors)"
REMEDY = "copy or make it again"
_ZIP64_FIELD = 20  # bytes that zipfile adds to a member's header for sizes beyond 4 GB
_ALIGNMENT_FIELD = 0xD935
_BEST_DEFLATE = 1033
"""Deflate never makes data smaller than by this factor."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile, zlib and NumPy's parser of headers raise at bytes that make no sense.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, SyntaxError, RuntimeError),
    *(MemoryError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, tokenize.TokenError),
)


@dataclass(frozen=True)
class Array:
    """An array as its header describes it."""

    info: zipfile.ZipInfo
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    by_columns: bool
    header: int
    """Bytes of its header."""

    @property
    def nbytes(self) -> int:
        """Bytes of its data."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def can_be_mapped(self) -> bool:
        """Whether it is stored as float32 lie in memory, row by row."""
        stored = self.info.compress_type == zipfile.ZIP_STORED and not self.info.flag_bits & 1
        return stored and not self.by_columns and self.dtype == np.dtype("<f4")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive, once its directory is known to be innocent.

    Raises:
        FormatError: it is damaged, also while it is being used; or its directory lies.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(path, archive)
            yield archive
    except FormatError:
        raise
    except _DAMAGE as error:
        reason = printable((str(error).splitlines() or [type(error).__name__])[0])
        raise FormatError(
            f"{path}: no archive of NumPy (.npz), or a damaged one ({reason}); {REMEDY}"
        ) from None


def described(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    """Read the header of an array.

    Raises:
        FormatError: it holds Python objects, that is, a pickle; or its size is not what its header says.
    """
    with archive.open(info) as member:
        version = npy.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise FormatError(
                f"{path}: {quoted(info.filename)} is no array of NumPy that firth knows "
                f"(version {version}): write it with {SAVING}"
            )
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(member)
        array = Array(info, dtype, shape, by_columns, member.tell())
    if dtype.hasobject:
        raise FormatError(
            f"{path}: {quoted(info.filename)} is a pickle (an array of Python objects), which firth "
            f"never opens, as it could run any program: where it comes from, write it with {SAVING}"
        )
    if min(shape, default=0) < 0 or array.header + array.nbytes != info.file_size:
        raise FormatError(
            f"{path}: {quoted(info.filename)} has the shape {shape} of {dtype}, {array.nbytes:,} bytes, but "
            f"{info.file_size - array.header:,} are there: it is damaged; {REMEDY}"
        )
    return array


def pieces_of(archive: zipfile.ZipFile, path: Path, array: Array, step: int) -> Iterator[NDArray[Any]]:
    """Yield an array, ``step`` rows at a time; one that is stored by columns has to be read as a whole."""
    with archive.open(array.info) as member:
        member.read(array.header)
        rows = array.shape[0]
        if array.by_columns:
            whole = np.frombuffer(_exactly(member, array.nbytes, path), array.dtype)
            yield from (whole.reshape(array.shape, order="F")[at : at + step] for at in range(0, rows, step))
            return
        for at in range(0, rows, step):
            shape = (min(step, rows - at), *array.shape[1:])
            data = _exactly(member, shape[0] * array.row_bytes, path)
            # np.frombuffer does not know strings of no characters.
            yield np.frombuffer(data, array.dtype).reshape(shape) if data else np.zeros(shape, array.dtype)
        member.read(1)  # the checksum is compared at the end


def map_array(path: Path, array: Array) -> NDArray[np.float32]:
    """Map an array that can be; where its data begin, only the member's own header tells.

    Raises:
        FormatError: the file ends before the array.
    """
    with path.open("rb") as file:
        file.seek(array.info.header_offset)
        header = file.read(30)
        available = file.seek(0, 2)
    fields = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = array.info.header_offset + 30 + fields + array.header
    if not header.startswith(MAGIC) or start + array.nbytes > available:
        raise FormatError(f"{path}: {quoted(array.info.filename)} is cut short; {REMEDY}")
    mapped: NDArray[np.float32] = np.memmap(path, array.dtype, "r", start, array.shape)
    return mapped


def put(
    archive: zipfile.ZipFile,
    file: IO[bytes],
    name: str,
    dtype: str,
    shape: tuple[int, ...],
    pieces: Iterable[NDArray[Any]],
) -> None:
    """Write an array so that its data begin at a multiple of ``ALIGNMENT`` bytes.

    A field that nobody reads fills the gap, in the way that Android's zipalign found.
    """
    info = zipfile.ZipInfo(f"{name}.npy")
    start = file.tell() + 30 + len(info.filename) + _ZIP64_FIELD + 6
    gap = -start % ALIGNMENT
    info.extra = struct.pack("<HHH", _ALIGNMENT_FIELD, 2 + gap, ALIGNMENT) + bytes(gap)
    with archive.open(info, "w", force_zip64=True) as member:
        npy.write_array_header_1_0(member, {"descr": dtype, "fortran_order": False, "shape": shape})
        for piece in pieces:
            member.write(np.ascontiguousarray(piece, dtype).tobytes())


def _check_directory(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse members that no archive of NumPy has."""
    available = path.stat().st_size
    declared = sum(info.file_size for info in archive.infolist())
    if declared > _BEST_DEFLATE * available:
        raise FormatError(
            f"{path}: its directory declares {declared:,} bytes of arrays, but the file has {available:,}, "
            "and no compression is that good: it is damaged, or made to fill a memory; do not use it"
        )
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name or ".." in name.split("/"):
            raise FormatError(
                f"{path}: has the member {quoted(info.filename)}, a path that leads out of the archive: no "
                "program writes that in good faith; do not use it"
            )
        if info.compress_type not in _METHODS:
            raise FormatError(
                f"{path}: {quoted(info.filename)} is compressed in a way ({info.compress_type}) that NumPy's "
                "archives do not know; write it again with np.savez or np.savez_compressed"
            )


def _exactly(member: IO[bytes], size: int, path: Path) -> bytes:
    data = member.read(size)
    if len(data) != size:
        raise FormatError(f"{path}: {quoted(str(member.name))} is cut short; {REMEDY}")
    return data

"""Files of other programs as plain bytes, whether they are compressed or not.

On reading the first bytes tell, on writing the ending of the name.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from firth.corpus.streams import ByteStream, cannot_read, check_is_text, sniff_format
from firth.errors import CorpusError, FormatError, OutputExistsError
from firth.formats.safetensors_file import replacing

HEAD_BYTES = 1 << 16
UTF8_BOM = b"\xef\xbb\xbf"
CODECS = {".gz": "gzip", ".zst": "zstd"}
_GZIP_LEVEL = 6
_PLAIN = ("plain", "parquet")


class Source:
    """The decompressed bytes of a file; use it as a context manager.

    Raises:
        FormatError: the file cannot be opened or read, or its compressed data is truncated or damaged.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``."""
        self._path = path
        self.size: int | None = None
        """Bytes of the file; None if it is compressed, so that nobody knows."""
        try:
            file = path.open("rb", buffering=0)
            if sniff_format(file.read(16)) in _PLAIN:
                self.size = os.fstat(file.fileno()).st_size
                file.seek(0)
                self._stream: IO[bytes] | ByteStream = file
            else:
                file.close()
                self._stream = ByteStream(path)
        except OSError as error:
            raise FormatError(str(cannot_read(str(path), error))) from None

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, fewer only at the end."""
        data = self._read(size)
        while len(data) < size and (more := self._read(size - len(data))):
            data += more
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except CorpusError as error:
            raise FormatError(str(error)) from error
        except OSError as error:
            raise FormatError(str(cannot_read(str(self._path), error))) from error

    def __enter__(self) -> Source:
        """Return the source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._stream.close()


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed, without a byte order mark; none if it cannot be read.

    Never raises: what is wrong with the file is for its reader to say.
    """
    try:
        if not path.is_file():
            return b""
        with Source(path) as source:
            return source.read(HEAD_BYTES).removeprefix(UTF8_BOM)
    except (FormatError, OSError):
        return b""


def text_head(path: Path) -> tuple[bytes, int | None]:
    """Return the first bytes of a text, decompressed, and the size of the file (None if it is compressed).

    Raises:
        FormatError: it cannot be read, or is no text in an encoding of single bytes.
    """
    with Source(path) as source:
        head = source.read(HEAD_BYTES)
        try:
            check_is_text(str(path), head)
        except CorpusError as error:
            raise FormatError(str(error)) from None
        return head.removeprefix(UTF8_BOM), source.size


@contextmanager
def output(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Open a file to be written, compressed if its name ends with ``.gz`` or ``.zst``; whole or not at all.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it is no file.
        FormatError: the file cannot be written.
    """
    if path.suffix.lower() in (".bz2", ".xz", ".lz4"):
        raise FormatError(f"{path}: firth writes no {path.suffix}: choose .gz or .zst, or no compression")
    check_free(path, force=force)
    with replacing(path) as file, _compressed(file, CODECS.get(path.suffix.lower())) as packed:
        yield packed


def check_free(path: Path, *, force: bool) -> None:
    """Refuse a place that is taken by something else than a file that may be replaced.

    Raises:
        OutputExistsError: it is.
    """
    if not os.path.lexists(path):
        return
    if not force:
        raise OutputExistsError(
            f"{path} exists: choose another name, or replace it with --force (force=True in Python)"
        )
    if not path.is_file():
        raise OutputExistsError(f"{path} is not a file, so --force does not replace it: choose another name")


class _Kept(io.RawIOBase):
    """A file that stays open when what compresses into it is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


def _compressed(file: IO[bytes], codec: str | None) -> AbstractContextManager[Any]:
    """Return a stream that compresses into ``file``, or the file itself."""
    if codec is None:
        return nullcontext(file)
    if (
        codec == "gzip"
    ):  # pyarrow would do its utmost, at a fifth of the speed; without a time, runs are alike
        return gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
    import pyarrow as pa

    return pa.CompressedOutputStream(pa.PythonFile(_Kept(file), "w"), codec)  # type: ignore[no-any-return]

"""Files and standard input as streams of plain bytes, cut into blocks that end between words.

The first bytes, not the name, say how a file is compressed and whether it is text at all.
"""

from __future__ import annotations

import io
import lzma
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa

from firth.corpus.remote import RemoteFile
from firth.errors import CorpusError

STDIN_NAME = "standard input"
MAX_TOKEN_BYTES = 64 << 20
HEAD_BYTES = 512

PARQUET = "parquet"
_PARQUET_MAGIC = b"PAR1"
_UTF8_BOM = b"\xef\xbb\xbf"
_BZ2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")

# First bytes of things that are not text, and what to do with them.
_UNPACK = "unpack it first"
_EXTRACT = "extract its text first"
_BINARY_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive (.zip, .docx, .odt, .npz)", _UNPACK),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"%PDF-", "a PDF document", _EXTRACT),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "give a text file"),
    (b"\xff\xd8\xff", "a JPEG image", "give a text file"),
    (b"GIF87a", "a GIF image", "give a text file"),
    (b"GIF89a", "a GIF image", "give a text file"),
    (b"\x7fELF", "an ELF program or library", "give a text file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x1f\x9d", "a file of compress (.Z)", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.doc, .xls)", _EXTRACT),
    (b"{\\rtf", "an RTF document", _EXTRACT),
    (b"SQLite format 3\0", "an SQLite database", "export the text first"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "export the text first"),
    (b"\x93NUMPY", "a NumPy array", "pass numpy.load(...) itself from Python"),
    (b"ARROW1\0\0", "an Arrow file", "write it as Parquet first"),
    (b"\xff\xff\xff\xff", "an Arrow stream or other binary data", "write it as Parquet first"),
    (b"Obj\x01", "an Avro file", "write it as Parquet first"),
    (b"\x80\x04\x95", "a Python pickle", "write it as text or Parquet first"),
)
_WIDE_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def sniff_format(head: bytes) -> str:
    """Return ``gzip``, ``bz2``, ``zstd``, ``xz``, ``lz4``, ``parquet`` or ``plain``, as the first bytes show.

    At least 10 bytes are needed to know bz2 from a text that begins with "BZh".
    """
    if head[:3] == b"\x1f\x8b\x08":
        return "gzip"
    if head[:3] == b"BZh" and head[4:10] in _BZ2_BLOCKS:
        return "bz2"
    skippable = 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18" if head else False
    if head[:4] == b"\x28\xb5\x2f\xfd" or skippable:
        return "zstd"
    if head[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if head[:4] == b"\x04\x22\x4d\x18":
        return "lz4"
    return PARQUET if head[:4] == _PARQUET_MAGIC else "plain"


class _Counted(io.RawIOBase):
    """A binary stream that gives its first bytes again and counts the bytes handed out."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self.position = 0
        self.head = b""
        while len(self.head) < 16 and (more := raw.read(16 - len(self.head))):
            self.head += more
        self._pending = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._pending:
            data, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
        else:
            data = self._raw.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


class ByteStream:
    """The decompressed bytes of a file or of standard input; use it as a context manager.

    Attributes:
        name: the path, or "standard input", for messages.
        format: what :func:`sniff_format` found.

    Raises:
        CorpusError: the file cannot be opened or read, or its compressed data is truncated or damaged.
    """

    def __init__(self, path: Path | RemoteFile | None, stdin: IO[bytes] | None = None) -> None:
        """Open ``path``, or read ``stdin`` where it is None."""
        self.name = STDIN_NAME if path is None else str(path)
        self._owned: IO[bytes] | None = None
        try:
            if path is not None:
                self._owned = opened(path)
            raw = self._owned if stdin is None else stdin
            if raw is None:
                raise CorpusError("there is no standard input to read; give a file instead of '-'")
            self._counted = _Counted(raw)
        except OSError as error:
            self.close()
            raise cannot_read(self.name, error) from error
        self.format = sniff_format(self._counted.head)
        self._stream = self._decompressed()

    def _decompressed(self) -> Any:
        plain = io.BufferedReader(self._counted, 1 << 20)
        if self.format in ("plain", PARQUET):
            return plain
        if self.format == "xz":  # pyarrow would return the compressed bytes as they are
            return lzma.LZMAFile(plain)
        return pa.CompressedInputStream(pa.PythonFile(plain, mode="r"), self.format)

    @property
    def position(self) -> int:
        """How many bytes of the file itself, compressed as it is, have been read."""
        return self._counted.position

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes of the decompressed content; none at its end."""
        try:
            data: bytes = self._stream.read(size)
        except (OSError, EOFError, lzma.LZMAError) as error:
            if self.format == "plain":
                raise cannot_read(self.name, error) from error
            raise CorpusError(
                f"{self.name}: the {self.format} data is truncated or damaged ({error}); "
                "fetch or compress it again"
            ) from error
        return data

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> ByteStream:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def opened(path: Path | RemoteFile) -> IO[bytes]:
    """Return a file, opened for reading and seeking, without a buffer."""
    if isinstance(path, RemoteFile):
        file: IO[bytes] = path.open()
        return file
    return path.open("rb", buffering=0)


def cannot_read(name: str, error: BaseException) -> CorpusError:
    """Return the error for a file or folder that the system does not let us read."""
    if isinstance(error, PermissionError):
        return CorpusError(f"{name}: permission denied; make it readable for this user (chmod u+r)")
    if isinstance(error, FileNotFoundError):
        return CorpusError(f"{name}: no such file; check the path")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CorpusError(f"{name}: cannot be read ({reason}); check the file and its disk")


def check_is_text(name: str, head: bytes) -> None:
    """Raise a :class:`CorpusError` if the first (decompressed) bytes are not those of UTF-8 text."""
    for bom, encoding in _WIDE_BOMS:
        if head.startswith(bom):
            mark = " ".join(f"{byte:02X}" for byte in bom)
            raise CorpusError(
                f"{name}: the text is {encoding} (it begins with the byte order mark {mark}); "
                f"convert it to UTF-8: iconv -f {encoding} -t UTF-8"
            )
    for magic, what, remedy in _BINARY_MAGIC:
        if head.startswith(magic):
            raise CorpusError(f"{name}: this is not text: it looks like {what}; {remedy}")
    if head[257:262] == b"ustar":
        raise CorpusError(f"{name}: this is not text: it looks like a tar archive; {_UNPACK}")
    inner = sniff_format(head)
    # A text may well begin with the four letters PAR1; a Parquet file goes on with bytes that are no text.
    if inner != "plain" and not (inner == PARQUET and b"\0" not in head):
        raise CorpusError(f"{name}: the decompressed content is {inner} again; {_UNPACK}")


@dataclass(frozen=True)
class Block:
    """Some decompressed bytes of a file, cut where a line or a word ends.

    ``offset`` is the byte offset of ``data`` in the decompressed file, ``line`` the number (from 1) of the
    line that ``data`` begins in, and ``position`` the bytes of the file that had been read.
    """

    name: str
    data: bytes
    offset: int
    line: int
    position: int
    continues: bool


def read_blocks(
    stream: ByteStream,
    size: int,
    cut: Callable[[bytes], int] | None,
    limit: int,
    *,
    too_long: str,
) -> Iterator[Block]:
    """Yield the whole of ``stream`` in blocks of about ``size`` bytes that end with a line.

    Where a line is longer than a block, ``cut(data)`` says where it may be cut (0: nowhere yet); the next
    block then ``continues`` it. Without ``cut`` blocks end with lines only. At most ``limit`` bytes wait for
    an end.

    Raises:
        CorpusError: the bytes are not text, or ``limit`` bytes hold no place to cut (``too_long`` says why).
    """
    carry = _head(stream)
    offset, line, continues = 0, 1, False
    check_is_text(stream.name, carry)
    if carry.startswith(_UTF8_BOM):
        carry, offset = carry[len(_UTF8_BOM) :], len(_UTF8_BOM)
    while True:
        more = stream.read(size)
        data = carry + more
        # A line's end cannot lie in what was carried over, save in the head of the file.
        end = data.rfind(b"\n") + 1 if more else len(data)
        mid_line = not end and cut is not None
        if mid_line and cut is not None:
            end = cut(data)
        if end:
            yield Block(stream.name, data[:end], offset, line, stream.position, continues)
            offset, line, continues = offset + end, line + data.count(b"\n", 0, end), mid_line
        elif len(data) > limit:
            raise CorpusError(f"{stream.name}: line {line} {too_long}")
        if not more:
            return
        carry = data[end:]


def _head(stream: ByteStream) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (more := stream.read(HEAD_BYTES - len(head))):
        head += more
    return head


def is_regular(path: Path) -> bool:
    """Return whether ``path`` is an ordinary file: it has a size, and can be read twice."""
    return stat.S_ISREG(path.stat().st_mode)


def check_utf8(block: Block, data: bytes, *, replace: bool) -> bytes:
    """Return ``data`` as valid UTF-8: checked, or with U+FFFD for what is not UTF-8 if ``replace``.

    Raises:
        CorpusError: a NUL byte (the file is binary), or bytes that are not UTF-8, with their place.
    """
    nul = data.find(b"\0")
    if nul >= 0:
        wide = data.count(b"\0") > len(data) // 4
        guess = "convert it from UTF-16 with iconv" if wide else "give a text file, or remove the NUL bytes"
        raise CorpusError(
            f"{block.name}: a NUL byte at byte {block.offset + nul} of the text (line {_line(block, nul)}): "
            f"this is binary data, not UTF-8 text; {guess}"
        )
    if data.isascii():
        return data
    try:
        text = data.decode("utf-8", "replace" if replace else "strict")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{block.name}: not UTF-8: {data[error.start : error.start + 4]!r} at byte "
            f"{block.offset + error.start} of the text, line {_line(block, error.start)}; convert it "
            "(iconv -f LATIN1 -t UTF-8), or pass encoding_errors='replace' (--encoding-errors replace)"
        ) from None
    return text.encode() if replace else data


def _line(block: Block, at: int) -> int:
    return block.line + block.data.count(b"\n", 0, at)

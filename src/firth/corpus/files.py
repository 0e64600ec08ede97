"""Files, globs, folders and standard input: which there are, and each one read as what its bytes show."""

from __future__ import annotations

import glob
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from firth.corpus.columns import first_json_columns, json_pieces, missing_column, parquet_pieces
from firth.corpus.pieces import Content, Piece, Texts
from firth.corpus.remote import RemoteFile, find_remote, is_uri
from firth.corpus.streams import (
    MAX_TOKEN_BYTES,
    PARQUET,
    Block,
    ByteStream,
    cannot_read,
    check_utf8,
    is_regular,
    opened,
    read_blocks,
)
from firth.errors import CorpusError

STDIN = "-"

Place = Path | RemoteFile
"""Where a file lies."""

_TOO_LONG = (
    f"has {MAX_TOKEN_BYTES >> 20} MiB without any whitespace: this does not look like text; "
    "put spaces between the words first"
)


@dataclass(frozen=True)
class Files:
    """Paths, globs, folders, URIs and ``-`` (standard input) as the command line gives them: all as strings.

    ``stdin`` is the binary stream that ``-`` stands for; by default that of the process.
    """

    paths: Sequence[str | os.PathLike[str]]
    stdin: IO[bytes] | None = None


def find_files(paths: Sequence[str | os.PathLike[str]]) -> list[Place | None]:
    """Return the files that paths, globs and folders name, in the order given; None is standard input.

    A folder gives all files below it, sorted, without the hidden ones; a glob gives its matches, sorted.

    Raises:
        CorpusError: there is no such file, a glob matches nothing, a folder is empty or cannot be listed.
    """
    if not paths:
        raise CorpusError("no corpus was given; give a file, a glob, a folder or - for standard input")
    found = list(chain.from_iterable(map(_files_of, paths)))
    if found.count(None) > 1:
        raise CorpusError("standard input (-) was given more than once; it can be read once")
    return found


def _files_of(given: str | os.PathLike[str]) -> list[Place | None]:
    text = os.fspath(given)
    if not isinstance(text, str):
        raise CorpusError(f"a path must be a string, not {text!r}; decode it with os.fsdecode")
    if text == STDIN and isinstance(given, str):
        return [None]
    if is_uri(text):
        return [*find_remote(text)]
    for name in (text, os.path.expanduser(text)):  # noqa: PTH111 (a Path would drop a trailing slash)
        if _exists(name):
            return list(_folder_files(Path(name)) if Path(name).is_dir() else [Path(name)])
    if glob.has_magic(text):
        return _glob_files(text)
    shown = repr(text) if len(text) <= 200 else f"{text[:200]!r}…"
    hint = (
        "; a string is a path: pass text itself as a list of sentences" if any(map(str.isspace, text)) else ""
    )
    raise CorpusError(f"no such file or folder: {shown} (working folder {Path.cwd()}); check the path{hint}")


def _exists(name: str) -> bool:
    try:
        Path(name).stat()
    except PermissionError as error:
        raise cannot_read(name, error) from error
    except (OSError, ValueError):
        return False
    return bool(name)


def _glob_files(pattern: str) -> list[Place | None]:
    matches = [Path(match) for match in sorted(glob.glob(os.path.expanduser(pattern), recursive=True))]  # noqa: PTH111, PTH207
    # With ** a folder's files are matches of their own: a folder is opened only where the pattern names it.
    if "**" in pattern:
        matches = [match for match in matches if not match.is_dir()]
    if not matches:
        raise CorpusError(
            f"the glob {pattern!r} matches no file (working folder {Path.cwd()}); check the pattern"
        )
    return list(chain.from_iterable(_folder_files(m) if m.is_dir() else [m] for m in matches))


def _folder_files(folder: Path) -> list[Place | None]:
    def stop(error: OSError) -> None:
        raise cannot_read(str(error.filename or folder), error) from error

    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent) / name for name in files if not name.startswith(".")]
    if not found:
        raise CorpusError(
            f"the folder {str(folder)!r} holds no files (hidden ones do not count); give another"
        )
    return [*sorted(found)]


def file_size(path: Place | None) -> int | None:
    """Return a regular file's size; None for standard input and pipes."""
    if path is None:
        return None
    if isinstance(path, RemoteFile):
        return path.size
    try:
        return path.stat().st_size if is_regular(path) else None
    except OSError as error:
        raise cannot_read(str(path), error) from error


def files_apart(
    paths: list[Place | None], sizes: list[int | None], reader: FileReader
) -> Iterator[FilePieces]:
    """Yield the pieces of each file apart; all are regular files."""
    base = 0
    for path, size in zip(paths, sizes, strict=True):
        if path is not None and size is not None:
            yield FilePieces(path, reader, base)
            base += size


def pieces_of_files(
    paths: list[Place | None], sizes: list[int | None], reader: FileReader
) -> Iterator[Piece]:
    """Yield the pieces of one file after the other; ``bytes_read`` counts through all of them."""
    base = 0
    for path, size in zip(paths, sizes, strict=True):
        position = 0
        for piece in reader.pieces(path):
            position = piece.bytes_read
            yield replace(piece, bytes_read=base + position)
        base += position if size is None else size


@dataclass(frozen=True)
class FileReader:
    """How each file is read; the same for all files of a corpus."""

    column: str | None
    replace_errors: bool
    cut: Callable[[bytes], int]
    piece_bytes: int
    stdin: IO[bytes] | None

    def pieces(self, path: Place | None) -> Iterator[Piece]:
        """Yield one file, or standard input for None, as what its first bytes show."""
        with ByteStream(path, self._stdin() if path is None else None) as stream:
            if path is None and stream.format == PARQUET:
                raise _parquet_in_a_pipe(stream.name)
            if path is not None and stream.format == PARQUET and _is_parquet(path):
                yield from parquet_pieces(path, self.column, self.piece_bytes)
            elif self.column is not None:
                yield from json_pieces(stream, self.column, self.piece_bytes, replace=self.replace_errors)
            else:
                yield from self._text_pieces(stream)

    def _stdin(self) -> IO[bytes] | None:
        if self.stdin is not None:
            return self.stdin
        return getattr(sys.stdin, "buffer", None)

    def _text_pieces(self, stream: ByteStream) -> Iterator[Piece]:
        blocks = read_blocks(stream, self.piece_bytes, self.cut, MAX_TOKEN_BYTES, too_long=_TOO_LONG)
        for number, block in enumerate(blocks):
            columns = first_json_columns(block.data) if number == 0 else None
            if columns:
                raise missing_column(stream.name, None, columns, "a JSON Lines file")
            yield Piece(partial(_load_text, block, self.replace_errors), block.position, block.continues)


@dataclass(frozen=True)
class FilePieces:
    """The pieces of one file among several, for whoever can read it: this process, or one elsewhere."""

    path: Place
    reader: FileReader
    bytes_before: int
    """Bytes of the files before it."""

    def __call__(self) -> Iterator[Piece]:
        """Read the file."""
        for piece in self.reader.pieces(self.path):
            yield replace(piece, bytes_read=self.bytes_before + piece.bytes_read)

    def check_seen(self) -> None:
        """See that the file is there on the machine that shall read it.

        Raises:
            CorpusError: it is not.
        """
        if isinstance(self.path, Path) and not self.path.exists():
            raise CorpusError(
                f"{self.path}: the machine {platform.node()} does not see this file: put it where every "
                "machine of the cluster sees it under the same path (a shared disk, s3://…)"
            )


def _parquet_in_a_pipe(name: str) -> CorpusError:
    return CorpusError(f"{name}: Parquet cannot be read from a pipe; save it as a file and give its path")


def _is_parquet(path: Place) -> bool:
    """Return whether a file that begins as Parquet also ends as Parquet; a text may begin with PAR1 too."""
    if not isinstance(path, RemoteFile) and not is_regular(path):
        raise _parquet_in_a_pipe(str(path))
    with opened(path) as file:
        file.seek(-4, os.SEEK_END)
        if file.read(4) == b"PAR1":
            return True
        file.seek(0)
        if b"\0" in file.read(4096):
            raise CorpusError(f"{path}: the Parquet file is truncated (its end is missing); fetch it again")
    return False


def _load_text(block: Block, replace_errors: bool) -> Content:
    return Texts(_one_text(check_utf8(block, block.data, replace=replace_errors)))


def _one_text(data: bytes) -> Any:
    """Return UTF-8 bytes as an Arrow array of one string, without copying them."""
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    return pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)])

"""Where a corpus comes from: files of every kind, standard input, Python iterables, arrays, data sets.

:func:`open_source` looks at what the caller passed and returns a :class:`Source`, which yields the corpus
in pieces of a few megabytes. Nothing is read before the pieces are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from firth.corpus.columns import dataset_of_column, dataset_pieces, is_dataset, missing_column
from firth.corpus.files import (
    STDIN,
    FilePieces,
    FileReader,
    Files,
    Place,
    file_size,
    files_apart,
    find_files,
    pieces_of_files,
)
from firth.corpus.items import id_array_pieces, item_pieces
from firth.corpus.pieces import PIECE_BYTES, Piece
from firth.corpus.remote import RemoteFile, is_uri, stamp_of
from firth.corpus.streams import STDIN_NAME, is_regular
from firth.errors import ConfigError, CorpusError

__all__ = ["Files", "Source", "open_source"]


@dataclass(frozen=True)
class Source:
    """A corpus about to be read."""

    kind: str
    """``files``, ``stdin``, ``iterable``, ``ids`` or ``dataset``."""
    description: str
    """What it is, for messages."""
    pieces: Callable[[], Iterator[Piece]]
    """Start reading; an iterable can be read only once."""
    paths: tuple[str, ...] = ()
    """The absolute paths or the URIs of the files, ``-`` for standard input."""
    bytes_total: int | None = None
    """The size of what will be read, or None if that is not known."""
    files: tuple[FilePieces, ...] = ()
    """Where there are several files: each apart, for whoever can read them at once."""

    def stamp(self) -> list[tuple[str, int, int]] | None:
        """Return (path, size, modification time in ns) of every file; None for what cannot be known again."""
        if self.kind != "files":
            return None
        with suppress(OSError):
            stamps = []
            for name in self.paths:
                if is_uri(name):
                    stamps.append(stamp_of(name))
                    continue
                status = Path(name).stat()
                if not is_regular(Path(name)):
                    return None
                stamps.append((os.path.realpath(name), status.st_size, status.st_mtime_ns))
            return stamps
        return None


def open_source(
    corpus: Any,
    *,
    cut: Callable[[bytes], int],
    column: str | None = None,
    replace_errors: bool = False,
    sentence_starts: Any = None,
    piece_bytes: int = PIECE_BYTES,
) -> Source:
    """Return the source for whatever the caller passed as a corpus.

    Args:
        corpus: a path or glob (``str`` or ``os.PathLike``), a list of ``os.PathLike``, :class:`Files`, an
            iterable of strings, token lists or id lists, a 1-D array (or list) of ids, or a data set.
        cut: where a line longer than a piece may be cut; the tokenizer knows.
        column: the column of Parquet files, JSON Lines files or a data set.
        replace_errors: put U+FFFD for what is not UTF-8, instead of raising an error.
        sentence_starts: for an array of ids, the position of each sentence's first id.
        piece_bytes: about how much text a piece holds.

    Raises:
        CorpusError: there is nothing to read, or it is not a corpus.
        ConfigError: ``column`` or ``sentence_starts`` does not belong to this kind of corpus.
    """
    paths = _as_paths(corpus)
    ids = None if paths is not None else _as_id_array(corpus)
    if sentence_starts is not None and ids is None:
        raise ConfigError("sentence_starts belongs to a 1-D array of ids; leave it out for other corpora")
    if paths is not None:
        reader = FileReader(column, replace_errors, cut, piece_bytes, paths.stdin)
        return _file_source(paths, reader)
    if ids is not None:
        _no_column(column, "an array of ids")
        ids, pieces = id_array_pieces(ids, sentence_starts, piece_bytes)
        return Source("ids", "the array of ids", pieces, bytes_total=ids.nbytes)
    found = dataset_of_column(corpus)
    if found is not None or is_dataset(corpus):
        return _dataset_source(*(found or (corpus, column)), piece_bytes)
    if isinstance(corpus, Mapping):
        splits = f"pick one split, for example corpus[{next(iter(corpus), 'train')!r}]"
        raise CorpusError(
            f"an object of type {type(corpus).__name__} is not a corpus: {splits}, or pass its values"
        )
    if hasattr(corpus, "columns"):
        raise CorpusError(
            f"an object of type {type(corpus).__name__} is a table: "
            "pass one column of it, for example table['text']"
        )
    if isinstance(corpus, (bytes, bytearray)) or not isinstance(corpus, Iterable):
        raise CorpusError(
            f"an object of type {type(corpus).__name__} is not a corpus: "
            "pass a path, a list of sentences, an array of ids or a data set"
        )
    _no_column(column, "an iterable of sentences")
    pieces = partial(item_pieces, corpus, piece_bytes, replace=replace_errors)
    return Source("iterable", "the iterable of sentences", pieces)


def _no_column(column: str | None, what: str) -> None:
    if column is not None:
        raise ConfigError(
            f"column={column!r} is for Parquet, JSON Lines and data sets, not for {what}; leave it out"
        )


# --- what the caller passed ------------------------------------------------------------------------


def _as_paths(corpus: Any) -> Files | None:
    """Return the files that ``corpus`` names, or None if it is no path and no list of paths."""
    if isinstance(corpus, Files):
        return corpus
    if isinstance(corpus, (str, os.PathLike)):
        return Files([corpus])
    if not isinstance(corpus, (list, tuple)) or not corpus:
        return None
    if all(isinstance(item, os.PathLike) for item in corpus):
        return Files(list(corpus))
    if any(isinstance(item, os.PathLike) for item in corpus):
        raise CorpusError("the list mixes paths and other things; pass a list of pathlib.Path only")
    if all(isinstance(item, str) and os.path.isfile(item) for item in corpus):  # noqa: PTH113 (never raises)
        raise CorpusError(
            f"every string of the list names an existing file ({corpus[0]!r}, …), but strings in a list are "
            "sentences; to read the files pass Path objects: [Path(p) for p in paths]"
        )
    return None


def _as_id_array(corpus: Any) -> Any:
    """Return ``corpus`` as a NumPy array if it is one array of ids, or a list of ints; None otherwise."""
    if isinstance(corpus, (list, tuple, range)):
        flat = bool(corpus) and all(hasattr(item, "__index__") and not _has_length(item) for item in corpus)
        if not flat or any(isinstance(item, bool) for item in corpus):
            return None
        try:
            return np.asarray([item.__index__() for item in corpus], np.int64)
        except OverflowError:
            raise CorpusError("ids must not be above 2**31 - 1; number the items 0, 1, 2, …") from None
    if hasattr(corpus, "__array__") and hasattr(corpus, "dtype"):
        array = np.asarray(corpus)
        return array if array.ndim <= 1 and array.dtype.kind not in "OUST" else None
    return None


def _has_length(item: Any) -> bool:
    try:
        len(item)
    except TypeError:
        return False
    return True


def _file_source(files: Files, reader: FileReader) -> Source:
    paths = find_files(files.paths)
    sizes = [file_size(path) for path in paths]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    kind = "stdin" if None in paths else "files"
    first = STDIN_NAME if paths[0] is None else str(paths[0])
    description = first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
    pieces = partial(pieces_of_files, paths, sizes, reader)
    apart = () if total is None or len(paths) == 1 else tuple(files_apart(paths, sizes, reader))
    return Source(kind, description, pieces, tuple(map(_name, paths)), total, apart)


def _name(path: Place | None) -> str:
    """Return a file's absolute path or URI, ``-`` for standard input."""
    if isinstance(path, RemoteFile):
        return path.uri
    return STDIN if path is None else os.path.abspath(path)  # noqa: PTH100


def _dataset_source(dataset: Any, column: str | None, piece_bytes: int) -> Source:
    columns = list(dataset.column_names or ())
    if column is None or (columns and column not in columns):
        raise missing_column("the data set", column, columns, "a table")
    pieces = partial(dataset_pieces, dataset, column, piece_bytes)
    return Source("dataset", f"the data set's column {column!r}", pieces)

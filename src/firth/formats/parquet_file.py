"""A table of words, counts and vectors in Parquet, or in an Arrow file if the name ends so.

Columns as written: *word* (string), *count* (int64, null where unknown), *vector* (fixed_size_list of D
float32). On reading, other usual names of these columns do as well, and lists of any floats and kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.packed import check_free
from firth.formats.safetensors_file import replacing
from firth.formats.stream import BLOCK_BYTES, Block, ReadOptions, Stream
from firth.printable import printable

NAME = "parquet"
ARROW_ENDINGS = (".arrow", ".feather", ".ipc")
WORD_NAMES = ("word", "token", "text", "key", "term")
VECTOR_NAMES = ("vector", "embedding", "vectors", "embeddings")
COUNT_NAMES = ("count", "counts", "frequency", "freq")
_BUFFER_BYTES = 1 << 20  # without it, whole column chunks are read
_PARQUET_MAGIC, _ARROW_MAGIC, _ARROW_STREAM_MAGIC = b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff"


def sniff(path: Path) -> bool:
    """Tell whether a file is a Parquet file, or an Arrow file or stream."""
    try:
        with path.open("rb") as file:
            return file.read(8).startswith((_PARQUET_MAGIC, _ARROW_MAGIC, _ARROW_STREAM_MAGIC))
    except OSError:
        return False


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of words and vectors, a part of a row group at a time.

    Raises:
        FormatError: it is damaged, or a column is missing or of another type; later, a damaged row.
    """
    with _opened(path) as table:
        columns = _Columns.of(path, table.schema)
        size = columns.size if columns.size is not None else _first_length(path, table, columns.vector)
        return Stream(size, _blocks(path, columns, size, options), table.rows)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream, a row group of about ``BLOCK_BYTES`` at a time: Parquet, or Arrow if the name says so.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word has no UTF-8 form, a full disk.
    """
    import pyarrow as pa

    schema = pa.schema(
        [("word", pa.string()), ("count", pa.int64()), ("vector", pa.list_(pa.float32(), stream.size))]
    )
    check_free(path, force=force)
    with replacing(path) as file, _writer(file, schema, path) as writer:
        done, waiting = 0, []
        for block in stream.blocks:
            words = _as_strings(block.words, done, path)
            counts = pa.nulls(len(words), pa.int64()) if block.counts is None else pa.array(block.counts)
            numbers = pa.array(np.ascontiguousarray(block.vectors, np.float32).ravel())
            vectors = pa.FixedSizeListArray.from_arrays(numbers, stream.size)
            waiting.append(pa.record_batch([words, counts, vectors], schema=schema))
            done += len(words)
            if sum(batch.nbytes for batch in waiting) >= BLOCK_BYTES:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))


@dataclass(frozen=True)
class _Columns:
    """Which column holds what."""

    word: str
    vector: str
    count: str | None
    size: int | None
    """D, if the type of the vectors says so."""

    @classmethod
    def of(cls, path: Path, schema: Any) -> _Columns:
        """Find the columns by their names, and check their types.

        Raises:
            FormatError: one is missing or has a type that is of no use.
        """
        import pyarrow.types as pt

        word = _one_of(path, schema, WORD_NAMES, "words")
        vector = _one_of(path, schema, VECTOR_NAMES, "vectors")
        kind = schema.field(vector).type
        if not _is_list(kind) or not pt.is_floating(kind.value_type):
            raise FormatError(
                f"{path}: the column {vector!r} holds {kind}, but vectors are lists of floats: convert it"
            )
        held = _value_type(schema.field(word).type)
        if not _is_text(held):
            raise FormatError(f"{path}: the column {word!r} holds {held}, but words are strings: convert it")
        count = next((name for name in COUNT_NAMES if name in schema.names), None)
        if count is not None and not pt.is_integer(schema.field(count).type):
            count = None
        return cls(word, vector, count, kind.list_size if pt.is_fixed_size_list(kind) else None)

    @property
    def names(self) -> list[str]:
        """The columns to read."""
        return [self.word, self.vector, *([] if self.count is None else [self.count])]


@dataclass(frozen=True)
class _Table:
    """An open file, whichever of the kinds it is."""

    schema: Any
    rows: int | None
    file: Any

    def batches(self, names: Sequence[str], rows: int) -> Iterator[Any]:
        """Yield record batches of these columns, of at most so many rows."""
        if hasattr(self.file, "iter_batches"):
            # Group by group and in one thread: else pyarrow reads ahead, without bound.
            for group in range(self.file.num_row_groups):
                yield from self.file.iter_batches(rows, [group], list(names), use_threads=False)
            return
        for batch in self._all_batches():
            for start in range(0, batch.num_rows, rows):
                yield batch.select(list(names)).slice(start, rows)

    def _all_batches(self) -> Iterator[Any]:
        if hasattr(self.file, "get_batch"):
            return (self.file.get_batch(at) for at in range(self.file.num_record_batches))
        return iter(self.file)


@contextmanager
def _opened(path: Path) -> Iterator[_Table]:
    """Open a file of one of the kinds.

    Raises:
        FormatError: it is of no such kind, cannot be read, or is damaged; also while it is being used.
    """
    import pyarrow as pa

    if not sniff(path):
        raise FormatError(
            f"{path}: is no Parquet or Arrow file that can be read; check the path, or name another "
            "format with --from (format=)"
        )
    try:
        with _reader(path) as table:
            yield table
    except FormatError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = printable((str(error).splitlines() or ["?"])[0])
        raise FormatError(
            f"{path}: cannot be read, or is damaged ({reason}); copy or make it again"
        ) from None


@contextmanager
def _reader(path: Path) -> Iterator[_Table]:
    """Open a file with what reads its kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as start:
        magic = start.read(8)
    if magic.startswith(_PARQUET_MAGIC):
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, page_checksum_verification=True) as file:
            yield _Table(file.schema_arrow, file.metadata.num_rows, file)
        return
    kind = pa.ipc.open_file if magic == _ARROW_MAGIC else pa.ipc.open_stream
    with pa.memory_map(str(path)) as mapped, kind(mapped) as file:
        yield _Table(file.schema, None, file)


def _blocks(path: Path, columns: _Columns, size: int, options: ReadOptions) -> Iterator[Block]:
    """Walk through the rows."""
    with _opened(path) as table:
        done = 0
        for batch in table.batches(columns.names, max(1, BLOCK_BYTES // (4 * max(size, 1)))):
            yield from _block(batch, path, columns, size, options, done)
            done += batch.num_rows


def _block(
    batch: Any, path: Path, columns: _Columns, size: int, options: ReadOptions, done: int
) -> Iterator[Block]:
    """Make a block of a batch; rows without a word or a whole vector are refused, or left out."""
    words = _words(batch.column(0), path, options, done)
    lists = batch.column(1)
    whole = _whole(lists, size)
    kept = []
    for row, word in enumerate(words):
        if whole is not None and not whole[row]:
            what = f"its vector is missing, has nulls in it or is not {size} numbers long"
            options.bad(path, f"row {done + row + 1:,}", what)
        elif word is not None:
            kept.append(row)
    if len(kept) < len(words):
        batch = batch.take(kept)
        lists = batch.column(1)
    if kept:
        with np.errstate(over="ignore"):
            numbers = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        counts = None if columns.count is None else _counts(batch.column(2))
        named = [word for row in kept if (word := words[row]) is not None]
        yield Block(named, numbers.reshape(-1, size), counts, lambda row: f"row {done + kept[row] + 1:,}")


def _words(column: Any, path: Path, options: ReadOptions, done: int) -> list[str | None]:
    """Return the words of a column; None for one that is missing or does not decode, and is left out."""
    import pyarrow.types as pt

    kind = _value_type(column.type)
    words: list[Any] = column.to_pylist()
    binary = pt.is_binary(kind) or pt.is_large_binary(kind)
    for row, word in enumerate(words):
        if word is None:
            options.bad(path, f"row {done + row + 1:,}", "its word is missing (null)")
        elif binary:
            words[row] = options.decode(word, path, f"row {done + row + 1:,}")
    return words


def _whole(lists: Any, size: int) -> NDArray[np.bool_] | None:
    """Return for each list whether it holds D numbers, or None if all do."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(lists).fill_null(-1).to_numpy(zero_copy_only=False)
    whole: NDArray[np.bool_] = lengths == size
    flat = lists.flatten()
    if flat.null_count:
        parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
        whole[np.unique(parents[flat.is_null().to_numpy(zero_copy_only=False)])] = False
    return None if whole.all() else whole


def _counts(column: Any) -> NDArray[np.int64] | None:
    """Return the counts of a block, or None if one is unknown."""
    if column.null_count:
        return None
    counts: NDArray[np.int64] = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return counts


def _first_length(path: Path, table: _Table, vector: str) -> int:
    """Return the length of the first vector, D, where the type does not say it; 0 if there is none."""
    for batch in table.batches([vector], 1):
        if batch.num_rows and batch.column(0)[0].is_valid:
            return len(batch.column(0)[0])
    return 0


def _one_of(path: Path, schema: Any, names: Sequence[str], what: str) -> str:
    """Return the first of the usual names that a column has."""
    found = next((name for name in names if name in schema.names), None)
    if found is None:
        raise FormatError(
            f"{path}: has no column of {what}: one must be called {', '.join(names[:-1])} or {names[-1]}; "
            f"its columns are {printable(', '.join(schema.names[:20]))}"
        )
    return found


def _is_list(kind: Any) -> bool:
    import pyarrow.types as pt

    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _value_type(kind: Any) -> Any:
    """Return the type of the values, for a column that is a dictionary and codes."""
    import pyarrow.types as pt

    return kind.value_type if pt.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    import pyarrow.types as pt

    texts = (pt.is_string, pt.is_large_string, pt.is_string_view, pt.is_binary, pt.is_large_binary)
    return any(is_kind(kind) for is_kind in texts)


def _as_strings(words: list[str], done: int, path: Path) -> Any:
    """Return words as an Arrow array."""
    import pyarrow as pa

    try:
        return pa.array(words, pa.string())
    except UnicodeEncodeError as error:
        row = done + words.index(str(error.object)) + 1
        raise FormatError(
            f"{path}: the word '{printable(str(error.object))}' (row {row:,}) has no UTF-8 form; "
            "clean the corpus of it"
        ) from None


def _writer(file: IO[bytes], schema: Any, path: Path) -> Any:
    """Return a writer of record batches, as the name asks for."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() in ARROW_ENDINGS:
        return pa.ipc.new_file(file, schema)
    # Numbers that look random neither repeat, which a dictionary wants, nor compress.
    codecs = {"word": "zstd", "count": "zstd", "vector.list.element": "none"}
    return pq.ParquetWriter(file, schema, compression=codecs, use_dictionary=False, write_page_checksum=True)

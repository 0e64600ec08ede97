"""A column of text from Parquet, JSON Lines or a Hugging Face data set, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from firth.corpus.pieces import Content, IdLists, Piece, Texts, TokenLists, checked_ids, string_array
from firth.corpus.remote import RemoteFile
from firth.corpus.streams import Block, ByteStream, cannot_read, check_utf8, read_blocks
from firth.errors import CorpusError

MAX_JSON_LINE_BYTES = 1 << 30
_ROWS_AT_MOST = 1 << 20
_WANTED = "firth needs strings, or lists of strings or of whole numbers"

# The types that a JSON Lines column may have, in the order in which they are tried.
_JSON_TYPES = (pa.large_string(), pa.list_(pa.large_string()), pa.list_(pa.int64()))


def column_content(column: Any, where: str, first_row: int = 0) -> Content:
    """Return an Arrow array of strings, of lists of strings or of lists of integers as content.

    Null rows are left out. ``first_row`` is the number of the array's first row, for messages.

    Raises:
        CorpusError: the column has another type, or a list holds a null or something that is no id.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        column, kind = column.cast(pa.large_string()), pa.large_string()
    if _is_string(kind):
        return Texts(column.drop_null().cast(pa.large_string()))
    if not _is_list(kind):
        raise CorpusError(f"{where} holds {kind}: {_WANTED}; name another column")
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    values = column.flatten()
    if values.null_count:
        at = int(pc.index(values.is_null(), True).as_py())
        row, item = _row_of(lengths, at)
        raise CorpusError(
            f"{where}, row {first_row + row}, item {item} is null: {_WANTED}; remove the nulls from the lists"
        )
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_null(values.type) or _is_string(values.type):
        return TokenLists(values.cast(pa.large_string()), lengths)
    if pa.types.is_integer(values.type):
        return IdLists(checked_ids(values.to_numpy(), where), lengths)
    raise CorpusError(f"{where} holds {kind}: {_WANTED}; name another column")


def _is_string(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _row_of(lengths: Any, at: int) -> tuple[int, int]:
    ends = np.cumsum(lengths)
    row = int(np.searchsorted(ends, at, side="right"))
    return row, at - int(ends[row] - lengths[row])


def names(columns: list[str]) -> str:
    """Return column names for a message: quoted, at most 20 of them."""
    shown = ", ".join(repr(name) for name in columns[:20])
    return f"{shown}, … ({len(columns)} in all)" if len(columns) > 20 else shown or "none"


def missing_column(name: str, column: str | None, columns: list[str], what: str) -> CorpusError:
    """Return the error for a table without the column, or for none having been asked for."""
    if column is None:
        return CorpusError(
            f"{name}: this is {what}: say which column holds the text with column=… (--column …); "
            f"the columns are {names(columns)}"
        )
    return CorpusError(f"{name}: there is no column {column!r}; the columns are {names(columns)}")


# --- Parquet ---------------------------------------------------------------------------------------


def parquet_pieces(path: Path | RemoteFile, column: str | None, piece_bytes: int) -> Iterator[Piece]:
    """Yield one column of a Parquet file, about ``piece_bytes`` at a time.

    Raises:
        CorpusError: the file is damaged, or has no such column.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path.open() if isinstance(path, RemoteFile) else path) as file:
            columns = list(file.schema_arrow.names)
            if column is None or column not in columns:
                raise missing_column(str(path), column, columns, "a Parquet file")
            yield from _row_groups(file, path, column, piece_bytes)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise cannot_read(str(path), error) from error
        raise CorpusError(
            f"{path}: the Parquet file is damaged ({_one_line(error)}); fetch it again"
        ) from error


def _row_groups(file: Any, path: Path | RemoteFile, column: str, piece_bytes: int) -> Iterator[Piece]:
    where = f"{path}: column {column!r}"
    column_content(pa.nulls(0, file.schema_arrow.field(column).type), where)  # a wrong type fails here
    size = path.size if isinstance(path, RemoteFile) else path.stat().st_size
    rows = max(file.metadata.num_rows, 1)
    first_row = 0
    for group in range(file.num_row_groups):
        batch_rows = _batch_rows(file.metadata.row_group(group), column, piece_bytes)
        batches = file.iter_batches(
            batch_size=batch_rows, row_groups=[group], columns=[column], use_threads=False
        )
        for batch in batches:
            load = partial(column_content, batch.column(column), where, first_row)
            first_row += batch.num_rows
            yield Piece(load, size * first_row // rows)


def _batch_rows(group: Any, column: str, piece_bytes: int) -> int:
    """Return how many rows of this row group hold about ``piece_bytes`` of the column."""
    chunks = [group.column(index) for index in range(group.num_columns)]
    weight = sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if chunk.path_in_schema == column or chunk.path_in_schema.startswith(f"{column}.")
    )
    return int(min(max(1, piece_bytes * group.num_rows // max(weight, 1)), _ROWS_AT_MOST))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


# --- JSON Lines ------------------------------------------------------------------------------------


def json_pieces(stream: ByteStream, column: str, piece_bytes: int, *, replace: bool) -> Iterator[Piece]:
    """Yield one column of a JSON Lines stream, about ``piece_bytes`` of JSON at a time."""
    too_long = f"is longer than {MAX_JSON_LINE_BYTES >> 20} MiB: this does not look like JSON Lines"
    blocks = read_blocks(stream, piece_bytes, None, MAX_JSON_LINE_BYTES, too_long=too_long)
    for number, block in enumerate(blocks):
        yield Piece(partial(_load_json, block, column, number == 0, replace), block.position)


def _load_json(block: Block, column: str, is_first: bool, replace: bool) -> Content:
    data = check_utf8(block, block.data, replace=replace)
    where = f"{block.name}: column {column!r}"
    array = _arrow_json(data, column)
    if array is None or (is_first and array.null_count == len(array)):
        return _plain_json(block, data, column, is_first, replace)
    return column_content(array, where)


def _arrow_json(data: bytes, column: str) -> Any:
    """Return the column as parsed by Arrow, or None where Arrow cannot: then the plain parser judges."""
    import pyarrow.json as pj

    read = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
    for kind in _JSON_TYPES:
        schema = pa.schema([(column, kind)])
        parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        try:
            table = pj.read_json(pa.BufferReader(data), read_options=read, parse_options=parse)
        except pa.ArrowException:
            continue
        return table.column(0).combine_chunks()
    return None


def _plain_json(block: Block, data: bytes, column: str, is_first: bool, replace: bool) -> Content:
    """Parse line by line: slower than Arrow, but it knows the line that is wrong."""
    values: list[Any] = []
    seen: dict[str, None] = {}
    for number, line in enumerate(data.split(b"\n"), block.line):
        if not line.strip():
            continue
        place = f"{block.name}: line {number}"
        row = _json_object(line, place)
        seen.update(dict.fromkeys(row))
        value = row.get(column)
        if value is not None:
            values.append(_json_value(value, f"{place}: column {column!r}", replace))
    if is_first and seen and column not in seen:
        raise missing_column(block.name, column, list(seen), "a JSON Lines file")
    return _one_kind(values, f"{block.name}: column {column!r}, from line {block.line} on")


def _json_object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(
            f"{place} is not JSON ({_one_line(error)}): mend the line; "
            "for plain text leave column (--column) out"
        ) from None
    if not isinstance(row, dict):
        raise CorpusError(
            f"{place} is not a JSON object but {_short(row)}: every line must look like "
            '{"text": …}; for plain text leave column (--column) out'
        )
    return row


def _json_value(value: Any, where: str, replace: bool) -> Any:
    """Return a string, a list of strings or a list of integers as an Arrow array of one row."""
    try:
        if isinstance(value, str):
            return string_array([value], replace=replace)
        if isinstance(value, list):
            if all(isinstance(item, str) for item in value):
                offsets = pa.array([0, len(value)], pa.int32())
                return pa.ListArray.from_arrays(offsets, string_array(value, replace=replace))
            if all(isinstance(item, int) and not isinstance(item, bool) for item in value):
                return pa.array([value], pa.list_(pa.int64()))
    except UnicodeEncodeError:
        raise CorpusError(
            f"{where} holds half of a surrogate pair, which is no character: {_short(value)}; "
            "pass encoding_errors='replace' (--encoding-errors replace)"
        ) from None
    except OverflowError:
        pass
    raise CorpusError(f"{where} holds {_short(value)}: {_WANTED}; mend the line or name another column")


def _one_kind(arrays: list[Any], where: str) -> Content:
    kinds = {array.type for array in arrays if len(array) and not _is_empty_list(array)}
    if len(kinds) > 1:
        raise CorpusError(f"{where}: the rows mix {' and '.join(sorted(map(str, kinds)))}; keep one of them")
    kind = kinds.pop() if kinds else None
    same = [array for array in arrays if array.type == kind]
    return column_content(pa.concat_arrays(same) if same else pa.nulls(0), where)


def _is_empty_list(array: Any) -> bool:
    return _is_list(array.type) and len(array.flatten()) == 0


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def first_json_columns(data: bytes) -> list[str] | None:
    """Return the keys of the first line if it is a JSON object: then the file is JSON Lines, else None."""
    line = data.lstrip().split(b"\n", 1)[0].strip()
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return list(row) if isinstance(row, dict) and row else None


# --- Hugging Face data sets ------------------------------------------------------------------------


def is_dataset(corpus: Any) -> bool:
    """Return whether ``corpus`` behaves like a ``datasets.Dataset`` or ``IterableDataset``."""
    return all(hasattr(corpus, name) for name in ("with_format", "iter", "column_names", "select_columns"))


def dataset_of_column(corpus: Any) -> tuple[Any, str] | None:
    """Return the data set and the column's name if ``corpus`` is a column of a data set (``ds["text"]``)."""
    source, name = getattr(corpus, "source", None), getattr(corpus, "column_name", None)
    return (source, name) if isinstance(name, str) and is_dataset(source) else None


def dataset_pieces(dataset: Any, column: str, piece_bytes: int) -> Iterator[Piece]:
    """Yield one column of a data set, in the data set's own order (after ``shuffle`` or ``select`` too)."""
    where = f"the data set's column {column!r}"
    waiting: list[Any] = []
    size = first_row = bytes_read = 0
    for table in dataset.select_columns([column]).with_format("arrow").iter(batch_size=1000):
        array = table.column(column).combine_chunks()
        waiting.append(array)
        size += array.nbytes
        if size >= piece_bytes:
            bytes_read += size
            yield Piece(_load_arrays(waiting, where, first_row), bytes_read)
            first_row += sum(map(len, waiting))
            waiting, size = [], 0
    if waiting:
        yield Piece(_load_arrays(waiting, where, first_row), bytes_read + size)


def _load_arrays(arrays: list[Any], where: str, first_row: int) -> Callable[[], Content]:
    return lambda: column_content(pa.concat_arrays(arrays), where, first_row)

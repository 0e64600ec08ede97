"""The files of a model folder beside its tensors: vocabulary, configuration, reports of the run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from firth._version import __version__
from firth.errors import FormatError
from firth.formats.safetensors_file import replacing
from firth.printable import printable, quoted

NAME = "firth"
FORMAT_VERSION = 1
COLUMNS = {"word": "string", "count": "int64", "trained": "bool"}
REMEDY = "copy the whole model folder again, or train it again"


def write_vocabulary(
    path: str | os.PathLike[str],
    words: Sequence[str],
    counts: NDArray[np.int64] | None = None,
    trained: NDArray[np.bool_] | None = None,
) -> None:
    """Write words with their counts (None: unknown) and whether training touched them (None: all).

    Raises:
        FormatError: the file cannot be written, or a word has no UTF-8 form (a lone surrogate).
    """
    rows = len(words)
    try:
        column = pa.array(words, pa.string())
    except UnicodeEncodeError as error:
        word = quoted(str(error.object))
        raise FormatError(f"{path}: the word {word} has no UTF-8 form; clean the corpus of it") from None
    table = pa.table(
        {
            "word": column,
            "count": pa.nulls(rows, pa.int64()) if counts is None else pa.array(counts, pa.int64()),
            "trained": pa.array(np.ones(rows, bool) if trained is None else trained, pa.bool_()),
        }
    )
    with replacing(Path(path)) as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def read_vocabulary(
    path: str | os.PathLike[str],
) -> tuple[list[str], NDArray[np.int64] | None, NDArray[np.bool_] | None]:
    """Return (words, counts or None, trained or None), the inverse of :func:`write_vocabulary`.

    Raises:
        FormatError: the file is missing, cut short or has other columns.
    """
    file = present(Path(path))
    try:
        table = open_parquet(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged_parquet(file, error) from None
    found = {name: str(table.schema.field(name).type) for name in table.column_names}
    if not COLUMNS.items() <= found.items():
        raise FormatError(f"{file}: has the columns {found}, but a vocabulary has {COLUMNS}; {REMEDY}")
    word, count, trained = (table.column(name) for name in COLUMNS)
    if word.null_count or trained.null_count or count.null_count not in (0, len(count)):
        raise FormatError(f"{file}: has rows without a word, a count or a mark of training; {REMEDY}")
    counts = None if count.null_count else count.to_numpy()
    mask = trained.to_numpy()
    return word.to_pylist(), counts, None if mask.all() else mask


def write_config(path: str | os.PathLike[str], config: Mapping[str, Any]) -> None:
    """Write ``config.json``: the format's name and version, then ``config``. Strict JSON.

    Raises:
        FormatError: a value has no place in JSON (NaN, an object), or the file cannot be written.
    """
    whole = {"format": NAME, "format_version": FORMAT_VERSION}
    whole |= {name: value for name, value in config.items() if name not in whole}
    try:
        text = json.dumps(whole, allow_nan=False, ensure_ascii=False, indent=2, default=_plain)
        try:
            data = text.encode()
        except UnicodeEncodeError:  # a file name that is not UTF-8: escaped, it survives
            data = json.dumps(whole, allow_nan=False, indent=2, default=_plain).encode()
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: the configuration does not fit into JSON: {error}") from None
    with replacing(Path(path)) as file:
        file.write(data + b"\n")


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read ``config.json``, once it is known to be firth's and of a version that this firth understands.

    Raises:
        FormatError: missing, damaged, of another program or of a newer firth.
    """
    file = present(Path(path))
    config = _strict_json(file.read_bytes(), str(file))
    name = config.get("format") if isinstance(config, dict) else None
    if not isinstance(config, dict) or name != NAME:
        raise FormatError(
            f'{file}: not a model of firth: "format" is {json.dumps(name)}, not "{NAME}"; '
            "give a folder that firth wrote"
        )
    version = config.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f'{file}: "format_version" is {json.dumps(version)}, not a whole number; {REMEDY}')
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{file}: written by a newer firth (format version {version}; firth {__version__} reads "
            f"up to {FORMAT_VERSION}): update firth"
        )
    return config


def write_training(path: str | os.PathLike[str], reports: Sequence[Mapping[str, Any]]) -> None:
    """Write the reports of a run, one a line; a number that is not finite becomes null."""
    lines = [
        json.dumps({name: _finite(value) for name, value in report.items()}, allow_nan=False, default=_plain)
        for report in reports
    ]
    with replacing(Path(path)) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def read_training(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the reports of ``training.jsonl``.

    Raises:
        FormatError: missing, or a line is no report; the message names the line.
    """
    file = present(Path(path))
    lines = file.read_bytes().split(b"\n")
    reports = [_strict_json(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    for number, report in enumerate(reports, 1):
        if not isinstance(report, dict):
            raise FormatError(f"{file}: report {number} is not an object but {json.dumps(report)}; {REMEDY}")
    return reports


def open_parquet(file: Path) -> pq.ParquetFile:
    """Open a Parquet file: its footer is read, its columns are not."""
    try:
        return pq.ParquetFile(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged_parquet(file, error) from None


def _damaged_parquet(file: Path, error: Exception) -> FormatError:
    reason = printable(str(error).splitlines()[0])
    return FormatError(f"{file}: damaged, or not a Parquet file ({reason}); {REMEDY}")


def present(file: Path) -> Path:
    """Return ``file`` if it is there."""
    if not file.is_file():
        raise FormatError(f"{file}: missing from the model folder; {REMEDY}")
    return file


def _strict_json(data: bytes, where: str) -> Any:
    """Parse UTF-8 JSON that has no NaN or Infinity in it."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: damaged, not JSON ({printable(str(error))}); {REMEDY}") from None


def _refuse(constant: str) -> None:
    """Reject NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not a JSON number")


def _plain(value: Any) -> Any:
    """Turn what numerical code leaves in a dictionary into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{value!r} ({type(value).__name__})")


def _finite(value: Any) -> Any:
    """Return ``value``, or None for a number that JSON cannot hold."""
    with suppress(TypeError, OverflowError):
        if not math.isfinite(value):
            return None
    return value

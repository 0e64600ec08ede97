"""The stability of a model, kept in its folder beside the model's own files.

``stability.json``     settings, means, the distribution by frequency; and which model it belongs to
``stability.parquet``  a word a row, the most frequent first: *row*, *word*, *count*, *overlap*, and two lists
                       of topn values: *neighbors* (rows in the model, -1: none) and *agree* (runs that do)
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.errors import FormatError
from firth.evaluation.stability import Stability
from firth.formats.safetensors_file import replacing
from firth.printable import printable

SUMMARY, FIGURES = "stability.json", "stability.parquet"
FILES = (SUMMARY, FIGURES)
"""The names that a model folder may hold for this."""

FORMAT, FORMAT_VERSION = "firth-stability", 1
COLUMNS = ("row", "overlap", "neighbors", "agree")
REMEDY = f"remove {SUMMARY} and {FIGURES}, and measure it again with `firth stability`"


def write_stability(stability: Stability, folder: str | os.PathLike[str], model: Embeddings) -> None:
    """Write ``stability`` into the folder of the model that it belongs to; earlier figures are replaced.

    Raises:
        FormatError: the files cannot be written.
    """
    place = Path(folder)
    remove_stability(place)
    with replacing(place / FIGURES) as file:
        pq.write_table(_table(stability, model), file, compression="zstd", write_page_checksum=True)
    whole = {"format": FORMAT, "format_version": FORMAT_VERSION, "model": model.identity()}
    text = json.dumps(whole | stability.summary, allow_nan=False, ensure_ascii=False, indent=1)
    with replacing(place / SUMMARY) as file:
        file.write(text.encode() + b"\n")


def read_stability(folder: str | os.PathLike[str], model: Embeddings | None = None) -> Stability | None:
    """Return what is known of a model's stability; None if it was not measured.

    With ``model`` given, also None if the figures are those of another model: one that was in this folder
    before, or this one before it was trained further.

    Raises:
        FormatError: the files are damaged, of a newer firth, or one of the two is missing.
    """
    place = Path(folder)
    if not (place / SUMMARY).is_file():
        return None
    summary = _read_summary(place / SUMMARY)
    if model is not None and summary["model"] != model.identity():
        return None
    try:
        table = pq.ParquetFile(place / FIGURES, page_checksum_verification=True).read(columns=list(COLUMNS))
        row, overlap, neighbors, agree = (table.column(name).combine_chunks() for name in COLUMNS)
        size = int(summary["settings"]["topn"])
        stability = Stability(
            row.to_numpy(zero_copy_only=False).astype(np.int64),
            overlap.to_numpy(zero_copy_only=False).astype(np.float32),
            _square(neighbors, size).astype(np.int32),
            _square(agree, size).astype(np.int16),
            {name: summary[name] for name in summary if name not in ("format", "format_version", "model")},
        )
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = printable(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise FormatError(f"{place / FIGURES}: damaged or missing ({reason}); {REMEDY}") from None
    if model is not None and len(stability.rows):
        highest = max(int(stability.rows.max()), int(stability.neighbors.max(initial=0)))
        if highest >= len(model):
            raise FormatError(
                f"{place / FIGURES}: names row {highest} of a model of {len(model)} words; {REMEDY}"
            )
    return stability


def remove_stability(folder: str | os.PathLike[str]) -> None:
    """Remove the figures from a model folder, if there are any; what makes them count goes first."""
    for name in FILES:
        with suppress(FileNotFoundError):
            Path(folder, name).unlink()


def _table(stability: Stability, model: Embeddings) -> pa.Table:
    size = stability.neighbors.shape[1]
    rows = stability.rows
    counts = pa.nulls(len(rows), pa.int64()) if model.counts is None else pa.array(model.counts[rows])
    return pa.table(
        {
            "row": pa.array(rows),
            "word": pa.array([model.index_to_key[row] for row in rows.tolist()], pa.string()),
            "count": counts,
            "overlap": pa.array(stability.overlap),
            "neighbors": pa.FixedSizeListArray.from_arrays(pa.array(stability.neighbors.ravel()), size),
            "agree": pa.FixedSizeListArray.from_arrays(pa.array(stability.agree.ravel()), size),
        }
    )


def _square(column: Any, size: int) -> NDArray[Any]:
    """Return a column of lists as a matrix."""
    values: NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(column), size)


def _read_summary(file: Path) -> dict[str, Any]:
    try:
        summary = json.loads(file.read_bytes())
        known = summary["format"] == FORMAT and isinstance(summary["settings"], dict)
        version = int(summary["format_version"])
        _ = summary["model"], summary["summary"], summary["bands"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{file}: damaged ({printable(str(error))}); {REMEDY}") from None
    if not known or version > FORMAT_VERSION:
        raise FormatError(
            f"{file}: not of this version of firth ({FORMAT} {version}); update firth, or {REMEDY}"
        )
    checked: dict[str, Any] = summary
    return checked

"""A map, kept in the folder of its model so that it is computed once.

``map.json``     how it was made, how far it can be trusted as a whole, and which model it belongs to
``map.parquet``  a word a row, the most frequent first: *row*, *word*, *x*, *y*, *near*, and *neighbors*, the
                 places of its true neighbours (numbers of rows of this file)
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
from firth.errors import ConfigError, FormatError
from firth.formats.native import is_model_folder
from firth.formats.safetensors_file import replacing
from firth.printable import printable
from firth.projection.trust import TRUE_NEIGHBORS
from firth.projection.word_map import METHODS, WordMap

FACTS, PLACES = "map.json", "map.parquet"
FORMAT, FORMAT_VERSION = "firth-map", 1
COLUMNS = ("row", "x", "y", "near", "neighbors")
REMEDY = f"remove {FACTS}, and it is made anew"


def write_map(word_map: WordMap, folder: str | os.PathLike[str], model: Embeddings) -> None:
    """Write a map into the folder of its model; an earlier one is replaced.

    Raises:
        FormatError: ``folder`` is no model folder of firth, or the files cannot be written.
        ConfigError: the map is of another model, or its trust was not measured.
    """
    place = Path(folder)
    if not word_map.measured or word_map.identity != model.identity():
        raise ConfigError("a map is kept for its own model, once its trust is known: see with_trust")
    if not is_model_folder(place):
        raise FormatError(
            f"{place}: a map is kept in a model folder: make one with `firth convert {place} FOLDER`"
        )
    facts = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": word_map.identity,
        "method": word_map.method,
        "settings": word_map.settings,
        "near": word_map.summary(),
        "definition": word_map.definition,
    }
    text = json.dumps(facts, allow_nan=False, ensure_ascii=False, indent=1)
    with suppress(FileNotFoundError):  # what makes the figures count goes first, and comes last
        (place / FACTS).unlink()
    with replacing(place / PLACES) as file:
        pq.write_table(_table(word_map, model), file, compression="zstd", write_page_checksum=True)
    with replacing(place / FACTS) as file:
        file.write(text.encode() + b"\n")


def read_map(folder: str | os.PathLike[str], model: Embeddings) -> WordMap | None:
    """Return the map that lies in a model's folder; None if there is none, or one of another model.

    Raises:
        FormatError: it is damaged, or of a newer firth.
    """
    place = Path(folder)
    if not (place / FACTS).is_file():
        return None
    facts = _read_facts(place / FACTS)
    if facts["model"] != model.identity():
        return None
    try:
        table = pq.ParquetFile(place / PLACES, page_checksum_verification=True).read(columns=list(COLUMNS))
        row, x, y, near, neighbors = (table.column(name).combine_chunks() for name in COLUMNS)
        size = neighbors.type.list_size
        word_map = WordMap(
            rows=_numbers(row, np.int32),
            positions=np.stack([_numbers(x, np.float32), _numbers(y, np.float32)], axis=1),
            near=_numbers(near, np.uint8),
            neighbors=_numbers(neighbors.flatten(), np.int32).reshape(-1, size),
            method=facts["method"],
            settings=facts["settings"],
            identity=facts["model"],
        )
        _check(word_map, len(model))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = printable(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise FormatError(f"{place / PLACES}: damaged or missing ({reason}); {REMEDY}") from None
    return word_map


def _table(word_map: WordMap, model: Embeddings) -> pa.Table:
    words = model.index_to_key
    size = word_map.neighbors.shape[1]
    return pa.table(
        {
            "row": pa.array(word_map.rows),
            "word": pa.array([words[row] for row in word_map.rows.tolist()], pa.string()),
            "x": pa.array(word_map.positions[:, 0]),
            "y": pa.array(word_map.positions[:, 1]),
            "near": pa.array(word_map.near),
            "neighbors": pa.FixedSizeListArray.from_arrays(pa.array(word_map.neighbors.ravel()), size),
        }
    )


def _numbers(column: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """Return a column as an array; one with empty cells is no column of numbers."""
    if column.null_count:
        raise ValueError("a cell is empty")
    numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return numbers.astype(dtype, casting="same_kind")


def _check(word_map: WordMap, words: int) -> None:
    """Raise ValueError for what could not be a map of a model of so many ``words``."""
    size = len(word_map)
    for name, numbers, end in (("row", word_map.rows, words), ("neighbors", word_map.neighbors, size)):
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < end:
            raise ValueError(f"{name} names {int(numbers.max())} of {end}")
    if len(np.unique(word_map.rows)) != size:
        raise ValueError("a row is there twice")
    if not np.isfinite(word_map.positions).all():
        raise ValueError("a place is not finite")
    if word_map.measured and int(word_map.near.max(initial=0)) > TRUE_NEIGHBORS:
        raise ValueError(f"near is {int(word_map.near.max())} of {TRUE_NEIGHBORS}")


def _read_facts(file: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(file.read_bytes())
        known = facts["format"] == FORMAT and facts["format_version"] <= FORMAT_VERSION
        whole = (
            facts["method"] in METHODS and isinstance(facts["model"], str) and "words" in facts["settings"]
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"{file}: damaged ({printable(str(error))}); {REMEDY}") from None
    if not known:
        raise FormatError(f"{file}: not a map that this version of firth reads; update firth, or {REMEDY}")
    if not whole:
        raise FormatError(f"{file}: damaged; {REMEDY}")
    return facts

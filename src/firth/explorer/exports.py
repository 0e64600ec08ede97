"""The map as a file for other programs: a table, Apple's embedding-atlas, TensorBoard's projector."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from firth.embeddings import Embeddings
from firth.explorer.payload import Payload
from firth.printable import printable

FORMATS = ("csv", "atlas", "projector")
MOST_VECTORS = 100_000
"""Rows of the projector's tables: it shows no more."""


def export(word_map: Any, model: Embeddings, name: str, kind: str) -> Payload:
    """Return a map as a file of one of ``FORMATS``."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"
    if kind == "csv":
        return _saved(_csv(word_map, model), "text/csv; charset=utf-8", f"{stem}-map.csv")
    if kind == "atlas":
        return _saved(_parquet(word_map, model), "application/vnd.apache.parquet", f"{stem}-map.parquet")
    return _saved(_projector(word_map, model), "application/zip", f"{stem}-projector.zip")


def _saved(body: bytes, media_type: str, filename: str) -> Payload:
    return Payload(body, media_type, filename=filename)


def _columns(word_map: Any, model: Embeddings) -> dict[str, list[Any]]:
    """Return the columns that all formats share."""
    rows = word_map.rows.tolist()
    return {
        "word": [model.index_to_key[row] for row in rows],
        "count": [None] * len(rows) if model.counts is None else model.counts[word_map.rows].tolist(),
        "x": word_map.positions[:, 0].tolist(),
        "y": word_map.positions[:, 1].tolist(),
        "near": word_map.near.tolist(),
    }


def _csv(word_map: Any, model: Embeddings) -> bytes:
    columns = _columns(word_map, model)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _parquet(word_map: Any, model: Embeddings) -> bytes:
    """Return a table for ``embedding-atlas FILE --text word --x x --y y``."""
    columns = _columns(word_map, model)
    columns["word"] = [word.encode("utf-8", "backslashreplace").decode() for word in columns["word"]]
    types = {
        "word": pa.string(),
        "count": pa.int64(),
        "x": pa.float32(),
        "y": pa.float32(),
        "near": pa.uint8(),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(columns[name], types[name]) for name in types}), sink)
    return sink.getvalue()


def _projector(word_map: Any, model: Embeddings) -> bytes:
    """Return what the projector loads: the vectors, or this map, and a table of the words for either."""
    columns = {name: values[:MOST_VECTORS] for name, values in _columns(word_map, model).items()}
    labels = [printable(word).strip() or "(blank)" for word in columns["word"]]
    counts = ["" if count is None else str(count) for count in columns["count"]]
    lines = [
        f"{word}\t{count}\t{near}\n"
        for word, count, near in zip(labels, counts, columns["near"], strict=True)
    ]
    rows = word_map.rows[:MOST_VECTORS]
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("metadata.tsv", "word\tcount\tnear\n" + "".join(lines))
        archive.writestr("map.tsv", _tabs(word_map.positions[:MOST_VECTORS]))
        archive.writestr("vectors.tsv", _tabs(model.vectors[rows]))
    return sink.getvalue()


def _tabs(numbers: Any) -> bytes:
    """Return a matrix as lines of numbers with tabs between them."""
    table = pa.table(
        {str(column): np.ascontiguousarray(numbers[:, column]) for column in range(numbers.shape[1])}
    )
    sink = pa.BufferOutputStream()
    pc.write_csv(table, sink, pc.WriteOptions(include_header=False, delimiter="\t"))
    return bytes(sink.getvalue())

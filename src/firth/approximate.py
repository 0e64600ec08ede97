"""Approximate neighbours for vocabularies that outgrow exact search: an HNSW graph, by the library usearch.

Malkov & Yashunin 2018, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs". The graph only finds candidates; their cosines and their order are exact.
It lies in the model's folder and is mapped, not loaded. Several threads build it, so that two builds differ
a little in what they find.

``index.usearch``   the graph over the rows that have neighbours, keyed by row; vectors in float32
``index.json``      which model it belongs to, and the recall that was measured
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings, Neighbor
from firth.errors import ConfigError, FormatError
from firth.extras import optional
from firth.formats.native import is_model_folder
from firth.formats.safetensors_file import replacing
from firth.printable import printable

GRAPH, FACTS = "index.usearch", "index.json"
FORMAT, FORMAT_VERSION = "firth-index", 1
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 24, 192, 192
"""Links of a node, candidates at building, candidates at search: M, efConstruction and ef of the paper."""
ROWS_AT_ONCE = 1 << 14
EXTRA = "index"


class ApproximateNeighbors:
    """A graph of a model's words that finds their neighbours without looking at all of them."""

    def __init__(self, model: Embeddings, graph: Any) -> None:
        """Put a model and its graph together; see :func:`build` and :func:`open_index`."""
        self.model = model
        self._graph = graph

    def neighbors(self, words: Sequence[str], topn: int = 10) -> list[list[Neighbor]]:
        """Return each word's nearest words with their exact cosines; now and then one is missed.

        The same form as :meth:`firth.embeddings.Embeddings.neighbors`.
        """
        if not words or topn < 1:
            return [[] for _ in words]
        matches = self._graph.search(np.ascontiguousarray(self.model[words]), max(topn + 1, 2))
        keys, lengths = np.atleast_2d(matches.keys), np.atleast_1d(getattr(matches, "counts", topn + 1))
        return [
            self.model.nearest_among(word, row[:length].astype(np.int64), topn)
            for word, row, length in zip(words, keys, lengths, strict=True)
        ]


def build(model: Embeddings, *, threads: int = 0) -> ApproximateNeighbors:
    """Build the graph of a model's rows; rows of zeros, and rows never trained, stay out.

    Args:
        model: the model.
        threads: threads to use; 0: all processors.

    Raises:
        MissingExtraError: the package usearch is not installed.
        ConfigError: no row has a neighbour.
    """
    usearch = optional("usearch.index", "an approximate index", EXTRA)
    graph = usearch.Index(
        ndim=model.vector_size,
        metric="cos",
        dtype="f32",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
    for rows in _findable(model):
        graph.add(rows, np.ascontiguousarray(model.vectors[rows]), threads=threads)
    if len(graph) < 2:
        raise ConfigError(f"{len(graph)} rows of the model have a direction: there is nothing to index")
    return ApproximateNeighbors(model, graph)


def save_index(index: ApproximateNeighbors, folder: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write an index, and what was measured of it, into the folder of its model.

    Raises:
        FormatError: ``folder`` is no model folder of firth, or cannot be written.
    """
    place = Path(folder)
    check_folder(place)
    (place / FACTS).unlink(missing_ok=True)
    with replacing(place / GRAPH) as file:
        file.write(index._graph.save())
    whole = {"format": FORMAT, "format_version": FORMAT_VERSION, "model": index.model.identity(), **facts}
    with replacing(place / FACTS) as file:
        file.write(json.dumps(whole, allow_nan=False, indent=1).encode() + b"\n")


def check_folder(place: Path) -> None:
    """Refuse a place that cannot hold an index.

    Raises:
        FormatError: there is no model, it is no model folder of firth, or nothing can be written there.
    """
    if not place.exists():
        raise FormatError(f"{place}: there is no such model: give a model folder")
    if not is_model_folder(place):
        raise FormatError(
            f"{place}: an index lies in a model folder: make one with `firth convert {place} FOLDER`"
        )
    if not os.access(place, os.W_OK):
        raise FormatError(f"{place}: an index cannot be written there: copy the model to a place of your own")


def open_index(folder: str | os.PathLike[str], model: Embeddings) -> ApproximateNeighbors:
    """Map the index that lies in a model's folder.

    Raises:
        MissingExtraError: the package usearch is not installed.
        FormatError: there is none, it is damaged, or it is of another model.
    """
    place = Path(folder)
    remedy = f"make it with `firth index {place}`"
    try:
        facts = json.loads((place / FACTS).read_bytes())
        known = facts["format"] == FORMAT and facts["format_version"] <= FORMAT_VERSION
        belongs = facts["model"] == model.identity()
    except (FileNotFoundError, NotADirectoryError):
        check_folder(place)
        raise FormatError(f"{place}: has no index: {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{place / FACTS}: damaged ({printable(str(error))}): {remedy}") from None
    if not known or not belongs:
        what = "of another model than the one beside it" if known else "of a newer firth"
        raise FormatError(f"{place / FACTS}: {what}: {remedy}")
    usearch = optional("usearch.index", "an approximate index", EXTRA)
    try:
        graph = usearch.Index.restore(str(place / GRAPH), view=True)
    except Exception as error:  # the library raises bare RuntimeErrors
        raise FormatError(
            f"{place / GRAPH}: damaged or missing ({printable(str(error))}): {remedy}"
        ) from None
    if graph is None or graph.ndim != model.vector_size:
        raise FormatError(f"{place / GRAPH}: missing, or of vectors of another size: {remedy}")
    graph.expansion_search = EXPANSION_SEARCH
    return ApproximateNeighbors(model, graph)


def _findable(model: Embeddings) -> Iterator[NDArray[np.int64]]:
    """Yield, in blocks, the rows that may be found: trained, and not zero."""
    for start in range(0, len(model), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(model)))
        shown = model.vectors[rows].any(axis=1)
        if model.trained is not None:
            shown &= model.trained[rows]
        if shown.any():
            yield rows[shown]

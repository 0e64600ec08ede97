"""The folder of a static model of model2vec.

``model.safetensors`` has *embeddings* (float32, float64, float16, or int8 after its quantisation) and perhaps
*mapping*, the row of each token, and *weights*, a factor for each token; ``tokenizer.json`` has the
tokens, ``config.json`` the options. A token's vector is ``embeddings[mapping[id]] * weights[id]``, just what
model2vec averages. Its int8 keeps no scale: such vectors come as whole numbers from -127 to 127, as
model2vec computes with them; directions and cosines are right, lengths are not the original ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.safetensors_file import map_tensors
from firth.formats.static_model import (
    MODULE,
    MODULES,
    TENSORS,
    as_float32,
    matrix_named,
    rows_stream,
    seems_to_hold,
    write_static,
)
from firth.formats.stream import ReadOptions, Stream
from firth.handover.model2vec_model import STATIC_MODEL

NAME = "model2vec"
CONFIG = "config.json"
EMBEDDINGS = "embeddings"


def sniff(path: Path) -> bool:
    """Tell whether a folder holds model2vec's tensor."""
    return seems_to_hold(path, EMBEDDINGS)


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a folder as a stream of its tokens and their vectors.

    Raises:
        FormatError: a part is missing or damaged.
    """
    tensors, _ = map_tensors(path / TENSORS)
    matrix = matrix_named(path, tensors, EMBEDDINGS, np.int8)
    mapping, weights = (_per_token(path, tensors, name) for name in ("mapping", "weights"))
    if mapping is not None and (
        mapping.dtype.kind not in "iu"
        or (len(mapping) and not 0 <= mapping.min() <= mapping.max() < len(matrix))
    ):
        raise FormatError(f"{path / TENSORS}: 'mapping' is of no rows, or of rows beyond the {len(matrix):,}")
    rows = len(matrix) if mapping is None else len(mapping)
    if weights is not None and len(weights) != rows:
        raise FormatError(f"{path / TENSORS}: has {len(weights):,} weights for {rows:,} tokens")

    def take(part: slice) -> NDArray[np.float32]:
        vectors = as_float32(matrix[part if mapping is None else mapping[part]])
        return vectors if weights is None else vectors * as_float32(weights[part, None])

    return rows_stream(path, matrix.shape[1], rows, take)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a folder that ``StaticModel.from_pretrained(path)`` loads, and sentence-transformers too.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds something else.
        FormatError: a word is empty or has no UTF-8 form, or the folder cannot be written.
    """
    files = {
        MODULES: [{"idx": 0, "name": "0", "path": ".", "type": MODULE}],
        CONFIG: {
            **STATIC_MODEL,
            "normalize": False,
            "max_length": None,
            "embedding_dtype": "float32",
        },
    }
    write_static(stream, path, EMBEDDINGS, files, force=force)


def _per_token(path: Path, tensors: dict[str, NDArray[Any]], name: str) -> NDArray[Any] | None:
    """Return an optional tensor of one number a token."""
    column = tensors.get(name)
    if column is not None and column.ndim != 1:
        raise FormatError(f"{path / TENSORS}: {name!r} has the shape {column.shape}, not one number a token")
    return column

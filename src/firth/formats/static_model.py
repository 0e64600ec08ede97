"""What the folders of sentence-transformers and model2vec share: a ``tokenizer.json`` and a row for each id.

Neither library is needed to read or to write them. Tokens keep the names that the tokenizer gives them:
pieces of words stay pieces ("##ing", "▁the"), and an id without a token of its own is called ``<id 17>``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.tokenize import unique_keys
from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError
from firth.formats.folders import replacing_folder
from firth.formats.safetensors_file import replacing, write_tensors
from firth.formats.stream import BLOCK_BYTES, Block, Stream, settled, stream_of
from firth.handover.text_tokenizer import text_options, tokenizer_json, tokens_of

TENSORS, TOKENIZER, MODULES, CARD = ("model.safetensors", "tokenizer.json", "modules.json", "README.md")
MODULE = "sentence_transformers.models.StaticEmbedding"
"""The module's name that old and new releases of sentence-transformers know."""
HEAD_BYTES = 1 << 16
LARGEST_JSON = 1 << 20
FLOATS = (np.float16, np.float32, np.float64)


def seems_to_hold(folder: Path, tensor: str) -> bool:
    """Tell by its first bytes whether a folder's safetensors file holds a tensor; never raises."""
    try:
        with (folder / TENSORS).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return head[8:9] == b"{" and f'"{tensor}":'.encode() in head


def read_json(file: Path, largest: int = LARGEST_JSON) -> Any:
    """Parse one of a folder's JSON files of at most ``largest`` bytes; None if it is not there.

    Raises:
        FormatError: it is damaged, or so large that it is something else.
    """
    try:
        size = file.stat().st_size
        if size > largest:
            raise FormatError(f"{file}: is {size:,} bytes long, more than the {largest:,} that firth expects")
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{file}: damaged, not JSON; copy or make it again") from None


def token_names(folder: Path, rows: int) -> list[str]:
    """Return a unique name for each of ``rows`` ids of the folder's tokenizer.

    Raises:
        FormatError: there is no tokenizer, it is damaged, or it has more ids than there are rows.
    """
    file = folder / TOKENIZER
    try:
        tokens = tokens_of(json.loads(file.read_bytes()))
    except OSError as error:
        raise FormatError(
            f"{file}: cannot be read ({error.strerror}): a static model keeps its words there; copy it again"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ConfigError) else "it is not JSON"
        raise FormatError(f"{file}: not a tokenizer.json: {reason}; copy or make it again") from None
    if len(tokens) > rows:
        raise FormatError(
            f"{folder}: {TENSORS} has {rows:,} rows, but {TOKENIZER} has ids up to {len(tokens) - 1:,}: "
            "they are of different models; copy the whole folder again"
        )
    return unique_keys([*tokens, *[None] * (rows - len(tokens))])


def matrix_named(folder: Path, tensors: Mapping[str, NDArray[Any]], name: str, *types: type) -> NDArray[Any]:
    """Return a (rows, D) tensor, once its shape and type are right.

    Raises:
        FormatError: it is not there, or no matrix of numbers.
    """
    matrix = tensors.get(name)
    if matrix is None:
        raise FormatError(f"{folder / TENSORS}: has no tensor {name!r}, only {sorted(tensors)}")
    if matrix.ndim != 2 or matrix.dtype not in (*FLOATS, *types):
        raise FormatError(
            f"{folder / TENSORS}: {name!r} is {matrix.dtype} of shape {matrix.shape}, "
            "but word vectors are a matrix of floating-point numbers"
        )
    return matrix


def as_float32(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Return a float32 copy; what is too large becomes infinite, for the stream's check to refuse."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def rows_stream(folder: Path, size: int, rows: int, take: Callable[[slice], NDArray[np.float32]]) -> Stream:
    """Return a stream of named rows; ``take`` gives those of a slice."""
    names = token_names(folder, rows)
    step = max(1, BLOCK_BYTES // (4 * max(1, size)))

    def blocks() -> Iterator[Block]:
        for start in range(0, rows, step):
            part = slice(start, start + step)
            yield Block(names[part], take(part))

    return Stream(size, blocks(), rows)


def write_static(
    stream: Stream, path: Path, tensor: str, files: Mapping[str, Any], *, force: bool = False
) -> None:
    """Write a folder of a tensor, a tokenizer and the given JSON files; nothing is seen before all is there.

    The words' tokenizer splits text as the model's corpus was split (see ``handover.text_tokenizer``).

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds something else.
        FormatError: a word is empty or has no UTF-8 form, or the folder cannot be written.
    """
    ours = {TENSORS, TOKENIZER, MODULES, CARD, *files}
    with settled(stream, path) as model, replacing_folder(path, ours, force=force) as folder:
        _write_json(folder / TOKENIZER, _tokenizer_of(model, path))
        for name, content in files.items():
            _write_json(folder / name, json.dumps(content, indent=2) + "\n")
        shape = (len(model), model.vector_size)
        blocks = (block.vectors for block in stream_of(model).blocks)
        write_tensors(folder / TENSORS, {tensor: (shape, blocks)}, {"format": "pt"})


def _tokenizer_of(model: Embeddings, path: Path) -> str:
    """Return the ``tokenizer.json`` of a model's words."""
    try:
        return tokenizer_json(model.index_to_key, text_options(model.config, words=model.index_to_key))
    except ConfigError as error:
        raise FormatError(f"{path}: {error}") from None


def _write_json(file: Path, text: str) -> None:
    with replacing(file) as opened:
        opened.write(text.encode())

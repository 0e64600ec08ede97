"""What gensim's ``KeyedVectors.save`` writes: a pickle, and beside it large arrays as ``.npy``.

The pickle is never unpickled: its instructions are written down (:mod:`firth.formats.pickle_nodes`), and what
KeyedVectors and Word2Vec of gensim 4 are made of is looked up in that. What is anything else is refused,
with the two lines of Python that turn it into a file without a program in it.

Writing takes no gensim: the words become such a pickle, the vectors the ``.npy``, and
``KeyedVectors.load(path)`` opens them (``mmap="r"`` maps them).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError
from firth.formats.binary_file import REMEDY, MappedFile, begins_with, write_rows
from firth.formats.packed import check_free
from firth.formats.pickle_nodes import Made, Name, Node, as_array, nodes
from firth.formats.safetensors_file import replacing, row_blocks
from firth.formats.stream import BLOCK_BYTES, Block, ReadOptions, Stream, checked, collect, settled
from firth.printable import printable

NAME = "gensim"
KEYED_VECTORS = {"KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors"}
MODELS = {"Word2Vec", "Doc2Vec"}
"""Classes whose attribute ``wv`` is a KeyedVectors."""
SIDECAR = ".vectors.npy"

_PICKLES = b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"
_NPY = b"\x93NUMPY"
# What NumPy raises on headers that make no sense: it parses them as Python's literals.
_UNREADABLE = (
    *(ValueError, TypeError, LookupError, OverflowError, OSError, EOFError),
    *(SyntaxError, TokenError, RecursionError, MemoryError),
)


@dataclass(frozen=True)
class Saved:
    """What was found in a file and beside it."""

    path: Path
    words: list[Node]
    vectors: NDArray[Any]
    """(V, D) of any type of real number, mapped if it comes from a sidecar."""
    counts: NDArray[np.int64] | None
    context_vectors: NDArray[Any] | None


def sniff(path: Path) -> bool:
    """Tell whether a file is a pickle, of gensim or not, or an array that was saved beside one."""
    return begins_with(path, *_PICKLES, _NPY)


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a KeyedVectors, or the one in a Word2Vec, as a stream.

    Raises:
        FormatError: the file is damaged, its vectors' file is missing, or it holds something else; the
            message says how to write it as what firth reads.
    """
    return _stream(_open(path), options)


def read(path: Path, options: ReadOptions, *, mmap: bool = True) -> Embeddings:
    """Read a KeyedVectors; with ``mmap`` vectors in a file of their own stay on disk.

    Raises:
        FormatError: as :func:`stream`.
    """
    saved = _open(path)
    context = saved.context_vectors
    if (
        mmap
        and not options.skip_bad
        and isinstance(saved.vectors, np.memmap)
        and saved.vectors.dtype == "<f4"
    ):
        for row, word in enumerate(saved.words):
            _check_text(word, row, path, options)
        try:
            return Embeddings(
                saved.words, saved.vectors, counts=saved.counts, context_vectors=_float32(context)
            )
        except ConfigError as error:
            raise FormatError(f"{path}: {error}; {REMEDY}") from None
    model = collect(checked(_stream(saved, options), path, options))
    if context is not None and len(context) == len(model):
        model.context_vectors = _float32(context)
    return model


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write what ``KeyedVectors.load(path)`` of gensim 4 opens: the words, and beside them ``.vectors.npy``.

    Raises:
        OutputExistsError: one of the two is taken, and ``force`` is False.
        FormatError: a file cannot be written.
    """
    sidecar = path.with_name(path.name + SIDECAR)
    check_free(path, force=force)
    check_free(sidecar, force=force)
    with (
        settled(stream, path) as model,
        replacing(path) as file,
        replacing(sidecar, 4 * len(model) * model.vector_size) as beside,
    ):
        _write_pickle(file, model)
        header = {"descr": "<f4", "fortran_order": False, "shape": model.vectors.shape}
        np.lib.format.write_array_header_1_0(beside, header)
        for block in row_blocks(model.vectors):
            write_rows(beside, block)


def _open(path: Path) -> Saved:
    """Find words and vectors."""
    file = MappedFile(path)
    if file.data[: len(_NPY)] == _NPY:
        main = path.name.removesuffix(SIDECAR)
        remedy = (
            "save words and vectors as npz" if main == path.name else f"give {main}, which was saved with it"
        )
        raise FormatError(f"{path}: a NumPy array, which holds no words: {remedy}")
    model = nodes(file)
    inner, prefix = model, path.name
    if _is_of(model, MODELS):
        inner, prefix = _attributes(model).get("wv"), f"{path.name}.wv"
    if not _is_of(inner, KEYED_VECTORS):
        raise FormatError(f"{path}: {_instead(path, inner)}")
    attributes = _attributes(inner)
    words = attributes.get("index_to_key", attributes.get("index2word"))
    vectors = _array(path, attributes, "vectors", prefix)
    if not isinstance(words, list) or vectors is None or vectors.ndim != 2 or vectors.dtype.kind != "f":
        export = _how_to_export(path, "KeyedVectors" if inner is model else "Word2Vec")
        raise FormatError(f"{path}: has no list of words with a matrix as gensim 4 has them; {export}")
    if len(words) != len(vectors):
        raise FormatError(f"{path}: has {len(words):,} words, but {len(vectors):,} vectors; {REMEDY}")
    expandos = attributes.get("expandos")
    counts = as_array(expandos.get("count")) if isinstance(expandos, dict) else None
    if counts is None or counts.shape != (len(words),) or counts.dtype.kind not in "iu":
        counts = None
    context = None if inner is model else _array(path, _attributes(model), "syn1neg", path.name)
    if context is not None and (context.shape != vectors.shape or context.dtype.kind != "f"):
        context = None
    return Saved(path, words, vectors, None if counts is None else counts.astype(np.int64), context)


def _is_of(node: Node, classes: set[str]) -> bool:
    """Tell whether a node is an object of one of gensim's classes."""
    made = isinstance(node, Made) and isinstance(node.of, Name)
    return made and node.of.module.partition(".")[0] == "gensim" and node.of.name in classes


def _attributes(node: Made) -> dict[str, Node]:
    return node.state if isinstance(node.state, dict) else {}


def _array(path: Path, attributes: dict[str, Node], name: str, prefix: str) -> NDArray[Any] | None:
    """Return an array that is in the pickle, or mapped from the file that it says is beside it."""
    beside = attributes.get("__numpys")
    if not (isinstance(beside, list) and name in beside):
        return as_array(attributes.get(name))
    file = path.with_name(f"{prefix}.{name}.npy")
    if not file.is_file():
        raise FormatError(
            f"{path}: its vectors are in {file.name}, which is not beside it; copy that file too"
        )
    try:
        return np.lib.format.open_memmap(file, mode="r")  # which refuses arrays with a pickle inside
    except _UNREADABLE as error:
        reason = printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise FormatError(f"{file}: not an array that can be mapped ({reason[:200]}); {REMEDY}") from None


def _instead(path: Path, node: Node) -> str:
    """Say what a pickle holds that is not read, and how to get it here all the same."""
    known = isinstance(node, Made) and isinstance(node.of, Name)
    module, name = (node.of.module, node.of.name) if known else ("", type(node).__name__)
    if not module.startswith("gensim"):
        return (
            f"a pickle of {printable(name[:60])}, which firth never unpickles, as that can run any program: "
            "write its vectors as npz, safetensors or word2vec where it was made"
        )
    if "FastText" in name:
        return (
            "holds gensim's FastText, of which firth reads fastText's own file; where gensim is: "
            "from gensim.models import fasttext, FastText; "
            f"fasttext.save_facebook_model(FastText.load({path.name!r}), 'model.bin')"
        )
    return f"holds gensim's {printable(name[:60])}, which firth does not read; {_how_to_export(path, name)}"


def _how_to_export(path: Path, name: str) -> str:
    """Return the lines of Python that write a file without a program in it."""
    load, vectors = ("Word2Vec", ".wv") if name in MODELS else ("KeyedVectors", "")
    return (
        f"where gensim is: from gensim.models import {load}; {load}.load({path.name!r}){vectors}"
        ".save_word2vec_format('vectors.bin', binary=True)"
    )


def _stream(saved: Saved, options: ReadOptions) -> Stream:
    return Stream(saved.vectors.shape[1], _blocks(saved, options), len(saved.words))


def _blocks(saved: Saved, options: ReadOptions) -> Iterator[Block]:
    step = max(1, BLOCK_BYTES // (4 * saved.vectors.shape[1]))
    for start in range(0, len(saved.words), step):
        words = saved.words[start : start + step]
        kept = [row for row, word in enumerate(words, start) if _check_text(word, row, saved.path, options)]
        counts = None if saved.counts is None else saved.counts[kept]
        vectors = _float32(saved.vectors[kept])
        yield Block([saved.words[row] for row in kept], vectors, counts)


def _check_text(word: Node, row: int, path: Path, options: ReadOptions) -> bool:
    """Tell whether a key is a word, which it need not be in gensim.

    Raises:
        FormatError: it is none, unless such rows are left out.
    """
    if isinstance(word, str):
        return True
    options.bad(path, f"row {row + 1:,}", f"its key is no text but {type(word).__name__}")
    return False


def _float32(array: Any) -> Any:
    """Return an array as float32, itself if it is that already."""
    if array is None:
        return None
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def _write_pickle(file: IO[bytes], model: Embeddings) -> None:
    """Write a KeyedVectors in the instructions of protocol 2, block by block."""
    rows = len(model)
    file.write(b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)\x81}(")
    file.write(_text("vector_size") + _whole(model.vector_size) + _text("next_index") + _whole(rows))
    file.write(_text("norms") + b"N" + _text("mapfile_path") + b"N")
    file.write(_text("__numpys") + b"](" + _text("vectors") + b"e")
    file.write(b"".join(_text(name) + b"]" for name in ("__scipys", "__ignoreds", "__recursive_saveloads")))
    file.write(_text("index_to_key") + b"](")
    file.writelines(map(_text, model.index_to_key))
    file.write(b"e" + _text("key_to_index") + b"}(")
    file.writelines(_text(word) + _whole(row) for row, word in enumerate(model.index_to_key))
    file.write(b"u" + _text("expandos") + b"}")
    if model.counts is not None:
        file.write(b"(" + _text("count") + b"cnumpy\narray\n](")
        file.writelines(map(_whole, model.counts.tolist()))
        file.write(b"e" + _text("int64") + b"\x86Ru")
    file.write(b"ub.")


def _text(text: str) -> bytes:
    """Return the instruction that stands for a text (BINUNICODE)."""
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(number: int) -> bytes:
    """Return the instruction that stands for a whole number of 64 bits (LONG1)."""
    return b"\x8a\x08" + struct.pack("<q", number)

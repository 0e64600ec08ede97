"""Every format that firth reads or writes: one module each, around words and vectors on their way.

A format is a module with a name in ``FORMATS`` and three functions (:class:`Format`); one that can open a
file without walking through it (a memory map) has a fourth, ``read`` (:class:`Opens`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from firth.corpus.streams import check_is_text
from firth.embeddings import Embeddings
from firth.errors import ConfigError, CorpusError, FormatError
from firth.formats import (
    fasttext_bin,
    fasttext_vec,
    finalfusion,
    gensim_file,
    glove,
    model2vec,
    native,
    npz,
    parquet_file,
    projector,
    sentence_transformers,
    spacy_vectors,
    word2vec,
    word2vec_binary,
)
from firth.formats.model_files import NAME
from firth.formats.stream import Block, ReadOptions, Stream, checked, collect, stream_of
from firth.notes import note


class Format(Protocol):
    """What a module of this package offers."""

    def sniff(self, path: Path) -> bool:
        """Tell by the content whether ``path`` is of this format."""

    def stream(self, path: Path, options: ReadOptions) -> Stream:
        """Open the file or folder at ``path`` as a stream of words and vectors."""

    def write(self, stream: Stream, path: Path, *, force: bool = False) -> None:
        """Write a stream to ``path``; nothing is seen there before all of it is on disk."""


@runtime_checkable
class Opens(Protocol):
    """A format that can be opened without walking through it."""

    def read(self, path: Path, options: ReadOptions, *, mmap: bool = True) -> Embeddings:
        """Open ``path``; with ``mmap`` the vectors stay on disk until they are used."""


FORMATS: dict[str, Format] = {
    NAME: native,
    sentence_transformers.NAME: sentence_transformers,
    model2vec.NAME: model2vec,
    spacy_vectors.NAME: spacy_vectors,
    projector.NAME: projector,
    gensim_file.NAME: gensim_file,
    finalfusion.NAME: finalfusion,
    fasttext_bin.NAME: fasttext_bin,
    npz.NAME: npz,
    parquet_file.NAME: parquet_file,
    word2vec_binary.NAME: word2vec_binary,
    word2vec.NAME: word2vec,
    fasttext_vec.NAME: fasttext_vec,
    glove.NAME: glove,
}
"""Name -> module; the first that recognises a path reads it, so that the plainest texts come last."""

ENDINGS: dict[str, str] = {
    ".bin": word2vec_binary.NAME,
    ".txt": word2vec.NAME,
    ".vec": fasttext_vec.NAME,
    ".npz": npz.NAME,
    ".fifu": finalfusion.NAME,
    ".parquet": parquet_file.NAME,
    ".arrow": parquet_file.NAME,
    ".feather": parquet_file.NAME,
    ".kv": gensim_file.NAME,
}
"""How the name of an output ends -> format; any other name is a model folder of firth."""
COMPRESSED = (".gz", ".zst")
KEEPS: dict[str, set[str]] = {
    NAME: {"counts", "context vectors", "subwords"},
    fasttext_bin.NAME: {"counts", "context vectors", "subwords"},
    npz.NAME: {"counts", "context vectors"},
    finalfusion.NAME: {"subwords"},
    gensim_file.NAME: {"counts"},
    parquet_file.NAME: {"counts"},
    projector.NAME: {"counts"},
}
"""What a format holds beside words and vectors; those that are not listed hold nothing."""
UNWRITTEN = (
    ".bz2",
    ".xz",
    ".lz4",
    ".zip",
    ".npy",
    ".csv",
    ".tsv",
    ".safetensors",
    ".json",
    ".pt",
    ".pkl",
    ".h5",
)
"""Endings of files that firth does not write: a folder of such a name would surprise."""
HEAD_BYTES = 512


def load(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the name that users expect
    mmap: bool = True,
    encoding: str = "utf-8",
    skip_bad: bool = False,
) -> Embeddings:
    """Load vectors of any format that firth reads.

    Args:
        path: a file or a folder.
        format: its format, a name of ``FORMATS``; None: told by what is in it.
        mmap: leave the vectors on disk until they are used, where the format allows it (firth, finalfusion,
            uncompressed npz): such a model opens at once, and processes that open it share its memory.
        encoding: of the words in a file of another program; "latin-1" reads any bytes.
        skip_bad: leave out damaged rows, with a note on stderr, instead of stopping at the first.

    Raises:
        FormatError: there is no model at ``path``, it is damaged, or its format is unknown.
        ConfigError: ``format`` is not a name of a format, or Python does not know ``encoding``.
    """
    place, options = Path(path), ReadOptions(encoding, skip_bad)
    name = sniffed(place) if format is None else format_name(format)
    return _sourced(_open(place, name, options, mmap=mmap), place, name)


def save(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    force: bool = False,
    *,
    format: str | None = None,  # noqa: A002
) -> None:
    """Save a model in any format that firth writes.

    Args:
        embeddings: what to save.
        path: the file or folder to make.
        force: replace what is there, if it is of the same kind.
        format: a name of ``FORMATS``; None: told by the ending of ``path`` (``ENDINGS``), or a model folder.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds something else.
        FormatError: the model cannot be written in this format, or not to this place.
    """
    place = Path(path)
    name = format_by_ending(place) if format is None else format_name(format)
    FORMATS[name].write(stream_of(embeddings), place, force=force)


def converted(
    source: Path,
    target: Path,
    read_as: str,
    write_as: str,
    *,
    options: ReadOptions,
    force: bool = False,
    quantize: str | None = None,
) -> tuple[int, int]:
    """Carry the vectors at ``source`` to ``target``; memory is needed for the words and a block of rows.

    Args:
        source: a file or folder of the format ``read_as``.
        target: the file or folder to make, of the format ``write_as``.
        read_as, write_as: names of ``FORMATS``.
        options: how to read.
        force: replace what is at ``target``, if it is of the same kind.
        quantize: a name of ``quantize.KINDS``, for a model folder of firth.

    Returns:
        (words, numbers in a vector).

    Raises:
        OutputExistsError, FormatError: as :func:`load` and :func:`save`.
    """
    stream = open_stream(source, read_as, options)
    walked = [0]
    if stream.whole is None:
        stream = replace(stream, blocks=_counted(stream.blocks, walked))
    if quantize is not None:
        native.write(stream, target, force=force, quantized=quantize)
    else:
        FORMATS[write_as].write(stream, target, force=force)
    _tell_losses(stream, write_as)
    return walked[0] if stream.whole is None else len(stream.whole), stream.size


def open_stream(path: Path, name: str, options: ReadOptions) -> Stream:
    """Open a file or folder as a stream of sound rows: what is damaged is refused, or left out.

    Raises:
        FormatError: as :func:`load`; also later, while the stream is walked.
    """
    stream = checked(FORMATS[name].stream(path, options), path, options)
    if stream.whole is not None:
        _sourced(stream.whole, path, name)
        return stream
    return replace(stream, config=stream.config | _source(path, name))


def sniffed(path: Path) -> str:
    """Return the name of the format of what is at ``path``.

    Raises:
        FormatError: no format of firth looks like it.
    """
    if path.is_dir() or not path.exists():
        return recognized(path) or NAME  # whose reader says best what is missing
    head = _head(path)
    name = recognized(path)
    if name is not None:
        return name
    try:
        check_is_text(str(path), head)
    except CorpusError as error:
        raise FormatError(str(error)) from None
    raise FormatError(
        f"{path}: of no format that firth knows by its content: give a model folder or a file of vectors, "
        f"or name its format, one of {', '.join(FORMATS)} (firth convert --from, format= in Python)"
    )


def _head(path: Path) -> bytes:
    """Return a file's first bytes.

    Raises:
        FormatError: it cannot be read, is empty, or is no file that could be read twice.
    """
    if not path.is_file():
        raise FormatError(f"{path}: neither a file nor a folder: write it to a file first")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not head:
        raise FormatError(f"{path}: an empty file: it holds no vectors")
    return head


def recognized(path: Path) -> str | None:
    """Return the name of the format of what is at ``path``; None if no format knows it."""
    if not path.exists():
        return None
    return next((name for name, module in FORMATS.items() if module.sniff(path)), None)


def format_by_ending(path: Path, read_as: str = NAME) -> str:
    """Return the format that an output's name asks for: a model folder, unless ``ENDINGS`` knows better.

    Args:
        path: the output.
        read_as: the format of the input: of fastText's ``.bin``, another ``.bin`` is one too.

    Raises:
        ConfigError: the ending is one of a file that firth does not write.
    """
    name = path.name.lower()
    if name.endswith(UNWRITTEN):
        raise ConfigError(
            f"{path}: firth writes no {path.suffix} by its name: choose another ending "
            f"({', '.join(ENDINGS)}, with .gz or .zst for texts), or name the format (--to, format=)"
        )
    if name.endswith(".bin") and read_as == fasttext_bin.NAME:
        return read_as
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return next((format_ for ending, format_ in ENDINGS.items() if name.endswith(ending)), NAME)


def format_name(name: str) -> str:
    """Return ``name`` if it is one of a format.

    Raises:
        ConfigError: it is not.
    """
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}: choose one of {', '.join(FORMATS)}")
    return name


def _open(path: Path, name: str, options: ReadOptions, *, mmap: bool) -> Embeddings:
    module = FORMATS[name]
    if isinstance(module, Opens):
        return module.read(path, options, mmap=mmap)
    return collect(checked(module.stream(path, options), path, options))


def _sourced(model: Embeddings, path: Path, name: str) -> Embeddings:
    """Write into a foreign model's configuration where it came from."""
    model.config |= _source(path, name)
    return model


def _source(path: Path, name: str) -> dict[str, Any]:
    """Return what the configuration of a model out of a foreign file says about where it came from."""
    return {} if name == NAME else {"source": {"format": name, "file": path.name}}


def _tell_losses(stream: Stream, write_as: str) -> None:
    """Say on stderr what the source has and the target's format cannot hold."""
    whole = stream.whole
    has = {
        "counts": whole is not None and whole.counts is not None,
        "context vectors": (whole or stream).context_vectors is not None,
        "subwords": (whole or stream).subwords is not None,
    }
    lost = [name for name, there in has.items() if there and name not in KEEPS.get(write_as, set())]
    if lost:
        note(f"not kept, as {write_as} has no place for them: {', '.join(lost)}")


def _counted(blocks: Iterable[Block], walked: list[int]) -> Iterator[Block]:
    """Pass blocks on and add their rows to ``walked[0]``."""
    for block in blocks:
        walked[0] += len(block.words)
        yield block

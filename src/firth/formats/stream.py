"""Words and vectors on their way from one format to another: block by block, so that no file has to fit.

A reader makes a :class:`Stream`; :func:`checked` refuses or leaves out what no model may hold; then it
is written by another format, collected in memory, or spooled to disk for a writer that needs all
words, or their number, before the first vector.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings, Entries, WordParts
from firth.errors import ConfigError, FormatError
from firth.formats.safetensors_file import cannot_write
from firth.notes import note
from firth.printable import quoted
from firth.subwords import Subwords

BLOCK_BYTES = 1 << 24
RESERVED_AT_MOST = 1 << 30  # bytes taken on a header's word alone; beyond, memory grows with what comes


class Block(NamedTuple):
    """Some of the words with their vectors."""

    words: list[str]
    """n words."""
    vectors: NDArray[np.float32]
    """(n, D)."""
    counts: NDArray[np.int64] | None = None
    """(n,) occurrences in the corpus, if the format keeps them."""
    places: Callable[[int], str] | None = None
    """Row of the block -> where it stands in the file ("line 17", "byte 1,234"), for messages."""


@dataclass
class Stream:
    """The words and vectors of a file."""

    size: int
    """Numbers in a vector, D."""
    blocks: Iterable[Block]
    """About ``BLOCK_BYTES`` each; they can be walked once."""
    rows: int | None = None
    """V, where the source says so before the walk."""
    whole: Embeddings | None = None
    """The same as a model, where the source has random access; it then is what the stream becomes."""
    context_vectors: NDArray[np.float32] | None = None
    """(V, D) mapped context vectors; they are kept where no row is left out."""
    subwords: WordParts | None = None
    """Vectors of unknown words, mapped."""
    config: dict[str, Any] = field(default_factory=dict)
    """What the source says about itself."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file of another program."""

    encoding: str = "utf-8"
    """Of the words; "latin-1" reads any bytes."""
    skip_bad: bool = False
    """Leave out damaged rows and go on, instead of stopping at the first."""
    skipped: list[str] = field(default_factory=list, compare=False)
    """What was left out, a message each."""

    def __post_init__(self) -> None:
        """Refuse an encoding that is unknown, or in which a space is more than the byte of a space.

        Raises:
            ConfigError: for both.
        """
        try:
            plain = "a 1\n".encode(self.encoding) == b"a 1\n"
        except LookupError:
            raise ConfigError(f"there is no encoding {self.encoding!r}: try utf-8 or latin-1") from None
        if not plain:
            raise ConfigError(
                f"words of the encoding {self.encoding!r} cannot be read beside numbers: convert the file to "
                "UTF-8 first, for instance with iconv"
            )

    def bad(self, path: Path, place: str, what: str) -> None:
        """Refuse a damaged row, or remember that it is left out.

        Raises:
            FormatError: unless ``skip_bad``.
        """
        message = f"{path}, {place}: {what}"
        if not self.skip_bad:
            raise FormatError(
                f"{message}; mend it, or leave such rows out: firth convert --skip-bad (skip_bad=True)"
            )
        self.skipped.append(message)

    def decode(self, word: bytes, path: Path, place: str) -> str | None:
        """Return a word as text, or None where it does not decode and is left out.

        Raises:
            FormatError: it does not decode, unless ``skip_bad``.
        """
        try:
            return word.decode(self.encoding)
        except UnicodeDecodeError:
            remedy = (
                "" if self.encoding == "latin-1" else "; is it latin-1 (firth convert --encoding latin-1)?"
            )
            self.bad(path, place, f"the word {word[:60]!r} is not {self.encoding}{remedy}")
            return None

    def tell(self) -> None:
        """Say on stderr what was left out, if anything was."""
        if self.skipped:
            rows = "1 damaged row" if len(self.skipped) == 1 else f"{len(self.skipped):,} damaged rows"
            note(f"left out {rows}; the first: {self.skipped[0]}")


def stream_of(model: Embeddings) -> Stream:
    """Return a model as a stream of blocks of its rows."""
    return Stream(model.vector_size, _blocks_of(model), len(model), model)


def checked(stream: Stream, path: Path, options: ReadOptions) -> Stream:
    """Return the stream without what no model may hold: a word twice, NaN, infinity, rows that are not there.

    Each is an error while the stream is walked, or left out, as the options say; in both cases a file
    without any word, or with vectors of no dimension, is refused.

    Raises:
        FormatError: at once, if the vectors have no dimension.
    """
    if stream.size < 1:
        raise FormatError(f"{path}: its vectors have {stream.size} dimensions; at least 1 is needed")
    if stream.whole is not None:
        return stream
    return replace(
        stream, blocks=_sound(stream, path, options), rows=None if options.skip_bad else stream.rows
    )


def collect(stream: Stream) -> Embeddings:
    """Return a stream as a model in memory."""
    if stream.whole is not None:
        return stream.whole
    reserved = min(stream.rows or 0, RESERVED_AT_MOST // (4 * stream.size))
    vectors = np.empty((reserved, stream.size), np.float32)
    words: list[str] = []
    counts: list[NDArray[np.int64] | None] = []
    for block in stream.blocks:
        end = len(words) + len(block.words)
        if end > len(vectors):  # realloc: large arrays are moved by their page tables, not copied
            vectors.resize((max(end, 2 * len(vectors)), stream.size), refcheck=False)
        vectors[len(words) : end] = block.vectors
        words += block.words
        counts.append(block.counts)
    vectors.resize((len(words), stream.size), refcheck=False)
    return _model(stream, words, vectors, counts)


def in_memory(model: Embeddings) -> Embeddings:
    """Return the model once what it still maps, its context vectors and its subwords, is in memory."""
    if model.context_vectors is not None:
        model.context_vectors = np.array(model.context_vectors)
    if isinstance(model.subwords, Subwords):
        model.subwords.buckets = np.array(model.subwords.buckets)
    return model


@contextmanager
def settled(stream: Stream, beside: Path) -> Iterator[Embeddings]:
    """Give the stream as a model with random access: as it is, or spooled to a file that vanishes afterwards.

    Args:
        stream: what to settle.
        beside: the output; its disk takes the spooled vectors (4 D bytes a row).

    Raises:
        FormatError: the disk is full or cannot be written.
    """
    if stream.whole is not None:
        yield stream.whole
        return
    folder = next(place for place in beside.absolute().parents if place.is_dir())
    try:
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below, not before its use
    except OSError as error:
        raise cannot_write(beside, error) from error
    with file:
        yield _spooled(stream, file, beside)


def _sound(stream: Stream, path: Path, options: ReadOptions) -> Iterator[Block]:
    """Walk the blocks and let through what is sound."""
    seen: set[str] = set()
    walked = 0
    for block in stream.blocks:
        if block.vectors.shape != (len(block.words), stream.size):
            raise FormatError(
                f"{path}: {len(block.words)} words came with vectors of shape {block.vectors.shape}, "
                f"not ({len(block.words)}, {stream.size})"
            )
        bad = _find_bad(block, seen, walked, path, options)
        walked += len(block.words)
        sound = block
        if bad:
            good = np.setdiff1d(np.arange(len(block.words)), bad)
            sound = Block(
                [block.words[row] for row in good.tolist()],
                block.vectors[good],
                None if block.counts is None else block.counts[good],
            )
        if sound.words:
            yield sound
    if stream.rows is not None and walked != stream.rows and not options.skipped:
        options.bad(path, "its end", row_count(stream.rows, walked))
    options.tell()
    if not seen:
        raise FormatError(f"{path}: holds no words")


def row_count(promised: int, found: int) -> str:
    """Return the wording for a file that holds another number of rows than it says."""
    return f"it says that it holds {promised:,} rows, but it holds {found:,}"


def _find_bad(block: Block, seen: set[str], walked: int, path: Path, options: ReadOptions) -> list[int]:
    """Return the rows of a block that no model may hold; add the others' words to ``seen``."""
    before = len(seen)
    finite = np.asarray(np.isfinite(block.vectors).all(axis=1))
    if finite.all() and not seen.intersection(block.words):
        seen.update(block.words)
        if len(seen) == before + len(block.words):
            return []
        seen.difference_update(block.words)
    bad = []
    for row, word in enumerate(block.words):
        place = f"row {walked + row + 1:,}" if block.places is None else block.places(row)
        if word in seen:
            options.bad(path, place, f"the word {quoted(word)} is there for the second time")
        elif not finite[row]:
            options.bad(path, place, f"the vector of {quoted(word)} holds NaN or infinity")
        else:
            seen.add(word)
            continue
        bad.append(row)
    return bad


def _blocks_of(model: Embeddings) -> Iterator[Block]:
    """Cut a model into blocks of rows."""
    step = max(1, BLOCK_BYTES // (4 * model.vector_size))
    for start in range(0, len(model), step):
        rows = slice(start, start + step)
        counts = None if model.counts is None else model.counts[rows]
        yield Block(model.index_to_key[rows], model.vectors[rows], counts)


def _spooled(stream: Stream, file: IO[bytes], beside: Path) -> Embeddings:
    """Write the vectors to a file and return a model that maps it."""
    words: list[str] = []
    counts: list[NDArray[np.int64] | None] = []
    for block in stream.blocks:
        words += block.words
        counts.append(block.counts)
        try:
            np.ascontiguousarray(block.vectors, np.float32).tofile(file)
        except OSError as error:
            raise cannot_write(beside, error) from error
    file.flush()
    vectors: NDArray[np.float32] = np.memmap(
        file, np.float32, "r", shape=(os.fstat(file.fileno()).st_size // (4 * stream.size), stream.size)
    )
    return _model(stream, words, vectors, counts)


def _model(
    stream: Stream,
    words: list[str],
    vectors: NDArray[np.float32],
    counts: list[NDArray[np.int64] | None],
) -> Embeddings:
    """Put together what came with a stream: checked, so that index and norms can wait until they are used."""
    context = stream.context_vectors
    return Embeddings.lazy(
        lambda: Entries(words, _joined(counts)),
        vectors,
        place="vectors that were read",
        context_vectors=context if context is not None and len(context) == len(words) else None,
        config=stream.config,
        subwords=stream.subwords,
    )


def _joined(counts: list[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    """Return the counts of all blocks, or None if one of them has none."""
    known = [one for one in counts if one is not None]
    return np.concatenate(known) if known and len(known) == len(counts) else None

"""NumPy's ``.npz``: an archive of arrays, without any pickle in it.

=================  ================================================================================
*vectors*          (V, D) float32
*words*            (V,) text, as NumPy keeps it: every word takes the room of the longest
*counts*           (V,) int64, if known
*context_vectors*  (V, D) float32, if the model kept them
=================  ================================================================================

    >>> with np.load("model.npz") as model:  # doctest: +SKIP
    ...     words, vectors = model["words"].tolist(), model["vectors"]

Where *words* would take more room than the vectors, because one of them is very long, or where a word ends
with the character NUL, which NumPy cuts off, two arrays stand in its place: *words_utf8* (uint8), all words
one after the other, and *words_end* (V,) int64, the byte at which each ends:

    >>> text, ends = model["words_utf8"].tobytes(), model["words_end"].tolist()  # doctest: +SKIP
    >>> words = [text[start:end].decode() for start, end in zip([0, *ends], ends)]  # doctest: +SKIP

Arrays are stored uncompressed and begin at multiples of 64 bytes, so that the vectors can be mapped.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings, Entries
from firth.errors import FormatError
from firth.formats.npz_archive import (
    MAGIC,
    REMEDY,
    SAVING,
    Array,
    described,
    map_array,
    opened,
    pieces_of,
    put,
)
from firth.formats.packed import check_free
from firth.formats.safetensors_file import replacing, row_blocks
from firth.formats.stream import (
    BLOCK_BYTES,
    Block,
    ReadOptions,
    Stream,
    checked,
    collect,
    row_count,
    settled,
    stream_of,
)
from firth.printable import printable, quoted

NAME = "npz"
VECTORS, WORDS, COUNTS, CONTEXT = "vectors", "words", "counts", "context_vectors"
WORDS_UTF8, WORDS_END = "words_utf8", "words_end"
_SMALL = 1 << 20
_EXPECTED = {
    VECTORS: ("f", 2),
    CONTEXT: ("f", 2),
    WORDS: ("US", 1),
    WORDS_UTF8: ("u", 1),
    WORDS_END: ("i", 1),
    COUNTS: ("iu", 1),
}
"""Array -> the kinds of its numbers, as NumPy abbreviates them, and its dimensions."""


def sniff(path: Path) -> bool:
    """Tell whether a file is a zip archive whose first member is an array of NumPy."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return False
    length = int.from_bytes(head[26:28], "little")
    return head.startswith(MAGIC) and head[30 : 30 + length].endswith(b".npy")


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open an archive as a stream of words and vectors.

    Raises:
        FormatError: a pickle, a path, a size that cannot be true, an array that is missing or does not fit.
    """
    with opened(path) as archive:
        parts = _Parts.of(path, archive)
    context = parts.arrays.get(CONTEXT)
    return Stream(
        parts.size,
        _blocks(path, parts, options),
        parts.rows,
        context_vectors=map_array(path, context) if context and context.can_be_mapped else None,
    )


def read(path: Path, options: ReadOptions, *, mmap: bool = True) -> Embeddings:
    """Read an archive; with ``mmap`` the vectors stay on disk until they are used, if they are stored so.

    They are if they are float32, row by row and uncompressed, and no damaged rows are to be left out.

    Raises:
        FormatError: see :func:`stream`.
    """
    with opened(path) as archive:
        parts = _Parts.of(path, archive)
    matrices = {name: array for name, array in parts.arrays.items() if name in (VECTORS, CONTEXT)}
    can_be_mapped = all(array.can_be_mapped and array.nbytes for array in matrices.values())
    if mmap and can_be_mapped and not options.skip_bad:
        mapped = {name: map_array(path, array) for name, array in matrices.items()}
        return Embeddings.lazy(
            lambda: _entries(path, parts, options),
            mapped[VECTORS],
            place=str(path),
            context_vectors=mapped.get(CONTEXT),
        )
    model = collect(checked(stream(path, options), path, options))
    if CONTEXT not in matrices or len(model) != parts.rows:
        return model
    with opened(path) as archive:
        pieces = list(pieces_of(archive, path, matrices[CONTEXT], parts.step))
    context = np.concatenate(pieces).astype(np.float32, copy=False)
    return Embeddings(model.index_to_key, model.vectors, counts=model.counts, context_vectors=context)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream; the words, which are only then all known, after the vectors.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word that has no UTF-8 form where it needs one, a full disk.
    """
    check_free(path, force=force)
    if stream.rows is None:
        with settled(stream, path) as model:
            return write(stream_of(model), path, force=force)
    shape = (stream.rows, stream.size)
    words: list[str] = []
    counts: list[NDArray[np.int64]] = []
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        put(archive, file, VECTORS, "<f4", shape, _vectors_of(stream, words, counts))
        context = stream.context_vectors if stream.whole is None else stream.whole.context_vectors
        if context is not None and len(context) == stream.rows:
            put(archive, file, CONTEXT, "<f4", shape, row_blocks(context))
        if len(words) != stream.rows:
            raise FormatError(f"{path}: {row_count(stream.rows, len(words))}")
        _put_words(archive, file, words, path, max(4 * stream.rows * stream.size, _SMALL))
        if sum(map(len, counts)) == len(words):
            put(archive, file, COUNTS, "<i8", (len(words),), counts)
    return None


def _vectors_of(
    stream: Stream, words: list[str], counts: list[NDArray[np.int64]]
) -> Iterator[NDArray[np.float32]]:
    """Yield the vectors of a stream, and add to the lists what comes with them."""
    for block in stream.blocks:
        words += block.words
        if block.counts is not None:
            counts.append(block.counts)
        yield block.vectors


@dataclass(frozen=True)
class _Parts:
    """The arrays of an archive that make a model."""

    arrays: dict[str, Array]

    @classmethod
    def of(cls, path: Path, archive: zipfile.ZipFile) -> _Parts:
        """Find the arrays, and check that each is what it should be and that they fit together.

        Raises:
            FormatError: they do not.
        """
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        arrays = {name: described(path, archive, infos[name]) for name in _EXPECTED if name in infos}
        if VECTORS not in arrays or not (WORDS in arrays or {WORDS_UTF8, WORDS_END} <= arrays.keys()):
            raise FormatError(
                f"{path}: has the arrays {printable(', '.join(infos)) or 'none'}, but {VECTORS} and {WORDS} "
                f"are needed: write it with {SAVING}"
            )
        shape = arrays[VECTORS].shape
        for name, array in arrays.items():
            kinds, dimensions = _EXPECTED[name]
            fits = array.shape == shape if name == CONTEXT else array.shape[:1] == shape[:1]
            if (
                array.dtype.kind not in kinds
                or len(array.shape) != dimensions
                or not (fits or name == WORDS_UTF8)
            ):
                raise FormatError(
                    f"{path}: {name} are {array.dtype} of shape {array.shape}, beside {VECTORS} of shape "
                    f"{shape}: write it with {SAVING}"
                )
        return cls(arrays)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    @property
    def rows(self) -> int:
        """V."""
        return self.arrays[VECTORS].shape[0]

    @property
    def size(self) -> int:
        """D."""
        return self.arrays[VECTORS].shape[1]

    @property
    def step(self) -> int:
        """Rows of a block."""
        widest = max(array.row_bytes for array in self.arrays.values())
        return max(1, BLOCK_BYTES // max(1, widest))


def _blocks(path: Path, parts: _Parts, options: ReadOptions) -> Iterator[Block]:
    """Walk through the rows."""
    with opened(path) as archive:
        counts = pieces_of(archive, path, parts[COUNTS], parts.step) if COUNTS in parts.arrays else None
        words = _words(archive, path, parts, options)
        for vectors in pieces_of(archive, path, parts[VECTORS], parts.step):
            named = next(words)
            counted = None if counts is None else next(counts).astype(np.int64, copy=False)
            with np.errstate(over="ignore"):
                vectors = vectors.astype(np.float32, copy=False)
            kept = [row for row, word in enumerate(named) if word is not None]
            if len(kept) < len(named):
                vectors, counted = vectors[kept], None if counted is None else counted[kept]
            yield Block([word for word in named if word is not None], vectors, counted)


def _entries(path: Path, parts: _Parts, options: ReadOptions) -> Entries:
    """Return all words and their counts."""
    with opened(path) as archive:
        words = [word for some in _words(archive, path, parts, options) for word in some if word is not None]
        counts = None
        if COUNTS in parts.arrays:
            counts = np.concatenate(list(pieces_of(archive, path, parts[COUNTS], parts.rows)))
    return Entries(words, counts)


def _words(
    archive: zipfile.ZipFile, path: Path, parts: _Parts, options: ReadOptions
) -> Iterator[list[str | None]]:
    """Yield the words, as many at a time as vectors; None for one that does not decode and is left out."""
    if WORDS not in parts.arrays:
        yield from _split_words(archive, path, parts, options)
        return
    done = 0
    for words in pieces_of(archive, path, parts[WORDS], parts.step):
        if words.dtype.kind == "U" and words.view(words.dtype.str[0] + "u4").max(initial=0) > sys.maxunicode:
            raise FormatError(f"{path}: {WORDS} hold numbers that are no characters; {REMEDY}")
        some: list[Any] = words.tolist()
        if words.dtype.kind == "S":
            some = [options.decode(word, path, f"row {row:,}") for row, word in enumerate(some, done + 1)]
        yield some
        done += len(some)


def _split_words(
    archive: zipfile.ZipFile, path: Path, parts: _Parts, options: ReadOptions
) -> Iterator[list[str | None]]:
    """Yield the words of an archive that has them as one text and the places where each ends."""
    done, start = 0, 0
    with archive.open(parts[WORDS_UTF8].info) as member:
        member.read(parts[WORDS_UTF8].header)
        for ends in pieces_of(archive, path, parts[WORDS_END], parts.step):
            bounds = [start, *ends.tolist()]
            if bounds != sorted(bounds) or bounds[-1] > parts[WORDS_UTF8].nbytes:
                raise FormatError(f"{path}: {WORDS_END} does not go up to the end of {WORDS_UTF8}; {REMEDY}")
            text = member.read(bounds[-1] - start)
            spans = pairwise(bound - start for bound in bounds)
            yield [
                options.decode(text[low:high], path, f"row {row:,}")
                for row, (low, high) in enumerate(spans, done + 1)
            ]
            start, done = bounds[-1], done + len(ends)


def _put_words(archive: zipfile.ZipFile, file: IO[bytes], words: list[str], path: Path, most: int) -> None:
    """Write the words, as an array of text if that takes at most ``most`` bytes and keeps them all."""
    longest = max(map(len, words), default=0)
    if 4 * longest * len(words) <= most and not any(word.endswith("\0") for word in words):
        dtype, step = f"<U{max(longest, 1)}", max(1, BLOCK_BYTES // (4 * max(longest, 1)))
        pieces = (np.array(words[at : at + step], dtype) for at in range(0, len(words), step))
        put(archive, file, WORDS, dtype, (len(words),), pieces)
        return
    try:
        texts = [word.encode() for word in words]
    except UnicodeEncodeError as error:
        word = quoted(str(error.object))
        raise FormatError(f"{path}: the word {word} has no UTF-8 form; clean the corpus of it") from None
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    text = np.frombuffer(b"".join(texts), np.uint8)
    put(archive, file, WORDS_UTF8, "|u1", text.shape, [text])
    put(archive, file, WORDS_END, "<i8", ends.shape, [ends])

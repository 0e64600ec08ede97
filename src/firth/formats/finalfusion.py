"""finalfusion's ``.fifu``: chunks of words, vectors of length 1, their lengths, and metadata.

https://finalfusion.github.io/spec, and where it is silent the programs of that project; little-endian:

========  =============================================================================================
header    "FiFu", uint32 version 0, uint32 chunks, uint32 identifier of each
chunk     uint32 identifier, uint64 length, then as many bytes:
metadata  (5) TOML
words     uint64 words; for subwords uint32 min_n, max_n, buckets (7: their number, for fastText's hash; 3:
          its power of 2, for finalfusion's), for listed n-grams (8) uint64 n-grams, uint32 min_n, max_n;
          each word: uint32 length and UTF-8 (1: words alone)
storage   (2) uint64 rows, uint32 columns, uint32 type (10: float32), 1 to 4 bytes up to a multiple of 4,
          rows: of words, then of buckets
norms     (6) uint64 words, uint32 type, 1 to 4 bytes, the lengths that the words' vectors had
========  =============================================================================================
"""

from __future__ import annotations

import json
import math
import struct
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.embeddings import Embeddings, Entries
from firth.errors import ConfigError, FormatError
from firth.formats.binary_file import REMEDY, MappedFile, begins_with, byte_places, write_rows
from firth.formats.packed import check_free
from firth.formats.safetensors_file import replacing, row_blocks
from firth.formats.stream import (
    BLOCK_BYTES,
    Block,
    ReadOptions,
    Stream,
    checked,
    collect,
    in_memory,
    settled,
)
from firth.notes import note
from firth.printable import printable, quoted
from firth.subwords import FASTTEXT, FINALFUSION, Subwords

NAME = "finalfusion"
MAGIC = b"FiFu"
WORDS, MATRIX, BUCKETS, QUANTISED, METADATA, NORMS, FASTTEXT_BUCKETS, LISTED, FLORET = range(1, 10)
VOCABULARIES = {WORDS: "Q", BUCKETS: "Q3I", FASTTEXT_BUCKETS: "Q3I", LISTED: "2Q2I"}
"""Kind of vocabulary -> what comes before its words."""
UNREAD = {
    QUANTISED: "its vectors are quantised, which firth does not read; with finalfusion for Python: "
    "ffp-convert -f finalfusion -t word2vec {name} vectors.bin",
    FLORET: "has floret's buckets only and lists no words; give a file that does",
}
"""Kind of chunk that is not read -> what to do instead."""
FLOAT32 = 10
MOST_CHUNKS = 100
LONGEST_METADATA = 1 << 24

_CHUNK = struct.Struct("<IQ")
_ALIGNMENT = 4


class Vocabulary(NamedTuple):
    """A chunk of words, which have not been looked at."""

    kind: int
    head: tuple[int, ...]
    """The numbers before the words, the first of them V."""
    first_word: int
    """The byte at which the words begin."""
    end: int | None
    """The byte after the last word, if it is known."""

    @property
    def words(self) -> int:
        """V."""
        return self.head[0]

    @property
    def buckets(self) -> int:
        """Rows for hashed n-grams."""
        if self.kind == BUCKETS:
            return 1 << min(self.head[-1], 64)
        return self.head[-1] if self.kind == FASTTEXT_BUCKETS else 0


@dataclass
class Chunks:
    """What a file is made of."""

    file: MappedFile
    vocabulary: Vocabulary
    matrix: NDArray[np.float32]
    """(V + buckets, D), of which the words' rows have the length 1."""
    norms: NDArray[np.float32] | None
    """(V,) the lengths that they had."""
    metadata: dict[str, Any]

    def subwords(self) -> Subwords | None:
        """Return the buckets, if n-grams are hashed into some.

        Raises:
            FormatError: options of n-grams that cannot be.
        """
        kind, head, *_ = self.vocabulary
        if kind not in (BUCKETS, FASTTEXT_BUCKETS):
            return None
        hashing = FINALFUSION if kind == BUCKETS else FASTTEXT
        try:
            return Subwords(self.matrix[self.vocabulary.words :], head[1], head[2], hashing=hashing)
        except ConfigError as error:
            raise FormatError(f"{self.file.path}: {error}; {REMEDY}") from None


def sniff(path: Path) -> bool:
    """Tell whether a file begins with finalfusion's mark."""
    return begins_with(path, MAGIC)


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of its words, whose vectors get back the lengths that the file keeps apart.

    Raises:
        FormatError: the file is damaged, cut short or quantised.
    """
    chunks = _open(path)
    return replace(_stream(chunks, options), subwords=chunks.subwords(), config=_config(chunks))


def read(path: Path, options: ReadOptions, *, mmap: bool = True) -> Embeddings:
    """Read a file with its subwords, if its n-grams are hashed.

    With ``mmap`` the rows stay on disk as they are, of length 1, which is what finalfusion itself gives; the
    words are read when they are first asked for. Without it, or where damaged rows are left out, the vectors
    get their own lengths back, as in :func:`stream`. Cosines are the same.

    Raises:
        FormatError: as :func:`stream`.
    """
    if mmap and not options.skip_bad:
        chunks = _open(path)
        return Embeddings.lazy(
            lambda: Entries([word for word, _ in _walk_words(chunks, options) if word is not None]),
            chunks.matrix[: chunks.vocabulary.words],
            place=str(path),
            config=_config(chunks),
            subwords=chunks.subwords(),
        )
    model = collect(checked(stream(path, options), path, options))
    return model if mmap else in_memory(model)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write vectors of length 1 with their norms, the subwords if there are any, and the options of the run.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word has no UTF-8 form, or the file cannot be written.
    """
    check_free(path, force=force)
    with settled(stream, path) as model:
        words = _encoded(model.index_to_key, path)
        subwords = _subwords_to_write(model)
        metadata = _metadata(model).encode("utf-8", "replace")
        kind, head = _vocabulary_of(len(words), subwords)
        rows = len(words) + (0 if subwords is None else len(subwords.buckets))
        with replacing(path, 4 * rows * model.vector_size) as file:
            identifiers = METADATA, kind, MATRIX, NORMS
            file.write(MAGIC + struct.pack("<6I", 0, len(identifiers), *identifiers))
            file.write(_CHUNK.pack(METADATA, len(metadata)) + metadata)
            size = len(head) + 4 * len(words) + sum(map(len, words))
            file.write(_CHUNK.pack(kind, size) + head)
            for word in words:
                file.write(len(word).to_bytes(4, "little") + word)
            shape = struct.pack("<Q2I", rows, model.vector_size, FLOAT32)
            _write_array(file, MATRIX, shape, 4 * rows * model.vector_size)
            norms = _write_vectors(file, model, subwords, path)
            _write_array(file, NORMS, struct.pack("<QI", len(words), FLOAT32), 4 * len(words))
            write_rows(file, norms)


def _config(chunks: Chunks) -> dict[str, Any]:
    """Return what the file says about itself."""
    return {NAME: chunks.metadata} if chunks.metadata else {}


def _open(path: Path) -> Chunks:
    """Find the chunks; of the words only their number is read."""
    file = MappedFile(path)
    if file.part(len(MAGIC), "its mark") != MAGIC:
        raise file.damaged("does not begin with FiFu", 0)
    version, count = file.numbers("2I", "its header")
    if version != 0 or count > MOST_CHUNKS:
        raise FormatError(
            f"{path}: a finalfusion file of version {version} with {count:,} chunks; firth reads version 0"
        )
    file.numbers(f"{count}I", "the list of its chunks")
    found: dict[str, Any] = {}
    while file.left:
        name, content = _read_chunk(file)
        found[name] = content
    return _fitting(file, found)


def _read_chunk(file: MappedFile) -> tuple[str, Any]:
    """Read a chunk and step over it; return the field of :class:`Chunks` that it is for, and its content."""
    start = file.at
    kind, size = file.numbers("IQ", "the head of a chunk")
    file.need(size, f"the chunk of the type {kind}")
    end = file.at + size
    found: tuple[str, Any]
    if kind == LISTED:  # finalfusion for Python writes too small a length here
        found = "vocabulary", _listed(file)
        end = file.at
    elif kind in VOCABULARIES:
        head = file.numbers(VOCABULARIES[kind], "the number of its words")
        found = "vocabulary", Vocabulary(kind, head, file.at, end)
    elif kind == MATRIX:
        found = "matrix", _matrix(file, "Q2I", end)
    elif kind == NORMS:
        found = "norms", _matrix(file, "QI", end)[:, 0]
    elif kind == METADATA:
        found = "metadata", _parsed_metadata(file, size)
    elif kind in UNREAD:
        raise FormatError(f"{file.path}: {UNREAD[kind].format(name=file.path.name)}")
    else:
        raise file.damaged(f"a chunk of the type {kind}, which firth does not know", start)
    file.at = end
    return found


def _fitting(file: MappedFile, found: dict[str, Any]) -> Chunks:
    """Put the chunks together, if they are all there and fit each other."""
    for name, what in (("vocabulary", "words"), ("matrix", "vectors")):
        if name not in found:
            raise file.damaged(f"the file has no {what}")
    chunks = Chunks(file, found["vocabulary"], found["matrix"], found.get("norms"), found.get("metadata", {}))
    vocabulary, (rows, size) = chunks.vocabulary, chunks.matrix.shape
    words, listed = vocabulary.words, vocabulary.kind == LISTED
    if size < 1 or not words:
        raise FormatError(
            f"{file.path}: holds no words" if size else f"{file.path}: has vectors of no dimension"
        )
    if words > rows or (words + vocabulary.buckets != rows and not listed):
        raise file.damaged(f"it has {rows:,} rows for {words:,} words and {vocabulary.buckets:,} buckets")
    if chunks.norms is not None and len(chunks.norms) != words:
        raise file.damaged(f"it has {len(chunks.norms):,} norms for {words:,} words")
    if listed:
        note(f"{file.path}: its {vocabulary.head[1]:,} n-grams are left out: unknown words get no vector")
    return chunks


def _matrix(file: MappedFile, layout: str, end: int) -> NDArray[np.float32]:
    """Map the numbers at the end of a chunk: a matrix, or a column of norms."""
    start = file.at
    *shape, kind = file.numbers(layout, "the shape of its vectors")
    rows, columns = shape if len(shape) == 2 else (shape[0], 1)
    if kind != FLOAT32:
        raise FormatError(
            f"{file.path}, byte {start:,}: its numbers are of the type {kind}; firth reads 10 (float32)"
        )
    gap = end - file.at - 4 * rows * columns
    if not 0 <= gap <= _ALIGNMENT:
        raise file.damaged(
            f"{rows:,} rows of {columns:,} numbers would take {4 * rows * columns:,} bytes, but its chunk "
            f"has {end - file.at:,}",
            start,
        )
    file.at += gap
    return file.matrix(rows, columns, "its vectors")


def _parsed_metadata(file: MappedFile, size: int) -> dict[str, Any]:
    """Return the metadata as JSON would hold them."""
    start = file.at
    if size > LONGEST_METADATA:
        raise file.damaged(f"its metadata would have {size:,} bytes")
    try:
        parsed = tomllib.loads(file.part(size, "its metadata").decode())
        plain: dict[str, Any] = json.loads(json.dumps(parsed, default=str), parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise file.damaged(f"its metadata are not TOML ({printable(str(error)[:200])})", start) from None
    return plain


def _listed(file: MappedFile) -> Vocabulary:
    """Step over the words and over the n-grams, each of which has a row number behind it."""
    head = file.numbers(VOCABULARIES[LISTED], "the number of its words")
    first_word = file.at
    for items, more in ((head[0], 0), (head[1], 8)):
        file.need(items * (4 + more), f"its {items:,} words or n-grams, at least,")
        for _ in range(items):
            file.part(file.numbers("I", "the length of a word")[0] + more, "a word")
    return Vocabulary(LISTED, head, first_word, None)


def _stream(chunks: Chunks, options: ReadOptions) -> Stream:
    return Stream(chunks.matrix.shape[1], _blocks(chunks, options), chunks.vocabulary.words)


def _walk_words(chunks: Chunks, options: ReadOptions) -> Iterator[tuple[str | None, int]]:
    """Yield each word, or None for one that does not decode, with the byte at which it begins."""
    data, at = chunks.file.data, chunks.vocabulary.first_word
    last = len(data) if chunks.vocabulary.end is None else chunks.vocabulary.end
    for _ in range(chunks.vocabulary.words):
        size = int.from_bytes(data[at : at + 4], "little")
        end = at + 4 + size
        if end > last:
            raise chunks.file.damaged(f"a word would take {size:,} bytes, but {last - at:,} are left", at)
        word = bytes(data[at + 4 : end])
        try:
            yield word.decode(options.encoding), at
        except UnicodeDecodeError:
            yield options.decode(word, chunks.file.path, f"byte {at:,}"), at
        at = end


def _blocks(chunks: Chunks, options: ReadOptions) -> Iterator[Block]:
    """Give words and vectors together, the latter at their own lengths."""
    step = max(1, BLOCK_BYTES // (4 * chunks.matrix.shape[1]))
    walk = _walk_words(chunks, options)
    for start in range(0, chunks.vocabulary.words, step):
        part = slice(start, min(start + step, chunks.vocabulary.words))
        found = [next(walk) for _ in range(part.stop - start)]
        vectors: NDArray[np.float32] = chunks.matrix[part]
        if chunks.norms is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                vectors = vectors * chunks.norms[part, None]
        sound = np.array([word is not None for word, _ in found], bool)
        words = [word for word, _ in found if word is not None]
        yield Block(words, vectors[sound], None, byte_places([at for word, at in found if word is not None]))


def _encoded(words: list[str], path: Path) -> list[bytes]:
    try:
        return [word.encode() for word in words]
    except UnicodeEncodeError as error:
        word = quoted(str(error.object)[:60])
        raise FormatError(f"{path}: the word {word} has no UTF-8 form; clean the words of it") from None


def _subwords_to_write(model: Embeddings) -> Subwords | None:
    """Return a model's subwords, if finalfusion would understand them."""
    subwords = model.subwords
    if isinstance(subwords, Subwords) and subwords.encoding == "utf-8":
        return subwords
    if subwords is not None:
        note("the model's n-grams, not hashed from UTF-8, are left out: unknown words will have no vector")
    return None


def _vocabulary_of(words: int, subwords: Subwords | None) -> tuple[int, bytes]:
    """Return the kind of the vocabulary, and what comes before its words."""
    if subwords is None:
        return WORDS, struct.pack("<Q", words)
    kind = FASTTEXT_BUCKETS if subwords.hashing == FASTTEXT else BUCKETS
    buckets = len(subwords.buckets) if kind == FASTTEXT_BUCKETS else len(subwords.buckets).bit_length() - 1
    return kind, struct.pack("<Q3I", words, subwords.min_n, subwords.max_n, buckets)


def _metadata(model: Embeddings) -> str:
    """Return, in TOML, who wrote the file and the options of the run."""
    lines = [f'written_by = "firth {__version__}"', "", "[options]"]
    options = model.config.get("options")
    for name, value in options.items() if isinstance(options, dict) else ():
        finite = not isinstance(value, float) or math.isfinite(value)
        if isinstance(value, (bool, int, float, str)) and finite:
            # JSON's numbers, words and escapes are TOML's too, if no character needs two of its escapes.
            text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{json.dumps(str(name))} = {text}")
    return "\n".join([*lines, ""])


def _write_array(file: IO[bytes], identifier: int, head: bytes, size: int) -> None:
    """Write the head of a chunk of numbers; they themselves come next."""
    at = file.tell() + _CHUNK.size + len(head)
    gap = _ALIGNMENT - at % _ALIGNMENT  # four, not none, where it is a multiple already: so do its readers
    file.write(_CHUNK.pack(identifier, len(head) + gap + size) + head + bytes(gap))


def _write_vectors(
    file: IO[bytes], model: Embeddings, subwords: Subwords | None, path: Path
) -> NDArray[np.float32]:
    """Write the words' vectors at length 1, then the buckets, and return the lengths."""
    norms = np.empty(len(model), np.float32)
    at = 0
    for block in row_blocks(model.vectors):
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        if (lengths > np.finfo(np.float32).max).any():
            row = at + int(np.argmax(lengths))
            word = quoted(model.index_to_key[row])
            raise FormatError(
                f"{path}: the vector of {word} (row {row + 1:,}) is too long for a float32 norm; write firth"
            )
        norms[at : at + len(block)] = lengths
        at += len(block)
        units = block / np.where(lengths > 0, lengths, 1)[:, None]
        write_rows(file, units.astype(np.float32))
    for block in [] if subwords is None else row_blocks(subwords.buckets):
        write_rows(file, block)
    return norms

"""fastText's model file, ``.bin``: words, their vectors and the buckets of their n-grams.

https://github.com/facebookresearch/fastText; versions 11 and 12 (fastText 0.1 to 0.9), little-endian:

========  =============================================================================================
mark      int32 793712314, int32 version
options   int32 × 12: dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn,
          lrUpdateRate; float64 t
words     int32 entries, words, labels; int64 tokens, pruned (-1: it is not pruned); each entry: bytes, a zero
          byte, int64 count, int8 type (0 word, 1 label)
input     bool quantised; int64 rows, columns; float32: a row for each word, then one for each bucket
output    bool quantised; int64 rows, columns; float32: a row for each word (or label)
========  =============================================================================================

The vector of a word is the mean of its own row and those of its n-grams (:mod:`firth.subwords`): it is
computed on reading, a block at a time, to the same bits as fastText's ``get_word_vector``.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.errors import FormatError
from firth.formats.binary_file import MappedFile, begins_with, byte_places, write_rows
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
from firth.printable import quoted
from firth.subwords import FASTTEXT, LONGEST_NGRAM, Ngrams, Subwords, mean_rows

NAME = "fasttext-bin"
MAGIC, VERSIONS = 793712314, (11, 12)
LONGEST_WORD = 1 << 16
MOST_ROWS = 2**31 - 1  # fastText counts words and buckets in 32 bits

_NEGATIVE_SAMPLING, _SOFTMAX = 2, 3
_SKIPGRAM, _SUPERVISED = 2, 3
_WORD, _LABEL = 0, 1
_ENTRY_END = struct.Struct("<qb")


class Options(NamedTuple):
    """What fastText keeps of a run, under its own names."""

    dim: int
    ws: int = 5
    epoch: int = 5
    min_count: int = 1
    neg: int = 5
    word_ngrams: int = 1
    loss: int = _NEGATIVE_SAMPLING
    model: int = _SKIPGRAM
    bucket: int = 0
    minn: int = 0
    maxn: int = 0
    lr_update_rate: int = 100
    t: float = 1e-4


_OPTIONS_LAYOUT = "12id"
_NAMES = {"ws": "window", "epoch": "epochs", "min_count": "min_count", "neg": "negative", "t": "sample"}
"""fastText's name -> firth's."""


class Dictionary(NamedTuple):
    """The entries of the file, labels left out."""

    words: list[bytes]
    counts: NDArray[np.int64]
    places: array[int]
    """The byte at which each word begins."""
    labels: int
    pruned: int
    """N-grams that a quantised model has kept; -1 if it was not pruned."""


@dataclass(frozen=True)
class Model:
    """A file that has been opened: its words are in memory, its matrices are on disk."""

    path: Path
    options: Options
    dictionary: Dictionary
    matrix: NDArray[np.float32]
    """(words + buckets, D)."""
    context_vectors: NDArray[np.float32] | None
    """(words, D), if they are of words and were trained."""

    def subwords(self, encoding: str) -> Subwords | None:
        """Return the buckets, if the model has any of characters."""
        words, options = len(self.dictionary.words), self.options
        if options.maxn < max(1, options.minn) or not options.bucket:
            return None
        return Subwords(self.matrix[words:], max(1, options.minn), options.maxn, encoding=encoding)


def sniff(path: Path) -> bool:
    """Tell whether a file begins with fastText's mark."""
    return begins_with(path, MAGIC.to_bytes(4, "little"))


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a model as a stream of its words; labels are left out, with a note.

    Raises:
        FormatError: the file is damaged, cut short or quantised.
    """
    opened = _open(path, options)
    return replace(
        _stream(opened, options),
        context_vectors=opened.context_vectors,
        subwords=opened.subwords(options.encoding),
        config={"fasttext": opened.options._asdict()},
    )


def read(path: Path, options: ReadOptions, *, mmap: bool = True) -> Embeddings:
    """Read a model with its subwords, so that unknown words get vectors, and its context vectors.

    With ``mmap`` the buckets and the context vectors stay on disk; the words' vectors are computed.

    Raises:
        FormatError: as :func:`stream`.
    """
    model = collect(checked(stream(path, options), path, options))
    return model if mmap else in_memory(model)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a skip-gram model that fastText and gensim open.

    Context vectors become the output matrix (zeros if there are none). Unknown counts and counts of 0 become
    1: gensim drops a word that was never seen. fastText's subwords are written too: a word's row is then
    n v - Σ of its n-grams' buckets, so that the mean of all n rows is v again, to rounding. Subwords hashed
    in another way are left out, with a note.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word has a zero byte in it, or the file cannot be written.
    """
    check_free(path, force=force)
    with settled(stream, path) as model:
        subwords = _subwords_to_write(model)
        words = _encoded(model.index_to_key, "utf-8" if subwords is None else subwords.encoding, path)
        rows = len(words) + (0 if subwords is None else len(subwords.buckets))
        if rows > MOST_ROWS:
            raise FormatError(f"{path}: fastText holds at most {MOST_ROWS:,} rows, not {rows:,}; write firth")
        with replacing(path, 4 * model.vector_size * (rows + len(words))) as file:
            file.write(struct.pack("<2i", MAGIC, VERSIONS[-1]))
            file.write(struct.pack(f"<{_OPTIONS_LAYOUT}", *_options_of(model, subwords)))
            _write_dictionary(file, words, model.counts)
            _write_head(file, rows, model.vector_size)
            for block in _input_rows(model, subwords):
                write_rows(file, block)
            _write_head(file, len(words), model.vector_size)
            for block in row_blocks(
                model.vectors if model.context_vectors is None else model.context_vectors
            ):
                write_rows(file, np.zeros_like(block) if model.context_vectors is None else block)


def _open(path: Path, options: ReadOptions) -> Model:
    """Read all but the matrices, which are mapped."""
    file = MappedFile(path)
    magic, version = file.numbers("2i", "its mark")
    if magic != MAGIC:
        raise file.damaged(f"begins with {magic}, not with fastText's {MAGIC}", 0)
    if version not in VERSIONS:
        raise FormatError(f"{path}: a fastText file of version {version}, but firth reads 11 and 12")
    given = Options._make(file.numbers(_OPTIONS_LAYOUT, "its options"))
    if version == 11 and given.model == _SUPERVISED:
        given = given._replace(maxn=0)  # these did not use n-grams of characters, whatever they say
    if given.dim < 1 or given.bucket < 0 or given.maxn > LONGEST_NGRAM:
        raise file.damaged(
            f"its options cannot be: {given.dim} dimensions, {given.bucket} buckets, n-grams of {given.minn} "
            f"to {given.maxn} characters",
            8,
        )
    dictionary = _read_dictionary(file)
    matrix = _read_input(file, given, dictionary)
    if dictionary.labels:
        note(f"{path}: its {dictionary.labels:,} labels are left out: they are no words")
    return Model(path, given, dictionary, matrix, _read_output(file, given, dictionary, options))


def _read_dictionary(file: MappedFile) -> Dictionary:
    """Read the words with their counts."""
    start = file.at
    entries, words, labels, _tokens, pruned = file.numbers("3i2q", "the numbers of its words")
    if entries != words + labels or min(words, labels) < 0:
        raise file.damaged(f"it has {entries:,} entries, but {words:,} words and {labels:,} labels", start)
    file.need(10 * entries, f"its {entries:,} words and labels, at least,")
    found: list[bytes] = []
    counts, places = array("q"), array("q")
    for entry in range(entries):
        places.append(file.at)
        found.append(file.until(b"\0", LONGEST_WORD, f"word {entry + 1:,}"))
        count, kind = _ENTRY_END.unpack(file.part(_ENTRY_END.size, f"the count of word {entry + 1:,}"))
        if kind != (_WORD if entry < words else _LABEL):
            raise file.damaged(
                f"entry {entry + 1:,} is of the type {kind}, in a file of {words:,} words", places[-1]
            )
        counts.append(count)
    if pruned > 0:
        file.part(8 * pruned, f"the list of its {pruned:,} kept n-grams")
    return Dictionary(found[:words], np.array(counts[:words], np.int64), places, labels, pruned)


def _read_input(file: MappedFile, options: Options, dictionary: Dictionary) -> NDArray[np.float32]:
    """Map the rows of words and buckets."""
    (quantised,) = file.numbers("?", "its vectors")
    if quantised:
        raise FormatError(
            f"{file.path}: its vectors are product-quantised (.ftz), which firth does not read: give the "
            ".bin that it was made of, or write a text with fastText: "
            f"fasttext print-word-vectors {file.path.name} < words.txt > vectors.txt"
        )
    if dictionary.pruned >= 0:
        raise file.damaged("its n-grams are pruned, though its vectors are not quantised")
    start, words = file.at, len(dictionary.words)
    rows, columns = file.numbers("2q", "the shape of its vectors")
    if (rows, columns) != (words + options.bucket, options.dim):
        raise file.damaged(
            f"its vectors would have the shape ({rows:,}, {columns:,}), but {words:,} words and "
            f"{options.bucket:,} buckets of {options.dim:,} dimensions need another one",
            start,
        )
    return file.matrix(rows, columns, "its vectors")


def _read_output(
    file: MappedFile, options: Options, dictionary: Dictionary, reading: ReadOptions
) -> NDArray[np.float32] | None:
    """Map the output side if it is of words: not of labels, nor of a tree's nodes."""
    try:
        (quantised,) = file.numbers("?", "its output vectors")
        if quantised:
            return None
        rows, columns = file.numbers("2q", "the shape of its output vectors")
        output = file.matrix(rows, columns, "its output vectors")
    except FormatError as error:
        if not reading.skip_bad:
            raise
        reading.skipped.append(str(error))
        return None
    if file.left:
        reading.bad(file.path, f"byte {file.at:,}", f"{file.left:,} bytes follow the end of the model")
    of_words = options.model != _SUPERVISED and options.loss in (_NEGATIVE_SAMPLING, _SOFTMAX)
    if not of_words or output.shape != (len(dictionary.words), options.dim):
        return None
    trained = any(block.any() for block in row_blocks(output))  # zeros stand for "none"
    return output if trained else None


def _stream(model: Model, options: ReadOptions) -> Stream:
    return Stream(model.options.dim, _blocks(model, options), len(model.dictionary.words))


def _blocks(model: Model, options: ReadOptions) -> Iterator[Block]:
    """Decode words and compute their vectors."""
    raw, counts, places, *_ = model.dictionary
    known = counts if (counts != 1).any() else None  # ones are written where nobody knows
    subwords = model.subwords(options.encoding)
    step = max(1, BLOCK_BYTES // (4 * model.options.dim))
    for start in range(0, len(raw), step):
        decoded = [
            options.decode(word, model.path, f"byte {places[row]:,}")
            for row, word in enumerate(raw[start : start + step], start)
        ]
        rows = np.array([row for row, word in enumerate(decoded, start) if word is not None], np.int64)
        words = [word for word in decoded if word is not None]
        vectors = _vectors(model.matrix, subwords, rows, words, len(raw))
        starts = [places[row] for row in rows.tolist()]
        yield Block(words, vectors, None if known is None else known[rows], byte_places(starts))


def _vectors(
    matrix: NDArray[np.float32],
    subwords: Subwords | None,
    rows: NDArray[np.int64],
    words: Sequence[str],
    vocabulary: int,
) -> NDArray[np.float32]:
    """Return the vectors of words whose own rows these are."""
    if subwords is None:
        plain: NDArray[np.float32] = np.asarray(matrix[rows])
        return plain
    vectors = np.empty((len(words), matrix.shape[1]), np.float32)
    for part in subwords.blocks(words):
        buckets, counts = subwords.ngrams(words[part])
        vectors[part] = mean_rows(matrix, rows[part, None], Ngrams(buckets + vocabulary, counts))
    return vectors


def _subwords_to_write(model: Embeddings) -> Subwords | None:
    """Return a model's subwords, if fastText would understand them."""
    subwords = model.subwords
    if subwords is None or (isinstance(subwords, Subwords) and subwords.hashing == FASTTEXT):
        return subwords
    note(
        "the model's n-grams, not hashed as fastText does it, are left out: unknown words will have no vector"
    )
    return None


def _options_of(model: Embeddings, subwords: Subwords | None) -> Options:
    """Return the options of a model's run under fastText's names, as far as it knows them."""
    run = model.config.get("options")
    known: dict[str, Any] = {}
    for ours, theirs in _NAMES.items():
        value = run.get(theirs) if isinstance(run, dict) else None
        if type(value) is type(Options._field_defaults[ours]):
            known[ours] = value
    if subwords is not None:
        known |= {"bucket": len(subwords.buckets), "minn": subwords.min_n, "maxn": subwords.max_n}
    return Options(model.vector_size, **known)


def _encoded(words: Sequence[str], encoding: str, path: Path) -> list[bytes]:
    """Encode words, none of which may have a zero byte."""
    encoded = []
    for row, word in enumerate(words, 1):
        try:
            encoded.append(word.encode(encoding))
        except UnicodeEncodeError:
            raise FormatError(
                f"{path}: the word {quoted(word)} (row {row:,}) does not fit {encoding}; write firth instead"
            ) from None
        if b"\0" in encoded[-1] or len(encoded[-1]) >= LONGEST_WORD:
            raise FormatError(
                f"{path}: the word {quoted(word[:60])} (row {row:,}) has a zero byte in it, or is too long, "
                "which this format cannot hold: write firth or parquet instead"
            )
    return encoded


def _write_dictionary(file: IO[bytes], words: Sequence[bytes], counts: NDArray[np.int64] | None) -> None:
    known = np.ones(len(words), np.int64) if counts is None else np.maximum(counts, 1)
    file.write(struct.pack("<3i2q", len(words), len(words), 0, int(known.sum()), -1))
    for word, count in zip(words, known.tolist(), strict=True):
        file.write(word + b"\0" + _ENTRY_END.pack(count, _WORD))


def _write_head(file: IO[bytes], rows: int, columns: int) -> None:
    """Write what stands before a matrix: that it is not quantised, and its shape."""
    file.write(struct.pack("<?2q", False, rows, columns))


def _input_rows(model: Embeddings, subwords: Subwords | None) -> Iterator[NDArray[np.float32]]:
    """Return the rows of words, whose means with their n-grams give the vectors, then the buckets."""
    if subwords is None:
        yield from row_blocks(model.vectors)
        return
    for part in subwords.blocks(model.index_to_key):
        ngrams = subwords.ngrams(model.index_to_key[part])
        none = np.zeros((len(ngrams.counts), 0), np.int64)
        counts = ngrams.counts[:, None].astype(np.float64)
        yield (
            (counts + 1) * model.vectors[part] - counts * mean_rows(subwords.buckets, none, ngrams)
        ).astype(np.float32)
    yield from row_blocks(subwords.buckets)

"""spaCy's vectors: a saved pipeline or vocabulary is read, and ``spacy init vectors``' input is written.

A folder of spaCy 3 (``nlp.to_disk`` or ``nlp.vocab.to_disk``) has *vectors* (NumPy), *key2row* (MessagePack:
the number of a word -> its row), *strings.json* (all words) and *vectors.cfg*. A word's number is its
MurmurHash64A with seed 1, but for the symbols that spaCy numbers itself. Nothing of it is a pickle.

To give vectors to spaCy::

    firth convert MODEL vectors.txt --to spacy
    python -m spacy init vectors LANG vectors.txt PIPELINE
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats import word2vec
from firth.formats.spacy_symbols import SYMBOLS
from firth.formats.static_model import as_float32, read_json
from firth.formats.stream import BLOCK_BYTES, Block, ReadOptions, Stream
from firth.notes import note

NAME = "spacy"
VECTORS, KEYS, STRINGS, CONFIG = "vectors", "key2row", "strings.json", "vectors.cfg"
REMEDY = "save the pipeline again with nlp.to_disk"
LARGEST_STRINGS = 1 << 31
MULTIPLIER, SHIFT, SEED = np.uint64(0xC6A4A7935BD1E995), np.uint64(47), 1
# MessagePack: what the first byte of a map or a number says; wide ones are followed by so many bytes.
_FIXED_MAP, _LARGEST_FIXED_MAP, _WIDE_MAPS = 0x80, 15, {0xDE: 2, 0xDF: 4}
_LARGEST_SMALL, _WIDE_NUMBERS = 0x7F, {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}


def sniff(path: Path) -> bool:
    """Tell whether a folder is a vocabulary of spaCy, or a pipeline that has one with vectors."""
    folder = _vocabulary(path)
    return all((folder / name).is_file() for name in (VECTORS, KEYS, STRINGS))


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a pipeline or vocabulary folder, or a text file for ``spacy init vectors``.

    Words come in the order in which they got their vectors; words that share a row each bring a copy.

    Raises:
        FormatError: a part is missing or damaged, or the vectors are floret's.
    """
    if path.is_file():
        return word2vec.stream(path, options)
    folder = _vocabulary(path)
    config = read_json(folder / CONFIG)
    if isinstance(config, dict) and config.get("mode", "default") != "default":
        raise FormatError(
            f"{folder}: its vectors are floret's, a table of hashed parts of words without words of its own: "
            "firth reads tables with a row a word"
        )
    matrix = _matrix(folder / VECTORS)
    keys, rows = _key_to_row(folder / KEYS)
    if len(rows) and int(rows.max()) >= len(matrix):
        raise FormatError(
            f"{folder / KEYS}: names row {int(rows.max()):,}, but {VECTORS} has {len(matrix):,}; {REMEDY}"
        )
    words = _words_by_key(folder / STRINGS)
    return Stream(
        matrix.shape[1],
        _blocks(folder, matrix, [words.get(key) for key in keys.tolist()], rows, options),
        None if options.skip_bad else len(keys),
    )


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a text file (or ``.gz``) that ``spacy init vectors`` takes, and say on stderr how to go on.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False.
        FormatError: a word with a blank, a full disk, or a compression that spaCy does not read.
    """
    if path.suffix.lower() == ".zst":
        raise FormatError(f"{path}: spaCy does not read .zst: name it .txt or .gz")
    word2vec.write(stream, path, force=force)
    note(f"to give it to spaCy: python -m spacy init vectors LANG {path} PIPELINE")


def keys_of(words: list[str]) -> NDArray[np.uint64]:
    """Return the numbers that spaCy gives to words.

    >>> int(keys_of(["cat"])[0])
    5439657043933447811
    """
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    lengths = np.array([len(word) for word in encoded], np.int64)
    keys = np.empty(len(words), np.uint64)
    order = np.argsort(lengths, kind="stable")
    for same in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        if len(same):
            joined = b"".join(encoded[row] for row in same.tolist())
            keys[same] = _murmur(np.frombuffer(joined, np.uint8).reshape(len(same), -1))
    for row, word in enumerate(words):
        if word in SYMBOLS or not word:
            keys[row] = SYMBOLS.get(word, 0)
    return keys


def _murmur(texts: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return MurmurHash64A (Appleby) of texts of one length, an (n, bytes) array."""
    count, length = texts.shape
    padded = np.zeros((count, -(-length // 8) * 8), np.uint8)
    padded[:, :length] = texts
    chunks = padded.view("<u8").astype(np.uint64)
    state = np.full(count, SEED, np.uint64) ^ (np.uint64(length) * np.array(MULTIPLIER))
    for place in range(chunks.shape[1]):
        chunk = chunks[:, place]
        if 8 * (place + 1) <= length:  # all but the last, incomplete one are mixed first
            chunk = chunk * MULTIPLIER
            chunk = (chunk ^ (chunk >> SHIFT)) * MULTIPLIER
        state = (state ^ chunk) * MULTIPLIER
    state = (state ^ (state >> SHIFT)) * MULTIPLIER
    mixed: NDArray[np.uint64] = state ^ (state >> SHIFT)
    return mixed


def _vocabulary(path: Path) -> Path:
    """Return the folder of the vocabulary: ``path``, or ``vocab`` in a pipeline."""
    return path / "vocab" if (path / "vocab").is_dir() else path


def _blocks(
    folder: Path,
    matrix: NDArray[Any],
    words: list[str | None],
    rows: NDArray[np.int64],
    options: ReadOptions,
) -> Iterator[Block]:
    """Yield the words in the order of their keys with copies of their rows."""
    step = max(1, BLOCK_BYTES // (4 * max(1, matrix.shape[1])))
    for start in range(0, len(rows), step):
        named: list[str] = []
        kept: list[int] = []
        for place, word in enumerate(words[start : start + step], start):
            if word is None:
                options.bad(folder / KEYS, f"entry {place + 1:,}", f"its word is not in {STRINGS}")
            else:
                named.append(word)
                kept.append(place)
        places = [f"row {row:,} of {VECTORS}" for row in rows[kept].tolist()]
        yield Block(named, as_float32(matrix[rows[kept]]), places=places.__getitem__)


def _matrix(file: Path) -> NDArray[Any]:
    """Map the matrix, a NumPy file."""
    try:
        matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError) as error:
        reason = " ".join(str(error).split())[:100]
        raise FormatError(f"{file}: missing, damaged or not a NumPy file ({reason}); {REMEDY}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise FormatError(f"{file}: is no matrix of floating-point numbers; {REMEDY}")
    return matrix


def _words_by_key(file: Path) -> dict[int, str]:
    """Return spaCy's number -> word, for all its strings and symbols."""
    strings = read_json(file, LARGEST_STRINGS)
    if not isinstance(strings, list) or not all(isinstance(word, str) for word in strings):
        raise FormatError(f"{file}: missing, or no list of words; {REMEDY}")
    words = {number: name for name, number in SYMBOLS.items()}
    words[0] = ""
    words |= dict(zip(keys_of(strings).tolist(), strings, strict=True))
    return words


def _key_to_row(file: Path) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Read a MessagePack map of whole numbers (https://github.com/msgpack/msgpack/blob/master/spec.md)."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror}); {REMEDY}") from None
    first = data[0] if data else 0
    width = _WIDE_MAPS.get(first, 0)
    entries = int.from_bytes(data[1 : 1 + width]) if width else first ^ _FIXED_MAP
    if not width and entries > _LARGEST_FIXED_MAP:
        raise FormatError(f"{file}, byte 0: 0x{first:02x} begins no map of numbers; {REMEDY}")
    if 2 * entries > len(data):
        raise FormatError(
            f"{file}: says that it holds {entries:,} entries, but is {len(data):,} bytes long; {REMEDY}"
        )
    numbers = list(islice(_numbers(data, 1 + width), 2 * entries))
    if len(numbers) < 2 * entries:
        raise FormatError(f"{file}: damaged or cut short after {len(numbers) // 2:,} entries; {REMEDY}")
    if max(numbers[1::2], default=0) >= 1 << 63:
        raise FormatError(f"{file}: names a row beyond any table; {REMEDY}")
    return np.array(numbers[::2], np.uint64), np.array(numbers[1::2], np.int64)


def _numbers(data: bytes, at: int) -> Iterator[int]:
    """Yield whole numbers of MessagePack, up to the first thing that is none."""
    while at < len(data):
        kind = data[at]
        at += 1
        if kind <= _LARGEST_SMALL:
            yield kind
            continue
        width = _WIDE_NUMBERS.get(kind, len(data))
        if at + width > len(data):
            return
        yield int.from_bytes(data[at : at + width])
        at += width

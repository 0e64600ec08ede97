"""The two tables of TensorBoard's Embedding Projector: numbers in one, words in the other.

``vectors.tsv``             D numbers a line, tabs between them, no header
``metadata.tsv``            a word a line, no header; with counts two columns under the header *word*, *count*
``projector_config.pbtxt``  what TensorBoard looks for in its ``--logdir``
``projector_config.json``   what the page of its own (projector.tensorflow.org) takes as ``?config=``

A table of one column has no header, one of several has: so the Projector reads them, and so does firth. Read
is the folder, or the file of numbers with the words beside it (``metadata.tsv``, or a name of its own with
"metadata" where the other says "vectors" or "tensor", as gensim's ``word2vec2tensor`` writes them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.folders import replacing_folder
from firth.formats.packed import head_of, output, text_head
from firth.formats.stream import Block, ReadOptions, Stream
from firth.formats.text_rows import Rows, is_number, line_blocks, refuse_words, write_lines
from firth.printable import quoted

NAME = "projector"
VECTORS, METADATA, PBTXT, JSON = (
    "vectors.tsv",
    "metadata.tsv",
    "projector_config.pbtxt",
    "projector_config.json",
)
WORD_NAMES, COUNT_NAMES = ("word", "label", "token"), ("count", "counts", "frequency", "freq")
_Label: TypeAlias = tuple[str | None, int | None]
_PACKED = ("", ".gz", ".zst")
_UNHOLDABLE = re.compile(r"[\t\n\r]|\A[\s\ufeff]*\Z")


def sniff(path: Path) -> bool:
    """Tell whether a folder holds the two tables, or a file of numbers has its words beside it."""
    if path.is_dir():
        return _in_folder(path, VECTORS) is not None and _in_folder(path, METADATA) is not None
    if _metadata_beside(path) is None:
        return False
    fields = head_of(path).partition(b"\n")[0].split(b"\t")
    return all(is_number(field) for field in fields)


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open the pair as a stream of words and vectors, with counts if a column is called so.

    Raises:
        FormatError: a file is missing, or the first line is none of numbers; later, a damaged line.
    """
    vectors, metadata = _pair(path)
    line = text_head(vectors)[0].partition(b"\n")[0].rstrip(b"\r")
    fields = line.split(b"\t")
    if not all(is_number(field) for field in fields):
        raise FormatError(
            f"{vectors}, line 1: {quoted(line[:40].decode('utf-8', 'replace'))} is no line of numbers with "
            "tabs between them; name another format with --from (format=)"
        )
    rows = Rows(vectors, len(fields), replace(options, encoding="utf-8"), separator=b"\t")
    return Stream(len(fields), _blocks(rows, _labels(metadata, options), metadata))


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write the pair, and what TensorBoard needs to find it, into a folder.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds something else.
        FormatError: a word with a tab or a line's end in it, or a blank one, which the Projector would leave
            out; a full disk.
    """
    with replacing_folder(path, {VECTORS, METADATA, PBTXT, JSON}, force=force) as folder:
        rows = _write_tables(stream, folder)
        entry = {
            "tensorName": path.name or NAME,
            "tensorShape": [rows, stream.size],
            "tensorPath": VECTORS,
            "metadataPath": METADATA,
        }
        config = json.dumps({"embeddings": [entry]}, indent=2)
        (folder / JSON).write_text(config + "\n", "utf-8")
        paths = f'  tensor_path: "{VECTORS}"\n  metadata_path: "{METADATA}"\n'
        (folder / PBTXT).write_text(f"embeddings {{\n{paths}}}\n", "utf-8")


def _write_tables(stream: Stream, folder: Path) -> int:
    """Write both tables and return the number of rows."""
    done, counted = 0, False
    with ExitStack() as files:
        vectors = files.enter_context(output(folder / VECTORS, force=False))
        metadata = files.enter_context(output(folder / METADATA, force=False))
        for block in stream.blocks:
            refuse_words(
                block.words, done, folder, _UNHOLDABLE, "a tab, a line's end or nothing but blanks in it"
            )
            if not done and block.counts is not None:
                counted = True
                metadata.write(b"word\tcount\n")
            lines = block.words
            if counted:
                counts = [""] * len(lines) if block.counts is None else block.counts.tolist()
                lines = [f"{word}\t{count}" for word, count in zip(lines, counts, strict=True)]
            metadata.write("".join([f"{line}\n" for line in lines]).encode())
            write_lines(vectors, None, block.vectors, "\t", "\n")
            done += len(block.words)
    return done


def _blocks(rows: Rows, labels: Iterator[_Label], metadata: Path) -> Iterator[Block]:
    """Walk through both files: each line of numbers gets its word before it, and is read like any other."""
    for data, first in line_blocks(rows.path):
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        joined: list[bytes] = []
        counts: dict[str, int | None] = {}
        for number, line in enumerate(lines, first):
            label = next(labels, None)
            if label is None and line.strip():
                what = f"there are no more words in {metadata}"
                rows.options.bad(rows.path, f"line {number}", what)
            # A blank line is left out, and so is what has lost its word: but its number is kept.
            word, count = label if label is not None else (None, None)
            joined.append(b"" if word is None else b"%b\t%b" % (word.encode(), line))
            if word is not None:
                counts[word] = count
        for block in rows.parsed(b"\n".join(joined) + b"\n", first):
            yield block._replace(counts=_counts_of(block.words, counts))
    if next(labels, None) is not None:
        rows.options.bad(metadata, "its end", f"holds more words than {rows.path} has lines")


def _counts_of(words: list[str], counts: dict[str, int | None]) -> NDArray[np.int64] | None:
    known = [count for word in words if (count := counts.get(word)) is not None]
    return np.array(known, np.int64) if len(known) == len(words) else None


def _labels(metadata: Path, options: ReadOptions) -> Iterator[_Label]:
    """Yield each line's word, or None if it does not decode and is left out, and its count if it has one."""
    word_column, count_column, header = _columns(metadata)
    for data, first in line_blocks(metadata):
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip() or (header and number == 1):
                continue
            fields = line.removesuffix(b"\r").split(b"\t")
            field = fields[word_column] if word_column < len(fields) else b""
            count = fields[count_column] if count_column is not None and count_column < len(fields) else b""
            word = options.decode(field, metadata, f"line {number}")
            yield word, int(count) if count.isdigit() and len(count) < 19 else None


def _columns(metadata: Path) -> tuple[int, int | None, bool]:
    """Return the column of words, that of counts, and whether there is a header: if there are several."""
    names = text_head(metadata)[0].partition(b"\n")[0].decode("utf-8", "replace").strip("\r").split("\t")
    if len(names) == 1:
        return 0, None, False
    lower = [name.strip().lower() for name in names]
    word = next((lower.index(name) for name in WORD_NAMES if name in lower), 0)
    count = next((lower.index(name) for name in COUNT_NAMES if name in lower), None)
    return word, count, True


def _pair(path: Path) -> tuple[Path, Path]:
    """Return the file of numbers and the file of words.

    Raises:
        FormatError: one of them is not there.
    """
    if path.is_dir():
        found = [_in_folder(path, name) for name in (VECTORS, METADATA)]
    else:
        found = [path if path.is_file() else None, _metadata_beside(path)]
    vectors, metadata = found
    if vectors is None:
        missing = path / VECTORS if path.is_dir() else path
        raise FormatError(f"{missing}: no such file; give the folder of {VECTORS} and {METADATA}")
    if metadata is None:
        raise FormatError(f"{vectors}: its words are missing: {METADATA} must lie beside it")
    return vectors, metadata


def _in_folder(folder: Path, name: str) -> Path | None:
    return next((file for end in _PACKED if (file := folder / (name + end)).is_file()), None)


def _metadata_beside(vectors: Path) -> Path | None:
    """Return the file of words that lies beside a file of numbers."""
    own = re.sub(r"(vector|tensor)s?", "metadata", vectors.name)
    if own != vectors.name and (named := vectors.with_name(own)).is_file():
        return named
    beside = _in_folder(vectors.parent, METADATA)
    return None if beside == vectors else beside

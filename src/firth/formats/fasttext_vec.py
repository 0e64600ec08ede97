"""fastText's ``.vec``: word2vec's text format with a blank at the end of each line.

What tells the two apart is of no consequence to a reader, so that such a file, when its format is not named,
is taken for word2vec's. fastText itself writes five digits of a number; firth writes as many as there are.
"""

from __future__ import annotations

from pathlib import Path

from firth.formats import word2vec
from firth.formats.stream import ReadOptions, Stream

NAME = "fasttext-vec"


def sniff(path: Path) -> bool:
    """Tell whether a file begins with ``V D`` and goes on with text, as word2vec's does."""
    return word2vec.sniff(path)


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a file as a stream of words and vectors; see :func:`word2vec.stream`."""
    return word2vec.stream(path, options)


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a stream as fastText lays it out; see :func:`word2vec.write`."""
    word2vec.write_with_header(stream, path, force=force, end=" \n")

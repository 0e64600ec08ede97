"""Reading, splitting and counting on a cluster: Ray tasks over a corpus's files, or over its pieces.

Where there are several files, tasks read them, each one for itself; else this process reads, and tasks check
and split the pieces. Both come back in the corpus's own order, and go on as from threads: so vocabulary and
ids are the same, bit for bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, cast

import pyarrow as pa

from firth.corpus.encoded import Tokenized, tokenized, with_failure
from firth.corpus.files import FilePieces
from firth.corpus.pieces import Piece
from firth.corpus.sources import Source
from firth.corpus.tokenize import TextOptions, TokenBlock, Tokenizer
from firth.distributed.losses import own_error

READ_AHEAD = 4
"""Pieces that a task which reads a file may be ahead."""

Packed = tuple[Any, Any, Any, Any, int, bool]
"""A tokenised piece as Arrow and NumPy arrays, which travel without being copied."""


def pack(piece: Tokenized) -> Packed:
    """Return a tokenised piece for the journey."""
    block = piece.block
    words = None if block.words is None else pa.array(block.words, pa.large_string())
    return words, block.ids, block.lengths, piece.kind, piece.bytes_read, piece.continues


def unpack(packed: Packed) -> Tokenized:
    """Return the tokenised piece that :func:`pack` was given."""
    words, ids, lengths, kind, bytes_read, continues = packed
    block = TokenBlock(None if words is None else words.to_pylist(), ids, lengths)
    return Tokenized(block, kind, bytes_read, continues)


def split_piece(piece: Piece, tokenizer: Tokenizer, options: TextOptions) -> Packed:
    """Tokenise a piece: a task."""
    return pack(tokenized(piece, tokenizer, options))


def read_file(file: FilePieces, tokenizer: Tokenizer, options: TextOptions) -> Iterator[Packed]:
    """Read and tokenise a file, piece by piece: a task.

    Raises:
        CorpusError: this machine does not see the file.
    """
    file.check_seen()
    for piece in file():
        yield pack(tokenized(piece, tokenizer, options))


class Reading:
    """Tokenises a source on a cluster, as :data:`~firth.corpus.encoded.Spread` says."""

    def __init__(self, ray: Any) -> None:
        """Take the module ``ray``, connected."""
        self._ray = ray

    def __call__(self, source: Source, tokenizer: Tokenizer, options: TextOptions) -> Generator[Tokenized]:
        """Yield the pieces of a source in their order, tokenised."""
        shared = self._ray.put(tokenizer)
        found = (
            self._files(source, shared, options) if source.files else self._pieces(source, shared, options)
        )
        with closing(found) as calls:
            for call in calls:
                try:
                    packed = self._ray.get(call)
                except Exception as error:
                    raise own_error(error) or error from error
                yield unpack(packed)

    def _ahead(self) -> int:
        """Return how many tasks can run at once: one that waits to be read holds its processor."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _pieces(self, source: Source, tokenizer: Any, options: TextOptions) -> Generator[Any]:
        split, most = self._ray.remote(num_cpus=1)(split_piece), 2 * self._ahead()
        ahead: deque[Any] = deque()
        with closing(cast("Generator[Piece]", source.pieces())) as pieces:
            for piece, failure in with_failure(pieces):
                while len(ahead) > most or (failure is not None and ahead):
                    yield ahead.popleft()
                if failure is not None:
                    raise failure
                ahead.append(split.remote(piece, tokenizer, options))
            yield from ahead

    def _files(self, source: Source, tokenizer: Any, options: TextOptions) -> Generator[Any]:
        read = self._ray.remote(
            num_cpus=1,
            num_returns="streaming",
            scheduling_strategy="SPREAD",
            _generator_backpressure_num_objects=READ_AHEAD,
        )(read_file)
        most, waiting = self._ahead(), deque(source.files)
        ahead: deque[Any] = deque()
        while waiting or ahead:
            while waiting and len(ahead) < most:
                ahead.append(read.remote(waiting.popleft(), tokenizer, options))
            yield from iter(ahead.popleft().__next__, None)  # Ray's generators cannot be closed

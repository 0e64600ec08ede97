"""The two passes of the encoder: gather the corpus with provisional numbers, then number it for good.

Neither pass holds more than a block of the corpus in memory; the numbers wait in two files.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from firth.corpus.pieces import MAX_ID
from firth.corpus.tokenize import TokenBlock
from firth.corpus.vocabulary import check_id
from firth.errors import CorpusError

IDS_FILE = "ids.int32"
STARTS_FILE = "sentence_starts.int64"
_DENSE = 1 << 22  # above this, counting in an array of all ids costs more than sorting
_BLOCK = 1 << 20  # ids or starts renumbered at a time


class Collector:
    """Takes the tokenised pieces in order; writes provisional ids and sentence starts to ``folder``.

    Attributes:
        words: word -> provisional id, in the order of first appearance; empty for a corpus of ids.
        counts: provisional id (or token id) -> how often it occurs; may be longer than needed.
        tokens_read: the number of tokens so far.
        holds_ids: whether the corpus is one of ids; None as long as it is empty.
    """

    def __init__(self, folder: Path) -> None:
        """Make the two files in ``folder``, which exists."""
        self.words: defaultdict[str, int] = defaultdict()
        self.words.default_factory = self.words.__len__  # the next free number
        self.counts = np.zeros(1 << 16, np.int64)
        self.tokens_read = 0
        self.holds_ids: bool | None = None
        self._ids_file: IO[bytes] = (folder / IDS_FILE).open("wb")
        self._starts_file: IO[bytes] = (folder / STARTS_FILE).open("wb")

    def add(self, block: TokenBlock, *, continues: bool) -> None:
        """Add the next piece; ``continues`` says that its first sentence goes on with the last one.

        Raises:
            CorpusError: the piece holds ids and the ones before words, or the other way round, or there are
                too many different words.
        """
        starts = np.cumsum(block.lengths) - block.lengths + self.tokens_read
        self._starts_file.write(starts[1 if continues else 0 :].astype("<i8", copy=False).data)
        if not len(block.ids):
            return
        if self.holds_ids not in (None, block.words is None):
            raise CorpusError("the corpus mixes words and ids; keep to one kind")
        self.holds_ids = block.words is None
        ids = self._add_ids(block.ids) if block.words is None else self._add_words(block.words, block.ids)
        self._ids_file.write(ids.astype("<i4", copy=False).data)
        self.tokens_read += len(ids)

    def _add_words(self, words: list[str], ids: NDArray[np.int32]) -> NDArray[np.int32]:
        numbers = np.fromiter(map(self.words.__getitem__, words), np.int64, len(words))
        if len(self.words) > MAX_ID:
            raise CorpusError(
                f"more than {MAX_ID} different words: this does not look like text; "
                "lower their number with tokenizer='words' or lowercase=True"
            )
        self._make_room(len(self.words))
        np.add.at(self.counts, numbers, np.bincount(ids, minlength=len(words)))
        return numbers.astype(np.int32)[ids]

    def _add_ids(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        highest = int(ids.max())
        check_id(highest)
        self._make_room(highest + 1)
        if highest < _DENSE:
            self.counts[: highest + 1] += np.bincount(ids)
        else:
            different, found = np.unique(ids, return_counts=True)
            self.counts[different] += found
        return ids

    def _make_room(self, size: int) -> None:
        if size > len(self.counts):
            grown = np.zeros(max(size, 2 * len(self.counts)), np.int64)
            grown[: len(self.counts)] = self.counts
            self.counts = grown

    def close(self) -> None:
        """Close the two files."""
        try:
            self._ids_file.close()
        finally:
            self._starts_file.close()


class Digests:
    """The blake2b-128 digests of the two files, as they stand after :func:`renumber`."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ids = hashlib.blake2b(digest_size=16)
        self.starts = hashlib.blake2b(digest_size=16)


def renumber(folder: Path, word_ids: NDArray[np.int32]) -> Digests:
    """Give every provisional id in ``folder`` its word id, in place, and leave out those with -1.

    Sentences that have become empty go too; the starts end with the number of ids.
    """
    digests = Digests()
    with (
        (folder / IDS_FILE).open("rb") as ids_in,
        (folder / IDS_FILE).open("r+b") as ids_out,
        (folder / STARTS_FILE).open("rb") as starts_in,
        (folder / STARTS_FILE).open("r+b") as starts_out,
    ):
        starts = _Starts(starts_in, starts_out, digests)
        read = written = 0
        while len(provisional := np.frombuffer(ids_in.read(4 * _BLOCK), "<i4")):
            ids = word_ids[provisional]
            kept = ids >= 0
            before = np.zeros(len(ids) + 1, np.int64)
            np.cumsum(kept, out=before[1:])
            starts.move(read, before, written)
            ids = ids[kept].astype("<i4", copy=False)
            ids_out.write(ids.data)
            digests.ids.update(ids.data)
            read += len(provisional)
            written += len(ids)
        starts.finish(written)
        ids_out.truncate()
        starts_out.truncate()
    return digests


class _Starts:
    """Reads old sentence starts and writes new ones to the same file, always behind the reading."""

    def __init__(self, source: IO[bytes], target: IO[bytes], digests: Digests) -> None:
        self._source, self._target, self._digests = source, target, digests
        self._waiting = np.zeros(0, np.int64)
        self._last = -1

    def move(self, read: int, before: NDArray[np.int64], written: int) -> None:
        """Move the starts that lie in the block at ``read``; ``before[i]`` ids before its i-th are kept."""
        end = read + len(before) - 1
        while True:
            if not len(self._waiting):
                self._waiting = np.frombuffer(self._source.read(8 * _BLOCK), "<i8")
            inside = int(np.searchsorted(self._waiting, end))
            self._write(before[self._waiting[:inside] - read] + written)
            more = 0 < inside == len(self._waiting)
            self._waiting = self._waiting[inside:]
            if not more:
                return

    def finish(self, total: int) -> None:
        """Write the closing start; starts at the very end belong to empty sentences."""
        self._write(np.array([total], np.int64))

    def _write(self, starts: NDArray[np.int64]) -> None:
        """Write the starts that differ from the one before: equal ones belong to empty sentences."""
        differ = np.diff(starts, prepend=self._last) != 0
        if len(starts):
            self._last = int(starts[-1])
        kept = starts[differ].astype("<i8", copy=False)
        self._target.write(kept.data)
        self._digests.starts.update(kept.data)

"""Encode a corpus: text in, memory-mapped word ids, sentence starts and a vocabulary out.

The corpus is read once. Pieces of it are tokenised by worker threads and merged in order, so that the result
is the same, byte for byte, for any number of threads and any size of the pieces.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import tempfile
import unicodedata
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from firth.corpus.cache import CacheFolder
from firth.corpus.collect import Collector, renumber
from firth.corpus.pieces import PIECE_BYTES, Content, IdLists, Piece, Texts, TokenLists
from firth.corpus.sources import Source, open_source
from firth.corpus.stored import FORMAT_VERSION, EncodedCorpus, open_stored, write_rest
from firth.corpus.tokenize import WORDS, TextOptions, TokenBlock, Tokenizer, make_tokenizer, tokenize
from firth.corpus.vocabulary import Vocabulary, select_ids, select_words, table_size
from firth.errors import ConfigError, CorpusError

__all__ = ["EncodedCorpus", "encode", "open_encoded"]

Progress = Callable[[int, "int | None"], None]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Tokenized:
    """A piece of the corpus, tokenised."""

    block: TokenBlock
    kind: type[Content]
    """What the piece held."""
    bytes_read: int
    continues: bool


Spread = Callable[[Source, Tokenizer, TextOptions], Generator[Tokenized]]
"""Who tokenises the pieces of a source, and yields them in their order: threads, or a cluster."""


@dataclass(frozen=True)
class _Job:
    """What :func:`encode` was asked for, checked."""

    options: TextOptions
    tokenizer: Tokenizer
    min_count: int
    max_vocab_size: int | None
    vocab_size: int | None
    spread: Spread
    on_progress: Progress | None


def encode(
    corpus: Any,
    options: TextOptions | None = None,
    *,
    min_count: int = 5,
    max_vocab_size: int | None = None,
    threads: int = 2,
    cache: CacheFolder | None = None,
    sentence_starts: Any = None,
    vocab_size: int | None = None,
    on_progress: Progress | None = None,
    piece_bytes: int = PIECE_BYTES,
    spread: Spread | None = None,
) -> EncodedCorpus:
    """Encode a corpus, or open it from the cache if its files and options are unchanged.

    Args:
        corpus: a path, glob or folder (``str`` or ``os.PathLike``; "-" is standard input), a list of
            ``os.PathLike``, :class:`~firth.corpus.sources.Files`, an iterable of sentences (strings, lists of
            tokens, lists or arrays of ids), a 1-D array of ids, or a data set or its column.
        options: how text becomes tokens.
        min_count: words that occur less often are left out.
        max_vocab_size: keep only so many words, the most frequent ones.
        threads: threads that tokenise; the result does not depend on them.
        cache: where encoded corpora are kept. None: in a temporary folder, which goes away with the result.
        sentence_starts: for an array of ids, the position of each sentence's first id.
        vocab_size: for ids, the number of rows of the published table; by default the highest id + 1.
        on_progress: called with the bytes read so far and in all (None if that is not known).
        piece_bytes: about how much text is handled at a time; the result does not depend on it.
        spread: who tokenises instead of the threads; the result does not depend on it either.

    Raises:
        CorpusError: the corpus cannot be read, or holds nothing to learn from; or the disk is full.
        ConfigError: an option is out of its range, or does not belong to this corpus.
        MissingExtraError: a ``tokenizer.json`` needs the package ``tokenizers``.
    """
    job = _checked_job(
        TextOptions() if options is None else options,
        min_count,
        max_vocab_size,
        vocab_size,
        spread or partial(in_threads, threads=_whole("threads", threads)),
        on_progress,
    )
    source = open_source(
        corpus,
        cut=job.tokenizer.cut,
        column=job.options.column,
        replace_errors=job.options.encoding_errors == "replace",
        sentence_starts=sentence_starts,
        piece_bytes=_whole("piece_bytes", piece_bytes),
    )
    key = None if cache is None else _key(source, job)
    if cache is not None and key is not None:
        found = _first_whole(cache, cache.with_key(key))
        if found is not None:
            if on_progress is not None:
                on_progress(source.bytes_total or 0, source.bytes_total)
            return found
    return _encode_into(cache, source, job, key)


def open_encoded(fingerprint: str, cache: CacheFolder) -> EncodedCorpus | None:
    """Return the encoded corpus with this fingerprint from the cache, checked; None if it is not there."""
    return _first_whole(cache, cache.with_fingerprint(fingerprint))


def _first_whole(cache: CacheFolder, entries: list[Path]) -> EncodedCorpus | None:
    """Open the first entry that is in order; remove those before it, which are not."""
    for entry in entries:
        try:
            corpus = open_stored(entry)
        except CorpusError:
            cache.discard(entry)
            continue
        if entry.name.startswith(corpus.fingerprint):
            cache.touch(entry)
            return corpus
        cache.discard(entry)
    return None


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise ConfigError(f"{name} must be a whole number, at least 1, not {value!r}")
    return int(value.__index__())


def _checked_job(
    options: TextOptions,
    min_count: Any,
    max_vocab_size: Any,
    vocab_size: Any,
    spread: Spread,
    on_progress: Progress | None,
) -> _Job:
    if not isinstance(options, TextOptions):
        raise ConfigError(f"options must be a TextOptions, not {options!r}")
    if vocab_size is not None and options.uses_ids:
        raise ConfigError(
            "vocab_size belongs to arrays of ids; a tokenizer.json has its own size: leave it out"
        )
    return _Job(
        options,
        make_tokenizer(options),
        _whole("min_count", min_count),
        None if max_vocab_size is None else _whole("max_vocab_size", max_vocab_size),
        None if vocab_size is None else _whole("vocab_size", vocab_size),
        spread,
        on_progress,
    )


def _key(source: Source, job: _Job) -> str | None:
    """Return the digest of all that decides the result; None where the source cannot be known again."""
    stamps = source.stamp()
    if stamps is None:
        return None
    options = job.options
    parts = [
        FORMAT_VERSION,
        stamps,
        [options.tokenizer if not options.uses_ids else "tokenizer.json", *job.tokenizer.identity()],
        [options.lowercase, unicodedata.unidata_version if options.lowercase else ""],
        [options.column, options.encoding_errors],
        [job.min_count, job.max_vocab_size, job.vocab_size],
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


# --- the work --------------------------------------------------------------------------------------


def _encode_into(cache: CacheFolder | None, source: Source, job: _Job, key: str | None) -> EncodedCorpus:
    with _workspace(cache) as folder:
        meta = _fill(folder, source, job)
        if cache is None:
            corpus = open_stored(folder, verify=False)
            corpus.owns(folder)
            return corpus
        if key is not None and _key(source, job) != key:
            key = None  # a file changed while it was read: do not claim to know what it holds
        # Opened before it becomes an entry: another process may remove it at once, and a map outlives that.
        # Windows cannot rename what is mapped; nor can it remove what another process has mapped.
        opened = None if os.name == "nt" else open_stored(folder, verify=False)
        entry = cache.adopt(folder, meta["fingerprint"], key, _is_whole)
        # The folder that was opened has become the entry.
        return dataclasses.replace(opened, folder=entry) if opened else open_stored(entry, verify=False)


def _is_whole(entry: Path) -> bool:
    try:
        open_stored(entry)
    except CorpusError:
        return False
    return True


@contextmanager
def _workspace(cache: CacheFolder | None) -> Iterator[Path]:
    """Make a folder to encode in; remove it if that fails, and say so clearly if the disk is full."""
    folder = Path(tempfile.mkdtemp(prefix="firth-corpus-")) if cache is None else cache.workspace()
    try:
        yield folder
    except OSError as error:
        written = sum(path.stat().st_size for path in folder.iterdir()) if folder.exists() else 0
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno not in _NO_ROOM:
            raise
        raise CorpusError(
            f"the disk of {str(folder.parent)!r} is full, {written:,} bytes into the encoded corpus "
            "(it takes four for each word and eight for each sentence); free some space or use another "
            "disk with --cache DIR"
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _fill(folder: Path, source: Source, job: _Job) -> dict[str, Any]:
    """Write the whole encoded corpus into ``folder``; return what its ``meta.json`` holds."""
    with closing(Collector(folder)) as collector:
        _collect(collector, source, job)
    pa.default_memory_pool().release_unused()  # pyarrow would keep the pieces' memory for later
    if not collector.tokens_read:
        raise _nothing(source, job.options)
    vocabulary, word_ids, distinct_words = _select(collector, job)
    digests = renumber(folder, word_ids)
    options = job.options
    described = {
        "kind": source.kind,
        "paths": list(source.paths),
        "tokenizer": os.path.abspath(options.tokenizer) if options.uses_ids else options.tokenizer,  # noqa: PTH100
        "lowercase": options.lowercase,
        "column": options.column,
        "encoding_errors": options.encoding_errors,
    }
    facts = {"tokens_read": collector.tokens_read, "distinct_words": distinct_words, "source": described}
    return write_rest(folder, vocabulary, digests, facts=facts)


def _collect(collector: Collector, source: Source, job: _Job) -> None:
    """Read the source, tokenise its pieces and merge them in order."""
    kind: type[Content] | None = None
    bytes_read = 0
    with closing(job.spread(source, job.tokenizer, job.options)) as pieces:
        for piece in pieces:
            if len(piece.block.ids):
                if kind not in (None, piece.kind):
                    raise CorpusError(
                        f"{source.description}: the corpus mixes {_SAY[kind]} and {_SAY[piece.kind]}; {_ONE}"
                    )
                kind = piece.kind
            collector.add(piece.block, continues=piece.continues)
            bytes_read = piece.bytes_read
            if job.on_progress is not None:
                job.on_progress(bytes_read, source.bytes_total)
    if job.on_progress is not None:
        job.on_progress(bytes_read if source.bytes_total is None else source.bytes_total, source.bytes_total)


_SAY = {Texts: "texts", TokenLists: "lists of tokens", IdLists: "ids"}
_ONE = "keep to one kind"


def tokenized(piece: Piece, tokenizer: Tokenizer, options: TextOptions) -> Tokenized:
    """Load and tokenise a piece."""
    content = piece.load()
    return Tokenized(tokenize(content, tokenizer, options), type(content), piece.bytes_read, piece.continues)


def in_threads(
    source: Source, tokenizer: Tokenizer, options: TextOptions, *, threads: int
) -> Generator[Tokenized]:
    """Tokenise pieces with threads, a few of them ahead, and yield them in their order.

    An error is raised when its piece's turn comes, so that it does not depend on the threads either.
    """
    pieces = source.pieces()
    with closing(cast("Generator[Piece]", pieces)):
        if threads == 1:
            yield from (tokenized(piece, tokenizer, options) for piece in pieces)
            return
        with ThreadPoolExecutor(threads, "firth-tokenize") as pool:
            ahead: deque[Future[Tokenized]] = deque()
            try:
                for piece, failure in with_failure(pieces):
                    while len(ahead) > threads or (failure is not None and ahead):
                        yield ahead.popleft().result()
                    if failure is not None:
                        raise failure
                    if piece is not None:
                        ahead.append(pool.submit(tokenized, piece, tokenizer, options))
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def with_failure(pieces: Iterator[Piece]) -> Iterator[tuple[Piece | None, Exception | None]]:
    """Yield the pieces, and last the error that ended the reading, if one did."""
    try:
        for piece in pieces:
            yield piece, None
    except Exception as error:
        yield None, error


def _nothing(source: Source, options: TextOptions) -> CorpusError:
    what = "letters or digits" if options.tokenizer == WORDS else "words"
    hint = "; a generator can be read only once: make a new one" if source.kind == "iterable" else ""
    reason = "it is empty" if source.bytes_total == 0 else "it is empty or holds only whitespace"
    if options.tokenizer == WORDS:
        reason = "it is empty or holds only whitespace and punctuation"
    return CorpusError(f"{source.description}: no {what} to learn from: {reason}; give some text{hint}")


def _select(collector: Collector, job: _Job) -> tuple[Vocabulary, NDArray[np.int32], int]:
    """Return the vocabulary, the word id of each provisional id, and the number of different words read."""
    limits = (job.min_count, job.max_vocab_size)
    if collector.holds_ids:
        keys = job.tokenizer.keys()
        highest = int(np.flatnonzero(collector.counts)[-1])
        size = table_size(highest, job.vocab_size) if keys is None else len(keys)
        counts = np.zeros(size, np.int64)
        counts[: highest + 1] = collector.counts[: highest + 1]
        return *select_ids(counts, keys, *limits), int(np.count_nonzero(counts))
    if job.vocab_size is not None:
        raise ConfigError("vocab_size belongs to a corpus of ids; use max_vocab_size to keep fewer words")
    words = list(collector.words)
    return *select_words(words, collector.counts[: len(words)], *limits), len(words)

"""The tables a run learns, between two orders: by word id inside the trainer, by published row outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from firth.corpus.vocabulary import Vocabulary, keep_prob, noise_prob
from firth.errors import ConfigError
from firth.training.arrays import Draws, Tables, aligned_zeros, make_tables, row_stride
from firth.training.config import TrainConfig
from firth.training.sampling import keep_threshold, noise_tables
from firth.training.shards import SHARDS, Split

Matrix = NDArray[np.float32]
ROWS = 1 << 14


def make_draws(vocabulary: Vocabulary, config: TrainConfig, split: Split | None = None) -> Draws:
    """Return what the kernels need to draw kept words, windows and negatives."""
    classes, head = (SHARDS, split.head) if split else (1, 0)
    noise, starts = noise_tables(noise_prob(vocabulary.counts, config.ns_exponent), classes, head)
    return Draws(
        keep=keep_threshold(keep_prob(vocabulary.counts, config.sample)),
        noise=noise,
        noise_starts=starts,
        head=head,
        window=config.window,
        shrink_windows=config.shrink_windows,
        negative=config.negative,
    )


def empty_tables(words: int, vector_size: int, room: int = 0) -> Tables:
    """Return two tables of zeros, with ``room`` for so many rows behind the words'.

    Raises:
        ConfigError: they do not fit into memory.
    """
    stride = row_stride(vector_size)
    try:
        size = (words + room) * stride
        return make_tables(aligned_zeros(size), aligned_zeros(size), stride, words)
    except MemoryError:
        raise ConfigError(
            f"two tables of {words:,} words x {vector_size} numbers take {8 * words * stride / 1e9:,.1f} GB "
            "of memory, more than there is: lower vector_size or max_vocab_size, or raise min_count"
        ) from None


def new_tables(words: int, vector_size: int, seed: int, room: int = 0) -> Tables:
    """Return the tables at the start of a run, as in word2vec.c.

    The vectors are uniform in [-0.5, 0.5) / vector_size, the context vectors zeros.
    """
    tables = empty_tables(words, vector_size, room)
    vectors, _ = matrices(tables, vector_size)
    random = np.random.Generator(np.random.PCG64(seed))
    for rows in _blocks_of(vectors):
        rows[:] = (random.random(rows.shape, np.float32) - np.float32(0.5)) / np.float32(vector_size)
    return tables


def matrices(tables: Tables, vector_size: int) -> tuple[Matrix, Matrix]:
    """Return both tables as (V, D) views without their padding, and without the room behind them."""
    flats = tables.vectors, tables.context_vectors
    vectors, context_vectors = (
        flat.reshape(-1, tables.stride)[: tables.words, :vector_size] for flat in flats
    )
    return vectors, context_vectors


def published(matrix: Matrix, vocabulary: Vocabulary) -> Matrix:
    """Return the (table size, D) table that users see: ``matrix`` itself, or for ids row i is token id i."""
    if vocabulary.token_ids is None:
        return matrix
    table = np.zeros((vocabulary.table_size, matrix.shape[1]), np.float32)
    table[vocabulary.token_ids] = matrix
    return table


def published_rows(matrix: Matrix, vocabulary: Vocabulary) -> Iterator[Matrix]:
    """Yield the table that users see some rows at a time, so that no second table is made to write it."""
    if vocabulary.token_ids is None:
        yield from _blocks_of(matrix)
        return
    word_ids = np.full(vocabulary.table_size, -1, np.int64)
    word_ids[vocabulary.token_ids] = np.arange(len(matrix))
    for begin in range(0, len(word_ids), ROWS):
        ids = word_ids[begin : begin + ROWS]
        rows = matrix[ids]
        rows[ids < 0] = 0.0
        yield rows


def inner(table: Matrix, vocabulary: Vocabulary, matrix: Matrix) -> None:
    """Fill ``matrix``, in the order of word ids, from a published table."""
    for begin in range(0, len(matrix), ROWS):
        ids = slice(begin, begin + ROWS)
        matrix[ids] = table[ids if vocabulary.token_ids is None else vocabulary.token_ids[ids]]


def published_words(vocabulary: Vocabulary) -> Sequence[str]:
    """Return the words of the published rows."""
    return vocabulary.words if vocabulary.table_keys is None else vocabulary.table_keys


def published_counts(vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Return the counts of the published rows, and which of them are trained (None: all)."""
    if vocabulary.token_ids is None:
        return vocabulary.counts, None
    counts = np.zeros(vocabulary.table_size, np.int64)
    counts[vocabulary.token_ids] = vocabulary.counts
    trained = np.zeros(vocabulary.table_size, np.bool_)
    trained[vocabulary.token_ids] = True
    return counts, trained


def _blocks_of(matrix: Matrix) -> Iterator[Matrix]:
    for begin in range(0, len(matrix), ROWS):
        yield matrix[begin : begin + ROWS]

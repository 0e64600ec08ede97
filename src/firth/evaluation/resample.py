"""Bootstrap resamples of an encoded corpus: whole sentences, drawn with replacement (Efron 1979).

Antoniak and Mimno 2018 (https://aclanthology.org/Q18-1008/) train on such resamples to see which
neighbours depend on a few texts.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError

SENTENCES_AT_ONCE = 1 << 18
WORDS_AT_ONCE = 1 << 20
FEWEST_SENTENCES = 20
"""With fewer, resamples differ by what is missing altogether rather than by chance."""


def check_resamplable(corpus: EncodedCorpus) -> None:
    """Refuse a corpus of too few sentences.

    Raises:
        CorpusError: with the number of sentences, and what to do instead.
    """
    sentences = len(corpus.sentence_starts) - 1
    if sentences < FEWEST_SENTENCES:
        raise CorpusError(
            f"the corpus has {sentences} sentence{'s' if sentences > 1 else ''}, and at least "
            f"{FEWEST_SENTENCES} are needed to draw from: put one sentence or paragraph on a line, "
            "or compare seeds (leave out --resample)"
        )


def resampled(corpus: EncodedCorpus, seed: int) -> EncodedCorpus:
    """Return as many sentences as ``corpus`` has, drawn from it with replacement, in the order of the text.

    (What comes last in a run counts most, so that another order would be a difference of its own.) The words
    keep their ids, so that rows of different resamples compare; their counts are those of the resample, zero
    included. The ids lie in a temporary file that goes away with the result.
    """
    sentences = len(corpus.sentence_starts) - 1
    counts = np.zeros(len(corpus.vocabulary.words), np.int64)
    starts = np.zeros(sentences + 1, np.int64)
    times = _times_drawn(sentences, seed)
    made = 0
    with _folder() as folder, (folder / "ids.i32").open("wb") as file:
        for begin in range(0, sentences, SENTENCES_AT_ONCE):
            part = times[begin : begin + SENTENCES_AT_ONCE]
            drawn = begin + np.repeat(np.arange(len(part)), part)
            lengths = corpus.sentence_starts[drawn + 1] - corpus.sentence_starts[drawn]
            starts[made + 1 : made + 1 + len(drawn)] = starts[made] + np.cumsum(lengths)
            _copy(corpus.ids, corpus.sentence_starts[drawn], lengths, file, counts)
            made += len(drawn)
    words = corpus.vocabulary
    result = dataclasses.replace(
        corpus,
        vocabulary=Vocabulary(words.words, counts, words.token_ids, words.table_keys),
        ids=np.memmap(folder / "ids.i32", np.dtype("<i4"), "r"),
        sentence_starts=starts,
        tokens_read=round(corpus.tokens_read * int(starts[-1]) / len(corpus.ids)),
        fingerprint=f"{corpus.fingerprint} resampled {seed}",
    )
    result.owns(folder)
    return result


def _times_drawn(sentences: int, seed: int) -> NDArray[np.int32]:
    """Return how many times each of ``sentences`` is drawn in as many draws."""
    random = np.random.Generator(np.random.PCG64(seed))
    times = np.zeros(sentences, np.int32)
    for begin in range(0, sentences, SENTENCES_AT_ONCE):
        np.add.at(times, random.integers(0, sentences, min(SENTENCES_AT_ONCE, sentences - begin)), 1)
    return times


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a temporary folder; remove it if filling it fails."""
    folder = Path(tempfile.mkdtemp(prefix="firth-resample-"))
    try:
        yield folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise CorpusError(
            f"a resample of the corpus cannot be written to {folder.parent} ({error.strerror}): it takes "
            "four bytes a word; free some space there, or set TMPDIR to another folder"
        ) from error


def _copy(
    ids: NDArray[np.int32],
    begins: NDArray[np.int64],
    lengths: NDArray[np.int64],
    file: IO[bytes],
    counts: NDArray[np.int64],
) -> None:
    """Append sentences to ``file`` and count their words, about WORDS_AT_ONCE at a time."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(begins):
        before = int(ends[first - 1]) if first else 0
        past = max(first + 1, int(np.searchsorted(ends, before + WORDS_AT_ONCE)))
        part = lengths[first:past]
        offsets = begins[first:past] - (ends[first:past] - part - before)
        words = ids[np.repeat(offsets, part) + np.arange(int(part.sum()))].astype("<i4", copy=False)
        words.tofile(file)
        counts += np.bincount(words, minlength=len(counts))
        first = past

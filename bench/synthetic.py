"""Texts whose vocabulary and sentence length are chosen: words drawn by Zipf's law, written once.

The word of rank r, ``w0`` being the first, has a share in proportion to 1 / r (Zipf 1935, exponent 1). Each
word stands in the text once more than it was drawn, so that the vocabulary has exactly the size asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 1
BLOCK_WORDS = 1_000_000


def text(folder: Path, vocabulary: int, sentence: int, words: int) -> Path:
    """Return a text of ``words`` words in sentences of ``sentence``; it is written if it is not there yet."""
    path = folder / f"zipf-{vocabulary}-words-{sentence}-a-line-{words}.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        _write(unfinished, draw(vocabulary, words), sentence)
        unfinished.rename(path)
    return path


def draw(vocabulary: int, words: int) -> NDArray[np.int64]:
    """Return the ranks of a text's words; a text shorter than its vocabulary has only the first ones."""
    rng = np.random.default_rng(SEED)
    each = np.arange(min(vocabulary, words))
    shares = np.cumsum(1.0 / np.arange(1, vocabulary + 1))
    drawn = np.searchsorted(shares, rng.random(words - len(each)) * shares[-1])
    ranks = np.concatenate([each, drawn])
    rng.shuffle(ranks)
    return ranks


def _write(path: Path, ranks: NDArray[np.int64], sentence: int) -> None:
    """Write words as ``w0`` with spaces between them, a line a sentence."""
    block = max(1, BLOCK_WORDS // sentence) * sentence  # whole sentences
    with path.open("w") as file:
        for begin in range(0, len(ranks), block):
            words = [f"w{rank}" for rank in ranks[begin : begin + block].tolist()]
            lines = (" ".join(words[at : at + sentence]) for at in range(0, len(words), sentence))
            file.writelines(f"{line}\n" for line in lines)

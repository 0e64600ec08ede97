"""Corpora for tests, and what is compared of the models made from them."""

import hashlib
from pathlib import Path

import numpy as np


def zipf_text(words: int, *, vocabulary: int = 700, seed: int = 5) -> str:
    """Return sentences of 1 to 30 words; word number r is drawn in proportion to 1 / r."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, vocabulary + 1)
    names = [f"w{rank * 7 % vocabulary}" for rank in range(vocabulary)]
    drawn = rng.choice(vocabulary, words, p=share / share.sum())
    lines, at = [], 0
    while at < words:
        length = int(rng.integers(1, 31))
        lines.append(" ".join(names[rank] for rank in drawn[at : at + length]))
        at += length
    return "\n".join(lines) + "\n"


def digest(model: Path) -> dict[str, str]:
    """Return a digest of the two files of a model that must be the same in equal runs."""
    return {
        name: hashlib.blake2b((model / name).read_bytes()).hexdigest()
        for name in ("model.safetensors", "vocabulary.parquet")
    }

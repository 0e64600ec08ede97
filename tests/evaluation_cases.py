"""Models for the tests of evaluation: small, random, with words in several cases."""

from pathlib import Path
from typing import Any

import numpy as np

from firth.embeddings import Embeddings


def random_model(
    words: list[str], size: int = 9, seed: int = 5, counts: list[int] | None = None, **more: Any
) -> Embeddings:
    """Return a model with random vectors of very different lengths."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((len(words), size)) * rng.uniform(0.2, 4, (len(words), 1))
    column = np.arange(10 * len(words), 0, -10) if counts is None else np.array(counts)
    return Embeddings(words, vectors.astype(np.float32), counts=column, **more)


def numbered_words(number: int) -> list[str]:
    """Return words whose ids are not their places anywhere else: w100, w101 ..."""
    return [f"w{100 + at}" for at in range(number)]


def as_keyed_vectors(model: Embeddings) -> Any:
    """Return the same vectors as gensim holds them."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(model.vector_size)
    keyed.add_vectors(model.index_to_key, np.array(model.vectors))
    keyed.fill_norms()
    return keyed


def write(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path

"""Small models, and strategies for larger ones, that the tests of the formats share."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.formats.stream import ReadOptions, Stream, stream_of

STRICT = ReadOptions()
SKIP_BAD = ReadOptions(skip_bad=True)

FINITE = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
ANY_WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN_WORD = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
"""A word without blanks or control characters: what every format can hold."""


def model(words: list[str], size: int = 3, *, seed: int = 4, **more: Any) -> Embeddings:
    """Return a model with the given words and random vectors."""
    vectors = np.random.default_rng(seed).standard_normal((len(words), size)).astype(np.float32)
    return Embeddings(words, vectors, **more)


@st.composite
def models(
    draw: st.DrawFn, words: st.SearchStrategy[str] = PLAIN_WORD, *, counts: bool = False
) -> Embeddings:
    """Draw a model of 1 to 8 words and 1 to 5 dimensions (not only powers of two)."""
    names = draw(st.lists(words, min_size=1, max_size=8, unique=True))
    vectors = draw(hnp.arrays(np.float32, (len(names), draw(st.integers(1, 5))), elements=FINITE))
    known = draw(st.lists(st.integers(0, 2**40), min_size=len(names), max_size=len(names)))
    return Embeddings(names, vectors, counts=np.array(known, np.int64) if counts else None)


def streamed(embeddings: Embeddings, rows_at_once: int = 2) -> Stream:
    """Return a model as a stream without random access, in blocks of a few rows."""
    blocks = []
    for start in range(0, len(embeddings), rows_at_once):
        rows = slice(start, start + rows_at_once)
        block = next(iter(stream_of(embeddings).blocks))
        counts = None if embeddings.counts is None else embeddings.counts[rows]
        blocks.append(block._replace(words=block.words[rows], vectors=block.vectors[rows], counts=counts))
    return Stream(embeddings.vector_size, blocks)


def assert_same(a: Embeddings, b: Embeddings, *, counts: bool = True) -> None:
    """Assert that two models have the same words, the same vectors to the bit, and the same counts."""
    assert a.index_to_key == b.index_to_key
    np.testing.assert_array_equal(np.asarray(a.vectors), np.asarray(b.vectors))
    if counts:
        np.testing.assert_array_equal(a.counts, b.counts)


def bits(matrix: NDArray[np.float32]) -> list[int]:
    """Return the bit patterns of a matrix, so that -0.0 and 0.0 differ."""
    numbers: list[int] = np.ascontiguousarray(matrix).view(np.uint32).ravel().tolist()
    return numbers

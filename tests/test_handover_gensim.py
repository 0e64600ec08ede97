"""Vectors as gensim's KeyedVectors."""

from pathlib import Path

import numpy as np
import pytest
from tests.vector_cases import model

from firth.formats import load, save

models = pytest.importorskip("gensim.models")

WORDS = [f"w{number}" for number in range(30)]


def test_gensim_finds_the_same_neighbours() -> None:
    given = model(WORDS, 7, counts=np.arange(30, 0, -1))
    theirs = given.to_gensim()
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, given.vectors)
    assert [theirs.get_vecattr(word, "count") for word in ("w0", "w29")] == [30, 1]
    for query in ({"positive": ["w3"]}, {"positive": ["w3", "w4"], "negative": ["w5"]}):
        ours = given.most_similar(**query, topn=29)
        found = theirs.most_similar(**query, topn=29)
        assert [word for word, _ in found] == [word for word, _ in ours]
        np.testing.assert_allclose([c for _, c in found], [c for _, c in ours], atol=1e-6)


def test_rows_of_zeros_have_cosines_of_zero() -> None:
    given = model(WORDS)
    vectors = given.vectors.copy()
    vectors[5] = 0
    found = dict(type(given)(WORDS, vectors).to_gensim().most_similar("w3", topn=29))
    assert found["w5"] == 0


def test_the_vectors_are_shared_and_gensim_can_save_them(tmp_path: Path) -> None:
    save(model(WORDS), tmp_path / "m")
    given = load(tmp_path / "m")
    theirs = given.to_gensim()
    assert np.shares_memory(theirs.vectors, given.vectors)
    with pytest.raises(ValueError, match="read-only"):
        theirs.vectors[0] = 1
    theirs.save(str(tmp_path / "kv"))
    again = models.KeyedVectors.load(str(tmp_path / "kv"))
    np.testing.assert_array_equal(again.vectors, given.vectors)

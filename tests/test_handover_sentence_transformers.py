"""Vectors as a model of sentence-transformers, and the folder that firth writes without it, loaded by it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vector_cases import model

from firth.embeddings import Embeddings
from firth.formats import sentence_transformers as its_format
from firth.formats.stream import ReadOptions, checked, collect, stream_of

library = pytest.importorskip("sentence_transformers")

WORDS = ["the", "cat", "sat", "köln", "東京", "a"]
CONFIG: dict[str, Any] = {"corpus": {"tokenizer": "words", "lowercase": True}}
TEXTS = ["The cat sat!", "KÖLN, zebra: (cat)", "zebra", "", "東京 a a"]


def expected(given: Embeddings) -> Any:
    rows = [[0, 1, 2], [3, 1], [], [], [4, 5, 5]]
    zeros = np.zeros(given.vector_size, np.float32)
    return np.array([given.vectors[row].mean(axis=0) if row else zeros for row in rows])


def loaded(path: Path) -> Any:
    return library.SentenceTransformer(str(path), device="cpu")


def test_a_text_is_the_mean_of_its_known_words(tmp_path: Path) -> None:
    given = model(WORDS, 5, config=CONFIG)
    theirs = given.to_sentence_transformers()
    np.testing.assert_allclose(theirs.encode(TEXTS), expected(given), atol=1e-6)
    theirs.save(str(tmp_path / "m"), create_model_card=False)
    np.testing.assert_array_equal(loaded(tmp_path / "m").encode(TEXTS), theirs.encode(TEXTS))
    back = collect(checked(its_format.stream(tmp_path / "m", ReadOptions()), tmp_path, ReadOptions()))
    assert back.index_to_key == WORDS
    np.testing.assert_array_equal(back.vectors, given.vectors)


def test_options_replace_those_of_training() -> None:
    given = model(WORDS, 5, config=CONFIG)
    plain = given.to_sentence_transformers(tokenizer="whitespace", lowercase=False)
    np.testing.assert_allclose(plain.encode(["cat The sat!"])[0], given["cat"], atol=1e-6)


def test_the_folder_that_firth_writes(tmp_path: Path) -> None:
    given = model(WORDS, 5, config=CONFIG)
    its_format.write(stream_of(given), tmp_path / "m")
    np.testing.assert_allclose(loaded(tmp_path / "m").encode(TEXTS), expected(given), atol=1e-6)

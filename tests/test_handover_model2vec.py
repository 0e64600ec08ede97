"""Vectors as a static model of model2vec, and the folder that firth writes without it, loaded by it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vector_cases import model

from firth.embeddings import Embeddings
from firth.formats import model2vec as its_format
from firth.formats.stream import ReadOptions, checked, collect, stream_of

library = pytest.importorskip("model2vec")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ["the", "cat", "sat", "köln", "東京", "a"]
CONFIG: dict[str, Any] = {"corpus": {"tokenizer": "words", "lowercase": True}}
TEXTS = ["The cat sat!", "KÖLN, zebra: (cat)", "zebra", "", "a " * 5000 + "cat"]


def expected(given: Embeddings) -> Any:
    rows = [[0, 1, 2], [3, 1], [], [], [5] * 5000 + [1]]
    zeros = np.zeros(given.vector_size, np.float32)
    return np.array([given.vectors[row].mean(axis=0) if row else zeros for row in rows])


def test_a_text_however_long_is_the_mean_of_its_known_words(tmp_path: Path) -> None:
    given = model(WORDS, 5, config=CONFIG)
    theirs = given.to_model2vec()
    assert np.shares_memory(theirs.embedding, given.vectors)
    np.testing.assert_allclose(theirs.encode(TEXTS), expected(given), atol=1e-5)
    theirs.save_pretrained(tmp_path / "m")
    again = library.StaticModel.from_pretrained(tmp_path / "m")
    np.testing.assert_array_equal(again.encode(TEXTS), theirs.encode(TEXTS))
    back = collect(checked(its_format.stream(tmp_path / "m", ReadOptions()), tmp_path, ReadOptions()))
    assert back.index_to_key == WORDS
    np.testing.assert_array_equal(back.vectors, given.vectors)


def test_vectors_of_length_one_if_asked_for() -> None:
    lengths = np.linalg.norm(
        model(WORDS, 5).to_model2vec(normalize=True).encode(["the cat", "zebra"]), axis=1
    )
    np.testing.assert_allclose(lengths, [1, 0], atol=1e-6)


def test_the_folder_that_firth_writes(tmp_path: Path) -> None:
    given = model(WORDS, 5, config=CONFIG)
    its_format.write(stream_of(given), tmp_path / "m")
    theirs = library.StaticModel.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(theirs.encode(TEXTS), expected(given), atol=1e-5)
    assert theirs.embedding_dtype == "float32"
    assert theirs.normalize is False


def test_ids_of_a_tokenizer_json_stay_rows_even_where_some_have_no_token(tmp_path: Path) -> None:
    words = tokenizers.models.WordLevel({"[UNK]": 0, "cat": 1, "dog": 3}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "t.json"))
    config = {"corpus": {"tokenizer": str(tmp_path / "t.json"), "lowercase": False}}
    given = model(["[UNK]", "cat", "<id 2>", "dog"], config=config)
    theirs = given.to_model2vec()
    np.testing.assert_array_equal(theirs.encode(["dog", "dog zebra"]), given.vectors[[3, 3]])

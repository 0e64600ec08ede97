"""Vectors in a pipeline of spaCy, its saved vocabulary, and its command, given what firth writes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.vector_cases import model

from firth.errors import ConfigError
from firth.formats import spacy_vectors as its_format
from firth.formats.spacy_symbols import SYMBOLS
from firth.formats.stream import ReadOptions, checked, collect, stream_of

spacy = pytest.importorskip("spacy")

WORDS = ["the", "cat", "NOUN", "köln", "東京", "number", "dog"]


def test_tokens_and_documents_have_the_models_vectors(tmp_path: Path) -> None:
    given = model(WORDS, 5)
    pipeline = given.to_spacy("en")
    text = pipeline("the cat, köln NOUN")
    assert [token.has_vector for token in text] == [True, True, False, True, True]
    np.testing.assert_allclose(text.vector, given[["the", "cat", "köln", "NOUN"]].sum(axis=0) / 5, atol=1e-6)
    assert text[0].similarity(text[1]) == pytest.approx(given.similarity("the", "cat"), abs=1e-6)
    assert np.shares_memory(pipeline.vocab.vectors.data, given.vectors)
    pipeline.to_disk(tmp_path / "p")
    np.testing.assert_array_equal(spacy.load(tmp_path / "p")("dog").vector, given["dog"])
    assert its_format.sniff(tmp_path / "p")
    back = collect(checked(its_format.stream(tmp_path / "p", ReadOptions()), tmp_path, ReadOptions()))
    assert back.index_to_key == WORDS
    np.testing.assert_array_equal(back.vectors, given.vectors)


def test_lower_case_as_in_training_and_no_key_for_rows_that_were_not_trained() -> None:
    config = {"corpus": {"tokenizer": "words", "lowercase": True}}
    trained = np.array([True] * 6 + [False])
    pipeline = model(WORDS, config=config, trained=trained).to_spacy()
    assert [token.has_vector for token in pipeline("The CAT dog")] == [True, True, False]
    assert not model(WORDS, config=config).to_spacy(lowercase=False)("CAT")[0].has_vector
    with pytest.raises(ConfigError, match="spaCy has no language 'klingon'"):
        model(WORDS).to_spacy("klingon")


def test_numbers_of_words_are_spacys() -> None:
    from spacy.strings import get_string_id
    from spacy.symbols import IDS

    assert {name: number for name, number in IDS.items() if name} == SYMBOLS
    words = [*IDS, *("x" * length for length in range(40)), "naïve", "東京", "🐈", "nul\x00", "nul\x00\x00"]
    assert its_format.keys_of(words).tolist() == [get_string_id(word) for word in words]


@pytest.mark.parametrize("name", ["v.txt", "v.gz"])
def test_spacys_command_takes_what_firth_writes(name: str, tmp_path: Path) -> None:
    given = model(WORDS, 5)
    its_format.write(stream_of(given), tmp_path / name)
    command = [
        sys.executable,
        "-m",
        "spacy",
        "init",
        "vectors",
        "en",
        str(tmp_path / name),
        str(tmp_path / "p"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    pipeline = spacy.load(tmp_path / "p")
    np.testing.assert_array_equal(pipeline("köln").vector, given["köln"])
    assert not pipeline("zebra").has_vector

"""spaCy's saved vectors, read without spaCy, and what its command takes, written.

What spaCy makes of them is in test_handover_spacy.py.
"""

import contextlib
import json
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import STRICT, assert_same, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError
from firth.formats import spacy_vectors
from firth.formats.stream import ReadOptions, checked, collect, stream_of

GOLDEN = Path(__file__).parent / "golden" / "spacy"


def opened(path: Path, options: ReadOptions = STRICT) -> Embeddings:
    return collect(checked(spacy_vectors.stream(path, options), path, options))


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    """A vocabulary that spaCy wrote, to damage."""
    shutil.copytree(GOLDEN / "vocab", tmp_path / "vocab")
    return tmp_path / "vocab"


@settings(max_examples=40, deadline=None)
@given(models())
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, given_model: Embeddings
) -> None:
    path = tmp_path_factory.mktemp("m") / "vectors.txt"
    spacy_vectors.write(streamed(given_model), path)
    assert_same(opened(path), given_model, counts=False)


def test_a_vocabulary_that_spacy_wrote(vocab: Path) -> None:
    expected = json.loads((GOLDEN / "vocab.json").read_text("utf-8"))
    for path in (vocab, vocab.parent):
        assert spacy_vectors.sniff(path)
        found = opened(path)
        assert found.index_to_key == expected["words"], "symbols of spaCy's own among them, in their order"
        np.testing.assert_array_equal(found.vectors, np.array(expected["vectors"], np.float32))
    np.testing.assert_array_equal(found["cat"], found["number"])
    assert np.load(vocab / "vectors").shape[0] == len(found) - 1, "two words share a row of the file"
    (vocab / "key2row").unlink()
    assert not spacy_vectors.sniff(vocab)


def packed(number: int) -> bytes:
    """Return a whole number as MessagePack writes it, in as few bytes as can be."""
    if number < 128:
        return bytes([number])
    return struct.pack(">BH", 0xCD, number) if number < 1 << 16 else struct.pack(">BI", 0xCE, number)


def map_head(entries: int) -> bytes:
    """Return how a map of so many entries begins."""
    if entries < 16:
        return bytes([0x80 | entries])
    return struct.pack(">BH", 0xDE, entries) if entries < 1 << 16 else struct.pack(">BI", 0xDF, entries)


@pytest.mark.parametrize("entries", [1, 3, 15, 16, 300, 70_000])
def test_maps_of_any_size(entries: int, tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(entries)]
    keys = enumerate(spacy_vectors.keys_of(words).tolist())
    pairs = (struct.pack(">BQ", 0xCF, key) + packed(row) for row, key in keys)
    (tmp_path / "key2row").write_bytes(map_head(entries) + b"".join(pairs))
    (tmp_path / "strings.json").write_text(json.dumps(sorted(words)))
    vectors = np.arange(2 * entries, dtype=np.float32).reshape(entries, 2)
    with (tmp_path / "vectors").open("wb") as file:
        np.save(file, vectors)
    found = opened(tmp_path)
    assert found.index_to_key == words
    np.testing.assert_array_equal(found.vectors, vectors)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_numbers_of_words_do_not_depend_on_the_others(words: list[str]) -> None:
    assert spacy_vectors.keys_of(words).tolist() == [int(spacy_vectors.keys_of([word])[0]) for word in words]


def test_known_numbers() -> None:  # from spaCy 3.8
    known = {
        "cat": 5439657043933447811,
        "köln": 6972365966674198263,
        "a longer string here": 4103506521014243320,
    }
    assert dict(zip(known, spacy_vectors.keys_of(list(known)).tolist(), strict=True)) == known
    assert spacy_vectors.keys_of(["", "NOUN", "_"]).tolist() == [0, 92, 456]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vectors.cfg", b'{"mode": "floret"}', "its vectors are floret's"),
        ("vectors.cfg", b"{", "damaged, not JSON"),
        ("vectors", b"", "missing, damaged or not a NumPy file"),
        ("vectors", b"\x93NUMPY\x01\x00", "missing, damaged or not a NumPy file"),
        ("vectors", pickle.dumps([1.5]), "missing, damaged or not a NumPy file"),
        ("key2row", b"", "byte 0: 0x00 begins no map"),
        ("key2row", b"\x93\x01", "byte 0: 0x93 begins no map"),
        ("key2row", b"\x83\x01\x00\x02", "holds 3 entries, but is 4 bytes long"),
        ("key2row", b"\xdf\xff\xff\xff\xff\x01\x00", "holds 4,294,967,295 entries, but is 7 bytes long"),
        ("key2row", b"\x82\x01\x00\xcf\x00\x00", "cut short after 1 entries"),
        ("key2row", b"\x81\x01\xcd\x00", "cut short after 0 entries"),
        ("key2row", b"\x81\xa1a\x00", "cut short after 0 entries"),
        ("key2row", b"\x81\x41\x7f", "names row 127, but vectors has 8"),
        ("key2row", b"\x81\x41\xcf" + b"\xff" * 8, "a row beyond any table"),
        ("strings.json", b"{}", "no list of words"),
        ("strings.json", b"[1]", "no list of words"),
        ("strings.json", b"[", "damaged, not JSON"),
    ],
)
def test_damaged_parts(name: str, content: bytes, message: str, vocab: Path) -> None:
    (vocab / name).write_bytes(content)
    with pytest.raises(FormatError, match=f"{name}: .*{message}|{message}"):
        opened(vocab)


@given(
    keys=st.builds(
        bytes.__add__, st.sampled_from([b"", b"\x81", b"\x82", b"\xde\0\2"]), st.binary(max_size=40)
    ),
    strings=st.sampled_from([b"[]", b'["cat"]', b"[null]"]) | st.binary(max_size=9),
)
def test_any_bytes_are_read_or_refused(
    keys: bytes, strings: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("m")
    shutil.copy(GOLDEN / "vocab" / "vectors", folder)
    (folder / "key2row").write_bytes(keys)
    (folder / "strings.json").write_bytes(strings)
    with contextlib.suppress(FormatError):
        assert len(opened(folder)) > 0


def test_a_file_cut_short_and_a_size_that_lies(vocab: Path) -> None:
    whole = (vocab / "vectors").read_bytes()
    (vocab / "vectors").write_bytes(whole[:-4])
    with pytest.raises(FormatError, match="vectors: missing, damaged"):
        opened(vocab)
    (vocab / "vectors").write_bytes(whole.replace(b"(8, 3)", b"(80000000000, 3)").replace(b" " * 10, b"", 1))
    with pytest.raises(FormatError, match="vectors: missing, damaged"):
        opened(vocab)


def test_a_key_without_a_word_is_refused_or_left_out(vocab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = json.loads((vocab / "strings.json").read_text("utf-8"))
    (vocab / "strings.json").write_text(json.dumps([word for word in words if word != "cat"]))
    with pytest.raises(FormatError, match=r"key2row, entry 2: its word is not in strings\.json.*--skip-bad"):
        opened(vocab)
    assert "cat" not in opened(vocab, ReadOptions(skip_bad=True))
    assert "left out 1 damaged row" in capsys.readouterr().err


def test_the_next_step_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spacy_vectors.write(stream_of(model(["a"])), tmp_path / "v.txt")
    command = f"python -m spacy init vectors LANG {tmp_path / 'v.txt'} PIPELINE"
    assert capsys.readouterr().err == f"to give it to spaCy: {command}\n"


def test_what_spacy_would_not_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"spaCy does not read \.zst"):
        spacy_vectors.write(stream_of(model(["a"])), tmp_path / "v.txt.zst")
    with pytest.raises(FormatError, match="New York"):
        spacy_vectors.write(stream_of(model(["New York"])), tmp_path / "v.txt")
    assert list(tmp_path.iterdir()) == []

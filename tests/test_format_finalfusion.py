"""finalfusion's .fifu: golden files, files that finalfusion opens, mapping, and all that can be wrong."""

import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import ANY_WORD, STRICT, model, models, streamed

from firth.checks import is_mapped
from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import finalfusion
from firth.formats.stream import ReadOptions, checked, collect, stream_of
from firth.subwords import FASTTEXT, FINALFUSION, Subwords

GOLDEN = Path(__file__).parent / "golden" / "finalfusion"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text("utf-8"))


def in_memory(file: Path) -> Embeddings:
    return finalfusion.read(file, STRICT, mmap=False)


def written(embeddings: Embeddings, path: Path) -> bytes:
    finalfusion.write(stream_of(embeddings), path, force=True)
    return path.read_bytes()


def close(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=3e-7, atol=1e-30))


# what finalfusion wrote


@pytest.mark.parametrize("name", EXPECTED)
def test_rows_are_those_that_finalfusion_gives_and_get_their_lengths_back(name: str) -> None:
    expected = EXPECTED[name]
    mapped, whole = finalfusion.read(GOLDEN / name, STRICT), in_memory(GOLDEN / name)
    known = np.array(list(expected["known"].values()), np.float32)
    norms = np.float32(1 if expected["norms"] is None else np.array(expected["norms"])[:, None])
    for found in (mapped, whole):
        assert found.index_to_key == list(expected["known"])
    np.testing.assert_array_equal(mapped.vectors, known)
    np.testing.assert_array_equal(whole.vectors, known * norms)
    assert is_mapped(mapped.vectors)
    assert not is_mapped(whole.vectors)


@pytest.mark.parametrize("name", ["fasttext.fifu", "buckets.fifu"])
def test_unknown_words_point_where_finalfusion_says(name: str) -> None:
    found = finalfusion.read(GOLDEN / name, STRICT)
    assert len(EXPECTED[name]["unknown"]) > 4
    for word, vector in EXPECTED[name]["unknown"].items():
        np.testing.assert_allclose(found[word] / np.linalg.norm(found[word]), vector, atol=1e-6)


def test_listed_ngrams_are_left_out_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    found = finalfusion.read(GOLDEN / "listed.fifu", STRICT)
    assert found.index_to_key == list(EXPECTED["buckets.fifu"]["known"])
    known = np.array(list(EXPECTED["buckets.fifu"]["known"].values()), np.float32)
    np.testing.assert_array_equal(found.vectors, known)
    assert "n-grams are left out" in capsys.readouterr().err


def test_metadata_are_kept() -> None:
    expected = {"by": "finalfusion", "run": {"epochs": 5, "alpha": 0.05}}
    assert finalfusion.read(GOLDEN / "simple.fifu", STRICT).config == {"finalfusion": expected}


# round trips


@settings(deadline=None, max_examples=50)
@given(models(ANY_WORD), st.booleans())
def test_any_words_round_trip(tmp_path_factory: Any, embeddings: Embeddings, blocks: bool) -> None:
    file = tmp_path_factory.mktemp("t") / "x.fifu"
    finalfusion.write(streamed(embeddings) if blocks else stream_of(embeddings), file)
    assert finalfusion.sniff(file)
    back, mapped = in_memory(file), finalfusion.read(file, STRICT)
    assert back.index_to_key == mapped.index_to_key == embeddings.index_to_key
    assert close(back.vectors, embeddings.vectors)
    lengths = np.linalg.norm(embeddings.vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(np.linalg.norm(mapped.vectors, axis=1), lengths > 0, atol=1e-6)


@pytest.mark.parametrize("hashing", [FASTTEXT, FINALFUSION])
def test_subwords_and_options_round_trip(tmp_path: Path, hashing: str) -> None:
    buckets = np.random.default_rng(5).standard_normal((64, 3)).astype(np.float32)
    config = {
        "options": {
            "window": 7,
            "sample": 1e-05,
            "shrink_windows": True,
            "quote": 'a "\\\x7f\n猫',
            "none": None,
            "inf": float("inf"),
        }
    }
    embeddings = model(["a", "köln"], subwords=Subwords(buckets, 2, 4, hashing=hashing), config=config)
    written(embeddings, tmp_path / "x.fifu")
    back = finalfusion.read(tmp_path / "x.fifu", STRICT)
    np.testing.assert_array_equal(back["kölner"], embeddings["kölner"])
    assert back.subwords.hashing == hashing
    del config["options"]["none"], config["options"]["inf"]  # JSON or TOML has no such value
    assert back.config["finalfusion"]["options"] == config["options"]


def test_ngrams_of_latin_1_are_left_out_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = model(["a"], subwords=Subwords(np.ones((8, 3), np.float32), 3, 6, encoding="latin-1"))
    written(embeddings, tmp_path / "x.fifu")
    assert "left out" in capsys.readouterr().err
    assert finalfusion.read(tmp_path / "x.fifu", STRICT).subwords is None


def test_words_are_not_read_before_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "x.fifu"
    file.write_bytes(written(model(["a", "köln"]), file).replace("köln".encode(), b"k\xff\xfeln"))
    found = finalfusion.read(file, STRICT)
    assert found.vectors[1].shape == (3,)
    with pytest.raises(FormatError, match=r"byte \d+: the word b'k\\xff\\xfeln' is not utf-8"):
        _ = found["a"]
    assert finalfusion.read(file, ReadOptions(encoding="latin-1")).index_to_key == ["a", "kÿþln"]
    assert finalfusion.read(file, ReadOptions(skip_bad=True)).index_to_key == ["a"]


def test_numbers_are_aligned_whatever_the_words(tmp_path: Path) -> None:
    for letters in range(1, 6):
        written(model(["x" * letters]), tmp_path / "x.fifu")
        assert finalfusion.read(tmp_path / "x.fifu", STRICT).vectors.flags.aligned


def test_numbers_that_would_be_aligned_anyway_are_preceded_by_four_bytes(tmp_path: Path) -> None:
    # so finalfusion's own readers expect them, and the norms come after whole float32 numbers always
    data = written(model(["a", "b"]), tmp_path / "x.fifu")
    assert data[:-8].endswith(struct.pack("<IQQI", 6, 12 + 4 + 8, 2, 10) + bytes(4))


def test_finalfusion_opens_what_is_written(tmp_path: Path) -> None:
    theirs = pytest.importorskip("finalfusion")
    for more in ({}, {"subwords": Subwords(np.ones((8, 3), np.float32), 3, 6)}):
        embeddings = model(["a", "two words", "猫"], config={"options": {"window": 5}}, **more)
        written(embeddings, tmp_path / "x.fifu")
        opened = theirs.load_finalfusion(str(tmp_path / "x.fifu"))
        units = np.stack([opened[word] for word in embeddings.index_to_key])
        assert close(units * np.asarray(opened.norms)[:, None], embeddings.vectors)
        assert opened.metadata["options"]["window"] == 5


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.fifu"
    with pytest.raises(FormatError, match=r"the word 'lone .*' has no UTF-8 form"):
        finalfusion.write(stream_of(model(["fine", "lone \ud800"])), file)
    long = Embeddings(["a", "b"], np.array([[1, 1], [3e38, 3e38]], np.float32))
    with pytest.raises(FormatError, match=r"x.fifu: the vector of 'b' \(row 2\) is too long"):
        finalfusion.write(stream_of(long), file)
    assert list(tmp_path.iterdir()) == []
    file.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        finalfusion.write(stream_of(model(["a"])), file)
    assert file.read_bytes() == b"mine"


# what can be wrong


def chunk(identifier: int, data: bytes, size: int | None = None) -> bytes:
    return struct.pack("<IQ", identifier, len(data) if size is None else size) + data


def fifu(*chunks: bytes, version: int = 0, count: int | None = None) -> bytes:
    identifiers = b"".join(one[:4] for one in chunks)
    head = b"FiFu" + struct.pack("<2I", version, len(chunks) if count is None else count) + identifiers
    return head + b"".join(chunks)


def vocabulary(*words: bytes, count: int | None = None) -> bytes:
    items = b"".join(struct.pack("<I", len(word)) + word for word in words)
    return chunk(1, struct.pack("<Q", len(words) if count is None else count) + items)


def matrix(rows: int, columns: int, *, kind: int = 10, data: bytes | None = None) -> bytes:
    numbers = np.ones(rows * columns, "<f4").tobytes() if data is None else data
    return chunk(2, struct.pack("<Q2I", rows, columns, kind) + b"\0" + numbers)


WORDS = vocabulary(b"a", b"b")
BUCKETS = struct.pack("<Q3I", 1, 3, 6, 70) + struct.pack("<I", 1) + b"a"


def test_the_hand_made_file_of_these_tests_is_sound(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(fifu(WORDS, matrix(2, 3)))
    assert finalfusion.read(tmp_path / "x", STRICT).index_to_key == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "byte 0: its mark would take 4 bytes, but 0 are left"),
        (b"FiFo" + bytes(99), "does not begin with FiFu"),
        (fifu(WORDS, matrix(2, 3), version=1), "version 1 with 2 chunks"),
        (fifu(WORDS, matrix(2, 3), count=10**9), "1,000,000,000 chunks"),
        (fifu(), "the file has no words"),
        (fifu(WORDS), "the file has no vectors"),
        (fifu(matrix(2, 3)), "the file has no words"),
        (fifu(WORDS, matrix(3, 3)), "3 rows for 2 words and 0 buckets"),
        (fifu(vocabulary(b"a", count=10**15), matrix(1, 3)), "1 rows for 1,000,000,000,000,000 words"),
        (fifu(WORDS, matrix(2, 0)), "no dimension"),
        (fifu(WORDS, matrix(2**60, 0, data=b"")), "1,152,921,504,606,846,976 rows of 0 numbers"),
        (fifu(WORDS, matrix(2, 3, kind=11)), r"type 11; firth reads 10 \(float32\)"),
        (
            fifu(WORDS, matrix(10**9, 3, data=bytes(24))),
            "1,000,000,000 rows of 3 numbers would take 12,000,000,000 bytes, but its chunk has 25",
        ),
        (fifu(WORDS, matrix(2, 3))[:-1], "the chunk of the type 2 would take 41 bytes, but 40 are left"),
        (
            fifu(WORDS, chunk(2, b"", 10**10)),
            "the chunk of the type 2 would take 10,000,000,000 bytes, but 0 are left",
        ),
        (
            fifu(WORDS, chunk(4, b"")),
            "vectors are quantised, .* ffp-convert -f finalfusion -t word2vec x vectors.bin",
        ),
        (fifu(WORDS, chunk(9, b"")), "floret"),
        (fifu(WORDS, chunk(77, b"")), "a chunk of the type 77"),
        (fifu(chunk(5, b"a = ["), WORDS, matrix(2, 3)), "metadata are not TOML"),
        (fifu(chunk(5, b"\xff"), WORDS, matrix(2, 3)), "metadata are not TOML"),
        (fifu(chunk(5, b"a = " + b"[" * 9999), WORDS, matrix(2, 3)), "metadata are not TOML"),
        (fifu(WORDS, matrix(2, 3), chunk(6, struct.pack("<QI", 1, 10) + bytes(8))), "1 norms for 2 words"),
        (fifu(chunk(7, BUCKETS), matrix(1, 3)), "1 rows for 1 words and 70 buckets"),
        (fifu(chunk(3, BUCKETS), matrix(1, 3)), "words and 18,446,744,073,709,551,616 buckets"),
        (fifu(chunk(7, BUCKETS.replace(b"\3\0", b"\0\0")), matrix(71, 3)), "n-grams of 0 to 6"),
        (fifu(chunk(8, struct.pack("<2Q2I", 0, 0, 3, 6)), matrix(1, 3)), "holds no words"),
        (
            fifu(chunk(8, struct.pack("<2Q2I", 10**12, 0, 3, 6)), matrix(1, 3)),
            "1,000,000,000,000 words or n-grams",
        ),
    ],
)
def test_lying_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    for mmap in (True, False):
        with pytest.raises(FormatError, match=message) as caught:
            finalfusion.read(file, STRICT, mmap=mmap)
        assert str(file) in str(caught.value)


def test_a_word_that_is_longer_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(fifu(chunk(1, struct.pack("<QI", 1, 2**32 - 1)), matrix(1, 3)))
    with pytest.raises(
        FormatError, match=r"byte 40: a word would take 4,294,967,295 bytes, but \d+ are left"
    ):
        _ = finalfusion.read(file, STRICT).index_to_key


def test_doubles_and_nan_are_refused_or_left_out(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(fifu(vocabulary(b"a", b"a"), matrix(2, 3)))
    with pytest.raises(FormatError, match="'a'"):
        _ = finalfusion.read(file, STRICT).key_to_index
    with pytest.raises(FormatError, match=r"byte 45: the word 'a' is there for the second time"):
        collect(checked(finalfusion.stream(file, STRICT), file, STRICT))
    numbers = np.array([1, 2, 3, np.nan, 5, 6], "<f4").tobytes()
    file.write_bytes(fifu(WORDS, matrix(2, 3, data=numbers)))
    with pytest.raises(FormatError, match="the vector of 'b' holds NaN"):
        in_memory(file)
    assert finalfusion.read(file, ReadOptions(skip_bad=True)).index_to_key == ["a"]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["simple", "fasttext", "buckets", "listed"]), st.data())
def test_no_damage_raises_anything_else(tmp_path_factory: Any, name: str, data: st.DataObject) -> None:
    content = bytearray((GOLDEN / f"{name}.fifu").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, min(300, len(content) - 1)))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("t") / "x.fifu"
    file.write_bytes(content)
    for mmap in (False, True):
        with suppress(FormatError):
            found = finalfusion.read(file, ReadOptions(skip_bad=not mmap), mmap=mmap)
            _ = found.index_to_key, np.asarray(found.vectors)

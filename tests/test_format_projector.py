"""The Embedding Projector's two tables, as TensorBoard reads them and as gensim writes them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import STRICT, assert_same, bits, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import glove, projector
from firth.formats.stream import ReadOptions, checked, collect, stream_of

LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), max_size=9).filter(
    lambda word: word.strip("\ufeff").strip() != ""
)


def read(path: Path, options: ReadOptions = STRICT) -> Embeddings:
    return collect(checked(projector.stream(path, options), path, options))


def pair(folder: Path, vectors: str | bytes, metadata: str | bytes) -> Path:
    for name, content in (("vectors.tsv", vectors), ("metadata.tsv", metadata)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_what_is_written(tmp_path: Path) -> None:
    one = Embeddings(["a", "New York"], np.array([[1, 2.5], [0.1, -3]], np.float32))
    projector.write(streamed(one), tmp_path / "x")
    assert (tmp_path / "x" / "vectors.tsv").read_bytes() == b"1\t2.5\n0.1\t-3\n"
    assert (tmp_path / "x" / "metadata.tsv").read_bytes() == b"a\nNew York\n"
    config = json.loads((tmp_path / "x" / "projector_config.json").read_text())
    assert config["embeddings"][0]["tensorShape"] == [2, 2]
    text = (tmp_path / "x" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "vectors.tsv"' in text
    assert 'metadata_path: "metadata.tsv"' in text
    counted = model(["a", "b"], counts=np.array([7, 5]))
    projector.write(stream_of(counted), tmp_path / "x", force=True)
    assert (tmp_path / "x" / "metadata.tsv").read_bytes() == b"word\tcount\na\t7\nb\t5\n"
    assert_same(read(tmp_path / "x"), counted)


@settings(deadline=None)  # the machine may be busy
@given(models(LABEL) | models(LABEL, counts=True))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, one: Embeddings) -> None:
    folder = tmp_path_factory.mktemp("t") / "x"
    projector.write(streamed(one), folder)
    assert projector.sniff(folder)
    assert_same(read(folder), one)
    assert bits(read(folder).vectors) == bits(one.vectors)


@pytest.mark.parametrize("word", ["a\tb", "a\nb", "a\r", "", "  ", "\u3000", "\ufeff"])
def test_words_that_do_not_fit(tmp_path: Path, word: str) -> None:
    with pytest.raises(FormatError, match=r"x: the word .* \(row 3\) .* write firth, parquet or npz instead"):
        projector.write(streamed(model(["a", "b", word, "c"])), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_where_the_words_may_lie(tmp_path: Path) -> None:
    folder = pair(tmp_path, "1\t2\r\n3\t4\r\n", "a\r\nb c\r\n")
    for path in (folder, folder / "vectors.tsv"):
        assert projector.sniff(path)
        assert read(path).index_to_key == ["a", "b c"]
    assert not projector.sniff(folder / "metadata.tsv")
    (tmp_path / "run_tensor.tsv").write_text("5\t6\n")
    (tmp_path / "run_metadata.tsv").write_text("other\n")
    assert read(tmp_path / "run_tensor.tsv").index_to_key == ["other"]
    alone = tmp_path / "alone" / "vectors.tsv"
    alone.parent.mkdir()
    alone.write_text("1\t2\n")
    assert not projector.sniff(alone)
    assert not glove.sniff(alone)
    with pytest.raises(FormatError, match=r"its words are missing: metadata.tsv must lie beside it"):
        read(alone)
    with pytest.raises(FormatError, match="no such file"):
        read(tmp_path / "nothing")
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("vectors.tsv", "metadata.tsv"):
        (packed / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    assert projector.sniff(packed)
    assert_same(read(packed), read(folder))


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    found = read(pair(tmp_path, "1\t2\n3\t4\n", "Rank\tLabel\tCount\n1\ta\t10\n2\tb\t20\n"))
    assert found.index_to_key == ["a", "b"]
    assert found.counts is not None
    assert found.counts.tolist() == [10, 20]
    assert read(pair(tmp_path, "1\t2\n", "x\ty\na\tb\n")).index_to_key == ["a"]
    assert read(pair(tmp_path, "1\t2\n3\t4\n", "word\tcount\na\t10\nb\tmany\n")).counts is None


@pytest.mark.parametrize(
    ("vectors", "metadata", "message", "left"),
    [
        ("1\t2\n3\t4\n", "a\n", r"vectors.tsv, line 2: there are no more words in .*metadata.tsv", ["a"]),
        ("1\t2\n", "a\nb\n", r"metadata.tsv, its end: holds more words than .*vectors.tsv has lines", ["a"]),
        ("1\t2\n3\n5\t6\n", "a\nb\nc\n", "line 2: 'b 3' … has 2 fields", ["a", "c"]),
        ("1\t2\n3\tx\n5\t6\n", "a\nb\nc\n", "line 2: 'b 3 x' … has 'x' where one of 2", ["a", "c"]),
        ("1\t2\n3\t4\t5\n5\t6\n", "a\nb\nc\n", r"line 2: 'b\\t3' … holds 3 numbers, not 2", ["a", "c"]),
        ("1\t2\n3\t4\n", "a\na\n", "line 2: the word 'a' is there for the second time", ["a"]),
        ("1\t2\n3\t4\n", b"a\n\xf6\n", r"metadata.tsv, line 2: the word b'\\xf6' is not utf-8", ["a"]),
        ("1\t2\n3\t4\n5\t6\n", b"\xf6\nb\nc\n", "line 1: the word", ["b", "c"]),
        ("a\t1\n", "a\n", "line 1: 'a\\\\t1' is no line of numbers", None),
        ("", "", "is no line of numbers", None),
    ],
)
def test_damage(
    tmp_path: Path, vectors: str, metadata: str | bytes, message: str, left: list[str] | None
) -> None:
    folder = pair(tmp_path, vectors, metadata)
    with pytest.raises(FormatError, match=message):
        read(folder)
    if left is not None:
        assert read(folder, ReadOptions(skip_bad=True)).index_to_key == left


def test_latin_1(tmp_path: Path) -> None:
    folder = pair(tmp_path, "1\t2\n", "köln\n".encode("latin-1"))
    assert read(folder, ReadOptions(encoding="latin-1")).index_to_key == ["köln"]


def test_a_folder_that_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    projector.write(stream_of(model(["a"])), folder)
    with pytest.raises(OutputExistsError, match="--force"):
        projector.write(stream_of(model(["b"])), folder)
    (folder / "thesis.tex").touch()
    with pytest.raises(OutputExistsError, match=r"'thesis.tex'"):
        projector.write(stream_of(model(["b"])), folder, force=True)
    (folder / "thesis.tex").unlink()
    with pytest.raises(FormatError, match="blank"):
        projector.write(stream_of(model([" "])), folder, force=True)
    assert read(folder).index_to_key == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]

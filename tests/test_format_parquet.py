"""Vectors in Parquet and Arrow files: firth's columns, and what others call them and put into them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import ANY_WORD, STRICT, assert_same, bits, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import parquet_file
from firth.formats.stream import ReadOptions, checked, collect, stream_of


def read(path: Path, options: ReadOptions = STRICT) -> Embeddings:
    return collect(checked(parquet_file.stream(path, options), path, options))


def table(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "x.parquet")
    return folder / "x.parquet"


@settings(deadline=None)  # the machine may be busy
@given(
    models(ANY_WORD) | models(ANY_WORD, counts=True),
    st.sampled_from(["x.parquet", "x.arrow", "x.feather", "x"]),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, one: Embeddings, name: str) -> None:
    path = tmp_path_factory.mktemp("t") / name
    parquet_file.write(streamed(one), path)
    assert parquet_file.sniff(path)
    assert_same(read(path), one)
    assert bits(read(path).vectors) == bits(one.vectors)


def test_what_is_written(tmp_path: Path) -> None:
    one = model(["a", "b", "c"], counts=np.array([7, 5, 1]))
    parquet_file.write(streamed(one), tmp_path / "x.parquet")
    found = pq.read_table(tmp_path / "x.parquet")
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == 1
    assert found.schema == pa.schema(
        [("word", pa.string()), ("count", pa.int64()), ("vector", pa.list_(pa.float32(), 3))]
    )
    assert found.column("vector").to_pylist() == one.vectors.tolist()
    parquet_file.write(stream_of(one), tmp_path / "x.arrow")
    with pa.ipc.open_file(tmp_path / "x.arrow") as file:
        assert file.read_all() == found
    parquet_file.write(streamed(model(["a"])), tmp_path / "y")
    assert pq.read_table(tmp_path / "y").column("count").null_count == 1


LISTS = [
    pa.list_(pa.float32(), 2),
    pa.list_(pa.float32()),
    pa.list_(pa.float64()),
    pa.list_(pa.float16()),
    pa.large_list(pa.float32()),
    pa.list_(pa.float64(), 2),
]
WORDS = [
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.string_view(),
    pa.dictionary(pa.int32(), pa.string()),
]


@pytest.mark.parametrize("vector", LISTS, ids=str)
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_types_of_others(tmp_path: Path, word: Any, vector: Any) -> None:
    words = pa.array(["köln", "b"]).cast(word)
    vectors = pa.array([[1, 2], [3, 4.5]], pa.list_(pa.float64())).cast(vector)
    found = read(table(tmp_path, id=pa.array([0, 1]), token=words, embedding=vectors))
    assert found.index_to_key == ["köln", "b"]
    assert found.vectors.tolist() == [[1, 2], [3, 4.5]]
    assert found.vectors.dtype == np.float32
    assert found.counts is None


def test_small_batches_and_an_arrow_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model([f"w{number}" for number in range(50)], counts=np.arange(50))
    monkeypatch.setattr(parquet_file, "BLOCK_BYTES", 30 * 3 * 4)
    parquet_file.write(streamed(one, 10), tmp_path / "x.parquet")
    groups = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [groups.row_group(at).num_rows for at in range(groups.num_row_groups)] == [20, 20, 10]
    whole = pq.read_table(tmp_path / "x.parquet")
    with pa.OSFile(str(tmp_path / "stream"), "wb") as sink, pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    with pa.ipc.new_file(str(tmp_path / "x.arrow"), whole.schema) as writer:
        writer.write_table(whole)
    monkeypatch.setattr(parquet_file, "BLOCK_BYTES", 7 * 3 * 4)
    for name in ("x.parquet", "stream", "x.arrow"):
        assert parquet_file.sniff(tmp_path / name)
        assert max(len(block.words) for block in parquet_file.stream(tmp_path / name, STRICT).blocks) <= 7
        assert_same(read(tmp_path / name), one)


NOT_WHOLE = "its vector is missing, has nulls in it or is not 2 numbers long"


DAMAGE: list[tuple[list[Any], list[Any], str]] = [
    (["a", None, "c"], [[1, 2], [3, 4], [5, 6]], "row 2: its word is missing"),
    (["a", "b", "c"], [[1, 2], None, [5, 6]], f"row 2: {NOT_WHOLE}"),
    (["a", "b", "c"], [[1, 2], [3, None], [5, 6]], f"row 2: {NOT_WHOLE}"),
    (["a", "a", "c"], [[1, 2], [3, 4], [5, 6]], "row 2: the word 'a' is there for the second time"),
    (["a", "b", "c"], [[1, 2], [3, float("nan")], [5, 6]], "row 2: the vector of 'b' holds NaN"),
]
OTHER_LENGTHS: list[tuple[list[Any], list[Any], str]] = [
    (["a", "b", "c"], [[1, 2], row, [5, 6]], f"row 2: {NOT_WHOLE}") for row in ([3], [3, 4, 5], [])
]


@pytest.mark.parametrize(
    ("kind", "words", "vectors", "message"),
    [(pa.list_(pa.float32(), 2), *damage) for damage in DAMAGE]
    + [(pa.list_(pa.float32()), *damage) for damage in DAMAGE + OTHER_LENGTHS]
    + [(pa.large_list(pa.float64()), *damage) for damage in DAMAGE + OTHER_LENGTHS],
)
def test_damaged_rows(tmp_path: Path, kind: Any, words: list[Any], vectors: list[Any], message: str) -> None:
    path = table(tmp_path, word=words, vector=pa.array(vectors, kind), count=[3, 2, 1])
    with pytest.raises(FormatError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    left = read(path, ReadOptions(skip_bad=True))
    assert left.index_to_key == ["a", "c"]
    assert left.vectors.tolist() == [[1, 2], [5, 6]]
    assert left.counts is not None
    assert left.counts.tolist() == [3, 1]


def test_places_after_rows_that_are_left_out(tmp_path: Path) -> None:
    path = table(tmp_path, word=["a", None, "c", "a"], vector=[[1.0], [2.0], [3.0], [4.0]])
    lenient = ReadOptions(skip_bad=True)
    read(path, lenient)
    assert any("row 4: the word 'a'" in message for message in lenient.skipped)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"name": ["a"], "vector": [[1.0]]},
            "has no column of words: .* called word, .* its columns are name, vector",
        ),
        ({"word": ["a"], "v": [[1.0]]}, "has no column of vectors: .* called vector"),
        (
            {"word": ["a"], "vector": [1.0]},
            "the column 'vector' holds double, but vectors are lists of floats",
        ),
        ({"word": ["a"], "vector": [["b"]]}, "lists of floats"),
        ({"word": [7], "vector": [[1.0]]}, "the column 'word' holds int64, but words are strings"),
        ({"word": ["a"], "vector": pa.array([[]], pa.list_(pa.float32()))}, "have 0 dimensions"),
        (
            {"word": pa.array([], pa.string()), "vector": pa.array([], pa.list_(pa.float32(), 2))},
            "holds no words",
        ),
    ],
)
def test_tables_that_hold_no_vectors(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(table(tmp_path, **columns))


def test_damaged_files(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.arrow"):
        parquet_file.write(stream_of(model(["a", "b"] + [f"w{n}" for n in range(500)])), tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        cut = tmp_path / f"cut-{name}"
        for size in (8, len(whole) // 2, len(whole) - 3):
            cut.write_bytes(whole[:size])
            with pytest.raises(FormatError, match=r"is damaged|is no Parquet"):
                read(cut)
    changed = bytearray((tmp_path / "x.parquet").read_bytes())
    changed[3000] ^= 1
    cut.write_bytes(changed)
    with pytest.raises(FormatError, match="is damaged"):
        read(cut)
    for content in (b"", b"PAR", b"word 1 2\n"):
        cut.write_bytes(content)
        assert not parquet_file.sniff(cut)
        with pytest.raises(FormatError, match="is no Parquet or Arrow file"):
            read(cut)
    assert not parquet_file.sniff(tmp_path)


def test_latin_1_in_a_column_of_bytes(tmp_path: Path) -> None:
    path = table(tmp_path, word=pa.array([b"k\xf6ln", b"b"]), vector=[[1.0], [2.0]])
    with pytest.raises(FormatError, match=r"row 1: the word b'k\\xf6ln' is not utf-8"):
        read(path)
    assert read(path, ReadOptions(encoding="latin-1")).index_to_key == ["köln", "b"]
    assert read(path, ReadOptions(skip_bad=True)).index_to_key == ["b"]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"the word '\\ud800' \(row 3\) has no UTF-8 form"):
        parquet_file.write(streamed(model(["a", "b", "\ud800"])), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x").touch()
    with pytest.raises(OutputExistsError, match="--force"):
        parquet_file.write(stream_of(model(["a"])), tmp_path / "x")
    parquet_file.write(stream_of(model(["a"])), tmp_path / "x", force=True)
    assert len(read(tmp_path / "x")) == 1

"""Words and vectors on their way: what is refused or left out, and how a stream becomes a model."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from tests.vector_cases import ANY_WORD, STRICT, assert_same, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError
from firth.formats import FORMATS, format_by_ending, load, save
from firth.formats.stream import Block, ReadOptions, Stream, checked, collect, settled, stream_of

FILE = Path("vectors.txt")
NAN, INFINITY = float("nan"), float("inf")


def block(words: list[str], first: list[float] | None = None, line: int = 1) -> Block:
    vectors = np.ones((len(words), 2), np.float32)
    if first is not None:
        vectors[:, 0] = first
    return Block(words, vectors, places=lambda row: f"line {line + row}")


@given(models(ANY_WORD, counts=True))
def test_any_model_survives_the_way(
    tmp_path_factory: pytest.TempPathFactory, given_model: Embeddings
) -> None:
    beside = tmp_path_factory.mktemp("m") / "out"
    assert_same(collect(checked(streamed(given_model), FILE, STRICT)), given_model)
    with settled(checked(streamed(given_model), FILE, STRICT), beside) as spooled:
        assert isinstance(spooled.vectors.base, np.memmap)
        assert_same(spooled, given_model)
    assert list(beside.parent.iterdir()) == [], "the spooled vectors are gone"


def test_a_model_with_random_access_is_neither_copied_nor_spooled(tmp_path: Path) -> None:
    given_model = model(["a", "b"])
    assert collect(stream_of(given_model)) is given_model
    with settled(stream_of(given_model), tmp_path / "x") as same:
        assert same is given_model


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([block(["a", "b"]), block(["c", "a"], line=3)], "line 4: the word 'a' is there for the second time"),
        ([block(["a", "a"])], "line 2: the word 'a' is there for the second time"),
        ([block(["a", "b"], [1, NAN])], "line 2: the vector of 'b' holds NaN or infinity"),
        ([block(["a", "b"], [INFINITY, 1])], "line 1: the vector of 'a' holds NaN or infinity"),
        ([Block(["a"], np.full((1, 2), NAN, np.float32))], "row 1: the vector of 'a' holds NaN"),
    ],
)
def test_what_no_model_may_hold_is_refused_with_its_place(blocks: list[Block], message: str) -> None:
    with pytest.raises(FormatError, match=f"{re.escape(f'{FILE}, {message}')}.*--skip-bad"):
        collect(checked(Stream(2, blocks), FILE, STRICT))


def test_what_is_damaged_is_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    options = ReadOptions(skip_bad=True)
    blocks = [
        block(["a", "a", "b"], [1, 2, 3]),
        block(["c", "b", "d"], [NAN, 4, 5], line=4),
        block(["a", "b"], line=7),
    ]
    found = collect(checked(Stream(2, blocks, rows=9), FILE, options))
    assert found.index_to_key == ["a", "b", "d"]
    assert found.vectors[:, 0].tolist() == [1, 3, 5], "of two rows with one word the first is kept"
    assert len(options.skipped) == 5, "the row count of the header is wrong because of them"
    assert "left out 5 damaged rows; the first: vectors.txt, line 2: the word 'a'" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [1, 3])
def test_a_header_that_lies_about_the_rows(rows: int) -> None:
    with pytest.raises(FormatError, match=f"says that it holds {rows} rows, but it holds 2"):
        collect(checked(Stream(2, [block(["a", "b"])], rows=rows), FILE, STRICT))


def test_a_huge_row_count_takes_no_memory_before_the_rows_come() -> None:
    with pytest.raises(FormatError, match="but it holds 2"):
        collect(checked(Stream(2, [block(["a", "b"])], rows=10**15), FILE, STRICT))


@pytest.mark.parametrize("options", [STRICT, ReadOptions(skip_bad=True)])
def test_nothing_at_all_is_no_model(options: ReadOptions) -> None:
    with pytest.raises(FormatError, match=r"vectors\.txt: holds no words"):
        collect(checked(Stream(2, []), FILE, options))
    with pytest.raises(FormatError, match="have 0 dimensions"):
        checked(Stream(0, []), FILE, options)


def test_words_that_do_not_decode() -> None:
    assert ReadOptions().decode("köln".encode(), FILE, "line 1") == "köln"
    assert ReadOptions(encoding="latin-1").decode(b"k\xf6ln", FILE, "line 1") == "köln"
    with pytest.raises(FormatError, match=r"line 1: the word b'k\\xf6ln' is not utf-8.*--encoding latin-1"):
        ReadOptions().decode(b"k\xf6ln", FILE, "line 1")
    skipping = ReadOptions(skip_bad=True)
    assert skipping.decode(b"k\xf6ln", FILE, "line 1") is None
    assert len(skipping.skipped) == 1


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    save(model(["a"]), tmp_path / "m")
    with pytest.raises(ConfigError, match="no format 'w2v': choose one of firth"):
        load(tmp_path / "m", format="w2v")
    with pytest.raises(ConfigError, match="no format 'w2v'"):
        save(model(["a"]), tmp_path / "x", format="w2v")
    with pytest.raises(ConfigError, match="no encoding 'utf-9'"):
        load(tmp_path / "m", encoding="utf-9")


def test_a_name_without_a_known_ending_is_a_model_folder() -> None:
    assert {format_by_ending(Path(name)) for name in ("m", "my.model", "a/b.c/m")} == {"firth"}
    assert all(
        format_by_ending(Path(f"x{ending}")) in FORMATS for ending in [".npz", ".VEC", ".bin", ".txt.gz"]
    )

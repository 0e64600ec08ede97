"""Vectors as text, word2vec's, GloVe's and fastText's: as other programs write them, and as they break."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import PLAIN_WORD, STRICT, assert_same, bits, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import fasttext_vec, glove, text_rows, word2vec, word2vec_binary
from firth.formats.stream import Block, ReadOptions, Stream, checked, collect, stream_of

GOLDEN = Path(__file__).parent / "golden" / "word2vec"
FORMATS = [word2vec, glove, fasttext_vec]


def read(format_: ModuleType, path: Path, options: ReadOptions = STRICT) -> Embeddings:
    return collect(checked(format_.stream(path, options), path, options))


def file(folder: Path, content: str | bytes, name: str = "x.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# As other programs write them


@pytest.mark.parametrize(
    ("name", "format_", "program"),
    [
        ("gensim.txt", word2vec, "gensim"),
        ("gensim.txt.gz", word2vec, "gensim"),
        ("glove.txt", glove, "gensim"),
        ("fasttext.vec", fasttext_vec, "fasttext"),
    ],
)
def test_golden_files(name: str, format_: ModuleType, program: str) -> None:
    assert format_.sniff(GOLDEN / name)
    found = read(format_, GOLDEN / name)
    expected = json.loads((GOLDEN / "expected.json").read_text("utf-8"))[program]
    assert found.index_to_key == expected["words"]
    assert bits(found.vectors) == bits(np.array(expected["vectors"]).astype(np.float32))


def test_the_formats_are_told_apart() -> None:
    for name, sniffing in [
        ("gensim.txt", [word2vec, fasttext_vec]),
        ("fasttext.vec", [word2vec, fasttext_vec]),
        ("glove.txt", [glove]),
        ("gensim.bin", [word2vec_binary]),
        ("expected.json", []),
    ]:
        assert [
            one for one in (word2vec, word2vec_binary, glove, fasttext_vec) if one.sniff(GOLDEN / name)
        ] == (sniffing), name


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", None),
        ("3 2\n", word2vec),  # empty, which its reader says
        ("1 2\r\na 1 2\r\n", word2vec),
        ("1 3\nword broken 1 2\n", word2vec),
        ("a 1 2 3\n", glove),
        (". . . 1 2 3\n", glove),
        ("a b 7\n", None),  # a pair of words and their similarity
        ("0.5\t1\t2\n", None),  # a table of numbers
        ("some text, as it is written\n", None),
        (b"\x00\x01 2 3", None),
    ],
)
def test_sniffing(tmp_path: Path, content: str | bytes, found: ModuleType | None) -> None:
    path = file(tmp_path, content)
    assert [one for one in (word2vec, word2vec_binary, glove) if one.sniff(path)] == (
        [found] if found else []
    )
    packed = file(tmp_path, gzip.compress(path.read_bytes()), "y")
    assert [one for one in (word2vec, glove) if one.sniff(packed)] == ([found] if found else [])
    assert not word2vec.sniff(tmp_path)
    assert not glove.sniff(tmp_path / "nothing")


@pytest.mark.parametrize(
    "content",
    [
        "2 2\nNew York 1 2\nb 3 4\n",
        "2 2\nNew York 1 2 \nb 3 4 \n",
        "2 2\r\nNew York 1 2\r\nb 3 4\r\n",
        "\ufeff2 2\nNew York 1 2\nb 3 4",
        "2 2\nNew York  1  2\nb\t3\t4\n\n",
        "2\t2 \nNew York +1.0 2e0\nb 3 4\n",
    ],
)
def test_lines_of_every_kind(tmp_path: Path, content: str) -> None:
    found = read(word2vec, file(tmp_path, content))
    assert found.index_to_key == ["New York", "b"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


def test_words_are_taken_as_they_are(tmp_path: Path) -> None:
    words = [
        "\ufefffirst",
        "NULL",
        "nan",
        "",
        '"',
        '"a',
        "\\",
        "'",
        "#",
        "inf",
        "\ufeffbom",
        "0.5",
        "\x1b",
        "\x00",
        "N/A",
        "\x85",
    ]
    lines = "".join(f"{word} {row} 1\n" for row, word in enumerate(words))
    found = read(word2vec, file(tmp_path, f"{len(words)} 2\n{lines}"))
    assert found.index_to_key == words
    assert found.vectors[:, 0].tolist() == list(range(len(words)))
    assert read(glove, file(tmp_path, "x 0 1\n" + lines)).index_to_key == ["x", *words]


def test_odd_lines_among_many(tmp_path: Path) -> None:
    """A few lines that are no rows of a table, far apart, keep their places."""
    words = [f"w{row}" for row in range(5000)]
    for row in (0, 777, 2500, 2501, 4999):
        words[row] = f". . {row}x"
    lines = [f"{word} {row} {row / 8} -1" for row, word in enumerate(words)]
    path = file(tmp_path, "\n".join(["5000 3", *lines]))
    found = read(word2vec, path)
    assert found.index_to_key == words
    np.testing.assert_array_equal(found.vectors[:, 1], np.arange(5000, dtype=np.float32) / 8)
    lines[4321] = "w4321 540.1"
    path.write_text("\n".join(["5000 3", *lines]), "utf-8")
    with pytest.raises(
        FormatError, match=r"line 4323: 'w4321 540.1' … has 2 fields, but a word and 3 numbers"
    ):
        read(word2vec, path)


def test_blocks_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_rows, "BLOCK_BYTES", 100)
    lines = [f"w{row} {row} 0.25" for row in range(200)]
    path = file(tmp_path, "\n".join(["200 2", *lines[:150], "w3 1 1", *lines[150:]]))
    blocks = list(word2vec.stream(path, STRICT).blocks)
    assert len(blocks) > 10
    assert [word for block in blocks for word in block.words][148:152] == ["w148", "w149", "w3", "w150"]
    with pytest.raises(FormatError, match="line 152: the word 'w3' is there for the second time"):
        read(word2vec, path)


def test_glove_with_and_without_a_header(tmp_path: Path) -> None:
    for head in ("3 2\n", ""):
        found = read(glove, file(tmp_path, head + "at 5 1 2\nb 3 4\nc 5 6\n".replace("at 5", "at@5")))
        assert found.index_to_key == ["at@5", "b", "c"]
    with pytest.raises(FormatError, match="it says that it holds 2 rows, but it holds 1"):
        read(glove, file(tmp_path, "2 2\na 1 2\n"))
    with pytest.raises(FormatError, match=r"line 1: 'no numbers here.*' is no word with its numbers"):
        read(glove, file(tmp_path, "no numbers here\n"))
    with pytest.raises(FormatError, match=r"line 1: 'a 1 2' is no header .* --from glove"):
        read(word2vec, file(tmp_path, "a 1 2"))


# What is wrong, and where


@pytest.mark.parametrize(
    ("content", "message", "left"),
    [
        ("2 2\na 1 2\na 3 4\n", "line 3: the word 'a' is there for the second time", ["a"]),
        ("2 2\na 1 2\nb nan 4\n", "line 3: the vector of 'b' holds NaN or infinity", ["a"]),
        ("2 2\na 1 1e99\nb 3 4\n", "line 2: the vector of 'a' holds NaN or infinity", ["b"]),
        ("2 2\na 1 x\nb 3 4\n", "line 2: 'a 1 x' … has 'x' where one of 2 numbers is needed", ["b"]),
        ("2 2\na 1 1_0\nb 3 4\n", "line 2: 'a 1 1_0' … has '1_0' where", ["b"]),
        ("2 2\na b c\nb 3 4\n", "line 2: 'a b c' … has 'b' where", ["b"]),
        ("2 2\na 1\nb 3 4\n", "line 2: 'a 1' … has 2 fields, but a word and 2 numbers are needed", ["b"]),
        ("2 2\na 1 2 3\nb 3 4\n", "line 2: 'a 1' … holds 3 numbers, not 2", ["b"]),
        ("2 2\na 1 2 \nb 9 3 4\n", "line 3: 'b 9' … holds 3 numbers, not 2", ["a"]),
        ("2 2\nb 3 4\na 1 2\rc 3 4\n", "line 3: 'a 1 2.*' … has a carriage return in it", ["b"]),
        ("1 2\na 1 2\nb 3 4\n", "its end: it says that it holds 1 rows, but it holds 2", ["a", "b"]),
        ("3 2\na 1 2\nlong-word 3 4\n", "it says that it holds 3 rows, but it holds 2", ["a", "long-word"]),
        ("2 2\na 1 2\nk\xf6ln 3 4\n", r"line 3: the word b'k\\xf6ln' is not utf-8; is it latin-1", ["a"]),
        ("2 2\nb 3 4\na 1.5 2", None, ["b", "a"]),
    ],
)
def test_damaged_lines(tmp_path: Path, content: str, message: str | None, left: list[str]) -> None:
    path = file(tmp_path, content.encode("latin-1"))
    if message is not None:
        with pytest.raises(FormatError, match=message) as caught:
            read(word2vec, path)
        assert str(path) in str(caught.value)
        assert "--skip-bad" in str(caught.value)
    lenient = ReadOptions(skip_bad=True)
    assert read(word2vec, path, lenient).index_to_key == left
    assert bool(lenient.skipped) == (message is not None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: '' is no header"),
        ("0 2\n", "holds no words"),
        ("2 0\na\nb\n", "its vectors have 0 dimensions"),
        ("25000000 100\na 1 2\n", "promises 25,000,000 vectors .* 5,025,000,000 bytes, but the file has 19"),
        ("1 99999999999\na 1 2\n", "vectors of 99,999,999,999 dimensions, and firth reads at most 1,048,576"),
        (
            gzip.compress(b"1 1000000\na 1 2\n", mtime=0),
            "line 2: 'a 1 2' … has 3 fields, but a word and 1000000 num",
        ),
        (b"\xff\xfe2\x00 \x002\x00", "the text is UTF-16"),
        (b"%PDF-1.4", "it looks like a PDF document"),
        (gzip.compress(b"2 2\n" + b"a 1 2\n" * 900, mtime=0)[:-9], "gzip data is truncated or damaged"),
    ],
)
def test_files_that_lie(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(FormatError, match=message) as caught:
        read(word2vec, path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FormatError, match="no such file"):
        word2vec.stream(tmp_path / "x", STRICT)
    with pytest.raises(FormatError, match="cannot be read"):
        word2vec.stream(tmp_path, STRICT)
    monkeypatch.setattr(text_rows, "LONGEST_LINE", 1000)
    monkeypatch.setattr(text_rows, "BLOCK_BYTES", 100)
    with pytest.raises(FormatError, match="line 2: has more than 1,000 bytes"):
        read(word2vec, file(tmp_path, "1 3\n" + "a" * 2000))


def test_latin_1(tmp_path: Path) -> None:
    path = file(tmp_path, "köln 1 2\nb 3 4\n".encode("latin-1"))
    assert read(glove, path, ReadOptions(encoding="latin-1")).index_to_key == ["köln", "b"]
    both = file(tmp_path, "köln 1 2\n".encode("latin-1") + "köln 3 4\n".encode())
    assert read(glove, both, ReadOptions(skip_bad=True)).index_to_key == ["köln"]


# Writing


@settings(deadline=None)  # the machine may be busy
@given(models(PLAIN_WORD), st.sampled_from(FORMATS), st.sampled_from(["x", "x.gz", "x.zst"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, one: Embeddings, format_: ModuleType, name: str
) -> None:
    path = tmp_path_factory.mktemp("t") / name
    format_.write(streamed(one), path)
    found = read(format_, path) if one.vector_size > 1 or format_ is not glove else one
    assert_same(found, one)
    assert bits(found.vectors) == bits(one.vectors)


def test_what_is_written(tmp_path: Path) -> None:
    one = Embeddings(["a", "köln"], np.array([[1, -0.1, 3e-9], [0, 1e20, 1 / 3]], np.float32))
    lines = ["a 1 -0.1 3e-9", "köln 0 1e+20 0.33333334"]
    for format_, header, end in (
        (word2vec, "2 3\n", "\n"),
        (glove, "", "\n"),
        (fasttext_vec, "2 3\n", " \n"),
    ):
        format_.write(stream_of(one), tmp_path / format_.NAME)
        assert (tmp_path / format_.NAME).read_text("utf-8") == header + "".join(line + end for line in lines)
    word2vec.write(stream_of(one), tmp_path / "x.zst")
    with pa.CompressedInputStream(str(tmp_path / "x.zst"), "zstd") as packed:
        assert packed.read() == (tmp_path / "word2vec").read_bytes()
    word2vec.write(stream_of(one), tmp_path / "x.gz")
    assert gzip.decompress((tmp_path / "x.gz").read_bytes()) == (tmp_path / "word2vec").read_bytes()


def test_gensim_opens_what_is_written(tmp_path: Path) -> None:
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    one = model(["the", "köln", "NULL", "New_York", "東京"], 7)
    for format_ in (word2vec, fasttext_vec, word2vec_binary):
        path = tmp_path / format_.NAME
        format_.write(stream_of(one), path)
        theirs = keyed_vectors.load_word2vec_format(path, binary=format_ is word2vec_binary)
        assert theirs.index_to_key == one.index_to_key
        np.testing.assert_array_equal(theirs.vectors, one.vectors)


@pytest.mark.parametrize("format_", [*FORMATS, word2vec_binary])
@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("New York", "'New York' \\(row 4\\) has a blank"),
        (
            "a\nb",
            r"'a\\nb' \(row 4\) has a blank or a line's end in it, .* write firth, parquet or npz instead",
        ),
        ("", "'' \\(row 4\\) is empty"),
        ("\ud800", "has no UTF-8 form"),
    ],
)
def test_words_that_do_not_fit(tmp_path: Path, format_: ModuleType, word: str, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        format_.write(streamed(model(["a", "b", "c", word])), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    path = file(tmp_path, "mine")
    with pytest.raises(OutputExistsError, match="--force"):
        word2vec.write(stream_of(model(["a"])), path)
    assert path.read_text() == "mine"
    word2vec.write(stream_of(model(["a"])), path, force=True)
    assert read(word2vec, path).index_to_key == ["a"]
    with pytest.raises(OutputExistsError, match="not a file"):
        word2vec.write(stream_of(model(["a"])), tmp_path, force=True)


@pytest.mark.parametrize("format_", [*FORMATS, word2vec_binary])
@pytest.mark.parametrize("name", ["x", "x.gz", "x.zst"])
def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path, format_: ModuleType, name: str) -> None:
    def blocks() -> Iterator[Block]:
        yield from streamed(model(["a", "b"])).blocks
        raise FormatError("damaged")

    with pytest.raises(FormatError, match="damaged"):
        format_.write(Stream(3, blocks(), rows=5), tmp_path / name)
    assert list(tmp_path.iterdir()) == []

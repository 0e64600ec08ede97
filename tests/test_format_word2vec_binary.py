"""word2vec's binary files, gensim's and the original program's; where they break, the byte is named."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import PLAIN_WORD, STRICT, assert_same, bits, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError
from firth.formats import word2vec, word2vec_binary
from firth.formats.stream import ReadOptions, checked, collect, stream_of

GOLDEN = Path(__file__).parent / "golden" / "word2vec"


def read(path: Path, options: ReadOptions = STRICT) -> Embeddings:
    return collect(checked(word2vec_binary.stream(path, options), path, options))


def row(word: str | bytes, *numbers: float) -> bytes:
    raw = word if isinstance(word, bytes) else word.encode()
    return raw + b" " + struct.pack(f"<{len(numbers)}f", *numbers)


def file(folder: Path, content: bytes) -> Path:
    path = folder / "x.bin"
    path.write_bytes(content)
    return path


def test_the_golden_file(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text("utf-8"))["gensim"]
    packed = tmp_path / "x.bin.gz"
    packed.write_bytes(gzip.compress((GOLDEN / "gensim.bin").read_bytes()))
    for path in (GOLDEN / "gensim.bin", packed):
        assert word2vec_binary.sniff(path)
        found = read(path)
        assert found.index_to_key == expected["words"]
        assert bits(found.vectors) == bits(np.array(expected["vectors"]).astype(np.float32))


def test_a_newline_after_each_row_or_none(tmp_path: Path) -> None:
    """Also where numbers hold the bytes of spaces and newlines."""
    space, newline = struct.unpack("<2f", b"    \n\n\n\n")
    rows = [row("a", space, newline, 1), row("köln", newline, space, 2), row("c", 0, 0, space)]
    for end in (b"", b"\n"):
        found = read(file(tmp_path, b"3 3\n" + end.join(rows) + end))
        assert found.index_to_key == ["a", "köln", "c"]
        assert found.vectors.tolist() == [[space, newline, 1], [newline, space, 2], [0, 0, space]]


def test_rows_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model([f"w{number}" * (number % 5 + 1) for number in range(300)], 7)
    path = tmp_path / "x"
    word2vec_binary.write(streamed(one, 11), path)
    for size in (1, 29, 100, 1000):
        monkeypatch.setattr(word2vec_binary, "BLOCK_BYTES", size)
        assert_same(read(path), one)


@settings(deadline=None)  # the machine may be busy
@given(models(PLAIN_WORD), st.sampled_from(["x", "x.gz", "x.zst"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, one: Embeddings, name: str) -> None:
    path = tmp_path_factory.mktemp("t") / name
    word2vec_binary.write(streamed(one), path)
    assert_same(read(path), one)
    assert bits(read(path).vectors) == bits(one.vectors)


def test_what_is_written_is_what_the_original_program_writes(tmp_path: Path) -> None:
    one = Embeddings(["a", "köln"], np.array([[1, 2], [3, 4]], np.float32))
    word2vec_binary.write(stream_of(one), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"2 2\n" + row("a", 1, 2) + b"\n" + row("köln", 3, 4) + b"\n"


WHOLE = b"3 2\n" + row("a", 1, 2) + row("bb", 3, 4) + row("c", 5, 6)


@pytest.mark.parametrize(
    ("content", "message", "left"),
    [
        (
            WHOLE[:-1],
            "byte 25: the file ends in row 3: 2 of the 3 rows that its header promises are whole",
            2,
        ),
        (
            WHOLE[:31],
            "promises 3 vectors of 2 dimensions, at least 27 bytes|byte 25: the file ends in row 3",
            2,
        ),
        (WHOLE + b"d", "byte 35: the file goes on after the 3 rows that its header promises", 3),
        (WHOLE + b"\nd", "byte 35: the file goes on after the 3 rows", 3),
        (WHOLE.replace(b"bb ", b"a "), "byte 14: the word 'a' is there for the second time", 2),
        (WHOLE.replace(b"bb", b"\xf6b"), r"byte 14: the word b'\\xf6b' is not utf-8; is it latin-1", 2),
        (WHOLE[:-4] + b"\x00\x00\x80\x7f", "byte 25: the vector of 'c' holds NaN or infinity", 2),
    ],
)
def test_damage(tmp_path: Path, content: bytes, message: str, left: int) -> None:
    path = file(tmp_path, content)
    with pytest.raises(FormatError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    lenient = ReadOptions(skip_bad=True)
    assert len(read(path, lenient)) == left
    assert lenient.skipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no header"),
        (b"\x80\x04\x95pickle", "is no header"),
        (b"25000000 100\n" + row("a", 1, 2), "at least 10,025,000,000 bytes, but the file has 23"),
        (
            b"1 99999999999\n" + row("a", 1, 2),
            "vectors of 99,999,999,999 dimensions, and firth reads at most",
        ),
        (b"0 2\n", "holds no words"),
        (b"2 0\na b ", "its vectors have 0 dimensions"),
        (b"9 2\n" + b"x" * 70_000, "byte 4: no space ends a word within 65,536 bytes"),
        (gzip.compress(b"9 1000000\nab ", mtime=0), "the file ends in row 1: 0 of the 9 rows"),
    ],
)
def test_files_that_lie(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(file(tmp_path, content))


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=60), st.sampled_from([b"", b"2 1\n", b"3 2\n", b"1 1\n"]), st.booleans())
def test_no_bytes_whatever_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, header: bytes, skip_bad: bool
) -> None:
    path = file(tmp_path_factory.mktemp("t"), header + content)
    assert {word2vec_binary.sniff(path), word2vec.sniff(path)} <= {True, False}
    for format_ in (word2vec_binary, word2vec):
        options = ReadOptions(skip_bad=skip_bad)
        try:
            collect(checked(format_.stream(path, options), path, options))
        except FormatError:
            continue


def test_latin_1(tmp_path: Path) -> None:
    path = file(tmp_path, b"2 1\n" + row("köln".encode("latin-1"), 1) + b"\n" + row("b", 2))
    assert read(path, ReadOptions(encoding="latin-1")).index_to_key == ["köln", "b"]
    assert read(path, ReadOptions(skip_bad=True)).index_to_key == ["b"]

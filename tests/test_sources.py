"""What may be a corpus: files of every kind, standard input, iterables, arrays, data sets; and not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import time
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from firth.corpus import files as files_module
from firth.corpus import remote, streams
from firth.corpus.encoded import EncodedCorpus, encode
from firth.corpus.files import find_files
from firth.corpus.sources import Files, open_source
from firth.corpus.streams import ByteStream, read_blocks, sniff_format
from firth.corpus.tokenize import TextOptions, WordTokenizer
from firth.errors import ConfigError, CorpusError

TEXT = "moss fern\noak\n\nfern oak elm ash œil\n"
SENTENCES = [["moss", "fern"], ["oak"], ["fern", "oak", "elm", "ash", "œil"]]


def sentences(corpus: EncodedCorpus) -> list[list[str]]:
    words = [corpus.vocabulary.words[number] for number in corpus.ids]
    starts = corpus.sentence_starts.tolist()
    return [words[begin:end] for begin, end in pairwise(starts)]


def read(corpus: Any, *, column: str | None = None, errors: str = "strict", **more: Any) -> list[list[str]]:
    options = TextOptions(column=column, encoding_errors=errors)
    return sentences(encode(corpus, options, min_count=1, **more))


def message_of(corpus: Any, *, column: str | None = None, **more: Any) -> str:
    with pytest.raises(CorpusError) as caught:
        read(corpus, column=column, **more)
    message = str(caught.value)
    assert "\n" not in message
    return message


def compressed(name: str, data: bytes) -> bytes:
    if name == "xz":
        return lzma.compress(data)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, name) as stream:
        stream.write(data)
    return bytes(sink.getvalue())


COMPRESSIONS = ["gzip", "bz2", "zstd", "xz", "lz4"]


# --- which files -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a/z.txt", "a/y.txt", ".hidden", ".git/config", "a/.swp", "c[1].txt"):
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return tmp_path / "texts"


def names(folder: Path, *given: Any) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_files(given) if path is not None]


def test_folders_are_read_whole_and_in_order_without_hidden_files(folder: Path) -> None:
    assert names(folder, str(folder)) == ["a/y.txt", "a/z.txt", "b.txt", "c[1].txt"]
    assert read(folder) == [["a/y.txt"], ["a/z.txt"], ["b.txt"], ["c[1].txt"]]


def test_globs_are_sorted(folder: Path) -> None:
    assert names(folder, f"{folder}/*.txt") == ["b.txt", "c[1].txt"]
    assert names(folder, folder / "*.txt") == ["b.txt", "c[1].txt"]
    assert names(folder, f"{folder}/**/*.txt") == ["a/y.txt", "a/z.txt", "b.txt", "c[1].txt"]
    assert names(folder, f"{folder}/**") == ["a/y.txt", "a/z.txt", "b.txt", "c[1].txt"]
    assert names(folder, f"{folder}/?") == ["a/y.txt", "a/z.txt"]


def test_a_file_with_a_globs_name_is_that_file(folder: Path) -> None:
    assert names(folder, str(folder / "c[1].txt")) == ["c[1].txt"]


def test_files_come_in_the_order_given(folder: Path) -> None:
    assert read([folder / "b.txt", folder / "a" / "z.txt"]) == [["b.txt"], ["a/z.txt"]]
    assert names(folder, str(folder / "b.txt"), str(folder / "a")) == ["b.txt", "a/y.txt", "a/z.txt"]


def test_a_home_folder_may_be_written_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert names(folder, "~/b.txt") == ["b.txt"]
    assert names(folder, "~/b.*") == ["b.txt"]


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").touch()
    assert "no such file or folder" in message_of(str(tmp_path / "absent.txt"))
    assert "absent.txt" in message_of(str(tmp_path / "absent.txt"))
    assert "'*.nothing' matches no file" in message_of("*.nothing")
    assert "holds no files (hidden ones do not count)" in message_of(tmp_path / "empty")
    assert "pass text itself as a list of sentences" in message_of("the quick brown fox " * 400)
    assert "no such file" in message_of("nul\0byte")
    assert "no such file" in message_of("")
    assert "no corpus was given" in message_of(Files([]))


def test_a_broken_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "broken.txt").symlink_to(tmp_path / "gone")
    assert "broken.txt: no such file" in message_of(tmp_path / "d")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)

    original = Path.open

    def refuse(where: Any, *args: Any, **more: Any) -> Any:
        if where in (path, str(tmp_path)):
            raise PermissionError(13, "Permission denied", str(where))
        return original(where, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert f"{path}: permission denied; make it readable" in message_of(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        assert "permission denied" in message_of(tmp_path)


def test_strings_that_are_files_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_text(TEXT)
    message = message_of([str(path) for path in paths])
    assert "pass Path objects" in message
    assert "a.txt" in message
    assert read([str(paths[0]), "no file of that name"]) == [
        [str(paths[0])],
        ["no", "file", "of", "that", "name"],
    ]
    assert "mixes paths" in message_of([paths[0], "a sentence"])


# --- what the bytes show ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_compression_is_seen_by_the_first_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(compressed(name, TEXT.encode()))
    assert read(path) == SENTENCES


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_concatenated_compressed_files_are_read_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(b"".join(compressed(name, part) for part in (b"moss fe", b"rn\no", b"ak\n")))
    assert read(path) == [["moss", "fern"], ["oak"]]


def test_formats_of_other_writers() -> None:
    assert sniff_format(gzip.compress(b"a")) == "gzip"
    assert sniff_format(bz2.compress(b"a")) == "bz2"
    assert sniff_format(bz2.compress(b"")) == "bz2"
    assert sniff_format(lzma.compress(b"a")) == "xz"
    assert sniff_format(b"\x50\x2a\x4d\x18\x04\0\0\0abcd") == "zstd"
    assert sniff_format(b"BZh9 is a word") == "plain"
    assert sniff_format(b"") == "plain"


def test_a_misleading_name_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "plain.gz"
    path.write_text(TEXT)
    assert read(path) == SENTENCES


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_truncation_is_noticed_wherever_it_falls(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    lines = "".join(f"{rng.integers(10**12)} {rng.integers(10**12)}\n" for _ in range(20_000))
    whole = compressed(name, lines.encode())
    path = tmp_path / "cut"
    lengths = [20, 30, 100, len(whole) // 3, len(whole) // 2, *range(len(whole) - 13, len(whole))]
    for length in lengths:
        path.write_bytes(whole[:length])
        message = message_of(path)
        assert f"the {name} data is truncated or damaged" in message
        assert str(path) in message
    path.write_bytes(whole)
    assert sum(map(len, read(path))) == 40_000


@pytest.mark.parametrize("name", ["gzip", "bz2", "xz"])
def test_damage_is_noticed(name: str, tmp_path: Path) -> None:
    data = bytearray(compressed(name, TEXT.encode() * 500))
    data[len(data) // 2] ^= 0x55
    (tmp_path / "damaged").write_bytes(data)
    assert "truncated or damaged" in message_of(tmp_path / "damaged")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert read(path) == SENTENCES
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + TEXT.encode()))
    assert read(path) == SENTENCES


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    (tmp_path / "crlf.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert read(tmp_path / "crlf.txt") == SENTENCES


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("wide text".encode("utf-16"), "UTF-16 (it begins with the byte order mark FF FE)"),
        ("wide text".encode("utf-32"), "UTF-32 (it begins with the byte order mark FF FE 00 00)"),
        (b"\xfe\xff" + "wide text".encode("utf-16-be"), "iconv -f UTF-16 -t UTF-8"),
        ("wide text".encode("utf-16-le"), "convert it from UTF-16 with iconv"),
        (b"%PDF-1.7 ...", "looks like a PDF document; extract its text first"),
        (b"\x89PNG\r\n\x1a\n....", "looks like a PNG image"),
        (b"\x7fELF\x02", "looks like an ELF program"),
        (b"\x93NUMPY\x01\0", "looks like a NumPy array"),
        (bytes(257) + b"ustar", "looks like a tar archive; unpack it first"),
        (gzip.compress(gzip.compress(b"text", mtime=0), mtime=0), "the decompressed content is gzip again"),
        (gzip.compress(b"PAR1\x15\0\x15", mtime=0), "the decompressed content is parquet again"),
        (b"some words\nmore \0 words\n", "a NUL byte at byte 16 of the text (line 2)"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(data: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    message = message_of(path)
    assert expected in message
    assert message.startswith(str(path))


def test_a_zip_archive_is_called_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.txt", "w") as archive:
        archive.writestr("a.txt", TEXT)
    assert "looks like a zip archive" in message_of(tmp_path / "t.txt")


def test_a_text_may_begin_like_parquet(tmp_path: Path) -> None:
    (tmp_path / "par.txt").write_text("PAR1 is a word\n")
    assert read(tmp_path / "par.txt") == [["PAR1", "is", "a", "word"]]
    (tmp_path / "par.txt.gz").write_bytes(gzip.compress(b"PAR1 is a word\n"))
    assert read(tmp_path / "par.txt.gz") == [["PAR1", "is", "a", "word"]]


@pytest.mark.parametrize("piece_bytes", [5, 1 << 20])
@pytest.mark.parametrize("threads", [1, 3])
def test_bytes_that_are_not_utf8(piece_bytes: int, threads: int, tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "ça va\n".encode() * 300 + b"moss \xe9t\xe9\n" + b"\xff\n" * 300)
    message = message_of(path, piece_bytes=piece_bytes, threads=threads)
    assert f"{path}: not UTF-8: b'\\xe9t\\xe9" in message
    assert f"at byte {3 + 7 * 300 + 5} of the text, line 301;" in message
    assert "pass encoding_errors='replace' (--encoding-errors replace)" in message
    found = read(path, errors="replace", piece_bytes=piece_bytes, threads=threads)
    assert found[300:302] == [["moss", "\ufffdt\ufffd"], ["\ufffd"]]
    assert len(found) == 601


def test_a_nul_in_a_compressed_file_counts_decompressed_bytes(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"word word\n" * 1000 + b"a\0b"))
    for piece_bytes in (16, 1 << 20):
        assert "at byte 10001 of the text (line 1001)" in message_of(path, piece_bytes=piece_bytes)


def test_a_text_without_whitespace_is_refused_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "MAX_TOKEN_BYTES", 5000)
    path = tmp_path / "text.txt"
    path.write_bytes(b"one line\n" + b"x" * 100_000)
    assert "line 2 has 64 MiB without any whitespace" in message_of(path, piece_bytes=1000)
    assert read(path, piece_bytes=1 << 20) == [["one", "line"], ["x" * 100_000]]


class _Watched(ByteStream):
    """A stream that knows the most that was asked of it."""

    asked = 0

    def read(self, size: int) -> bytes:
        self.asked = max(self.asked, size)
        return super().read(size)


def test_one_long_line_is_read_in_small_blocks(tmp_path: Path) -> None:
    path = tmp_path / "text8"
    words = [f"w{number % 977}" for number in range(200_000)]
    path.write_text(" ".join(words))
    with _Watched(path) as stream:
        blocks = list(read_blocks(stream, 4096, WordTokenizer().cut, 1 << 20, too_long=""))
    assert stream.asked == 4096
    assert max(len(block.data) for block in blocks) < 2 * 4096
    assert [block.continues for block in blocks] == [False] + [True] * (len(blocks) - 1)
    assert b"".join(block.data for block in blocks) == path.read_bytes()
    assert all(block.line == 1 for block in blocks)
    assert read(path, piece_bytes=4096, threads=3) == [words]


def test_a_text_of_one_sentence_a_line_is_cut_at_lines(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("a b c\n" * 5000)
    with ByteStream(path) as stream:
        blocks = list(read_blocks(stream, 1000, WordTokenizer().cut, 1 << 20, too_long=""))
    assert not any(block.continues for block in blocks)
    assert [block.line for block in blocks] == [1 + block.offset // 6 for block in blocks]


# --- standard input and pipes ----------------------------------------------------------------------


class _Trickle(io.RawIOBase):
    """A pipe that hands out three bytes at a time and cannot be sought."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(memoryview(buffer)[:3])


@pytest.mark.parametrize("name", ["plain", *COMPRESSIONS])
def test_standard_input_is_read_as_a_file_is(name: str) -> None:
    data = TEXT.encode() if name == "plain" else compressed(name, TEXT.encode())
    for stdin in (io.BytesIO(data), io.BufferedReader(_Trickle(data)), _Trickle(data)):
        corpus = encode(Files(["-"], stdin=stdin), min_count=1)  # type: ignore[arg-type]
        assert sentences(corpus) == SENTENCES
        assert corpus.source["kind"] == "stdin"
        assert corpus.source["paths"] == ["-"]


def test_standard_input_among_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first")
    assert read(Files([str(tmp_path / "a.txt"), "-"], stdin=io.BytesIO(b"second"))) == [["first"], ["second"]]
    assert "standard input (-) was given more than once" in message_of(Files(["-", "-"]))


def test_the_process_own_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert read("-") == SENTENCES
    monkeypatch.setattr("sys.stdin", None)
    assert "there is no standard input" in message_of("-")


def test_errors_of_standard_input_call_it_so() -> None:
    assert message_of(Files(["-"], io.BytesIO(b"a \xff"))).startswith("standard input: not UTF-8")
    assert message_of(Files(["-"], io.BytesIO(b""))).startswith("standard input: no words to learn from")
    cut = gzip.compress(TEXT.encode())[:-4]
    assert "standard input: the gzip data is truncated" in message_of(Files(["-"], io.BytesIO(cut)))
    assert "Parquet cannot be read from a pipe" in message_of(
        Files(["-"], io.BytesIO(b"PAR1\x15\0")), column="t"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_named_pipe_is_read_once_and_never_known_again(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(TEXT,))
    writer.start()
    source = open_source(pipe, cut=WordTokenizer().cut)
    assert source.bytes_total is None
    assert source.stamp() is None
    assert read(pipe) == SENTENCES
    writer.join()


# --- Parquet ---------------------------------------------------------------------------------------


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_parquet_texts(kind: Any, piece_bytes: int, tmp_path: Path) -> None:
    texts = pa.array(["moss fern\noak", None, "", "fern oak elm ash œil", " "], pa.string()).cast(kind)
    path = parquet(tmp_path / "texts", other=[1, 2, 3, 4, 5], text=texts)
    assert read(path, column="text", piece_bytes=piece_bytes) == SENTENCES


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_parquet_token_lists(kind: Any, tmp_path: Path) -> None:
    rows = pa.array([["moss", "two words"], [], None, ["oak"], [""]], kind)
    path = parquet(tmp_path / "tokens", tokens=rows, count=[1, 2, 3, 4, 5])
    for piece_bytes in (1, 1 << 20):
        found = read(path, column="tokens", piece_bytes=piece_bytes)
        assert found == [["moss", "two words"], ["oak"], [""]]


def test_parquet_id_lists(tmp_path: Path) -> None:
    path = parquet(tmp_path / "ids", input_ids=[[7, 3], [3], [], [9, 3, 7]])
    corpus = encode(path, TextOptions(column="input_ids"), min_count=1)
    assert sentences(corpus) == [["7", "3"], ["3"], ["9", "3", "7"]]
    assert corpus.vocabulary.table_size == 10


def test_only_the_column_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big"
    pq.write_table(pa.table({"text": ["word " * 100] * 400, "noise": ["x" * 1000] * 400}), path)
    asked: list[tuple[int, Any]] = []
    original = pq.ParquetFile.iter_batches

    def watch(self: Any, batch_size: int, **more: Any) -> Any:
        asked.append((batch_size, more["columns"]))
        return original(self, batch_size, **more)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watch)
    # Parquet stores the repeated text once: a row's share is what it takes in the file, decompressed.
    assert len(read(path, column="text", piece_bytes=50)) == 400
    assert asked[0][1] == ["text"]
    assert asked[0][0] < 50


def test_parquet_errors(tmp_path: Path) -> None:
    path = parquet(tmp_path / "p", text=["a"], label=[3], parts=[["a", None]], deep=[{"x": 1}])
    assert "this is a Parquet file: say which column" in message_of(path)
    assert "the columns are 'text', 'label', 'parts', 'deep'" in message_of(path)
    assert "there is no column 'txt'; the columns are 'text'" in message_of(path, column="txt")
    assert "column 'label' holds int64: firth needs strings" in message_of(path, column="label")
    assert "column 'deep' holds struct" in message_of(path, column="deep")
    assert "column 'parts', row 0, item 1 is null" in message_of(path, column="parts")
    whole = path.read_bytes()
    path.write_bytes(whole[:-6])
    assert "the Parquet file is truncated" in message_of(path, column="text")
    path.write_bytes(whole[:-30] + b"\xff" * 22 + whole[-8:])
    assert "the Parquet file is damaged" in message_of(path, column="text")
    negative = parquet(tmp_path / "n", ids=[[1], [-4]])
    assert "the id -4 at position" in message_of(negative, column="ids")


# --- JSON Lines ------------------------------------------------------------------------------------


def json_lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("piece_bytes", [1, 40, 1 << 20])
def test_json_lines_texts(piece_bytes: int, tmp_path: Path) -> None:
    rows = [{"n": 1}, {"text": "moss fern\noak"}, {"text": None}, {"n": [1], "text": "fern oak elm ash œil"}]
    path = json_lines(tmp_path / "rows", {"text": "", "n": {"x": 1}}, *rows)
    assert read(path, column="text", piece_bytes=piece_bytes) == SENTENCES
    path.write_bytes(gzip.compress(path.read_bytes().replace(b"\n", b"\r\n\n")))
    assert read(path, column="text", piece_bytes=piece_bytes) == SENTENCES


@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_json_lines_tokens_and_ids(piece_bytes: int, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "t", {"t": []}, {"t": ["moss", "a b"]}, {"t": []}, {"t": ["oak", ""]})
    assert read(path, column="t", piece_bytes=piece_bytes) == [["moss", "a b"], ["oak", ""]]
    path = json_lines(tmp_path / "i", {"t": [8, 2]}, {"x": 0}, {"t": [2]})
    assert read(path, column="t", piece_bytes=piece_bytes) == [["8", "2"], ["2"]]


def test_json_strings_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"t": "\\u0153il \\ud83d\\ude00\\tx"}\n{"t": "é"}')
    assert read(tmp_path / "j", column="t") == [["œil", "😀", "x"], ["é"]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": "b"', "line 3 is not JSON"),
        ('["b"]', "line 3 is not a JSON object but ['b']"),
        ("plain words", "for plain text leave column (--column) out"),
        ('{"text": 7}', "line 3: column 'text' holds 7: firth needs strings"),
        ('{"text": ["b", 7]}', "line 3: column 'text' holds ['b', 7]"),
        ('{"text": {"b": 1}}', "line 3: column 'text' holds {'b': 1}"),
        ('{"text": [1.5]}', "line 3: column 'text' holds [1.5]"),
        ('{"text": [99999999999999999999]}', "line 3: column 'text' holds [99999999999999999999]"),
        ('{"text": "\\ud800"}', "half of a surrogate pair"),
        ('{"text": ["b"]}', "mix"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_broken_json_lines(line: str, expected: str, piece_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text('{"text": "a"}\n\n' + line + '\n{"text": "c"}\n')
    message = message_of(path, column="text", piece_bytes=piece_bytes)
    assert expected in message
    assert str(path) in message


def test_half_a_surrogate_pair_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"t": "a\\ud800"}\n')
    assert read(tmp_path / "j", column="t", errors="replace") == [["a\ufffd"]]


def test_json_lines_and_the_column(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "rows", {"id": 1, "body": "a"}, {"title": "t"})
    message = message_of(path)
    assert "this is a JSON Lines file: say which column" in message
    assert "the columns are 'id', 'body'" in message
    assert "there is no column 'text'; the columns are 'id', 'body', 'title'" in message_of(
        path, column="text"
    )


def test_a_text_that_begins_with_a_brace_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{ not json }\n")
    assert read(tmp_path / "t") == [["{", "not", "json", "}"]]


def test_json_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b'{"t": "a"}\n{"t": "\xe9"}\n')
    assert "at byte 18 of the text, line 2;" in message_of(tmp_path / "j", column="t")
    assert read(tmp_path / "j", column="t", errors="replace") == [["a"], ["\ufffd"]]


def test_a_json_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.corpus.columns.MAX_JSON_LINE_BYTES", 3000)
    (tmp_path / "j").write_bytes(b'{"t": "a"}\n{"t": "' + b"a " * 50_000)
    assert "line 2 is longer than" in message_of(tmp_path / "j", column="t", piece_bytes=1000)


# --- Python ----------------------------------------------------------------------------------------


def test_iterables_of_sentences() -> None:
    assert read([["moss", "fern"], [], ("oak",), np.array(["elm", "oak"])]) == [
        ["moss", "fern"],
        ["oak"],
        ["elm", "oak"],
    ]
    assert read(["moss fern", "", "oak\nelm"]) == [["moss", "fern"], ["oak"], ["elm"]]
    assert read(iter([["two words", ""]])) == [["two words", ""]]
    assert read(np.array([["a", "b"], ["b", "c"]])) == [["a", "b"], ["b", "c"]]


@pytest.mark.parametrize("piece_bytes", [1, 30, 1 << 20])
def test_a_generator_is_read_once(piece_bytes: int) -> None:
    reads = 0

    def rows() -> Iterator[list[str]]:
        nonlocal reads
        reads += 1
        for number in range(50):
            yield [f"w{number % 7}"] * (number % 4)

    once = rows()
    expected = [[f"w{number % 7}"] * (number % 4) for number in range(50) if number % 4]
    assert read(once, piece_bytes=piece_bytes) == expected
    assert reads == 1
    assert "a generator can be read only once: make a new one" in message_of(once)


def test_an_error_of_the_users_generator_is_theirs() -> None:
    def rows() -> Iterator[list[str]]:
        yield ["a"]
        raise RuntimeError("theirs")

    with pytest.raises(RuntimeError, match="theirs"):
        read(rows(), threads=3, piece_bytes=1)


@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        ([["a"], ["b", 7]], "sentence 1, token 1 is 7, of type int: a token must be a string"),
        ([["a"], [], ["b", None]], "sentence 2, token 1 is None"),
        ([["a"], ["b", b"c"]], "sentence 1, token 1 is b'c', of type bytes"),
        ([["a"], [None]], "sentence 1, token 0 is None"),
        ([["a"], "b c"], "sentence 1 holds a text, but those before it hold tokens"),
        ([[3], ["b"]], "sentence 1 holds tokens, but those before it hold ids"),
        ([["a"], b"bytes"], "sentence 1 is b'bytes', of type bytes: a sentence is a string"),
        ([["a"], 3], "sentence 1 is 3, of type int"),
        ([{"text": "a"}], "take one field of it"),
        ([{"a", "b"}], "of type set: a sentence is"),
        ([["a"], ["b\ud800"]], "sentence 1, token 0, 'b\\ud800', cannot be written as UTF-8"),
        (["a", "b\ud800"], "sentence 1 cannot be written as UTF-8"),
        ([[1, 2], [3, 4.5]], "sentence 1, id 1 is 4.5, of type float"),
        ([[1, 2], [1.5]], "sentence 1, id 0 is 1.5, of type float"),
        ([[1, 2], [3, True]], "sentence 1, id 1 is True, of type bool"),
        ([[1, 2], [3, -1]], "sentence 1: the id -1 at position 1 is negative"),
        ([[1, 2], [2**31]], "sentence 1: the id 2147483648 at position 0 is above 2**31 - 1"),
        ([[1, 2], [2**70]], "sentence 1: the id 1180591620717411303424 at position 0 is above"),
        ([np.array([1]), np.array([1.0])], "sentence 1: ids must be whole numbers, not float64"),
    ],
)
def test_sentences_that_are_none(corpus: list[Any], expected: str, piece_bytes: int) -> None:
    assert expected in message_of(corpus, piece_bytes=piece_bytes)
    assert expected in message_of(iter(corpus), piece_bytes=piece_bytes, threads=1)


def test_half_a_surrogate_pair_in_python_strings_can_be_replaced() -> None:
    assert read(["a\ud800 b"], errors="replace") == [["a\ufffd", "b"]]
    assert read([["a\ud800"]], errors="replace") == [["a\ufffd"]]


class Table:
    columns = ("text",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        (3, "of type int is not a corpus: pass a path"),
        (None, "of type NoneType is not a corpus"),
        (b"text", "of type bytes is not a corpus"),
        ({"train": [["a"]]}, "pick one split, for example corpus['train']"),
        (Table(), "of type Table is a table: pass one column of it"),
    ],
)
def test_what_is_no_corpus(corpus: Any, expected: str) -> None:
    assert expected in message_of(corpus)


def test_columns_belong_to_tables() -> None:
    with pytest.raises(ConfigError, match="column='text' is for Parquet, JSON Lines and data sets"):
        read([["a"]], column="text")
    with pytest.raises(ConfigError, match="not for an array of ids"):
        read(np.array([3]), column="text")


# --- ids -------------------------------------------------------------------------------------------

# Ids, positions, counts and frequency ranks all differ: 21 stands four times, 9 three, 14 twice, 30 once.
IDS = [9, 21, 14, 21, 30, 9, 21, 9, 14, 21]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_an_array_of_ids_is_one_sentence(dtype: Any) -> None:
    corpus = encode(np.array(IDS, dtype), min_count=2, piece_bytes=12)
    assert corpus.vocabulary.token_ids is not None
    assert corpus.vocabulary.token_ids.tolist() == [21, 9, 14]
    assert corpus.ids.tolist() == [1, 0, 2, 0, 1, 0, 1, 2, 0]
    assert corpus.sentence_starts.tolist() == [0, 9]
    assert (corpus.tokens_read, corpus.distinct_words) == (10, 4)
    assert corpus.source["kind"] == "ids"


@pytest.mark.parametrize("piece_bytes", [4, 8, 12, 1 << 20])
@pytest.mark.parametrize("starts", [[0, 3, 3, 4, 9], [0, 3, 4, 9, 10], np.array([0, 3, 4, 9, 10], np.uint32)])
def test_an_array_of_ids_with_sentence_starts(starts: Any, piece_bytes: int) -> None:
    found = read(np.array(IDS), sentence_starts=starts, piece_bytes=piece_bytes)
    expected = [IDS[:3], IDS[3:4], IDS[4:9], IDS[9:]]
    assert found == [[str(number) for number in sentence] for sentence in expected]


def test_a_list_of_ids_is_an_array() -> None:
    assert read(IDS) == [[str(number) for number in IDS]]
    assert read(range(4, 7)) == [["4", "5", "6"]]


def test_sentences_of_ids() -> None:
    expected = [["9", "21"], ["14"]]
    assert read([[9, 21], [], [14]]) == expected
    assert read(iter([np.array([9, 21], np.uint8), [14]])) == expected
    assert read(np.array([[9, 21], [14, 9]])) == [["9", "21"], ["14", "9"]]


@pytest.mark.parametrize(
    ("ids", "starts", "expected"),
    [
        (np.array([1.0, 2.0]), None, "the array of ids: ids must be whole numbers, not float64"),
        (np.array([True, False]), None, "not bool"),
        (np.array([4, -3, 5]), None, "the id -3 at position 1 is negative"),
        (np.array([4, 5, 2**31]), None, "the id 2147483648 at position 2 is above 2**31 - 1"),
        (np.array([4, 2**27]), None, "asks for a table of 134217729 rows"),
        (np.array(4), None, "must have one dimension, not the shape ()"),
        (np.array([], np.int32), None, "no words to learn from: it is empty"),
        (np.array([4, 5]), [1], "must begin with 0"),
        (np.array([4, 5]), [0, 3], "stay within the 2 ids, but goes from 0 to 3"),
        (np.array([4, 5, 6]), [0, 2, 1], "must rise: entry 2 is 1, after 2"),
        (np.array([4, 5]), [0.0], "1-D array of whole numbers that begins with 0"),
        (np.array([4, 5]), [], "1-D array of whole numbers that begins with 0"),
    ],
)
def test_arrays_that_are_no_ids(ids: Any, starts: Any, expected: str) -> None:
    assert expected in message_of(ids, sentence_starts=starts, piece_bytes=8)


def test_sentence_starts_belong_to_arrays() -> None:
    with pytest.raises(ConfigError, match="sentence_starts belongs to a 1-D array of ids"):
        read([["a"]], sentence_starts=[0])


def test_vocab_size() -> None:
    corpus = encode(np.array(IDS), min_count=1, vocab_size=50)
    assert corpus.vocabulary.table_size == 50
    assert corpus.vocabulary.table_keys is not None
    assert corpus.vocabulary.table_keys[49] == "49"
    assert encode(np.array(IDS), min_count=1).vocabulary.table_size == 31
    assert "the id 30 lies outside vocab_size=30" in message_of(np.array(IDS), vocab_size=30)
    with pytest.raises(ConfigError, match="vocab_size belongs to a corpus of ids"):
        read([["a"]], vocab_size=3)


# --- data sets -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_hugging_face_data_sets() -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"text": [f"word{number} moss" for number in range(30)], "n": list(range(30))}
    rows["tokens"] = [text.split() for text in rows["text"]]
    data = datasets.Dataset.from_dict(rows)
    expected = rows["tokens"]
    for corpus, column in (
        (data, "text"),
        (data, "tokens"),
        (data["text"], None),
        (data.to_iterable_dataset(), "text"),
        (data.to_iterable_dataset()["text"], None),
    ):
        assert read(corpus, column=column, piece_bytes=100) == expected
    shuffled = data.shuffle(seed=7)
    assert read(shuffled, column="text") == [text.split() for text in shuffled["text"][:]]
    assert read(shuffled, column="text") != expected
    assert encode(data, TextOptions(column="text"), min_count=1).source["kind"] == "dataset"
    assert "say which column" in message_of(data)
    assert "there is no column 'txt'; the columns are 'text', 'n', 'tokens'" in message_of(data, column="txt")
    assert "the data set's column 'n' holds int64" in message_of(data, column="n")
    assert "pick one split, for example corpus['train']" in message_of(datasets.DatasetDict(train=data))


def test_streams_close_what_they_opened(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text(TEXT)
    with ByteStream(path) as stream:
        assert stream.read(4) == b"moss"
    assert stream._owned is not None
    assert stream._owned.closed
    assert streams.is_regular(path)


def test_a_store_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's own client would ask for a quarter of an hour, deaf to Ctrl-C."""
    monkeypatch.setattr(remote, "RETRY_SECONDS", 0.1)
    nobody = "scheme=http&endpoint_override=127.0.0.1:1"
    began = time.monotonic()
    with pytest.raises(CorpusError, match=r"gs://.*: cannot be reached \(.*check the address"):
        open_source(f"gs://anonymous@bucket/text.txt?{nobody}", cut=len)
    assert time.monotonic() - began < 60
    assert "retry_limit_seconds=7" in remote._with_patience("gs://bucket/text?retry_limit_seconds=7")
    assert remote._with_patience("s3://bucket/text") == "s3://bucket/text"

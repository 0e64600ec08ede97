"""Encoding as a whole: against a plain Python twin, the same bytes however it is done, and the errors."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import json
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firth.corpus import collect, encoded, tokenize
from firth.corpus.encoded import EncodedCorpus, encode
from firth.corpus.sources import Files
from firth.corpus.tokenize import TextOptions
from firth.errors import ConfigError, CorpusError, MissingExtraError

TEXT = "b a d\nd c\n\na d e\ne e f d\n"


def sentences(corpus: EncodedCorpus) -> list[list[str]]:
    words = [corpus.vocabulary.words[number] for number in corpus.ids]
    return [words[begin:end] for begin, end in pairwise(corpus.sentence_starts.tolist())]


def plain(text: str, min_count: int, most: int | None = None) -> tuple[list[str], list[int], list[list[str]]]:
    """The encoder in plain Python: words, counts and the sentences of kept words."""
    split = [line.split() for line in text.split("\n")]
    counts = Counter(word for line in split for word in line)
    order = sorted((word for word in counts if counts[word] >= min_count), key=lambda w: (-counts[w], w))[
        :most
    ]
    kept = [[word for word in line if word in order] for line in split]
    return order, [counts[word] for word in order], [line for line in kept if line]


def same(one: EncodedCorpus, other: EncodedCorpus) -> bool:
    return (
        one.ids.tobytes() == other.ids.tobytes()
        and one.sentence_starts.tobytes() == other.sentence_starts.tobytes()
        and list(one.vocabulary.words) == list(other.vocabulary.words)
        and one.vocabulary.counts.tobytes() == other.vocabulary.counts.tobytes()
        and (one.tokens_read, one.distinct_words) == (other.tokens_read, other.distinct_words)
        and one.fingerprint == other.fingerprint
    )


def test_a_small_corpus_number_by_number(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    corpus = encode(tmp_path / "text", min_count=2)
    assert corpus.vocabulary.words == ["d", "e", "a"]
    assert corpus.vocabulary.counts.tolist() == [4, 3, 2]
    assert corpus.ids.tolist() == [2, 0, 0, 2, 0, 1, 1, 1, 0]
    assert corpus.sentence_starts.tolist() == [0, 2, 3, 6, 9]
    assert (corpus.ids.dtype, corpus.sentence_starts.dtype) == (np.int32, np.int64)
    assert (corpus.tokens_read, corpus.distinct_words) == (12, 6)
    assert len(corpus.fingerprint) == 32
    assert corpus.source == {
        "kind": "files",
        "paths": [str(tmp_path / "text")],
        "tokenizer": "whitespace",
        "lowercase": False,
        "column": None,
        "encoding_errors": "strict",
    }
    assert json.loads(json.dumps(corpus.source)) == corpus.source
    for array in (corpus.ids, corpus.sentence_starts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("ab\u0153\u00e9 \n\n\t\u3000"), max_size=120),
    min_count=st.integers(1, 3),
    most=st.none() | st.integers(1, 3),
    piece_bytes=st.sampled_from([1, 2, 7, 64]),
    threads=st.sampled_from([1, 2]),
)
def test_encoding_is_that_of_plain_python(
    tmp_path: Path, text: str, min_count: int, most: int | None, piece_bytes: int, threads: int
) -> None:
    path = tmp_path / "text"
    path.write_bytes(text.encode())
    words, counts, expected = plain(text, min_count, most)
    more: dict[str, Any] = {"min_count": min_count, "max_vocab_size": most, "piece_bytes": piece_bytes}
    if not expected:
        with pytest.raises(CorpusError):
            encode(path, threads=threads, **more)
        return
    with encode(path, threads=threads, **more) as corpus:
        assert corpus.vocabulary.words == words
        assert corpus.vocabulary.counts.tolist() == counts
        assert sentences(corpus) == expected
        assert corpus.tokens_read == len(text.split())
        assert corpus.distinct_words == len(set(text.split()))


def zipf_text(lines: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    numbers = np.minimum(rng.zipf(1.3, lines * 9), 5000)
    words = np.array([f"w{number}é" if number % 3 else f"W{number}" for number in range(5001)])[numbers]
    return "\n".join(" ".join(row) for row in words.reshape(lines, 9).tolist())


@pytest.mark.parametrize("one_line", [False, True])
@pytest.mark.parametrize("options", [{}, {"tokenizer": "words", "lowercase": True}])
def test_threads_and_pieces_never_change_a_byte(
    one_line: bool, options: dict[str, Any], tmp_path: Path
) -> None:
    text = zipf_text(400, 3)
    path = tmp_path / "text"
    path.write_bytes(text.replace("\n", " ").encode() if one_line else text.encode())
    first = encode(path, TextOptions(**options), min_count=2, threads=1)
    assert len(first.sentence_starts) == 2 if one_line else len(first.sentence_starts) > 350
    for piece_bytes in (100, 1000, 9000):
        for threads in (1, 2, 5):
            other = encode(
                path, TextOptions(**options), min_count=2, threads=threads, piece_bytes=piece_bytes
            )
            assert same(first, other)


def test_the_same_words_have_the_same_fingerprint_wherever_they_come_from(tmp_path: Path) -> None:
    text = zipf_text(200, 5)
    (tmp_path / "text").write_bytes(text.encode())
    (tmp_path / "text.gz").write_bytes(gzip.compress(text.encode()))
    rows = [line.split() for line in text.split("\n")]
    corpora = [
        encode(tmp_path / "text"),
        encode(tmp_path / "text.gz"),
        encode(Files(["-"], io.BytesIO(text.encode()))),
        encode(rows),
        encode(iter(text.split("\n")), piece_bytes=100),
    ]
    assert len({corpus.fingerprint for corpus in corpora}) == 1
    assert [corpus.source["kind"] for corpus in corpora] == [
        "files",
        "files",
        "stdin",
        "iterable",
        "iterable",
    ]


def test_the_fingerprint_follows_words_counts_ids_and_starts() -> None:
    def of(rows: list[list[str]], **more: Any) -> str:
        return encode(rows, min_count=more.pop("min_count", 1), **more).fingerprint

    rows = [["a", "b", "a"], ["b", "c", "a"]]
    prints = [
        of(rows),
        of([["a", "b", "a", "b", "c", "a"]]),  # starts
        of([["a", "a", "b"], ["b", "c", "a"]]),  # ids
        of([["a", "b", "a"], ["b", "d", "a"]]),  # words
        of(rows, max_vocab_size=2),
        of([[1, 2, 1], [2, 3, 1]]),  # type: ignore[list-item]
        of([["1", "2", "1"], ["2", "3", "1"]]),
        of([[1, 2, 1], [2, 3, 1]], vocab_size=9),  # type: ignore[list-item]
    ]
    assert len(set(prints)) == len(prints)
    assert of(rows) == prints[0]
    assert of(rows, min_count=2) == of([["a", "b", "a"], ["b", "a"]])


def test_renumbering_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, and whole sentences, are left out across the edges of the blocks."""
    rows = [["x"] * (n % 5) + [f"rare{n}"] * (n % 3) + ["y"] * (n % 2) for n in range(200)]
    expected = [row for row in ([w for w in row if not w.startswith("rare")] for row in rows) if row]
    for block in (1, 2, 3, 7, 1 << 20):
        monkeypatch.setattr(collect, "_BLOCK", block)
        assert sentences(encode(rows, min_count=50)) == expected


def test_many_different_words_in_many_pieces() -> None:
    rows = [[f"w{n}", f"w{n // 2}", "common"] for n in range(70_000)]
    corpus = encode(rows, min_count=1, piece_bytes=50_000)
    assert corpus.distinct_words == 70_001
    assert corpus.vocabulary.words[:2] == ["common", "w0"]
    assert corpus.vocabulary.total == corpus.tokens_read == 210_000
    counts = np.bincount(corpus.ids, minlength=len(corpus.vocabulary.words))
    assert np.array_equal(counts, corpus.vocabulary.counts)


# --- ids -------------------------------------------------------------------------------------------


def test_ids_far_apart_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[100_000, 3], [100_000, 9], [9, 100_000]]
    dense = encode(rows, min_count=2, piece_bytes=1)
    monkeypatch.setattr(collect, "_DENSE", 50)
    sparse = encode(rows, min_count=2)
    assert sparse.vocabulary.token_ids is not None
    assert sparse.vocabulary.token_ids.tolist() == [100_000, 9]
    assert sparse.vocabulary.counts.tolist() == [3, 2]
    assert same(dense, sparse)


def test_a_tokenizer_json_makes_a_corpus_of_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    # Ids, positions, counts and ranks all differ: oak (5) three times, moss (11) twice, fern (7) once.
    content = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {
            "type": "WordLevel",
            "vocab": {"[UNK]": 2, "moss": 11, "fern": 7, "oak": 5},
            "unk_token": "[UNK]",
        },
    }
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    options = TextOptions(tokenizer=path)
    corpus = encode(["fern moss oak", "oak", "moss oak"], options, min_count=2)
    vocabulary = corpus.vocabulary
    assert vocabulary.words == ["oak", "moss"]
    assert vocabulary.token_ids is not None
    assert vocabulary.token_ids.tolist() == [5, 11]
    assert vocabulary.table_size == 12
    assert vocabulary.table_keys is not None
    assert [vocabulary.table_keys[number] for number in vocabulary.token_ids] == vocabulary.words
    assert vocabulary.table_keys[3] == "<id 3>"
    assert corpus.ids.tolist() == [1, 0, 0, 1, 0]
    assert corpus.sentence_starts.tolist() == [0, 2, 3, 5]
    assert corpus.distinct_words == 3
    assert corpus.source["tokenizer"] == str(path)
    with pytest.raises(ConfigError, match=r"vocab_size belongs to arrays of ids"):
        encode(["a"], options, vocab_size=20)
    with pytest.raises(ConfigError, match=r"needs text, but the corpus is split already"):
        encode([["oak"]], options)
    _one_line_of_ids(tmp_path, options, monkeypatch)


def _one_line_of_ids(tmp_path: Path, options: TextOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """One long line: the same ids for any pieces, though the tokenizer sees it in segments."""
    monkeypatch.setattr(tokenize, "SEGMENT_BYTES", 100)
    words = np.random.default_rng(2).choice(["oak", "moss", "fern", "oak\t\t", "moss-oak"], 2000)
    (tmp_path / "line").write_text("fern\n" + " ".join(words) + "\r\noak oak")
    first = encode(tmp_path / "line", options, min_count=1, threads=1)
    assert len(first.sentence_starts) == 4
    assert first.tokens_read > 2000
    for piece_bytes in (1, 90, 333, 5000):
        assert same(first, encode(tmp_path / "line", options, min_count=1, piece_bytes=piece_bytes))


# --- progress, closing, threads --------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_counts_the_bytes_of_the_files(threads: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(zipf_text(500, 1).encode()))
    (tmp_path / "b").write_text(TEXT * 200)
    total = sum((tmp_path / name).stat().st_size for name in "ab")
    seen: list[tuple[int, int | None]] = []
    encode(tmp_path, threads=threads, piece_bytes=500, on_progress=lambda *at: seen.append(at))
    assert len(seen) > 10
    assert {of for _, of in seen} == {total}
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert seen[-1] == (total, total)
    assert 0 < seen[0][0] < total


def test_progress_of_standard_input_has_no_total() -> None:
    seen: list[tuple[int, int | None]] = []
    encode(Files(["-"], io.BytesIO(TEXT.encode() * 9)), on_progress=lambda *at: seen.append(at))
    assert seen[-1] == (9 * len(TEXT), None)


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_private_folder_goes_with_the_corpus(private: Path) -> None:
    corpus = encode([["a", "b"], ["b"]], min_count=1)
    assert len(list(private.iterdir())) == 1
    ids = corpus.ids
    corpus.close()
    corpus.close()
    assert list(private.iterdir()) == []
    assert ids.tolist() == [1, 0, 0]
    with encode([["a"]], min_count=1) as other:
        assert len(list(private.iterdir())) == 1
    assert list(private.iterdir()) == []
    other = encode([["a"]], min_count=1)
    del other
    gc.collect()
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_is_left_behind_after_an_error(threads: int, private: Path) -> None:
    def progress(_read: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(CorpusError):
        encode([["a"]] * 50 + [["b", 3]], threads=threads, piece_bytes=1)  # type: ignore[list-item]
    with pytest.raises(CorpusError):
        encode([["a"]])
    with pytest.raises(KeyboardInterrupt):
        encode([["a"]] * 9, threads=threads, on_progress=progress)
    assert list(private.iterdir()) == []


def test_the_first_error_wins_however_many_threads(tmp_path: Path) -> None:
    """A damaged end must not hide that the third line is not UTF-8."""
    data = gzip.compress(b"a\nb\n\xff\n" + zipf_text(100, 4).encode() * 20)[:-5]
    (tmp_path / "t.gz").write_bytes(data)
    for threads in (1, 2, 8):
        with pytest.raises(CorpusError, match=r"not UTF-8: .* line 3;"):
            encode(tmp_path / "t.gz", threads=threads, piece_bytes=200)


def test_few_pieces_wait_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = merged = most = 0
    original = collect.Collector.add

    def rows() -> Any:
        nonlocal made, most
        for _ in range(60):
            made += 1
            most = max(most, made - merged)
            yield ["word"] * 10

    def add(self: Any, block: Any, *, continues: bool) -> None:
        nonlocal merged
        merged += 1
        original(self, block, continues=continues)

    monkeypatch.setattr(collect.Collector, "add", add)
    encode(rows(), threads=2, piece_bytes=1)
    assert merged == made == 60
    assert most <= 5


# --- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("corpus", "options", "expected"),
    [
        ("", {}, "no words to learn from: it is empty; give some text"),
        (" \n\t\u3000\n", {}, "no words to learn from: it is empty or holds only whitespace"),
        ("... --- !!!\n", {"tokenizer": "words"}, "no letters or digits to learn from"),
    ],
)
def test_nothing_to_learn_from(corpus: str, options: dict[str, Any], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(corpus.encode())
    with pytest.raises(CorpusError) as caught:
        encode(path, TextOptions(**options))
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_empty_file_among_others_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("x y\n")
    (tmp_path / "c").write_text("\n \n")
    assert sentences(encode(tmp_path, min_count=1)) == [["x", "y"]]


def test_files_end_sentences(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x y")
    (tmp_path / "b").write_text("z")
    for piece_bytes in (1, 100):
        assert sentences(encode(tmp_path, min_count=1, piece_bytes=piece_bytes)) == [["x", "y"], ["z"]]


def test_words_and_ids_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"t": ["x"]}\n')
    (tmp_path / "b").write_text('{"t": [5]}\n')
    (tmp_path / "c").write_text('{"t": []}\n{"t": "x y"}\n')
    options = TextOptions(column="t")
    with pytest.raises(CorpusError, match="mixes lists of tokens and ids; keep to one kind"):
        encode([tmp_path / "a", tmp_path / "b"], options)
    with pytest.raises(CorpusError, match="mixes lists of tokens and texts"):
        encode([tmp_path / "a", tmp_path / "c"], options)


def test_too_many_different_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_ID", 3)
    assert encode([list("abc")], min_count=1).distinct_words == 3
    with pytest.raises(CorpusError, match="more than 3 different words"):
        encode([list("abcd")], min_count=1)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"min_count": 0}, "min_count must be a whole number, at least 1, not 0"),
        ({"min_count": 2.0}, "min_count must be a whole number, at least 1, not 2.0"),
        ({"max_vocab_size": 0}, "max_vocab_size must be"),
        ({"threads": True}, "threads must be a whole number, at least 1, not True"),
        ({"piece_bytes": -1}, "piece_bytes must be"),
        ({"vocab_size": 0}, "vocab_size must be"),
        ({"options": "words"}, "options must be a TextOptions, not 'words'"),
        ({"options": TextOptions(column="t")}, "column='t' is for Parquet"),
    ],
)
def test_options_are_checked(more: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        encode([["a"]], **more)
    assert expected in str(caught.value)


def test_a_missing_extra_is_said_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    rows = iter([["a"]])
    with pytest.raises(MissingExtraError, match=r"firth\[tokenizers\]"):
        encode(rows, TextOptions(tokenizer=tmp_path / "tokenizer.json"))
    assert next(rows) == ["a"]


class _FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > 300:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_said_clearly(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        return (
            _FullDisk()
            if self.name == collect.IDS_FILE and mode == "wb"
            else original(self, mode, *args, **more)
        )

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(CorpusError) as caught:
        encode([["a"] * 50] * 50, piece_bytes=100)
    message = str(caught.value)
    assert f"the disk of {str(private)!r} is full" in message
    assert "use another disk with --cache DIR" in message
    assert list(private.iterdir()) == []


def test_other_errors_of_the_disk_are_not_hidden(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(encoded, "renumber", broken)
    with pytest.raises(OSError, match="Input/output error"):
        encode([["a"]], min_count=1)
    assert list(private.iterdir()) == []

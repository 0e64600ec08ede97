"""The cache of encoded corpora: reused only when it may be, never trusted blindly, bounded, shared."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.corpus import cache as cache_module
from firth.corpus import encoded, stored
from firth.corpus.cache import CacheFolder, default_cache_path
from firth.corpus.encoded import EncodedCorpus, encode, open_encoded
from firth.corpus.sources import Files
from firth.corpus.tokenize import TextOptions
from firth.errors import ConfigError, CorpusError

TEXT = "b a d\nd c\n\na d e\ne e f d\n"


@pytest.fixture
def cache(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def fills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that a corpus is really encoded."""
    done: list[int] = []
    original = encoded._fill

    def watch(*args: Any) -> Any:
        done.append(len(done))
        return original(*args)

    monkeypatch.setattr(encoded, "_fill", watch)
    return done


def entries(cache: CacheFolder) -> list[str]:
    return sorted(path.name for path in cache.path.iterdir())


def content(corpus: EncodedCorpus) -> tuple[Any, ...]:
    vocabulary = corpus.vocabulary
    return (
        vocabulary.words,
        vocabulary.counts.tolist(),
        None if vocabulary.token_ids is None else vocabulary.token_ids.tolist(),
        vocabulary.table_keys,
        corpus.ids.tolist(),
        corpus.sentence_starts.tolist(),
        corpus.tokens_read,
        corpus.distinct_words,
        corpus.fingerprint,
        corpus.source,
    )


def test_an_unchanged_text_is_encoded_once(cache: CacheFolder, text: Path, fills: list[int]) -> None:
    first = encode(text, min_count=2, cache=cache)
    seen: list[tuple[int, int | None]] = []
    again = encode(str(text), min_count=2, cache=cache, on_progress=lambda *at: seen.append(at))
    assert len(fills) == 1
    assert content(again) == content(first) == content(encode(text, min_count=2))
    assert seen == [(len(TEXT), len(TEXT))]
    assert len(entries(cache)) == 1
    first.close()
    assert len(entries(cache)) == 1, "closing a corpus leaves the cache alone"
    with pytest.raises(ValueError, match="read-only"):
        again.ids[0] = 3


def test_every_option_that_matters_is_part_of_the_key(
    cache: CacheFolder, text: Path, fills: list[int]
) -> None:
    variants: list[tuple[TextOptions, dict[str, Any]]] = [
        (TextOptions(), {"min_count": 1}),
        (TextOptions(), {"min_count": 2}),
        (TextOptions(), {"min_count": 1, "max_vocab_size": 3}),
        (TextOptions(tokenizer="words"), {"min_count": 1}),
        (TextOptions(lowercase=True), {"min_count": 1}),
        (TextOptions(encoding_errors="replace"), {"min_count": 1}),
    ]
    for number, (options, more) in enumerate(variants, 1):
        encode(text, options, cache=cache, **more)
        assert len(fills) == number
    for options, more in variants:
        encode(text, options, cache=cache, threads=5, piece_bytes=4, **more)
    assert len(fills) == len(variants)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text(TEXT + "g g\n"),
        lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)),
        lambda path: path.rename(path.with_name("other.txt")),
    ],
)
def test_a_changed_text_is_encoded_again(
    change: Callable[[Path], Any], cache: CacheFolder, text: Path, fills: list[int]
) -> None:
    encode(f"{text.parent}/*.txt", min_count=1, cache=cache)
    change(text)
    found = encode(f"{text.parent}/*.txt", min_count=1, cache=cache)
    assert len(fills) == 2
    assert content(found) == content(encode(f"{text.parent}/*.txt", min_count=1))


def test_one_more_file_is_another_corpus(cache: CacheFolder, text: Path, fills: list[int]) -> None:
    encode(f"{text.parent}/*.txt", min_count=1, cache=cache)
    (text.parent / "zz.txt").write_text("")
    encode(f"{text.parent}/*.txt", min_count=1, cache=cache)
    assert len(fills) == 2


def test_a_tokenizer_json_counts_by_its_content(cache: CacheFolder, text: Path, fills: list[int]) -> None:
    pytest.importorskip("tokenizers")
    path = text.parent / "tokenizer.json"
    model = '{"version":"1.0","added_tokens":[],"pre_tokenizer":{"type":"Whitespace"},"model":%s}'
    path.write_text(model % '{"type":"WordLevel","vocab":{"u":1,"d":7,"e":4},"unk_token":"u"}')
    options = TextOptions(tokenizer=path)
    first = encode(text, options, min_count=1, cache=cache)
    again = encode(text, options, min_count=1, cache=cache)
    assert content(first) == content(again)
    assert again.vocabulary.table_keys is not None
    assert list(again.vocabulary.table_keys) == [
        "<id 0>",
        "u",
        "<id 2>",
        "<id 3>",
        "e",
        "<id 5>",
        "<id 6>",
        "d",
    ]
    assert len(fills) == 1
    path.write_text(model % '{"type":"WordLevel","vocab":{"u":1,"d":7,"e":3},"unk_token":"u"}')
    encode(text, options, min_count=1, cache=cache)
    assert len(fills) == 2


def test_a_file_that_changes_while_it_is_read_is_not_vouched_for(
    cache: CacheFolder, text: Path, fills: list[int]
) -> None:
    def write(_read: int, _total: int | None) -> None:
        text.write_text(TEXT + TEXT)

    corpus = encode(text, min_count=1, cache=cache, on_progress=write)
    assert entries(cache) == [f"{corpus.fingerprint}-anonymous"]
    encode(text, min_count=1, cache=cache)
    assert len(fills) == 2


def spoil_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_byte,
        lambda path: path.write_bytes(path.read_bytes()[:-4]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"something else"),
        Path.unlink,
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
@pytest.mark.parametrize(
    "name", ["ids.int32", "sentence_starts.int64", "vocabulary.arrow", "table_keys.arrow", "meta.json"]
)
def test_a_damaged_entry_is_made_anew(
    name: str, spoil: Callable[[Path], Any], cache: CacheFolder, text: Path, fills: list[int]
) -> None:
    path = text.with_name("ids.json")
    path.write_text('{"t": [7, 3, 7]}\n{"t": [3, 7]}\n')
    options = TextOptions(column="t")
    first = content(encode(path, options, min_count=1, cache=cache))
    entry = next(cache.path.iterdir())
    assert sorted(file.name for file in entry.iterdir()) == [
        "ids.int32",
        "meta.json",
        "sentence_starts.int64",
        "table_keys.arrow",
        "vocabulary.arrow",
    ]
    spoil(entry / name)
    assert content(encode(path, options, min_count=1, cache=cache)) == first
    assert len(fills) == 2
    assert content(encode(path, options, min_count=1, cache=cache)) == first
    assert len(fills) == 2
    assert entries(cache) == [entry.name]


def test_every_flipped_byte_of_the_numbers_is_noticed(cache: CacheFolder, text: Path) -> None:
    encode(text, min_count=1, cache=cache)
    entry = next(cache.path.iterdir())
    for name in ("ids.int32", "sentence_starts.int64", "meta.json"):
        whole = (entry / name).read_bytes()
        for at in range(0, len(whole), 3):
            data = bytearray(whole)
            data[at] ^= 0x41
            (entry / name).write_bytes(data)
            with pytest.raises(CorpusError, match="damaged or foreign"):
                stored.open_stored(entry)
        (entry / name).write_bytes(whole)
    stored.open_stored(entry)


def test_a_foreign_entry_is_not_believed(cache: CacheFolder, text: Path, fills: list[int]) -> None:
    """A whole entry under another one's name: the content decides."""
    other = text.with_name("other.txt")
    other.write_text("x y x\n")
    encode(other, min_count=1, cache=cache)
    first = encode(text, min_count=1, cache=cache)
    (name,) = (n for n in entries(cache) if n.startswith(first.fingerprint))
    (foreign,) = (n for n in entries(cache) if n != name)
    cache.discard(cache.path / name)
    (cache.path / foreign).rename(cache.path / name)
    assert open_encoded(first.fingerprint, cache) is None
    assert content(encode(text, min_count=1, cache=cache)) == content(first)
    assert len(fills) == 3


def test_an_entry_of_another_version_is_not_believed(
    cache: CacheFolder, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode(text, min_count=1, cache=cache)
    assert open_encoded(first.fingerprint, cache) is not None
    monkeypatch.setattr(stored, "FORMAT_VERSION", 99)
    assert open_encoded(first.fingerprint, cache) is None


# --- by fingerprint --------------------------------------------------------------------------------


def test_what_cannot_be_read_again_is_found_by_its_fingerprint(cache: CacheFolder, fills: list[int]) -> None:
    corpora = [
        encode(Files(["-"], io.BytesIO(TEXT.encode())), min_count=2, cache=cache),
        encode(iter([["x", "y", "x"], ["y"]]), min_count=1, cache=cache),
        encode(np.array([5, 9, 5]), min_count=1, cache=cache, vocab_size=12),
    ]
    assert all(name.endswith("-anonymous") for name in entries(cache))
    for corpus in corpora:
        found = open_encoded(corpus.fingerprint, cache)
        assert found is not None
        assert content(found) == content(corpus)
    encode(Files(["-"], io.BytesIO(TEXT.encode())), min_count=2, cache=cache)
    assert len(fills) == 4, "standard input is encoded each time"
    assert len(entries(cache)) == 3
    assert open_encoded("0" * 32, cache) is None
    assert open_encoded("0" * 32, CacheFolder(cache.path / "absent")) is None


def test_a_file_is_found_by_its_fingerprint_too(cache: CacheFolder, text: Path) -> None:
    corpus = encode(text, min_count=1, cache=cache)
    text.unlink()
    found = open_encoded(corpus.fingerprint, cache)
    assert found is not None
    assert content(found) == content(corpus)


# --- bounds and leftovers --------------------------------------------------------------------------


def write_rows(folder: Path, number: int) -> Path:
    path = folder / f"rows{number}.txt"
    path.write_text(f"w{number} x\n" * 500)
    return path


def test_the_least_recently_used_go_first(cache: CacheFolder, tmp_path: Path, fills: list[int]) -> None:
    paths = [write_rows(tmp_path, number) for number in range(4)]
    for age, path in enumerate(paths[:3]):
        corpus = encode(path, cache=cache)
        (entry,) = cache.with_fingerprint(corpus.fingerprint)
        os.utime(entry / "meta.json", (1000 + age, 1000 + age))
    size = cache_module._size(entry)
    assert size > 2 * 500 * 4
    encode(paths[0], cache=cache)  # now the one used last
    bounded = CacheFolder(cache.path, limit_bytes=3 * size + size // 2)
    encode(paths[3], cache=bounded)
    fills.clear()
    for path in (paths[0], paths[2], paths[3]):
        encode(path, cache=cache)
    assert fills == []
    encode(paths[1], cache=cache)
    assert fills == [0]


def test_the_entry_just_made_stays(tmp_path: Path) -> None:
    cache = CacheFolder(tmp_path / "cache", limit_bytes=0)
    corpus = None
    for number in range(3):
        corpus = encode(write_rows(tmp_path, number), cache=cache)
        assert len(entries(cache)) == 1
    assert corpus is not None
    assert corpus.ids.sum() == 500
    assert entries(cache)[0].startswith(corpus.fingerprint)


def test_nothing_else_in_the_folder_is_touched(tmp_path: Path) -> None:
    """Someone may name a folder that holds other things."""
    folder = tmp_path / "documents"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "a.txt").write_text("dear")
    (folder / ".firth-work-notes").mkdir()
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    cache = CacheFolder(folder, limit_bytes=0)
    for number in range(2):
        encode(write_rows(tmp_path, number), cache=cache)
    assert (folder / "letters" / "a.txt").read_text() == "dear"
    assert (folder / ".firth-work-notes").is_dir()


def test_what_crashes_left_is_removed_after_a_day(cache: CacheFolder, text: Path) -> None:
    old, young = cache.workspace(), cache.workspace()
    for path in (old, young):
        (path / "ids.int32").write_bytes(b"1234")
    long_ago = old.stat().st_mtime - 2 * 86_400
    os.utime(old / "ids.int32", (long_ago, long_ago))
    os.utime(old, (long_ago, long_ago))
    encode(text, cache=cache, min_count=1)
    assert not old.exists()
    assert young.exists()


def test_a_failed_encoding_leaves_nothing(cache: CacheFolder, text: Path) -> None:
    with pytest.raises(CorpusError, match="no word occurs min_count=99 times"):
        encode(text, min_count=99, cache=cache)
    assert entries(cache) == []


def test_a_full_disk_names_the_cache_folder(
    cache: CacheFolder, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(encoded, "renumber", full)
    with pytest.raises(CorpusError, match=r"the disk of '.*cache' is full, \d+ bytes into.*--cache DIR"):
        encode(text, min_count=1, cache=cache)
    assert entries(cache) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path, text: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"the cache folder '.*text.txt' cannot be written to .*--cache DIR"
    ):
        encode(text, cache=CacheFolder(text))


def test_the_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRTH_CACHE", str(tmp_path / "mine"))
    assert default_cache_path() == CacheFolder().path == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
    monkeypatch.delenv("FIRTH_CACHE")
    monkeypatch.setattr(cache_module.platformdirs, "user_cache_dir", lambda name: f"/caches/{name}")
    assert CacheFolder().path == Path("/caches/firth/corpora")
    assert CacheFolder().limit_bytes == 20_000_000_000
    for wrong in (-1, 1.5, True):
        with pytest.raises(ConfigError, match="limit_bytes of the cache must be"):
            CacheFolder(tmp_path, limit_bytes=wrong)  # type: ignore[arg-type]


# --- several at once -------------------------------------------------------------------------------


def test_a_faster_process_is_made_use_of(
    cache: CacheFolder, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = CacheFolder.adopt
    raced: list[EncodedCorpus] = []

    def race(self: CacheFolder, *args: Any) -> Path:
        monkeypatch.setattr(CacheFolder, "adopt", original)
        raced.append(encode(text, min_count=1, cache=cache))
        return original(self, *args)

    monkeypatch.setattr(CacheFolder, "adopt", race)
    corpus = encode(text, min_count=1, cache=cache)
    assert content(corpus) == content(raced[0])
    assert len(entries(cache)) == 1


def test_a_damaged_entry_in_the_way_is_replaced(cache: CacheFolder) -> None:
    rows = [["a", "b", "a"]]
    first = content(encode(rows, min_count=1, cache=cache))
    (entry,) = cache.path.iterdir()
    spoil_byte(entry / "ids.int32")
    second = encode(rows, min_count=1, cache=cache)
    assert content(second) == first
    assert open_encoded(second.fingerprint, cache) is not None


def test_many_threads_at_once(cache: CacheFolder, text: Path) -> None:
    found: list[Any] = []

    def work() -> None:
        try:
            found.extend([content(encode(text, min_count=1, cache=cache)) for _ in range(5)])
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 30
    assert all(one == found[0] for one in found)
    assert len(entries(cache)) == 1


def test_two_processes_at_once(cache: CacheFolder, tmp_path: Path) -> None:
    for number in range(3):
        write_rows(tmp_path, number)
    code = (
        "import sys\n"
        "from firth.corpus.cache import CacheFolder\n"
        "from firth.corpus.encoded import encode\n"
        "cache = CacheFolder(sys.argv[1], limit_bytes=9000)\n"
        "for turn in range(30):\n"
        "    corpus = encode(f'{sys.argv[2]}/rows{turn % 3}.txt', cache=cache)\n"
        "    assert corpus.ids.tolist() == [0, 1] * 500 and corpus.tokens_read == 1000\n"
    )
    command = [sys.executable, "-c", code, str(cache.path), str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert 1 <= len(entries(cache)) <= 2

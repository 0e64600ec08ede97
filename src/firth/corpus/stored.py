"""An encoded corpus on disk: how it is written, and how it is opened and checked.

A folder of four or five files: the word ids (int32) and sentence starts (int64), both little-endian and
memory-mapped; the vocabulary, and for a corpus of ids the names of the table's rows, as Arrow files; and
``meta.json``. The fingerprint is a blake2b-128 digest over all words, counts, ids and starts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from firth.corpus.collect import IDS_FILE, STARTS_FILE, Digests
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError

FORMAT = "firth-corpus"
FORMAT_VERSION = 1
_VOCABULARY_FILE = "vocabulary.arrow"
_KEYS_FILE = "table_keys.arrow"
_META_FILE = "meta.json"
_HASH_BYTES = 1 << 24


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """A corpus as numbers, ready to be trained on; a context manager.

    Attributes:
        vocabulary: the words and their counts.
        ids: (n,) int32 word ids, memory-mapped and read-only; words left out of the vocabulary are missing.
        sentence_starts: (s + 1,) int64 positions in ``ids``, the first 0, the last n, all different.
        tokens_read: how many words the corpus has, those left out too.
        distinct_words: how many different words were read, those left out too.
        fingerprint: hex digest of the words, counts, ids and sentence starts: what was trained on.
        source: where the corpus came from, ready for JSON: kind, paths, tokenizer, lowercase, column,
            encoding_errors.
        folder: where it lies; None for one that lies nowhere.
    """

    vocabulary: Vocabulary
    ids: NDArray[np.int32]
    sentence_starts: NDArray[np.int64]
    tokens_read: int
    distinct_words: int
    fingerprint: str
    source: dict[str, Any]
    folder: Path | None = None

    def close(self) -> None:
        """Remove the files if they are private to this object (no cache); arrays in use stay valid.

        It happens by itself when the object is no longer used.
        """
        remove = getattr(self, "_remove", None)
        if remove is not None:
            remove()

    def owns(self, folder: Path) -> None:
        """Let ``folder`` go when this object does."""
        remove = weakref.finalize(self, shutil.rmtree, str(folder), ignore_errors=True)
        object.__setattr__(self, "_remove", remove)

    def __enter__(self) -> EncodedCorpus:
        """Return the corpus itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the corpus."""
        self.close()


def write_rest(
    folder: Path, vocabulary: Vocabulary, digests: Digests, *, facts: dict[str, Any]
) -> dict[str, Any]:
    """Write the vocabulary and ``meta.json`` beside the ids and starts; return what ``meta.json`` holds.

    ``facts`` are ``tokens_read``, ``distinct_words`` and ``source``.
    """
    columns = {"word": pa.array(vocabulary.words, pa.large_string()), "count": vocabulary.counts}
    if vocabulary.token_ids is not None:
        columns["token_id"] = vocabulary.token_ids
    _write_table(folder / _VOCABULARY_FILE, columns)
    if vocabulary.table_keys is not None:
        _write_table(folder / _KEYS_FILE, {"key": pa.array(vocabulary.table_keys, pa.large_string())})
    meta = {"format": FORMAT, "format_version": FORMAT_VERSION, **facts}
    meta["fingerprint"] = _fingerprint(vocabulary, digests)
    meta["digest"] = _meta_digest(meta)
    (folder / _META_FILE).write_text(json.dumps(meta, ensure_ascii=True, indent=1), encoding="utf-8")
    return meta


def open_stored(folder: Path, *, verify: bool = True) -> EncodedCorpus:
    """Open an encoded corpus; ``verify`` reads all of it and compares the fingerprint.

    Raises:
        CorpusError: something is missing, damaged or not an encoded corpus of this version.
    """
    try:
        meta = _read_meta(folder)
        vocabulary = _read_vocabulary(folder)
        ids = _map(folder / IDS_FILE, "<i4")
        starts = _map(folder / STARTS_FILE, "<i8")
        if verify:
            digests = Digests()
            _update(digests.ids, ids)
            _update(digests.starts, starts)
            if _fingerprint(vocabulary, digests) != meta["fingerprint"]:
                raise _damaged(folder, "its content does not match its fingerprint")
        return EncodedCorpus(
            vocabulary,
            ids,
            starts,
            tokens_read=int(meta["tokens_read"]),
            distinct_words=int(meta["distinct_words"]),
            fingerprint=str(meta["fingerprint"]),
            source=dict(meta["source"]),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        if isinstance(error, CorpusError):
            raise
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error


def _damaged(folder: Path, reason: str) -> CorpusError:
    return CorpusError(
        f"{folder}: the encoded corpus is damaged or foreign ({reason}); encode the text again"
    )


def _read_meta(folder: Path) -> dict[str, Any]:
    meta = json.loads((folder / _META_FILE).read_text(encoding="utf-8"))
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise _damaged(folder, f"{_META_FILE} is not of an encoded corpus")
    if meta.get("format_version") != FORMAT_VERSION or meta.pop("digest", None) != _meta_digest(meta):
        raise _damaged(folder, f"{_META_FILE} is of another version, or has been changed")
    return meta


def _meta_digest(meta: dict[str, Any]) -> str:
    text = json.dumps(meta, ensure_ascii=True, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _write_table(path: Path, columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _read_table(path: Path) -> Any:
    with pa.ipc.open_file(pa.py_buffer(path.read_bytes())) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def _read_vocabulary(folder: Path) -> Vocabulary:
    table = _read_table(folder / _VOCABULARY_FILE)
    words = table.column("word").to_pylist()
    counts = table.column("count").to_numpy()
    if "token_id" not in table.column_names:
        return Vocabulary(words, counts)
    keys = _read_table(folder / _KEYS_FILE).column("key").to_pylist()
    return Vocabulary(words, counts, table.column("token_id").to_numpy(), keys)


def _map(path: Path, dtype: str) -> NDArray[Any]:
    return np.asarray(
        np.memmap(path, dtype, "r")
    )  # a plain array over the map: compiled code wants no subclass


def _fingerprint(vocabulary: Vocabulary, digests: Digests) -> str:
    whole = hashlib.blake2b(b"firth corpus 1\n", digest_size=16)
    whole.update(_strings_digest(vocabulary.words))
    whole.update(vocabulary.counts.astype("<i8", copy=False).data)
    if vocabulary.token_ids is not None and vocabulary.table_keys is not None:
        whole.update(b"token ids")
        whole.update(vocabulary.token_ids.astype("<i8", copy=False).data)
        whole.update(_strings_digest(vocabulary.table_keys))
    whole.update(digests.ids.digest())
    whole.update(digests.starts.digest())
    return whole.hexdigest()


def _strings_digest(strings: Any) -> bytes:
    """Return a digest of the strings and of where each one ends."""
    digest = hashlib.blake2b(digest_size=16)
    for begin in range(0, len(strings), 1 << 16):
        encoded = [string.encode() for string in strings[begin : begin + (1 << 16)]]
        digest.update(np.array([len(string) for string in encoded], "<i8").data)
        digest.update(b"".join(encoded))
    return digest.digest()


def _update(digest: Any, array: NDArray[Any]) -> None:
    step = _HASH_BYTES // array.itemsize
    for begin in range(0, len(array), step):
        digest.update(array[begin : begin + step].data)

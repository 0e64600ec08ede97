"""The text that the programs get: a plain copy for those that read nothing else, and its counts."""

from __future__ import annotations

import io
import json
import lzma
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

COMPRESSED = {".gz", ".bz2", ".zst", ".lz4", ".xz"}


@dataclass(frozen=True)
class Corpus:
    """A text file, one sentence a line, and the plain copy that all programs can read."""

    path: str
    plain: str
    bytes: int
    lines: int
    words: int
    longest_line: int
    """Words in the longest line."""

    def given_to(self, program: str) -> str:
        """Return the file that ``program`` trains on: firth reads compressed text, the others do not."""
        return self.path if program == "firth" else self.plain


def prepare(path: Path, folder: Path, limit_mb: float | None = None) -> Corpus:
    """Return ``path`` with its counts; write a plain copy into ``folder`` if it is compressed or cut.

    With ``limit_mb``, the first so many megabytes (10**6 bytes, up to the end of a line) stand for the
    whole corpus. Copy and counts are kept: the same file is prepared once.
    """
    path = path.resolve()
    status = path.stat()
    name = f"{path.name}-{status.st_size}-{status.st_mtime_ns}" + (f"-{limit_mb:g}mb" if limit_mb else "")
    notes = folder / f"{name}.json"
    if notes.exists():
        known = Corpus(**json.loads(notes.read_text()))
        if known.path in (str(path), known.plain) and Path(known.plain).exists():
            return known
    folder.mkdir(parents=True, exist_ok=True)
    copied = limit_mb is not None or path.suffix in COMPRESSED
    plain = folder / f"{name}.txt" if copied else path
    counts = _scan(path, plain if copied else None, None if limit_mb is None else int(limit_mb * 1e6))
    corpus = Corpus(path=str(plain if limit_mb else path), plain=str(plain), **counts)
    notes.write_text(json.dumps(asdict(corpus)))
    return corpus


def _scan(path: Path, copy: Path | None, limit: int | None) -> dict[str, int]:
    """Count bytes, lines and whitespace-separated words of ``path``; write what was read to ``copy``."""
    counts = dict.fromkeys(("bytes", "lines", "words", "longest_line"), 0)
    sink = copy.open("wb") if copy else None
    with _open(path) as source:
        for line in source:
            if limit is not None and counts["bytes"] + len(line) > limit:
                break
            words = len(line.split())
            counts["bytes"] += len(line)
            counts["lines"] += 1
            counts["words"] += words
            counts["longest_line"] = max(counts["longest_line"], words)
            if sink:
                sink.write(line)
    if sink:
        sink.close()
    return counts


def _open(path: Path) -> Any:
    """Open ``path`` for reading bytes by line, decompressed."""
    if path.suffix == ".xz":
        return lzma.open(path)
    if path.suffix not in COMPRESSED:
        return path.open("rb")
    return io.BufferedReader(pa.input_stream(str(path), compression="detect"), 1 << 20)

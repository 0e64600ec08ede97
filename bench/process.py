"""Runs one program in a process of its own and watches its memory from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STATUS_SECONDS = 0.05
MAPS_SECONDS = 0.2


class RunError(RuntimeError):
    """A program under measurement failed; the message ends with the last lines of its stderr."""


def run_json(module: str, spec: dict[str, Any], *, watch_maps: bool = False) -> dict[str, Any]:
    """Run ``python -m module SPEC`` from the repository's root and return the JSON of its last line.

    The spec gets a member ``started`` (seconds since the epoch, just before the process starts); the
    answer gets the members of :class:`MemoryWatch`.

    Raises:
        RunError: the process failed or printed no JSON.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        argument = json.dumps({**spec, "started": time.time()})
        with subprocess.Popen(
            [sys.executable, "-m", module, argument], stdout=out, stderr=err, cwd=ROOT
        ) as process:
            try:
                memory = _watch(process, watch_maps)
            except BaseException:
                process.kill()
                raise
        out.seek(0)
        err.seek(0)
        answer = last_json(out.read())
        if process.returncode or answer is None:
            tail = " | ".join(err.read().strip().splitlines()[-3:])
            raise RunError(f"{module} ended with {process.returncode}: {tail or 'no message'}")
    return {**answer, **memory}


def last_json(text: str) -> dict[str, Any] | None:
    """Return the JSON object on the last line of ``text``, or None if there is none."""
    lines = text.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


@dataclass
class MemoryWatch:
    """Peaks of one process, in bytes; None where the system does not tell (Linux does).

    ``anonymous_bytes``: pages backed by no file. ``unmapped_bytes``: those and, at the same moment, the
    resident pages of libraries, but not of mapped data files; known only where the maps were watched.
    """

    anonymous_bytes: int | None = None
    unmapped_bytes: int | None = None

    def sample(self, pid: int, library_bytes: int | None) -> None:
        """Read the status of process ``pid``; ``library_bytes`` is the latest of :func:`library_rss`."""
        values = status_kib(_read(f"/proc/{pid}/status"))
        if "RssAnon" not in values:
            return
        anonymous = (values["RssAnon"] + values.get("RssShmem", 0)) * 1024
        self.anonymous_bytes = max(self.anonymous_bytes or 0, anonymous)
        if library_bytes is not None:
            self.unmapped_bytes = max(self.unmapped_bytes or 0, anonymous + library_bytes)


def _watch(process: subprocess.Popen[bytes], watch_maps: bool) -> dict[str, Any]:
    """Wait for ``process`` and return its memory peaks."""
    watch = MemoryWatch()
    next_maps = time.monotonic()
    library_bytes = None
    while process.poll() is None:
        if watch_maps and time.monotonic() >= next_maps:
            # This costs the process some milliseconds.
            smaps = _read(f"/proc/{process.pid}/smaps")
            library_bytes = library_rss(smaps) if smaps else library_bytes
            next_maps = time.monotonic() + MAPS_SECONDS
        watch.sample(process.pid, library_bytes)
        time.sleep(STATUS_SECONDS)
    return vars(watch)


def status_kib(text: str) -> dict[str, int]:
    """Return the fields of a /proc/PID/status that are sizes, in KiB: ``{"VmHWM": 2088, ...}``."""
    sizes = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        parts = value.split()
        if len(parts) == 2 and parts[1] == "kB":
            sizes[name] = int(parts[0])
    return sizes


def library_rss(smaps: str) -> int:
    """Return the resident bytes of all mapped files with executable pages, given a /proc/PID/smaps.

    Pages that the process has changed are left out: they count as anonymous.
    """
    signs = {"Rss:": 1, "Anonymous:": -1}
    resident: dict[str, int] = {}
    programs = set()
    path = ""
    for line in smaps.splitlines():
        fields = line.split(maxsplit=5)
        if not fields[0].endswith(":"):
            path = fields[5] if len(fields) == 6 else ""
            if "x" in fields[1]:
                programs.add(path)
        elif fields[0] in signs and path.startswith("/"):
            resident[path] = resident.get(path, 0) + signs[fields[0]] * int(fields[1]) * 1024
    return sum(size for name, size in resident.items() if name in programs)


def _read(path: str) -> str:
    """Return a file of /proc, or nothing where it is gone or was never there."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""

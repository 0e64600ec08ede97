"""A process that makes one map: ``python -m firth.explorer.layout_process MODEL METHOD FILE``.

It tells how far it is in lines of JSON on its standard output, writes the map's arrays to FILE, and ends
when its standard input does: when the process that started it is gone, however that ended.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from typing import IO

import numpy as np

from firth.errors import FirthError
from firth.formats import load
from firth.projection import WordMap, compute

NICENESS = 10


def main(path: str, method: str, target: str) -> int:
    """Make the map; return the exit code."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    told, sys.stdout = sys.stdout, sys.stderr  # what a library prints is none of the lines
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(NICENESS)
    try:
        found = compute(load(path), method, progress=lambda share, what: _say(told, share=share, what=what))
        _write(found, target)
    except FirthError as error:
        _say(told, error=str(error))
        return 1
    return 0


def _end_with_parent() -> None:
    while os.read(0, 1024):  # not through sys.stdin, whose lock this thread would hold at the end
        pass
    os._exit(1)


def _say(stream: IO[str], **line: object) -> None:
    print(json.dumps(line), file=stream, flush=True)


def _write(word_map: WordMap, target: str) -> None:
    """Write what :func:`read` reads."""
    facts = {"method": word_map.method, "settings": word_map.settings, "identity": word_map.identity}
    with open(target, "wb") as file:  # noqa: PTH123 - a temporary file of the caller's
        np.savez(
            file,
            rows=word_map.rows,
            positions=word_map.positions,
            near=word_map.near,
            neighbors=word_map.neighbors,
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
        )


def read(target: str) -> WordMap:
    """Return the map that the process wrote."""
    with np.load(target, allow_pickle=False) as arrays:
        facts = json.loads(arrays["facts"].tobytes())
        return WordMap(
            rows=arrays["rows"],
            positions=arrays["positions"],
            near=arrays["near"],
            neighbors=arrays["neighbors"],
            **facts,
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))

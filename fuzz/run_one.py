"""Fuzz one reader: ``python -m fuzz.run_one TARGET CORPUS [options of libFuzzer]``.

Whatever the bytes, reading them gives a model or a FirthError; anything else is a finding, and so is a
reader that takes too long or too much memory (libFuzzer's -timeout and -rss_limit_mb).
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["firth"]):
    from firth.embeddings import Embeddings
    from firth.errors import FirthError
    from firth.formats import load, open_stream
    from firth.formats.stream import ReadOptions
    from fuzz.targets import TARGETS


def look_at(model: Embeddings) -> None:
    """Use what was read: words that come lazily, every number, and a word that the model does not list."""
    for word in (*model.index_to_key[:2], "unlisted"):
        if word in model or model.subwords is not None:
            _ = model[word]
    _ = model.vectors.sum(), model.counts, model.similarity(0, len(model) - 1)


def main() -> None:
    """Let libFuzzer call the reader until its time is over."""
    target = TARGETS[sys.argv.pop(1)]
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    bytes_go_to, path = target.frame(Path(folder.name))

    def test_one(data: bytes) -> None:
        bytes_go_to.write_bytes(data)
        with contextlib.redirect_stderr(nowhere):  # what the readers say of damaged files
            for mmap, skip_bad in ((True, False), (False, True)):
                with contextlib.suppress(FirthError):
                    look_at(load(path, format=target.format, mmap=mmap, skip_bad=skip_bad))
            with contextlib.suppress(FirthError):
                for _ in open_stream(path, target.format, ReadOptions()).blocks:
                    pass

    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

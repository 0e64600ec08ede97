"""What every test has: a cache folder of its own, compiled kernels, and a Ctrl-C that works."""

import signal
from pathlib import Path

import pytest

import firth

# Tests started in the background are told to ignore these, and so would be the programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile the kernels before anything looks at what a run prints, or how long it takes."""
    firth.train([["a", "b"]] * 9, min_count=1, sample=0, vector_size=2, threads=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the cache of encoded corpora into the test's own folder."""
    folder = tmp_path / "user-cache"
    monkeypatch.setenv("FIRTH_CACHE", str(folder))
    return folder

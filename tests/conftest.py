"""What every test has: a cache folder of its own, never the user's."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the cache of encoded corpora into the test's own folder."""
    folder = tmp_path / "user-cache"
    monkeypatch.setenv("FIRTH_CACHE", str(folder))
    return folder

"""The fuzz targets begin from files that are read (the fuzzing itself is ``make fuzz``)."""

from contextlib import suppress
from pathlib import Path

import pytest
from fuzz.targets import TARGETS, write_seeds

from firth.errors import FirthError
from firth.formats import load


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_begins_from_files_that_are_read(tmp_path: Path, name: str) -> None:
    frame = tmp_path / "frame"
    frame.mkdir()
    bytes_go_to, path = TARGETS[name].frame(frame)
    seeds, read = write_seeds(name, tmp_path / "seeds"), 0
    for seed in (tmp_path / "seeds").iterdir():
        bytes_go_to.write_bytes(seed.read_bytes())
        with suppress(FirthError):  # some golden files are there to be refused
            read += len(load(path, format=TARGETS[name].format)) > 0
    assert 0 < read <= seeds, "nothing to begin from"

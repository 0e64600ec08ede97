"""A map in its model's folder: it comes back as it was, or not at all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.test_projection import clustered, same_as

from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError
from firth.formats import load, save
from firth.projection import WordMap, compute
from firth.projection.map_file import FACTS, PLACES, read_map, write_map


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(clustered(), tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def kept(folder: Path) -> WordMap:
    found = compute(clustered(), "pca", words=100)
    write_map(found, folder, load(folder))
    return found


def test_a_map_comes_back_as_it_was(folder: Path, kept: WordMap) -> None:
    again = read_map(folder, load(folder))
    assert again is not None
    same_as(again, kept)
    assert (again.method, again.settings, again.identity) == (kept.method, kept.settings, kept.identity)
    assert again.summary() == kept.summary()
    table = pq.read_table(folder / PLACES)
    assert table.column("word").to_pylist() == [f"w{row}" for row in kept.rows]
    facts = json.loads((folder / FACTS).read_bytes())
    assert facts["near"]["mean"] == pytest.approx(kept.near.mean())
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_there_is_none_or_it_is_of_another_model(folder: Path, kept: WordMap, tmp_path: Path) -> None:
    assert read_map(tmp_path, clustered()) is None
    assert read_map(tmp_path / "nothing", clustered()) is None
    other = clustered(seed=6)
    assert read_map(folder, other) is None, "figures of another model are not shown as this one's"
    with pytest.raises(ConfigError, match="a map is kept for its own model, once its trust is known"):
        write_map(kept, folder, other)
    with pytest.raises(ConfigError, match="once its trust is known"):
        write_map(compute(clustered(), "pca", trusted=False), folder, clustered())


def test_a_replaced_model_takes_its_map_along(folder: Path, kept: WordMap) -> None:
    save(clustered(seed=6), folder, force=True)
    assert not (folder / FACTS).exists()
    assert not (folder / PLACES).exists()


def test_only_a_model_folder_keeps_a_map(tmp_path: Path) -> None:
    model = clustered()
    with pytest.raises(FormatError, match="a map is kept in a model folder: make one with `firth convert"):
        write_map(compute(model, "pca"), tmp_path, model)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"format": "firth-map", "format_version": 1}'])
def test_damaged_facts(folder: Path, kept: WordMap, content: bytes) -> None:
    (folder / FACTS).write_bytes(content)
    with pytest.raises(FormatError, match=r"map\.json: damaged.*remove map\.json, and it is made anew"):
        read_map(folder, load(folder))


def test_a_newer_map_is_not_guessed_at(folder: Path, kept: WordMap) -> None:
    facts = json.loads((folder / FACTS).read_bytes()) | {"format_version": 2}
    (folder / FACTS).write_text(json.dumps(facts))
    with pytest.raises(FormatError, match="update firth"):
        read_map(folder, load(folder))


def test_every_cut_of_the_places_is_noticed(folder: Path, kept: WordMap) -> None:
    whole = (folder / PLACES).read_bytes()
    for length in range(0, len(whole), 97):
        (folder / PLACES).write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"map\.parquet: damaged or missing"):
            read_map(folder, load(folder))
    (folder / PLACES).unlink()
    with pytest.raises(FormatError, match="damaged or missing"):
        read_map(folder, load(folder))


def edited(found: WordMap, name: str, place: int, value: float) -> WordMap:
    numbers = np.array(getattr(found, name))
    numbers[place] = value
    return replace(found, **{name: numbers})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rows", 240, "row names 240 of 240"),
        ("rows", -1, "row names"),
        ("neighbors", 100, "neighbors names 100 of 100"),
        ("positions", np.nan, "a place is not finite"),
        ("near", 11, "near is 11 of 10"),
    ],
)
def test_what_no_map_can_hold_is_refused(
    folder: Path, kept: WordMap, name: str, value: float, message: str
) -> None:
    words = [f"w{n}" for n in range(241)]
    wider = Embeddings(words, np.ones((241, 3), np.float32))  # has words for any row
    write_map(replace(edited(kept, name, 3, value), identity=wider.identity()), folder, wider)
    facts = json.loads((folder / FACTS).read_bytes()) | {"model": kept.identity}
    (folder / FACTS).write_text(json.dumps(facts))
    with pytest.raises(FormatError, match=message):
        read_map(folder, load(folder))

"""``firth map`` as its users type it."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from tests.test_projection import clustered
from typer.testing import CliRunner, Result

from firth.cli import map as command
from firth.cli.app import FirthGroup
from firth.embeddings import Embeddings
from firth.formats import load, save
from firth.projection import word_map
from firth.projection.map_file import FACTS, read_map

APP = typer.Typer(cls=FirthGroup, pretty_exceptions_enable=False)
command.register(APP)
APP.command()(lambda: None)  # so that `map` stays the name of a command

VECTORS = clustered().vectors


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save(clustered(), tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "m"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, ["map", *arguments], prog_name="firth")


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout, parse_constant=pytest.fail)


def error(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_a_page_without_any_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("openTSNE", "matplotlib", "scipy"):
        monkeypatch.setitem(sys.modules, module, None)
    result = run("m", "-o", "map.html", "--method", "pca", "--word", "w200", "--dark", "--color", "frequency")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "240 words of m on map.html" in result.stdout
    assert "Distances on a map mislead" in result.stdout
    assert "true neighbours near on the map, of 10" in result.stdout
    text = Path("map.html").read_text("utf-8")
    assert '"theme":"dark"' in text
    assert '"coloring":"frequency"' in text
    assert '"chosen":[39]' in text, "w200 is the 40th by frequency"
    assert error("m", "-o", "map.html", "--method", "tsne", "--force").count("firth[map]") == 1
    assert "firth[map]" in error("m", "-o", "map.png", "--method", "pca")
    assert not Path("map.png").exists()


@pytest.mark.parametrize("name", ["map.png", "Map.SVG"])
def test_a_picture(folder: Path, name: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra [map] is not installed")
    facts = answer("m", "-o", name, "--method", "pca", "--color", "none", "--label", "9")
    begins = {".png": b"\x89PNG", ".svg": b"<?xml"}[Path(name).suffix.lower()]
    assert Path(name).read_bytes().startswith(begins)
    assert (facts["output"], facts["words"], facts["method"]) == (name, 240, "pca")
    assert sum(facts["near"]["histogram"]) == 240
    assert "of a word's 10 nearest words" in facts["definition"]


def test_the_map_is_kept_and_used_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer("m", "--method", "pca")["kept"] is False
    again = answer("m", "--method", "pca", "--seed", "2")
    assert again["kept"] is True, "principal components have no chance in them"
    assert answer("m", "--method", "pca", "--words", "50")["kept"] is False
    kept = read_map(folder, load(folder))
    assert kept is not None
    assert len(kept) == 240, "a smaller map does not take a larger one's place"
    (folder / FACTS).write_bytes(b"{")
    result = run("m", "--method", "pca")
    assert result.exit_code == 0
    assert "making the map again" in result.stderr
    assert answer("m", "--method", "pca")["kept"] is True
    save(clustered(seed=9), folder, force=True)
    assert answer("m", "--method", "pca")["kept"] is False


def test_tsne_is_the_default_and_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openTSNE", reason="the extra [map] is not installed")
    monkeypatch.setattr(command, "LINE_SECONDS", 0.0)
    result = run("m", "--json")
    assert result.exit_code == 0
    assert "map: 3" in result.stderr, "it says where it is"
    assert json.loads(result.stdout)["method"] == "tsne"
    assert answer("m")["kept"] is True
    assert run("m", "--seed", "2", "--json").stderr, "another seed is another map"
    assert run("m", "--method", "pca").exit_code == 0
    kept = read_map(folder, load(folder))
    assert kept is not None
    assert (kept.method, kept.settings["seed"]) == ("tsne", 2), "a quick map does not take its place"


def test_a_file_of_vectors_gets_nothing_written_beside_it(folder: Path, tmp_path: Path) -> None:
    lines = [" ".join([word, *map(str, vector)]) for word, vector in zip(clustered(), VECTORS, strict=True)]
    Path("v.txt").write_text("\n".join([f"{len(VECTORS)} {VECTORS.shape[1]}", *lines]) + "\n")
    before = sorted(tmp_path.rglob("*"))
    assert answer("v.txt", "--method", "pca")["kept"] is False
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_takes_no_map_still_has_a_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firth.errors import FormatError
    from firth.projection import map_file

    def refuse(*_: Any) -> None:
        raise FormatError("m/map.parquet: cannot be written (Read-only file system); choose another place")

    monkeypatch.setattr(map_file, "write_map", refuse)
    result = run("m", "-o", "a.html", "--method", "pca")
    assert result.exit_code == 0
    assert "the map is not kept for the next time: m/map.parquet: cannot be written" in result.stderr
    assert Path("a.html").exists()


def test_errors_come_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_map, "principal_plane", lambda *_: pytest.fail("work was begun"))
    Path("there.html").write_text("x")
    Path("d.html").mkdir()
    pca = ("--method", "pca")
    assert "there.html exists: choose another name, or replace it with --force" in error(
        "m", "-o", "there.html", *pca
    )
    assert "d.html is a folder" in error("m", "-o", "d.html", "--force", *pca)
    assert "there is no folder" in error("m", "-o", "no/map.html", *pca)
    assert "map.jpg: a map is a .png, .svg or .html file: name it so" in error("m", "-o", "map.jpg", *pca)
    assert "no colouring 'size': give one of trust, frequency, none" in error("m", "--color", "size")
    assert "no method 'umap' for a map: give one of pca, tsne" in error("m", "--method", "umap")
    assert "label must be at least 0" in error("m", "--label", "-1", *pca)
    assert "does not know the word 'w2000': did you mean" in error("m", "--word", "w2000", *pca)
    assert "seed must be at least 0" in error("m", "--seed", "-1", *pca)
    assert Path("there.html").read_text() == "x"


def test_a_word_that_is_not_on_the_map(folder: Path) -> None:
    message = error("m", "-o", "a.html", "--method", "pca", "--words", "50", "--word", "w3")
    assert "the word 'w3' is not on the map of 50 words: give more --words" in message
    assert not Path("a.html").exists()


def test_hostile_words_stay_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["<script>", '"><img onerror=alert(1)>', "\x1b[31m", *"abcdefghij"]
    vectors = np.random.default_rng(1).standard_normal((len(words), 4)).astype(np.float32)
    save(Embeddings(words, vectors), tmp_path / "\x1b[31mm")
    result = run("\x1b[31mm", "-o", "a.html", "--method", "pca", "--word", "<script>")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    text = Path("a.html").read_text("utf-8")
    assert text.count("<script") == 2
    assert "<img" not in text

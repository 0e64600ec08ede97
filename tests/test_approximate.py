"""The index for approximate neighbours: what it finds, and to which model it belongs."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.vector_cases import model
from typer.testing import CliRunner

from firth.cli.app import app
from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError, MissingExtraError
from firth.formats import load, save

usearch = pytest.importorskip("usearch", reason="the extra [index] is not installed")
from firth.approximate import FACTS, GRAPH, build, open_index, save_index  # noqa: E402

WORDS = [f"w{n}" for n in range(400)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(large(), tmp_path / "m")
    return tmp_path / "m"


def large() -> Embeddings:
    trained = np.ones(len(WORDS), bool)
    trained[[3, 50]] = False
    plain = model(WORDS, 12)
    vectors = np.array(plain.vectors)
    vectors[7] = 0
    return Embeddings(WORDS, vectors, trained=trained)


def test_a_small_index_finds_what_exact_search_finds() -> None:
    whole = large()
    found, exact = (search.neighbors(["w0", "w9", "w399"], 6) for search in (build(whole), whole))
    shared = sum(pair in best for answer, best in zip(found, exact, strict=True) for pair in answer)
    assert shared >= 16, "of 18, with the same bits of their cosines: threads insert in an order of their own"
    answers = build(whole).neighbors(WORDS[:100], 50)
    named = {word for answer in answers for word, _ in answer}
    assert not named & {"w3", "w50", "w7"}, "rows never trained, and rows of zeros, are not found"


def test_no_words_no_answers() -> None:
    assert build(large()).neighbors([], 5) == []
    assert build(large()).neighbors(["w0"], 0) == [[]]


def test_an_index_lives_in_its_model(folder: Path) -> None:
    with pytest.raises(FormatError, match="has no index: make it with `firth index"):
        open_index(folder, load(folder))
    save_index(build(load(folder)), folder, {"words": 400})
    again = open_index(folder, load(folder))
    assert again.neighbors(["w0", "w1"], 5) == load(folder).neighbors(["w0", "w1"], 5)
    assert json.loads((folder / FACTS).read_bytes())["words"] == 400
    with pytest.raises(FormatError, match="of another model than the one beside it"):
        open_index(folder, model(WORDS, 12, seed=9))
    save(model(WORDS, 12, seed=9), folder, force=True)
    assert not (folder / GRAPH).exists(), "a replaced model takes its index along"


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x00" * 5000])
def test_a_damaged_index_is_refused(folder: Path, content: bytes) -> None:
    save_index(build(load(folder)), folder, {})
    (folder / GRAPH).write_bytes(content)
    with pytest.raises(FormatError, match="make it with `firth index"):
        open_index(folder, load(folder))
    (folder / FACTS).write_bytes(b"[1]")
    with pytest.raises(FormatError, match=r"damaged.*make it with"):
        open_index(folder, load(folder))


def test_nothing_to_index(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 rows of the model have a direction"):
        build(model(["alone"]))
    with pytest.raises(FormatError, match="an index lies in a model folder: make one with `firth convert"):
        save_index(build(large()), tmp_path, {})


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(MissingExtraError, match=r"needs the package usearch: .*firth\[index\]"):
        build(large())


def test_the_command_measures_what_it_made(folder: Path) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = run("index", str(folder), "--json", "--threads", "1")
    facts = json.loads(out)
    assert code == 0
    assert facts["words"] == 400
    assert 0.9 < facts["recall_at_10"] <= 1
    assert facts["milliseconds"]["exact"] > 0
    assert run("index", str(folder)) == (
        1,
        "",
        f"firth: error: {folder} has an index: replace it with --force\n",
    )
    assert "of the 10 nearest words" in run("index", str(folder), "--force")[1]
    asked = ["neighbors", str(folder), "w5", "w6", "--json"]
    assert run(*asked, "--approximate")[1] == run(*asked)[1]

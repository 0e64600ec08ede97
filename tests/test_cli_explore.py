"""``firth explore`` as its users type it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from explorer_site import small_model
from firth.cli.app import app
from firth.embeddings import Embeddings
from firth.explorer.serving import listen
from firth.formats import save

EXPLORE = [sys.executable, "-m", "firth", "explore"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    small = small_model()
    save(Embeddings(small.index_to_key, small.vectors, counts=small.counts), tmp_path / "m")
    return str(tmp_path / "m")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_by_a_signal(model: str, number: int) -> None:
    command = [*EXPLORE, model, model, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urlopen(f"{url}api/compare/word?word=king&topn=4", timeout=20) as reply:
            assert len(json.load(reply)["shared"]) == 4
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "Ctrl-C ends it\n")


def test_a_port_that_is_taken_and_a_model_that_is_not_there(model: str) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["explore", model, "--port", port])
    assert (result.exit_code, f"port {port} is taken" in result.stderr) == (1, True)
    result = CliRunner().invoke(app, ["explore", model + "x"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert CliRunner().invoke(app, ["explore", model, "--port", "66000"]).exit_code == 1


def test_without_the_extra_it_says_which(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for arguments in (["explore", model], ["train", "c.txt", "-o", "x", "--watch"]):
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code, 'the extra "firth[explorer]"' in result.stderr) == (1, True)

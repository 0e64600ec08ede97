"""A run that is watched: what the page says of it, and that the run is the same as if nobody looked."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from corpora import digest, zipf_text
from firth.cli.app import app
from firth.explorer import watch
from firth.explorer.serving import listen
from firth.explorer.watch import WatchPage
from firth.formats import load
from firth.training import trainer
from firth.training.progress import silent
from firth.training.trainer import Watchers

FIRTH = [sys.executable, "-m", "firth"]
TRAIN = ["train", "c.txt", "-o", "m", "--vector-size", "7", "--threads", "1"]
WATCH = ["--watch", "--watch-port", "0"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("c.txt").write_text(zipf_text(30_000))
    return tmp_path


def fetched(url: str, path: str) -> Any:
    with urlopen(url + path, timeout=20) as reply:
        return json.load(reply)


def test_the_page_shows_the_run_as_it_goes_on() -> None:
    page = WatchPage(listen("127.0.0.1", 0), "127.0.0.1", "m")
    seen: dict[str, Any] = {}
    asking = threading.Event()

    def ask(url: str) -> None:
        seen["models"] = fetched(url, "api/models")
        seen["first"] = fetched(url, "api/neighbors?word=w7&topn=3")
        seen["map"] = urlopen_status(url + "api/map")
        with urlopen(url + "api/events?pin=w7&pin=nobody", timeout=20) as stream:
            events = (line for line in stream if line.startswith(b"data: "))
            seen["events"] = [json.loads(next(events)[6:]) for _ in range(2)]
        seen["training"] = fetched(url, "api/training")
        asking.set()

    def training(_progress: Any) -> None:
        if "asked" not in seen:
            seen["asked"] = True
            threading.Thread(target=ask, args=(page.url,), daemon=True).start()

    with page.open():
        watchers = page.joined(Watchers(training=training))

        def until_asked(progress: Any) -> None:
            assert watchers.training is not None
            watchers.training(progress)
            if asking.is_set():
                raise KeyboardInterrupt

        stopping = Watchers(started=watchers.started, training=until_asked)
        with pytest.raises(KeyboardInterrupt):
            trainer.train("c.txt", vector_size=7, epochs=100_000, threads=1, progress=stopping)
    assert seen["models"]["watching"] is True
    assert seen["models"]["models"][0]["words"] == 100
    assert len(seen["first"]["results"][0]["neighbors"]) == 3
    assert seen["map"] == 404
    first, second = seen["events"]
    assert first["watching"] is True
    assert [one["word"] for one in first["neighbors"]] == ["w7"]
    assert second["progress"]["words"] > first["progress"]["words"]
    assert second["neighbors"] != first["neighbors"]  # the vectors move
    course = seen["training"]
    assert course["config"]["state"] == "training"
    assert course["progress"]["words_total"] == 30_000 * 100_000
    assert (course["watching"], len(course["reports"])) == (True, 0) or course["reports"][0]["loss"] > 0


def urlopen_status(url: str) -> int:
    from urllib.error import HTTPError

    try:
        with urlopen(url, timeout=20) as reply:
            status: int = reply.status
            return status
    except HTTPError as error:
        with error:
            return error.code


def test_a_watched_run_ends_in_the_same_bytes_and_the_page_with_it() -> None:
    plain = CliRunner().invoke(app, [*TRAIN, "--epochs", "3"])
    assert plain.exit_code == 0, plain.output
    expected = digest(Path("m"))
    watched = CliRunner().invoke(app, [*TRAIN, "--epochs", "3", "--force", *WATCH])
    assert watched.exit_code == 0, watched.output
    assert digest(Path("m")) == expected
    url = re.search(r"watch it at http://127\.0\.0\.1:(\d+)/", watched.stderr)
    assert url is not None
    assert "the page is closed; firth explore m opens it again" in watched.stderr.splitlines()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url[1])), 5)


def test_a_page_that_fails_harms_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("no thread can be started")

    monkeypatch.setattr(watch, "serving", broken)
    result = CliRunner().invoke(app, [*TRAIN, "--epochs", "2", *WATCH])
    assert result.exit_code == 0, result.output
    assert "the page could not be opened; the run goes on without it" in result.stderr
    assert load("m").config["state"] == "finished"


def test_what_does_not_fit_is_refused_before_anything_is_read() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, [*TRAIN, "--watch", "--watch-port", port])
    assert (result.exit_code, f"port {port} is taken" in result.stderr) == (1, True)
    result = CliRunner().invoke(app, [*TRAIN, "--watch-port", port])
    assert (result.exit_code, "belongs to --watch" in result.stderr) == (1, True)
    assert not Path("m").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_at_a_terminal_the_page_stays_until_ctrl_c() -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen([*FIRTH, *TRAIN, "--epochs", "2", *WATCH], stderr=follower) as process:
        os.close(follower)
        try:
            said = ""
            while "until Ctrl-C" not in " ".join(said.split()):
                said += os.read(leader, 4096).decode()
            url = re.search(r"http://127\.0\.0\.1:\d+/", said)
            assert url is not None
            found = fetched(url[0], "api/models")
            assert (found["watching"], found["models"][0]["training"]) == (False, True)
            assert fetched(url[0], "api/training")["config"]["state"] == "finished"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(leader)


def test_watchers_that_were_there_are_told_too() -> None:
    told: list[str] = []
    page = WatchPage(listen("127.0.0.1", 0), "127.0.0.1", "m")
    with page.open():
        watchers = page.joined(Watchers(started=lambda _run: told.append("started"), training=silent))
        trainer.train("c.txt", vector_size=5, epochs=1, threads=1, progress=watchers)
    assert told == ["started"]

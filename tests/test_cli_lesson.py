"""The command lesson: the reader's folder, and a page that only the reader can open."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from firth.cli import lesson as command
from firth.cli.app import app
from firth.errors import OutputExistsError
from firth.lesson import folder
from firth.lesson.folder import Answers


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lesson", *map(str, arguments)])


CONTENTS = {folder.MODULE: "module\n", folder.CHAPTER: "chapter\n"}


# ------------------------------------------------------------------------------------------ the folder


def test_the_module_goes_home_as_it_is(tmp_path) -> None:
    done = run(tmp_path / "my-llm", "--notebook")
    assert done.exit_code == 0, done.stderr
    home = (tmp_path / "my-llm" / "llm" / "embeddings.py").read_text()
    assert home == Path(folder.__file__).with_name("embeddings.py").read_text()
    names: dict[str, object] = {}
    exec(compile(home, "embeddings.py", "exec"), names)
    assert names["dot"]([1.0, 2.0], [3.0, 4.0]) == 11.0  # type: ignore[operator]


def test_what_is_there_is_kept_and_said(tmp_path) -> None:
    first = run(tmp_path, "--notebook")
    assert first.stderr.count("wrote ") == 2
    mine = tmp_path / folder.MODULE
    mine.write_text("# mine\n")
    second = run(tmp_path, "--notebook")
    assert second.exit_code == 0
    assert mine.read_text() == "# mine\n"
    kept = [line for line in second.stderr.splitlines() if line.startswith("kept")]
    assert len(kept) == 1
    assert str(mine) in kept[0]
    assert "wrote" not in second.stderr


def test_nothing_half_written_and_links_are_kept(tmp_path) -> None:
    (tmp_path / "llm").mkdir()
    (tmp_path / folder.MODULE).symlink_to(tmp_path / "elsewhere.py")
    prepared = folder.prepare(tmp_path, CONTENTS)
    assert prepared.written == [tmp_path / folder.CHAPTER]
    assert prepared.kept == [tmp_path / folder.MODULE]
    assert not (tmp_path / "elsewhere.py").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["llm", str(folder.CHAPTER)])


@pytest.mark.parametrize("taken", [".", "llm"])
def test_a_file_in_the_way_is_an_error(tmp_path, taken) -> None:
    target = tmp_path / "my-llm"
    if taken == ".":
        target.write_text("a file")
    else:
        target.mkdir()
        (target / taken).write_text("a file")
    with pytest.raises(OutputExistsError, match="a file is in the way"):
        folder.prepare(target, CONTENTS)
    assert run(target, "--notebook").exit_code == 1


# ------------------------------------------------------------------------------------ the reader's answers


def readers(tmp_path: Path) -> Path:
    folder.prepare(tmp_path, CONTENTS)
    return tmp_path


def test_answers_come_back(tmp_path) -> None:
    at = readers(tmp_path)
    answers = Answers.beside(at)
    assert answers.load("pairs") is None
    assert answers.save("pairs", "one") == "Saved in `exercises/pairs.py`."
    assert answers.save("pairs", "two") == "Saved in `exercises/pairs.py`."
    assert Answers.beside(at).load("pairs") == "two"


def test_what_was_changed_elsewhere_is_not_written_over(tmp_path) -> None:
    at = readers(tmp_path)
    here, there = Answers.beside(at), Answers.beside(at)
    here.load("pairs"), there.load("pairs")
    there.save("pairs", "from the other window")
    assert here.save("pairs", "from this one").startswith("Not saved: `exercises/pairs.py` has been changed")
    assert (at / "exercises" / "pairs.py").read_text() == "from the other window"
    assert here.load("pairs") == "from the other window"
    assert here.save("pairs", "on top of it").startswith("Saved")


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path) -> None:
    at = readers(tmp_path)
    (at / "exercises").mkdir()
    (at / "exercises" / "step.py").write_bytes(b"\xff\xfe")
    answers = Answers.beside(at)
    answers.load("step")
    assert answers.save("step", "new").startswith("Not saved")
    assert (at / "exercises" / "step.py").read_bytes() == b"\xff\xfe"


def test_firths_own_chapter_keeps_nothing() -> None:
    answers = Answers.beside(Path(folder.__file__).parent)
    assert answers.load("pairs") is None
    assert answers.save("pairs", "code") == ""
    assert not (Path(folder.__file__).parent / "exercises").exists()


def test_a_disk_that_refuses_is_told(tmp_path) -> None:
    at = readers(tmp_path)
    (at / "exercises").write_text("a file")
    answers = Answers.beside(at)
    answers.load("pairs")
    assert answers.save("pairs", "code").startswith("Not saved: ")


# --------------------------------------------------------------------------------------------- errors


def test_without_marimo_the_extra_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda package: None)
    done = run(tmp_path / "new")
    assert done.exit_code == 1
    assert 'pip install "firth[lesson]"' in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("port", "said"), [(0, "from 1 to 65535"), (70_000, "from 1 to 65535")])
def test_a_port_out_of_range(tmp_path, port, said, monkeypatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda package: package)
    done = run(tmp_path / "new", "--port", port)
    assert done.exit_code == 1
    assert said in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_taken_port(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda package: package)
    with socket.create_server((command.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path / "new", "--port", port)
    assert done.exit_code == 1
    assert f"--port {port} cannot be used" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_is_instant() -> None:
    code = (
        "import sys, firth.cli.lesson\n"
        "print(sorted({'marimo', 'altair', 'numpy', 'firth.lesson'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(app, typer.Typer)
    assert "--no-browser" in run("--help").stdout


# ------------------------------------------------------------------------------------------ the server


def answers(url: str) -> int:
    """Return the status with which a server that is just starting answers."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(url) as page:
                return int(page.status)
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            time.sleep(0.1)
    pytest.fail(f"nobody answers at {url}")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--read"], []], ids=["read", "edit"])
def test_it_serves_to_its_owner_alone_and_ends_on_ctrl_c(tmp_path, options) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed: pip install '.[lesson]'")
    with socket.create_server((command.HOST, 0)) as probe:
        port = probe.getsockname()[1]
    started = [
        sys.executable,
        "-m",
        "firth",
        "lesson",
        str(tmp_path / "my-llm"),
        "--no-browser",
        "--port",
        str(port),
    ]
    with subprocess.Popen(
        [*started, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            assert f":{port}?access_token=" in url
            assert answers(url) == 200
            assert answers(f"http://{command.HOST}:{port}/api/version") == 401
            listening = Path("/proc/net/tcp")
            if listening.exists():
                places = re.findall(rf" ([0-9A-F]+):{port:04X} 00000000:0000 0A", listening.read_text())
                assert places == ["0100007F"]  # 127.0.0.1, as Linux writes it
        finally:
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    assert "Traceback" not in told
    assert f"wrote {tmp_path / 'my-llm' / folder.CHAPTER}" in told

"""``firth train`` as its users type it: what it prints, what it refuses, how it is stopped."""

import errno
import gzip
import io
import json
import lzma
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from corpora import digest, zipf_text
from firth.cli.app import app
from firth.cli.train import OPTIONS, seconds
from firth.corpus.tokenize import TextOptions
from firth.errors import ConfigError
from firth.formats import load, safetensors_file
from firth.training.config import FOREIGN_NAMES, TrainConfig

FIRTH = [sys.executable, "-m", "firth"]
TRAIN = ["train", "c.txt", "-o", "m", "--vector-size", "7", "--epochs", "2"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with one corpus in it."""
    monkeypatch.chdir(tmp_path)
    Path("c.txt").write_text(zipf_text(30_000))
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def refused(*arguments: str, stdin: str | None = None) -> str:
    """Run a command that must fail with one line and leave nothing new; return the line."""
    before = sorted(path for path in Path().rglob("*") if "user-cache" not in path.parts)
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert result.stderr.startswith("firth: error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert sorted(path for path in Path().rglob("*") if "user-cache" not in path.parts) == before
    return result.stderr


# --- what it does ------------------------------------------------------------------------------------


def test_it_trains_and_says_what_it_does(own_cache: Path) -> None:
    result = run(*TRAIN, "--threads", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith("read 30,000 words, ")
    assert f"kept as numbers in {own_cache} for the next run" in lines[0]
    assert lines[1].startswith("training on the 100 that occur at least 5 times, in ")
    assert lines[1].endswith(" sentences: 7 dimensions, 2 epochs, 1 thread")
    assert [line[:14] for line in lines[2:4]] == ["epoch 1/2 done", "epoch 2/2 done"]
    assert lines[4].startswith("100.0%  epoch 2/2  ")
    assert lines[4].endswith("  done in 0:00")
    assert lines[5:] == ["next: firth neighbors m WORD   or   firth info m"]
    assert run("neighbors", "m", "w7").exit_code == 0


def test_quiet_is_quiet_and_json_is_strict() -> None:
    result = run(*TRAIN, "--quiet", "--json", "--no-cache")
    assert result.stderr == ""
    summary = json.loads(result.stdout, parse_constant=lambda text: pytest.fail(text))
    assert (summary["model"], summary["vector_size"]) == ("m", 7)
    assert summary["options"]["epochs"] == 2
    assert summary["corpus"]["tokens"] == 30_000
    assert summary["loss"] > 0
    assert summary["train_seconds"] > 0


def test_options_come_from_a_file_and_the_command_line_wins() -> None:
    Path("o.toml").write_text(
        'vector-size = 9\nepochs = 1\nlowercase = true\ntokenizer = "words"\nsample = 0\n'
    )
    assert run("train", "c.txt", "-o", "m", "--config", "o.toml", "--epochs", "2").exit_code == 0
    config = load("m").config
    assert (config["options"]["vector_size"], config["options"]["epochs"]) == (9, 2)
    assert (config["corpus"]["tokenizer"], config["corpus"]["lowercase"]) == ("words", True)


def test_every_option_of_the_program_reaches_the_run() -> None:
    values = {
        "vector_size": 5,
        "window": 3,
        "min_count": 2,
        "max_vocab_size": 50,
        "negative": 4,
        "epochs": 3,
        "alpha": 0.04,
        "min_alpha": 0.001,
        "sample": 0.01,
        "ns_exponent": 0.5,
        "seed": 6,
        "threads": 2,
        "shards": 1,
    }
    typed = [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    assert run("train", "c.txt", "-o", "m", *typed, "--full-windows", "--racing").exit_code == 0
    assert load("m").config["options"] == values | {"shrink_windows": False, "reproducible": False}
    assert set(OPTIONS) == {*TrainConfig.__dataclass_fields__, *TextOptions.__dataclass_fields__}


def test_shards_are_told_and_kept() -> None:
    result = run(*TRAIN, "--shards", "3")
    assert "3 shards, merged after every " in result.stderr
    assert load("m").config["options"]["shards"] == 3
    assert "--shards belongs to the run in m" in refused("train", "--resume", "m", "--shards", "2")
    result = run(*TRAIN, "--force", "--shards", "auto")
    assert result.stderr.startswith("--shards auto: 1, as one machine needs no more\n")
    assert load("m").config["options"]["shards"] == 1
    assert "shards must be a whole number or 'auto', not 'x'" in refused(*TRAIN, "--force", "--shards", "x")


def test_many_shards_are_warned_of() -> None:
    assert "shards learn worse" not in run(*TRAIN, "--shards", "8").stderr
    assert "more than 4 shards learn worse" in run(*TRAIN, "--force", "--shards", "9").stderr


def test_a_corpus_that_is_not_there_may_have_been_an_address() -> None:
    assert "'nonsense'; nor is it a cluster's address" in refused("train", "--ray", "nonsense", "-o", "m")


def test_threads_that_find_no_work_are_told() -> None:
    told = "9 threads: 8 of them find work in reproducible training, with --racing all\n"
    assert told in run(*TRAIN, "--threads", "9").stderr
    assert told not in run(*TRAIN, "--force", "--threads", "9", "--shards", "9").stderr
    assert (
        "9 threads: 3 of them find work" in run(*TRAIN, "--force", "--threads", "9", "--shards", "3").stderr
    )
    assert told not in run(*TRAIN, "--force", "--threads", "9", "--racing").stderr
    assert told not in run(*TRAIN, "--force", "--threads", "9", "-q").stderr


def test_it_reads_standard_input_and_goes_on_with_it() -> None:
    result = run("train", "-", *TRAIN[2:], stdin=Path("c.txt").read_text())
    assert result.exit_code == 0, result.output
    assert load("m").config["corpus"]["kind"] == "stdin"
    assert run("train", "--resume", "m", "--epochs", "1", "--alpha", "0.01").exit_code == 0
    assert load("m").training[-1]["words"] == 90_000


def test_a_finished_model_is_said_to_be_finished() -> None:
    assert run(*TRAIN).exit_code == 0
    before = digest(Path("m"))
    result = run("train", "--resume", "m")
    assert result.exit_code == 0
    assert (
        "m is finished: nothing to do. To train it further: firth train --resume m --epochs N"
        in result.stderr
    )
    assert digest(Path("m")) == before


def test_force_replaces_a_model() -> None:
    assert run(*TRAIN).exit_code == 0
    before = digest(Path("m"))
    assert "holds a model: choose another name" in refused(*TRAIN, "--seed", "3")
    assert run(*TRAIN, "--seed", "3", "--force").exit_code == 0
    assert digest(Path("m")) != before


# --- what it refuses ---------------------------------------------------------------------------------


def write_bad_files() -> None:
    text = Path("c.txt").read_bytes()
    Path("empty.txt").write_bytes(b"")
    Path("blank.txt").write_bytes(b" \n\t\n")
    Path("latin.txt").write_bytes("stra\u00dfe\n".encode("latin-1"))
    Path("binary.bin").write_bytes(bytes(range(256)) * 40)
    Path("nul.txt").write_bytes(b"a b\0c\n")
    Path("cut.txt.gz").write_bytes(gzip.compress(text)[:9_000])
    Path("cut.txt.xz").write_bytes(lzma.compress(text)[:9_000])
    for suffix, codec in (("zst", "zstd"), ("bz2", "bz2")):
        sink = io.BytesIO()
        with pa.CompressedOutputStream(sink, codec) as packed:
            packed.write(text)
            packed.flush()
            data = sink.getvalue()
        Path(f"cut.txt.{suffix}").write_bytes(data[: len(data) // 2] or b"BZh9")
    pq.write_table(pa.table({"body": ["a b c"], "n": [1]}), "t.parquet")
    Path("folder").mkdir()
    Path("folder/notes.md").write_text("mine")
    Path("bad.toml").write_text("epochs = \n")
    Path("foreign.toml").write_text("size = 100\n")
    Path("unknown.toml").write_text('output = "elsewhere"\n')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nofile.txt -o m", "no such file or folder: 'nofile.txt'"),
        ("empty.txt -o m", "empty.txt: no words to learn from: it is empty"),
        ("blank.txt -o m", "holds only whitespace"),
        (
            "c.txt -o m --min-count 99999",
            "no word occurs min_count=99999 times: the most frequent, 'w0', occurs",
        ),
        ("latin.txt -o m", "latin.txt: not UTF-8: b'\\xdfe\\n' at byte 4"),
        ("binary.bin -o m", "binary.bin: a NUL byte at byte 0"),
        ("nul.txt -o m", "nul.txt: a NUL byte at byte 3"),
        ("cut.txt.gz -o m", "cut.txt.gz: the gzip data is truncated or damaged"),
        ("cut.txt.xz -o m", "cut.txt.xz: the xz data is truncated or damaged"),
        ("cut.txt.zst -o m", "cut.txt.zst: the zst"),
        ("cut.txt.bz2 -o m", "cut.txt.bz2: the bz"),
        ("t.parquet -o m --column text", "'text'"),
        ("c.txt -o m --vector-size 0", "vector_size must be from 2 to 1024, not 0"),
        ("c.txt -o m --vector-size big", "'big'"),
        ("c.txt -o m --threads 0", "threads must be from 1 to 1024, not 0"),
        ("c.txt -o m --alpha nan", "alpha must be a finite number, not nan"),
        ("c.txt -o m --config none.toml", "--config none.toml: No such file"),
        ("c.txt -o m --config bad.toml", "--config bad.toml: not TOML"),
        ("c.txt -o m --config foreign.toml", "unknown option 'size': firth calls it 'vector_size'"),
        (
            "c.txt -o m --config unknown.toml",
            "--config unknown.toml: unknown option 'output': the options are",
        ),
        ("c.txt -o m --checkpoint-every soon", "--checkpoint-every 'soon' is no time above 0"),
        ("c.txt -o m --cache a --no-cache", "--cache a and --no-cache contradict each other"),
        ("c.txt -o folder", "folder exists and is not a model of firth"),
        ("c.txt -o folder --force", "folder exists and is not a model of firth"),
        ("c.txt -o c.txt --force", "c.txt exists and is not a model of firth"),
        ("c.txt -o c.txt/m", "c.txt/m: cannot be written"),
        ("--resume nowhere", "nowhere holds no run of firth"),
        ("--resume m --window 3", "--window belongs to the run in m"),
        ("--resume m --force", "--force starts anew, --resume m goes on"),
        ("--resume m -o n", "--resume m writes to m again: leave out -o n"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments: str, message: str) -> None:
    write_bad_files()
    assert message in refused("train", *arguments.split())


@pytest.mark.parametrize("arguments", ["train", "train c.txt", "train -o m", "train c.txt -o m --no-such"])
def test_what_is_missing_or_unknown_ends_with_2(arguments: str) -> None:
    result = run(*arguments.split())
    assert result.exit_code == 2
    assert any(part in result.stderr for part in ("missing CORPUS", "missing -o MODEL", "--no-such"))
    assert not Path("m").exists()


@pytest.mark.parametrize("name", ["size", "dim", "iter", "ws", "lr", "workers"])
def test_a_foreign_option_is_answered_with_ours(name: str) -> None:
    result = run("train", "c.txt", "-o", "m", f"--{name}", "3")
    assert result.exit_code == 2
    assert f"--{FOREIGN_NAMES[name].replace('_', '-')}" in " ".join(result.stderr.split())


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_times(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["0", "-5s", "nan", "5 d", "", "1e3"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="90s, 5m or 1h"):
        seconds(text)


def test_a_full_disk_is_one_line_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors_file, "_write_blocks", full)
    message = refused(*TRAIN, "--quiet")
    assert "no room to write it (No space left on device)" in message
    assert "bytes are needed" in message


# --- how it is stopped -------------------------------------------------------------------------------


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*FIRTH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for(path: Path) -> None:
    for _ in range(3000):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail(f"{path} never came")


LONG = ["train", "c.txt", "-o", "m", "--epochs", "100000", "--threads", "2"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_the_state_and_says_how_to_go_on(number: int, code: int) -> None:
    with start(*LONG) as process:
        assert process.stderr is not None
        assert next(line for line in process.stderr if "alpha" in line), "kernels are loaded"
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == code, said
    assert said.splitlines()[-1].startswith("stopped after 0.")
    assert said.endswith("its state is saved: go on with `firth train --resume m`\n")
    assert load("m/checkpoint").config["state"] == "training"
    message = refused("train", "--resume", "m", "--epochs", "3", "--alpha", "0.01")
    assert "the run in m is not finished" in message
    assert "go on with `firth train --resume m`, or start anew with --force" in refused(*TRAIN)


def test_stopped_while_it_reads_it_writes_nothing(own_cache: Path) -> None:
    with start("train", "-", "-o", "m", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("a b c\n" * 1000)
        process.stdin.flush()
        wait_for(own_cache)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.read() == "stopped; nothing was written\n"
    assert process.returncode == 143
    assert not Path("m").exists()
    assert list(own_cache.iterdir()) == []


def test_on_a_terminal_an_interrupt_leaves_a_tidy_screen() -> None:
    screen, terminal = pty.openpty()
    size = {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with subprocess.Popen([*FIRTH, *LONG], **streams, env={**os.environ, **size}) as process:
        os.close(terminal)
        shown = b""
        while b"loss/pair" not in shown:
            shown += os.read(screen, 65536)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # the terminal is closed
            while part := os.read(screen, 65536):
                shown += part
    os.close(screen)
    assert process.returncode == 130
    text = shown.decode()
    assert "━" in text
    assert "M raw words/s  loss/pair" in text
    assert text.splitlines()[-1].endswith("its state is saved: go on with `firth train --resume m`")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is shown again"


def test_a_run_goes_on_when_nobody_reads_its_lines() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*FIRTH, *TRAIN], stderr=write, check=False)
    os.close(write)
    assert done.returncode == 0
    assert load("m").vector_size == 7


def test_resuming_a_run_that_another_process_trains_says_so() -> None:
    with start(*LONG, "--checkpoint-every", "1h") as running:
        try:
            wait_for(Path("m", "checkpoint", "config.json"))
            result = run("train", "--resume", "m")
        finally:
            running.kill()
    assert result.exit_code == 1
    assert "m is being trained by another process" in result.stderr

"""What the README shows is run: its firth commands as they stand, and its Python."""

import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firth.embeddings import Embeddings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for language, block in BLOCKS
    if not language
    for line in block.splitlines()
    if line.startswith("firth ")
]
SERVING = {"explore", "--watch"}


def serves(command: list[str]) -> bool:
    """Tell whether a command ends only when it is stopped; these have tests of their own."""
    return bool(SERVING.intersection(command))


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, env=os.environ
    )


PYTHON = [block for language, block in BLOCKS if language == "python"]


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """A folder with a corpus.txt in which kings and queens, men and women keep company."""
    draw = random.Random(7)
    people = ["king", "queen", "man", "woman", "cat"]
    words = [*people, "the", "sat", "rules", *(f"thing{number}" for number in range(40))]
    lines = [" ".join(draw.choices(words, k=9)) for _ in range(600)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_shows_commands_and_python() -> None:
    assert len(COMMANDS) >= 7
    assert len(PYTHON) == 2


@pytest.mark.usefixtures("workplace")
def test_the_commands_work_in_their_order() -> None:
    for command in COMMANDS:
        if not serves(command):
            done = run(command)
            assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"


@pytest.mark.parametrize("command", [command for command in COMMANDS if serves(command)], ids=shlex.join)
def test_the_commands_that_serve_a_page_are_known(command: list[str]) -> None:
    done = run([*command[:2], "--help"])
    assert done.returncode == 0
    assert all(option in done.stdout for option in command if option.startswith("-"))


@pytest.mark.usefixtures("workplace")
def test_the_python_works() -> None:
    code = PYTHON[0].replace('[["the", "cat", "sat"], ...]', '[["the", "cat", "sat"]] * 5000')
    names: dict[str, object] = {"token_ids": np.tile(np.array([3, 1, 4], np.int32), 50)}
    exec(compile(code, "README.md", "exec"), names)
    assert names["model"].vectors.shape == (48, 200)  # type: ignore[attr-defined]


def test_every_hand_over_of_the_readme_exists() -> None:
    shown = set(re.findall(r"model\.(to_\w+)\(", PYTHON[1]))
    assert shown == {name for name in dir(Embeddings) if name.startswith("to_")}
    for line in PYTHON[1].splitlines():
        if line.startswith("from "):
            exec(compile(line, "README.md", "exec"), {})


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets

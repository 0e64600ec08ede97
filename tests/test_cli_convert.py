"""`firth convert` as its users type it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vector_cases import model
from typer.testing import CliRunner

from firth.cli import convert
from firth.cli.app import app
from firth.embeddings import Embeddings
from firth.formats import ENDINGS, FORMATS, load, save

WORDS = [f"w{n}" for n in range(200)]


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(model(WORDS, 12, counts=np.arange(200, 0, -1)), tmp_path / "m")
    return tmp_path / "m"


def test_the_help_names_every_format() -> None:
    assert tuple(FORMATS) == convert.NAMES
    assert set(ENDINGS.values()) <= set(FORMATS)


def test_there_and_back(folder: Path, tmp_path: Path) -> None:
    text, back = tmp_path / "v.txt.gz", tmp_path / "back"
    code, out, err = run(folder, text)
    assert (code, err) == (0, "not kept, as word2vec has no place for them: counts\n")
    assert out.startswith(f"{text}: 200 words × 12, ")
    assert text.read_bytes()[:2] == b"\x1f\x8b"
    assert run(text, back)[0] == 0
    again = load(back)
    assert again.index_to_key == WORDS
    np.testing.assert_array_equal(again.vectors, load(folder).vectors)
    assert again.config["source"] == {"format": "word2vec", "file": "v.txt.gz"}


def test_json_says_what_was_done(folder: Path, tmp_path: Path) -> None:
    code, out, _ = run(folder, tmp_path / "small", "--quantize", "int8", "--json")
    facts: dict[str, Any] = json.loads(out)
    assert code == 0
    assert facts["to"] == facts["from"] == "firth"
    assert (facts["words"], facts["vector_size"]) == (200, 12)
    assert facts["bytes"] == sum(file.stat().st_size for file in (tmp_path / "small").iterdir())
    assert facts["quantize"]["kind"] == "int8"
    assert 0.5 < facts["quantize"]["recall_at_10"] <= 1
    plain = run(folder, tmp_path / "half", "--quantize", "float16")[1]
    assert "float16 keeps " in plain
    assert "recall@10 over 200 words" in plain


def test_what_cannot_be_meant_is_refused_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\x00\x01\x02 what is this?")
    for arguments, message in [
        ((folder, folder), "IN and OUT are the same"),
        (
            (folder, tmp_path / "x.npz", "--quantize", "int8"),
            "--quantize is for model folders of firth, not for npz",
        ),
        ((folder, tmp_path / "x", "--quantize", "int4"), "choose float16 or int8"),
        ((folder, tmp_path / "x", "--to", "w2v"), "there is no format 'w2v': choose one of firth, sen"),
        ((folder, tmp_path / "x", "--from", "Glove"), "there is no format 'Glove'"),
        ((tmp_path / "none", tmp_path / "x"), "there is no such model"),
        (
            (tmp_path / "odd", tmp_path / "x"),
            "of no format that firth knows by its content",
        ),
        ((folder, tmp_path / "odd", "--to", "word2vec"), "odd"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (1, ""), arguments
        assert message in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "odd"]
    assert (tmp_path / "odd").read_bytes().startswith(b"\x00\x01\x02")


def test_bad_rows_are_left_out_on_demand(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"4 2\nking 1 2\nking 3 4\nqueen nan 1\nman 5 6\n")
    code, _, err = run(tmp_path / "v.txt", tmp_path / "m")
    assert code == 1
    assert "line 3: the word 'king' is there for the second time" in err
    assert not (tmp_path / "m").exists()
    code, out, err = run(tmp_path / "v.txt", tmp_path / "m", "--skip-bad")
    assert code == 0
    assert ": 2 words × 2, " in out
    assert "left out 2 damaged rows" in err
    assert load(tmp_path / "m").index_to_key == ["king", "man"]


def test_latin_1_words_need_their_encoding(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes("2 1\nköln 1\nœ 2\n".encode("cp1252"))
    code, _, err = run(tmp_path / "v.txt", tmp_path / "m")
    assert code == 1
    assert "line 2" in err
    assert "--encoding latin-1" in err
    assert run(tmp_path / "v.txt", tmp_path / "m", "--encoding", "cp1252")[0] == 0
    assert load(tmp_path / "m").index_to_key == ["köln", "œ"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("target", ["out.npz", "out.fifu", "out.parquet", "model"])
def test_converting_takes_less_memory_than_the_file_has_bytes(tmp_path: Path, target: str) -> None:
    """The limit is on private memory, far below the vectors' bytes: copies count, mapped pages do not."""
    rows, size = 30_000, 1200
    vectors = np.random.default_rng(5).standard_normal((rows, size), dtype=np.float32)
    save(
        Embeddings([f"word{row}" for row in range(rows)], vectors),
        tmp_path / "in.bin",
        format="word2vec-binary",
    )
    assert vectors.nbytes > 140e6
    code = (
        "import resource, pyarrow, firth.formats, firth.cli.app as app\n"
        "used = int(open('/proc/self/statm').read().split()[5]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (used + 100_000_000,) * 2)\n"
        "app.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", "in.bin", target],
        cwd=tmp_path,
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    again = load(tmp_path / target, mmap=False)  # so that .fifu's rows have their lengths again
    np.testing.assert_allclose(again.vectors[-1], vectors[-1], rtol=1e-6)

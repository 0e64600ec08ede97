"""The command ``firth evaluate`` as its users type it: tables, JSON, CSV, report, errors and exit codes."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from tests.evaluation_cases import random_model, write
from typer.testing import CliRunner, Result

from firth.cli import evaluate
from firth.cli.app import FirthGroup
from firth.embeddings import Embeddings
from firth.evaluation.relations import built_in_pairs
from firth.formats import save

app = typer.Typer(cls=FirthGroup, add_completion=False, pretty_exceptions_enable=False)
evaluate.register(app)


@app.callback()
def _program() -> None:
    pass


WORDS = sorted({word for pairs in built_in_pairs().values() for pair in pairs for word in pair})
SIMILARITY = "king\tqueen\t8.5\nman\twoman\t7\nking\tapple\t1\nCAR\tcars\t6\nking\tnowhere\t3\ndog\tboy\t2\n"
QUESTIONS = (
    ": one\nman woman king queen\nking queen man woman\nboy girl king queen\n: two\nnowhere a king queen\n"
)


def firth(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / "a" / "model"
    place.parent.mkdir()
    reports = [{"epoch": n / 2, "loss": 3 - n / 4, "words": n, "seconds": n} for n in range(1, 5)]
    config = {"options": {"vector_size": 13}, "corpus": {"fingerprint": "f00d"}}
    save(random_model(WORDS, size=13, config=config, training=reports), place)
    return place


@pytest.fixture(scope="module")
def other(model: Path) -> Path:
    place = model.parent.parent / "b" / "model"
    place.parent.mkdir()
    save(random_model(WORDS[4:], size=7, seed=31), place)
    return place


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        write(tmp_path / "pairs.tsv", SIMILARITY),
        write(tmp_path / "questions.txt", QUESTIONS),
        write(tmp_path / "odd.txt", "cat dog horse king\nman boy king *apple\nking queen prince car\n"),
        write(
            tmp_path / "kinds.csv", "cat,animal\ndog,animal\nhorse,animal\nking,man\nboy,man\nmouse,animal\n"
        ),
    ]


def test_without_a_file_the_built_in_relations_are_asked(model: Path) -> None:
    result = firth(model)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "built-in relations: analogies solved, in % among the 30,000 most frequent words"
    assert [line.split()[0] for line in lines[2:9]] == [*built_in_pairs(), "all"]
    assert "is reached by leaving out the question's own words; with them (raw) it is" in result.stdout


def test_tables_of_all_kinds(model: Path, files: list[Path]) -> None:
    result = firth(model, *files)
    assert result.exit_code == 0
    for text in (
        "similarity, Spearman's ρ with what people say",
        "pairs.tsv    5/6",
        "pairs.tsv: 1 word unknown: nowhere",
        "questions.txt: 2 words unknown: nowhere, a",
        "Counting questions that are not covered as wrong: ",
        "odd one out, share found",
        "odd.txt     3/3",
        "categories, purity of clusters",
        "kinds.csv    6/6           2",
    ):
        assert text in result.stdout
    assert "nan" not in result.stdout.lower()
    assert result.stderr == ""


def test_json_is_strict_and_complete(model: Path, files: list[Path]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(firth(model, *files, "--json").stdout, parse_constant=refuse)
    assert found["models"] == [
        {"model": str(model), "words": len(WORDS), "vector_size": 13, "corpus_fingerprint": "f00d"}
    ]
    assert found["options"] == {
        "restrict_vocab": 30000,
        "case_insensitive": True,
        "draws": 2000,
        "seed": 1,
        "interval": 0.95,
    }
    assert [one["kind"] for one in found["results"]] == [
        "similarity",
        "analogies",
        "odd-one-out",
        "categories",
    ]
    pairs, questions = found["results"][:2]
    assert (pairs["covered"], pairs["total"], pairs["missing"]) == (5, 6, ["nowhere"])
    assert pairs["path"] == str(files[0])
    figures = {(one["section"], one["measure"]): one for one in questions["figures"]}
    assert figures["all", "3CosAdd"]["covered"] == 3
    assert figures["two", "3CosMul"] == {
        "section": "two",
        "measure": "3CosMul",
        "value": None,
        "low": None,
        "high": None,
        "note": "not enough data: 0 of 1 questions covered, at least 3 are needed",
        "covered": 0,
        "total": 1,
    }
    assert found["differences"] == []


def test_csv_has_a_figure_a_line(model: Path, other: Path, files: list[Path]) -> None:
    result = firth(model, other, *files, "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["model"] for row in rows} == {str(model), str(other), f"{other} - {model}"}
    assert {row["file"] for row in rows} == set(map(str, files))
    assert all(row["value"] == "" or abs(float(row["value"])) <= 1 for row in rows)
    rho = next(row for row in rows if row["measure"] == "Spearman's ρ")
    assert float(rho["low"]) <= float(rho["value"]) <= float(rho["high"])
    assert (rho["covered"], rho["total"]) == ("5", "6")


def test_two_models_are_compared_and_told_apart(model: Path, other: Path, files: list[Path]) -> None:
    result = firth(model, other, *files)
    assert result.exit_code == 0
    assert "A = a/model, B = b/model, on the items that both cover" in result.stdout
    assert "Spearman's ρ: no difference you could rely on." in result.stdout
    found = json.loads(firth(model, other, *files, "--json").stdout)
    assert len(found["results"]) == 8
    first = found["differences"][0]
    assert first["difference"] == pytest.approx(first["b"] - first["a"])
    assert (first["items"], first["reliable"], first["verdict"]) == (
        4,
        False,
        "no difference you could rely on",
    )


def test_a_report_is_written_once(model: Path, other: Path, files: list[Path], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    result = firth(model, other, *files, "--report", report)
    assert result.exit_code == 0
    assert result.stderr == f"report: {report}\n"
    first = report.read_text("utf-8")
    assert first.startswith("<!doctype html>")
    assert "<h1>Evaluation of a/model and b/model</h1>" in first
    again = firth(model, files[0], "--report", report)
    assert again.exit_code == 1
    assert "exists: choose another name, or replace it with --force" in again.stderr
    assert report.read_text("utf-8") == first
    assert firth(model, files[0], "--report", report, "--force").exit_code == 0
    assert report.read_text("utf-8") != first
    assert firth(model, files[0], "--report", tmp_path / "no" / "r.html").exit_code == 1
    assert "is a folder" in firth(model, files[0], "--report", tmp_path, "--force").stderr


def test_files_with_the_same_name(model: Path, tmp_path: Path) -> None:
    paths = [write(tmp_path / folder / "pairs.tsv", SIMILARITY) for folder in ("x", "y")]
    result = firth(model, *paths, paths[0])
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:4]] == [
        ["x/pairs.tsv", "5/6"],
        ["y/pairs.tsv", "5/6"],
    ]
    assert result.stdout.count("x/pairs.tsv: 1 word unknown") == 1


def test_options_reach_the_scores(model: Path, files: list[Path]) -> None:
    exact = json.loads(firth(model, files[0], "--case-sensitive", "--json").stdout)["results"][0]
    assert exact["missing"] == ["CAR", "nowhere"]
    few = json.loads(firth(model, files[1], "--restrict-vocab", "20", "--json").stdout)["results"][0]
    assert few["not_frequent_enough"]
    forced = json.loads(firth(model, files[2], "--kind", "odd-one-out", "--json").stdout)["results"][0]
    assert forced["kind"] == "odd-one-out"
    lows = [
        json.loads(firth(model, "--draws", "150", "--seed", seed, "--json").stdout)["results"][0]["figures"][
            0
        ]["low"]
        for seed in ("1", "1", "2")
    ]
    assert lows[0] == lows[1] != lows[2]


def test_errors_are_one_line(model: Path, other: Path, files: list[Path], tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.tsv", "king\tqueen\t3\nman\twoman\nboy\tgirl\t4\n")
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"k\xf6ln bonn 3\n")
    for arguments, message in (
        ([tmp_path / "none"], "there is no such model"),
        ([files[0]], "give a model folder"),
        ([model, bad], "bad.tsv:2: 2 columns where two words and a score are needed"),
        ([model, latin], "byte 1 is not UTF-8"),
        ([model, write(tmp_path / "empty", "")], "has no lines"),
        ([model, tmp_path / "gone.txt"], "gone.txt: cannot be read"),
        ([model, other, model], "3 models are too many to compare"),
        ([model, files[0], other], "is a model, but stands behind a file: models come first"),
        ([model, "--kind", "riddles", files[0]], "there is no kind 'riddles'"),
        ([model, "--draws", "3"], "draws must be 100 to 100000, not 3"),
        ([model, "--json", "--csv"], "give one of them"),
    ):
        result = firth(*arguments)
        assert result.exit_code == 1, message
        assert result.stdout == ""
        assert message in result.stderr
        assert result.stderr.startswith("firth: error: ")
        assert result.stderr.count("\n") == 1
    assert firth().exit_code == 2


def test_a_model_with_too_few_words_says_so(tmp_path: Path, files: list[Path]) -> None:
    save(Embeddings(["king"], np.array([[1, 2]], np.float32)), tmp_path / "tiny")
    result = firth(tmp_path / "tiny", *files, "--report", tmp_path / "r.html")
    assert result.exit_code == 0
    assert result.stdout.count("not enough data") == 4
    assert "nan" not in result.stdout.lower()


def test_words_of_a_file_cannot_steer_the_terminal(model: Path, tmp_path: Path) -> None:
    evil = write(tmp_path / "evil.tsv", SIMILARITY + "\x1b[31mred\tking\t3\n[bold]x[/bold]\tking\t2\n")
    result = firth(model, evil)
    assert "\x1b" not in result.stdout
    assert "\\x1b[31mred, [bold]x[/bold]" in result.stdout

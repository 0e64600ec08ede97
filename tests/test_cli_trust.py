"""The commands stability, weat, align and shift, as their users type them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from firth.cli import trust
from firth.cli.app import FirthGroup
from firth.cli.stability import Agreement
from firth.embeddings import Embeddings
from firth.evaluation.stability_file import read_stability
from firth.formats import load, save

APP = typer.Typer(cls=FirthGroup, pretty_exceptions_enable=False)
trust.register(APP)

TINY = (
    "--vector-size",
    "6",
    "--min-count",
    "1",
    "--epochs",
    "2",
    "--threads",
    "1",
    "--sample",
    "0",
    "--no-cache",
)
HOSTILE = "\x1b[31mred"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, list(arguments), prog_name="firth")


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=pytest.fail)


def table(*arguments: str) -> list[dict[str, str]]:
    result = run(*arguments, "--csv")
    assert (result.exit_code, result.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(result.stdout)))


def error(code: int, *arguments: str) -> str:
    """Run a command that fails with ``code``, and return what it says; nothing of it is on stdout."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    if code == 1:
        assert result.stderr.startswith("firth: error: ")
        assert result.stderr.count("\n") == 1
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(7)
    words = np.array([f"w{number}" for number in range(40)] + [HOSTILE])
    lines = [" ".join(rng.choice(words, 5 + line % 4)) for line in range(80)]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def measured(corpus: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("stability") / "m")
    result = run("stability", corpus, "-o", path, "--runs", "3", "-n", "4", "--quiet", *TINY)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "3 runs (seeds): share of the 4 nearest words that two runs share" in result.stdout
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return two models of one space, B rotated; the word w4 has moved in it."""
    rng = np.random.default_rng(31)
    names = [f"w{number}" for number in range(60)] + [HOSTILE]
    vectors = rng.standard_normal((61, 5)).astype(np.float32)
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    moved = vectors.copy()
    moved[4] *= -1
    folder = tmp_path_factory.mktemp("pair")
    counts = np.arange(610, 0, -10)
    save(Embeddings(names, vectors, counts=counts), folder / "a")
    save(
        Embeddings(names[::-1], (moved @ turn).astype(np.float32)[::-1], counts=counts[::-1] + 1),
        folder / "b",
    )
    return str(folder / "a"), str(folder / "b")


# stability


def test_stability_tells_each_run_and_what_they_share(corpus: str, tmp_path: Path) -> None:
    path = str(tmp_path / "m")
    result = run(
        "stability", corpus, "-o", path, "--runs", "2", "--resample", "-n", "4", "--seed", "5", *TINY
    )
    assert result.exit_code == 0
    assert "run 1 of 2 (seed 5)\n" in result.stderr
    assert "run 2 of 2 (seed 6, sentences drawn anew)\n" in result.stderr
    assert f"next: firth neighbors {path} WORD" in result.stderr
    assert "resamples of the sentences" in result.stdout
    assert "over all 41 words; by chance it would be 0.4." in result.stdout
    assert "whole documents may matter more" in result.stdout
    assert "\x1b" not in result.stdout
    assert load(path).config["options"]["seed"] == 5


def test_a_known_stability_is_shown_again(measured: str) -> None:
    figures = answer("stability", measured)
    assert figures["settings"]["runs"] == 3
    assert figures["summary"]["words"] == 41
    assert sum(band["words"] for band in figures["bands"]) == 41
    model = load(measured)
    known = read_stability(measured, model)
    assert known is not None
    assert [one["word"] for one in figures["noise"]] == [
        model.index_to_key[row] for row in known.rows[known.noise_places()]
    ]
    lines = run("stability", measured).stdout.splitlines()
    assert lines[1].split()[:3] == ["occurrences", "words", "mean"]
    assert any(line.split()[:2] == ["all", "41"] for line in lines)
    assert any(line.split()[:2] == ["chance", "0.1000"] for line in lines)


def test_all_words_as_csv(measured: str) -> None:
    rows = table("stability", measured)
    model = load(measured)
    assert [row["word"] for row in rows] == list(model)
    near = next(row for row in rows if row["word"] == "w3")
    assert [near[f"neighbor_{place}"] for place in range(1, 5)] == [
        word for word, _ in model.most_similar("w3", topn=4)
    ]
    assert all(1 <= int(near[f"agree_{place}"]) <= 3 for place in range(1, 5))


def test_what_neighbors_shows_of_it(measured: str, pair: tuple[str, str]) -> None:
    model = load(measured)
    agreement = Agreement.read(measured, model)
    assert agreement is not None
    known = read_stability(measured, model)
    assert known is not None
    near = [word for word, _ in model.most_similar("w3", topn=6)]
    counts = agreement.counts("w3", near)
    row = model.key_to_index["w3"]
    assert counts[:4] == list(known.agreement(row).values())
    assert counts[4:] == [None, None]
    assert agreement.cells("w3", near)[0] == f"{counts[0]} of 3"
    assert agreement.cells("w3", near)[4] == ""
    overlap = known.overlap_of(row)
    assert overlap is not None
    assert agreement.overlap("w3") == overlap
    assert f"{4 * overlap:.1f} of the 4 nearest words stay" in agreement.note("w3")
    assert Agreement.read(pair[0], load(pair[0])) is None


def test_stability_refuses_what_makes_no_sense(corpus: str, pair: tuple[str, str], tmp_path: Path) -> None:
    output = str(tmp_path / "m")
    assert "runs must be at least 2, not 1" in error(1, "stability", corpus, "-o", output, "--runs", "1")
    said = error(1, "stability", corpus, "-o", output, "-q", *TINY, "-n", "60")
    assert "not enough data: of 41 words each has all the others among its 60 nearest" in said
    assert "missing -o MODEL" in error(2, "stability", corpus)
    assert "missing CORPUS" in error(2, "stability", "-o", output)
    assert "stability was not measured" in error(1, "stability", pair[0])
    assert "give one of them" in error(1, "stability", pair[0], "--json", "--csv")
    assert "No such option: --resume" in error(2, "stability", "--resume", output)
    assert not Path(output).exists()


def test_stability_has_the_options_of_train() -> None:
    text = run("stability", "--help").stdout
    for option in (
        "--vector-size",
        "--full-windows",
        "--encoding-errors",
        "--no-cache",
        "--force",
        "--resample",
    ):
        assert option in text
    assert "--resume" not in text


# align and shift


def test_align_writes_b_in_the_space_of_a(pair: tuple[str, str], tmp_path: Path) -> None:
    a, b = pair
    out = tmp_path / "out"
    facts = answer("align", a, b, "-o", str(out))
    assert (facts["shared_words"], facts["determined"], facts["centered"]) == (61, True, False)
    assert facts["cosine_after"] == pytest.approx(59 / 61, abs=0.01)
    first, made = load(a), load(out)
    np.testing.assert_allclose(made["w7"], first["w7"], atol=0.1)
    assert made.config["aligned"]["onto"] == a
    assert list(made) == list(load(b))
    assert "choose another name" in error(1, "align", a, b, "-o", str(out))
    result = run("align", a, b, "-o", str(out), "--force", "--center")
    assert result.stdout.splitlines()[1] == f"{b}, rotated onto {a}, is in {out}"


def test_shift_lists_the_word_that_moved(pair: tuple[str, str]) -> None:
    a, b = pair
    found = answer("shift", a, b, "-n", "3", "--near", "2", "--min-count", "100")
    assert (found["compared"], found["rarer"], found["min_count"]) == (52, 9, 100)
    first = found["words"][0]
    assert (first["word"], first["count_a"], first["count_b"]) == ("w4", 570, 571)
    assert first["distance"] > 1.5 > first["typical"]
    for name, folder in (("neighbors_a", a), ("neighbors_b", b)):
        assert first[name] == [word for word, _ in load(folder).most_similar("w4", topn=2)]
    assert (first["noise_in_a"], first["noise_in_b"]) == (None, None)
    rows = table("shift", a, b, "-n", "61", "--min-count", "0")
    assert len(rows) == 61
    assert rows[0]["word"] == "w4"
    assert HOSTILE in [row["word"] for row in rows]


def test_shift_as_a_table(pair: tuple[str, str], measured: str) -> None:
    a, b = pair
    lines = run("shift", a, b, "-n", "61", "--min-count", "0").stdout.splitlines()
    assert lines[0] == f"farthest apart of 61 words, from {a} (A) to {b} (B)"
    assert lines[2].split()[:2] == ["1", "w4"]
    assert not any("\x1b" in line for line in lines)
    assert any("only what is well above it is news" in line for line in lines)
    text = run("shift", measured, measured, "--min-count", "1", "-n", "41").stdout
    known = read_stability(measured, load(measured))
    assert known is not None
    assert text.count("noise in A and B") == len(known.noise_places())


def test_models_that_do_not_fit(pair: tuple[str, str], measured: str, tmp_path: Path) -> None:
    a, _ = pair
    other = tmp_path / "other"
    save(Embeddings(["x", "y", "z"], np.eye(3, 5, dtype=np.float32)), other)
    one = tmp_path / "one"
    save(Embeddings(["w1"], np.ones((1, 5), np.float32)), one)
    few = tmp_path / "few"
    save(Embeddings(["w1", "w2"], np.eye(2, 5, dtype=np.float32)), few)
    for command in (["shift"], ["align", "-o", str(tmp_path / "out")]):
        assert "vectors of 5 and 6 numbers" in error(1, *command, a, measured)
        assert "share 0 of 61 and 3 words" in error(1, *command, a, str(other))
        assert "share 1 of 61 and 1 words" in error(1, *command, a, str(one))
        assert "there is no such model" in error(1, *command, a, str(tmp_path / "none"))
    assert not (tmp_path / "out").exists()
    result = run("shift", a, str(few))
    assert result.exit_code == 0
    assert "warning: 2 shared words do not determine a rotation in 5 dimensions" in result.stderr
    assert "Not both models know how often" in result.stdout
    assert "near must be at least 0, not -1" in error(1, "shift", a, a, "--near", "-1")


# weat

SETS = """
[sets]
X = ["w0", "w1", "w2", "W3"]
Y = ["w10", "w11", "w12", "gone"]
A = ["w20", "w21", "w22"]
B = ["w30", "w31", "w32"]
lost = ["nowhere", "never"]
[[weat]]
targets = ["X", "Y"]
attributes = ["A", "B"]
[[weat]]
name = "empty"
targets = ["X", "lost"]
attributes = ["A", "B"]
[[sc-weat]]
targets = ["Y"]
attributes = ["A", "B"]
[[axis]]
targets = ["X", "Y"]
poles = ["A", "B"]
[[axis]]
name = "no pole"
targets = ["X"]
poles = ["A", "lost"]
"""


@pytest.fixture
def sets(tmp_path: Path) -> str:
    path = tmp_path / "sets.toml"
    path.write_text(SETS)
    return str(path)


def test_weat_as_json(pair: tuple[str, str], sets: str) -> None:
    from firth.evaluation.association import project, weat

    found = answer("weat", pair[0], sets)["results"]
    assert [one["test"] for one in found] == ["weat"] * 2 + ["sc-weat"] * 4 + ["axis"] * 12
    model = load(pair[0])
    x, y, a, b = (["w0", "w1", "w2"], ["w10", "w11", "w12"], ["w20", "w21", "w22"], ["w30", "w31", "w32"])
    expected = weat(model, x, y, a, b)
    first = found[0]
    assert first["effect_size"] == expected.effect_size
    assert expected.permutation is not None
    assert (first["partitions"], first["exact"]) == (20, True)
    assert first["p_two_sided"] == expected.permutation.p_two_sided
    assert (first["low"], first["high"]) == expected.interval
    assert first["missing"] == ["W3", "gone"]
    assert found[1]["effect_size"] is None
    assert "the model has 0 of the words of the set Y" in found[1]["reason"]
    places = {one["word"]: one["place"] for one in found[6:14]}
    assert places == {**dict(project(model, [*x, *y], a, b)), "W3": None, "gone": None}
    assert list(places.values())[:6] == sorted((place for place in places.values() if place), reverse=True)
    assert all("none of the words of a pole" in one["reason"] for one in found[14:])
    assert answer("weat", pair[0], sets, "--lowercase")["results"][0]["missing"] == ["gone"]


def test_weat_as_a_table_and_csv(pair: tuple[str, str], sets: str) -> None:
    text = run("weat", pair[0], sets).stdout
    assert "X, Y: A or B" in text
    assert "all 20" in text
    assert "SC-WEAT, Y: A or B" in text
    assert "axis, X, Y: A or B (+1 A, -1 B)" in text
    assert "4 tests were made: by chance one in twenty has a p below 0.05." in text
    assert "not in the model, or never trained: 'W3', 'gone', 'nowhere', 'never'" in text
    assert "some of them are there in lower case: --lowercase" in text
    assert "nan" not in text.lower().split()
    rows = table("weat", pair[0], sets)
    assert (rows[0]["name"], rows[0]["missing"]) == ("X, Y: A or B", "W3 gone")
    assert rows[1]["effect_size"] == ""


def test_weat_of_a_model_of_one_word(tmp_path: Path, sets: str) -> None:
    save(Embeddings(["w0"], np.ones((1, 5), np.float32)), tmp_path / "one")
    found = answer("weat", str(tmp_path / "one"), sets)["results"]
    assert all(one["effect_size"] is None and one["place"] is None and one["reason"] for one in found)


def test_weat_errors(pair: tuple[str, str], tmp_path: Path) -> None:
    assert "give a TOML file" in error(1, "weat", pair[0], str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("[sets]\nX = [")
    assert "not TOML in UTF-8" in error(1, "weat", pair[0], str(broken))
    twice = tmp_path / "twice.toml"
    twice.write_text('[sets]\nX=["a"]\nY=["b"]\n[[weat]]\ntargets=["X","X"]\nattributes=["X","Y"]')
    assert "'a' is in both sets, X and Y" in error(1, "weat", pair[0], str(twice))
    assert "Missing argument 'SETS.toml'" in error(2, "weat", pair[0])
    assert "targets = [" in run("weat", "--help").stdout

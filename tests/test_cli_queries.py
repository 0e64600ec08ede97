"""The commands that ask a model, as their users type them: words, options, output, exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from firth._version import __version__
from firth.cli import output
from firth.cli.app import app
from firth.cli.hints import foreign_option_hint
from firth.cli.words import Question, read_question, split_tokens
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.formats import load, save
from firth.loss_curve import draw_loss
from firth.printable import one_line, printable, quoted

HOSTILE = ["\x1b[31mred\x1b[0m", "[red]bold[/red]", "two\nlines", "bell\x07", "a\u202eb", "東京", "köln"]
DASHED = ["--json", "-n", "-", "+", "--", "-dash"]
WORDS = ["king", "queen", "man", "woman", "apple", "never", *DASHED, *HOSTILE]
FIRTH = [sys.executable, "-m", "firth"]


def make_model() -> Embeddings:
    rng = np.random.default_rng(11)
    vectors = rng.standard_normal((len(WORDS), 9)).astype(np.float32)
    vectors[1] = vectors[0] - vectors[2] + vectors[3] + 0.3 * vectors[4]
    vectors[5] = 0
    trained = np.ones(len(WORDS), bool)
    trained[5] = False
    reports = [
        {
            "words": 1000 * n,
            "seconds": 0.5 * n,
            "epoch": n / 4,
            "alpha": 0.05,
            "loss": 1.5 + 2 / n,
            "words_per_second": 2000.0,
        }
        for n in range(1, 9)
    ]
    config = {
        "options": {"vector_size": 9, "alpha": 0.05, "max_vocab_size": None},
        "corpus": {"paths": ["a.txt", "b.txt"]},
    }
    return Embeddings(
        WORDS,
        vectors,
        counts=np.arange(len(WORDS) * 100, 0, -100),
        trained=trained,
        config=config,
        training=reports,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("cli") / "m"
    save(make_model(), path)
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="firth")


def answer(*arguments: str) -> Any:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout, parse_constant=pytest.fail)


def error(code: int, *arguments: str) -> str:
    """Run a command that fails with ``code``, and return what it says; nothing of it is on stdout."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    if code == 1:
        assert result.stderr.startswith("firth: error: ")
        assert result.stderr.count("\n") == 1
    return " ".join(result.stderr.replace("│", " ").split())


# neighbors


def test_neighbors_as_a_table(model: str) -> None:
    result = run("neighbors", model, "king", "apple", "-n", "3")
    expected = load(model).most_similar("apple", topn=3)
    lines = result.stdout.splitlines()
    assert (lines[0], lines[5], lines[6].split()) == ("king", "", ["apple"])
    assert lines[1].split() == ["word", "cosine", "count"]
    word, cosine = expected[0]
    assert lines[8] == lines[8].rstrip()
    assert lines[8].split()[0] == "1"
    assert printable(word) in lines[8]
    assert f"{cosine:.4f}" in lines[8]
    assert "\x1b" not in result.stdout


def test_neighbors_as_json(model: str) -> None:
    found = answer("neighbors", model, "king", "--json", "東京", "--topn=4")
    assert [result["word"] for result in found["results"]] == ["king", "東京"]
    for result in found["results"]:
        pairs = [(near["word"], near["cosine"]) for near in result["neighbors"]]
        assert pairs == load(model).most_similar(result["word"], topn=4)
        assert result["count"] == 100 * (len(WORDS) - WORDS.index(result["word"]))


@pytest.mark.parametrize("options", [["-n", "2"], ["-n2"], ["--topn", "2"], ["--topn=2"]])
def test_each_way_to_give_topn(model: str, options: list[str]) -> None:
    for arguments in (["neighbors", *options, model, "king"], ["neighbors", model, *options, "king"]):
        assert len(answer(*arguments, "--json")["results"][0]["neighbors"]) == 2


@pytest.mark.parametrize("word", DASHED)
def test_dashed_words_after_a_bare_dash_dash(model: str, word: str) -> None:
    found = answer("neighbors", model, "--json", "--", word)
    assert found["results"][0]["word"] == word
    assert len(run("similarity", model, "--", word, "king").stdout.splitlines()) == 2


def test_dashed_words_without_it(model: str) -> None:
    assert [
        result["word"] for result in answer("neighbors", model, "-dash", "-", "+", "--json")["results"]
    ] == ["-dash", "-", "+"]


def test_words_never_trained_and_no_words(model: str) -> None:
    assert run("neighbors", model, "never").stdout == "never: no neighbours, it never occurred in training\n"
    for word, *options in (("never",), ("king", "-n", "0")):
        (found,) = answer("neighbors", model, word, *options, "--json")["results"]
        assert (found["word"], found["neighbors"]) == (word, [])


def test_hostile_words_do_not_reach_the_terminal(model: str) -> None:
    result = run("neighbors", model, *HOSTILE, "-n", "99")
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
    assert "[red]bold[/red]" in result.stdout
    assert r"\x1b[31mred\x1b[0m" in result.stdout
    assert r"two\nlines" in result.stdout
    assert "東京" in result.stdout
    said = error(1, "neighbors", model, "\x1b[31mrod\x1b[0m\nfirth: done")
    assert r"'\x1b[31mrod\x1b[0m" in said
    raw = answer("neighbors", model, HOSTILE[0], "--json")
    assert raw["results"][0]["word"] == HOSTILE[0]


def test_columns_stay_aligned_with_wide_letters(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    output.print_table(
        "t", [output.Column("word"), output.Column("n", right=True)], [["東京", "5"], ["köln", "12"]]
    )
    assert capsys.readouterr().out.splitlines() == ["t", "word   n", "東京   5", "köln  12"]
    assert cell_len("東京   5") == cell_len("köln  12")


# similarity


def test_similarity(model: str) -> None:
    loaded = load(model)
    cosine, places = (
        loaded.similarity("king", "queen"),
        (loaded.rank("king", "queen"), loaded.rank("queen", "king")),
    )
    first, second = run("similarity", model, "king", "queen").stdout.splitlines()
    assert first == f"{cosine:.4f}  king ~ queen"
    assert (
        second == f"queen is neighbour {places[0]} of king; king is neighbour {places[1]} of queen (18 words)"
    )
    assert answer("similarity", model, "--json", "king", "queen") == {
        "model": model,
        "a": "king",
        "b": "queen",
        "cosine": cosine,
        "rank_of_b": places[0],
        "rank_of_a": places[1],
    }


def test_similarity_with_a_word_never_trained(model: str) -> None:
    assert "it never occurred in training" in run("similarity", model, "king", "never").stdout
    found = answer("similarity", model, "never", "king", "--json")
    assert (found["cosine"], found["rank_of_a"], found["rank_of_b"]) == (0.0, None, None)


# analogy


@pytest.mark.parametrize(
    "question",
    [
        "king - man + woman",
        "king -man +woman",
        "king + woman - man",
        "king − man +woman",
        "-man +king + woman",
    ],
)
def test_analogy_shows_both_rankings(model: str, question: str) -> None:
    expected = load(model).analogy(["king", "woman"], ["man"], topn=5)
    found = answer("analogy", model, *question.split(), "-n", "5", "--json")
    assert (sorted(found["positive"]), found["negative"]) == (["king", "woman"], ["man"])
    assert [(near["word"], near["cosine"]) for near in found["raw"]] == expected.raw
    assert [near["input"] for near in found["raw"]] == [
        word in ("king", "man", "woman") for word, _ in expected.raw
    ]
    assert [(near["word"], near["cosine"]) for near in found["filtered"]] == expected.filtered
    assert found["filtered"][0]["word"] == "queen"


def test_analogy_as_a_table(model: str) -> None:
    result = run("analogy", model, "king", "-", "man", "+", "woman", "-n", "3")
    lines = result.stdout.splitlines()
    assert lines[0] == "king - man + woman"
    assert lines[1].split() == [
        "raw,",
        "inputs",
        "included",
        "cosine",
        "usual,",
        "inputs",
        "left",
        "out",
        "cosine",
    ]
    assert len(lines) == 7
    assert any("input" in line.split() for line in lines[2:5])
    assert (
        lines[6]
        == "The word nearest to king - man + woman is queen, the typed words included: both rankings agree."
    )
    result = run("analogy", model, "king", "+", "apple")
    assert "which you typed yourself; the usual answer" in result.stdout.splitlines()[-1]


def test_analogy_with_words_that_look_like_signs_and_options(model: str) -> None:
    found = answer("analogy", model, "--json", "--", "--json", "-", "-n", "+", "+")
    assert (found["positive"], found["negative"]) == (["--json", "+"], ["-n"])
    assert answer("analogy", model, "--json", "--", "-", "-", "-")["negative"] == ["-"]


def test_analogies_without_an_answer(model: str) -> None:
    assert "has no direction" in run("analogy", model, "king", "-", "king").stdout
    assert answer("analogy", model, "never", "--json")["raw"] == []


@pytest.mark.parametrize(
    ("typed", "positive", "negative"),
    [
        (["king"], ["king"], []),
        (["+king", "-man"], ["king"], ["man"]),
        (["king - man + woman"], ["king", "woman"], ["man"]),
        (["king-man+woman"], ["king", "woman"], ["man"]),
        (["a-b"], ["a-b"], []),
        (["king", "-", "-man"], ["king"], ["-man"]),
        (["-man", "+", "king"], ["-man", "king"], []),
        (["-king"], [], ["king"]),
        (["king", "\u2212man"], ["king"], ["man"]),
        (["x-y"], ["x-y"], []),
        ([""], [""], []),
    ],
)
def test_how_a_question_is_read(typed: list[str], positive: list[str], negative: list[str]) -> None:
    known = {"king", "man", "woman", "a-b", "a", "b", "-man"}
    assert read_question(typed, known) == Question(positive, negative)


def test_how_a_question_is_written() -> None:
    assert str(Question(["king", "woman", "x"], ["man", "y"])) == "king - man - y + woman + x"
    assert str(Question([], ["man"])) == "- man"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["king", "man"], r"a \+ or - is missing before 'man'"),
        (["king", "-"], "a word is missing after '-'"),
        (["+"], r"a word is missing after '\+'"),
        (["-", "man", "king"], r"a \+ or - is missing before 'king'"),
    ],
)
def test_questions_that_are_none(typed: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_question(typed, {"king", "man"})


def test_tokens_are_sorted_into_options_and_words() -> None:
    tokens = split_tokens(
        ["--wat", "m", "-n", "-5", "-n7", "-nation", "--topn=3", "--json", "--size", "--", "--json"],
        {"--json"},
        {"-n", "--topn"},
    )
    assert tokens.options == ["--wat", "-n", "-5", "-n7", "--topn=3", "--json"]
    assert tokens.words == ["m", "-nation", "--size", "--json"]
    assert tokens.lookalikes == ["--size"]


# info


def test_info(model: str) -> None:
    text = run("info", model).stdout
    for part in (
        "19 words, 9 dimensions",
        "1 rows of zeros",
        "2,000 raw words/s",
    ):
        assert part in text
    assert "vector_size 9, alpha 0.05, max_vocab_size none" in text
    assert "king, queen, man" in text
    assert "mean loss per pair" in text
    assert "└┬" in text
    found = answer("info", model, "--json")
    assert (found["words"], found["trained_rows"], found["corpus_words"]) == (19, 18, 19_000)
    assert found["training"][-1]["loss"] == 1.75
    assert found["config"]["corpus"] == {"paths": ["a.txt", "b.txt"]}


def test_info_of_a_run_in_progress_and_of_a_bare_model(tmp_path: Path) -> None:
    save(
        Embeddings(["x"], np.ones((1, 2), np.float32), config={"state": "training"}),
        tmp_path / "m" / "checkpoint",
    )
    text = run("info", str(tmp_path / "m" / "checkpoint")).stdout
    assert "training is not finished" in text
    assert "counts unknown" in text
    assert "loss" not in text
    assert "`firth train --resume" in error(1, "info", str(tmp_path / "m"))


# the loss curve


@pytest.mark.parametrize("width", [40, 72, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_loss_curve_keeps_to_its_frame(width: int, unicode: bool) -> None:
    reports = [{"epoch": n / 50, "loss": 2.0 + 3.0 / n} for n in range(1, 301)]
    lines = draw_loss(reports, width, 9, unicode=unicode)
    assert max(map(len, lines)) <= width
    assert len(lines) == 13
    assert lines[1].startswith("5.00 ")
    assert lines[9].startswith("2.01 ")
    assert lines[11].split() == ["0", "3", "6"]
    assert unicode or all(line.isascii() for line in lines)
    curve = [line[6:] for line in lines[1:10]]
    tops = [
        min((row for row in range(9) if curve[row][x : x + 1].strip()), default=9)
        for x in range(1, width - 6)
    ]
    assert tops == sorted(tops), "a loss that falls is drawn falling"
    assert 9 not in tops, "the line has no gaps"


@pytest.mark.parametrize(
    "reports",
    [
        [{"epoch": 1, "loss": 2.5}],
        [{"epoch": 0.0, "loss": 2.5}, {"epoch": 0.0, "loss": 2.5}],
        [{"epoch": 1, "loss": -1e300}, {"epoch": 2, "loss": 1e300}],
        [{"epoch": 1e-9, "loss": 1e-12}, {"epoch": 2e-9, "loss": 2e-12}],
        [
            {"epoch": 1, "loss": float("nan")},
            {"epoch": 2, "loss": None},
            {"epoch": 3, "loss": 1.0},
            {"loss": 5},
        ],
    ],
)
def test_the_loss_curve_of_odd_reports(reports: list[dict[str, Any]]) -> None:
    lines = draw_loss(reports, 40)
    assert max(map(len, lines)) <= 40
    assert any(0x2800 < ord(letter) < 0x2900 for line in lines for letter in line)


def test_no_loss_no_curve() -> None:
    assert draw_loss([]) == draw_loss([{"words": 5}]) == ["no loss was reported"]


# errors and exit codes


def test_errors_that_can_be_mended_are_one_line_and_1(model: str, tmp_path: Path) -> None:
    assert "'quen': did you mean 'queen'" in error(1, "neighbors", model, "king", "quen")
    assert "there is no such model" in error(1, "info", str(tmp_path / "nowhere"))
    assert "topn must be at least 0, not -3" in error(1, "neighbors", model, "king", "-n", "-3")
    assert "valid integer" in error(1, "neighbors", model, "king", "--topn", "many")
    assert error(1, "neighbors", model, "king", "--topn", "many").endswith("'many'")
    assert "a + or - is missing before 'man'" in error(1, "analogy", model, "king", "man")
    assert "did you mean 'king'" in error(1, "analogy", model, "kink", "-man", "+woman")
    assert "does not know the word '--unknown'" in error(1, "neighbors", model, "--", "--unknown")


def test_wrong_options_and_missing_arguments_are_2(model: str) -> None:
    assert "No such option: --fast" in error(2, "neighbors", "--fast", model, "king")
    assert "No such option: --fast, and the model has no such word" in error(
        2, "neighbors", model, "king", "--fast"
    )
    assert "No such option: --fast" in error(2, "analogy", model, "king", "--fast", "3")
    assert "No such option: -q" in error(2, "similarity", model, "king", "-q")
    assert "No such option: --fast" in error(2, "info", model, "--fast")
    assert "Missing argument 'WORD'" in error(2, "neighbors", model)
    assert "Missing argument 'B'" in error(2, "similarity", model, "king")
    assert "Option '--topn' requires an argument" in error(2, "neighbors", model, "king", "--topn")
    assert "No such command 'neighbours'. Did you mean 'neighbors'?" in error(2, "neighbours", model)


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("--size", "--vector-size"),
        ("--dim", "--vector-size"),
        ("--iter", "--epochs"),
        ("--ws", "--window"),
        ("--lr", "--alpha"),
        ("--workers", "--threads"),
        ("-size", "--vector-size"),
        ("-window", "two dashes: --window"),
        ("--vector_size", "--vector-size"),
        ("--hs", "skip-gram with negative sampling only"),
    ],
)
def test_other_programs_options_are_answered_with_ours(model: str, foreign: str, ours: str) -> None:
    assert ours in error(2, "info", model, foreign, "5")


def test_an_option_that_no_program_has_gets_no_hint() -> None:
    assert foreign_option_hint("--fast") is None
    assert foreign_option_hint("-s", ["-spam", "--size"]) is None
    assert foreign_option_hint("-s", ["-x", "-size", "100"]) == "firth calls it --vector-size"


def test_help_shows_an_example_for_each_command() -> None:
    for command, example in [
        ("neighbors", "firth neighbors MODEL king queen -n 5"),
        ("similarity", "firth similarity MODEL king queen"),
        ("analogy", "firth analogy MODEL king - man + woman"),
        ("info", "firth info MODEL"),
    ]:
        result = run(command, "--help")
        assert result.exit_code == 0
        assert example in result.stdout
        assert command in run("--help").stdout
    assert run("--version").stdout == f"firth {__version__}\n"


def test_texts_are_made_printable() -> None:
    assert printable("plain köln 東京 a\u200db 🙂") == "plain köln 東京 a\u200db 🙂"
    assert printable("\x1b\x9b\u202e\u2028\udcff") == r"\x1b\x9b\u202e\u2028\udcff"
    assert quoted(" ") == "' '"
    assert one_line("one\r\ntwo\x07") == r"one two\x07"


# the program itself


def test_the_program_prints_utf8_json_in_any_locale(model: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*FIRTH, "neighbors", model, "--json", "東京"], capture_output=True, env=environment, check=True
    )
    assert json.loads(done.stdout.decode())["results"][0]["word"] == "東京"
    done = subprocess.run([*FIRTH, "info", model], capture_output=True, env=environment, check=True)
    assert done.stdout.isascii()
    assert b"+----" in done.stdout


def test_the_program_ends_quietly_when_nobody_reads(model: str) -> None:
    read, write = os.pipe()
    os.close(read)
    for arguments in (["info", model], ["--help"]):
        done = subprocess.run([*FIRTH, *arguments], stdout=write, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (1, b"")
    os.close(write)


def test_an_interrupted_program_ends_with_130() -> None:
    code = "import os, signal, firth.cli.app, firth.formats\n"
    code += "firth.formats.load = lambda path: os.kill(os.getpid(), signal.SIGINT)\n"
    code += "import sys; sys.argv = ['firth', 'info', 'x']; firth.cli.app.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert b"Traceback" not in done.stderr


def on_a_terminal(*arguments: str, **environment: str) -> str:
    main, side = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*FIRTH, *arguments],
        stdout=side,
        stderr=subprocess.STDOUT,
        stdin=side,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "60", **environment},
    )
    os.close(side)
    output = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not chunk:
            break
        output += chunk
    os.close(main)
    assert process.wait() == 0
    return output.decode()


def test_a_terminal_gets_colour_unless_it_is_unwanted(model: str) -> None:
    coloured = on_a_terminal("neighbors", model, "king", "-n", "99")
    assert "\x1b[36m" in coloured
    assert "[red]bold[/red]" in coloured
    assert r"\x1b[31mred" in coloured
    assert "\x1b[31mred" not in coloured
    assert "█" in coloured
    plain = on_a_terminal("neighbors", model, "king", "-n", "99", NO_COLOR="1")
    assert "\x1b[36m" not in plain
    assert "\x1b[32m" not in plain

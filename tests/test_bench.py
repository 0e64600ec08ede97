"""The benchmark's arithmetic, table, JSON and runs; the programs are fakes but for one test with gensim."""

import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bench.__main__ as command
import pyarrow as pa
import pytest
from bench.corpus import prepare
from bench.goals import MEMORY_LIMIT_MB, Goal, goals
from bench.measure import Session
from bench.plan import MODULES, PARTS, plan
from bench.process import RunError, last_json, library_rss, run_json, status_kib
from bench.report import build, dumps, figure, markdown, table
from bench.run_fasttext import last_progress, phases
from bench.runner import kept_words, strict
from bench.summary import Spread, best_alpha, by_round, ratio, raw_rate, spread
from tests.bench_cases import options, record

LINUX = sys.platform == "linux"

FAKE = """
import time
from bench.runner import Runner, answer
run = Runner()
spec = run.spec
if spec["seed"] == 13:
    raise SystemExit("seed 13 is bad luck")
held = bytearray(40_000_000)
held[::1024] = b"x" * len(held[::1024])
time.sleep(0.3)
speed = {"firth": 8.0, "gensim": 2.0}[spec["program"]] * spec["threads"]
answer(run.saved(program=spec["program"], version="0", raw_words=100, train_seconds=100 / speed,
    encode_seconds=1.5, trained_words=70, trained_words_are="invented", loss=float("nan"),
    model_bytes=1_000_000))
"""


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a fake in the place of firth and of gensim."""
    (tmp_path / "fake_program.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for program in ("firth", "gensim"):
        monkeypatch.setitem(MODULES, program, "fake_program")
    monkeypatch.setattr(command, "missing_extras", lambda options: [])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Write a corpus of three lines, seven words."""
    path = tmp_path / "corpus.txt"
    path.write_text("a b c\nd é\nf g\n", "utf-8")
    return path


# The command line


def test_lists_are_read_by_commas() -> None:
    parsed = options(
        "--programs", "gensim,firth", "--alphas", "0.1,0.2", "--seeds", "4,5,4", "--parts", "speed"
    )
    assert parsed.programs == ["gensim", "firth"]
    assert (parsed.alphas, parsed.seeds, parsed.parts) == ([0.1, 0.2], [4, 5], ["speed"])


@pytest.mark.parametrize("wrong", [["--programs", "glove"], ["--parts", "speed,luck"], ["--rounds", "0"]])
def test_what_the_bench_does_not_know_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        options(*wrong)
    assert caught.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--corpus", str(tmp_path / "nowhere.txt")]) == 1
    assert "nowhere.txt: no such file" in capsys.readouterr().err


def test_a_folder_of_evaluation_files_becomes_names(text: Path, tmp_path: Path) -> None:
    for name in (*command.EVALUATION, command.QUESTIONS):
        (tmp_path / name).touch()
    parsed = command.parser().parse_args(["--corpus", str(text), "--eval", str(tmp_path)])
    command.resolve(parsed)
    assert list(parsed.similarity) == ["wordsim353", "simlex999", "men3000"]
    assert parsed.analogies == str(tmp_path / "questions-words.txt")


# The plan


def test_programs_alternate_within_a_round() -> None:
    runs = plan(options("--parts", "speed,threads,sizes", "--rounds", "2"))
    first = [(run.program, run.vector_size, run.threads) for run in runs if run.round == 0]
    assert first == [
        ("firth", 100, 2),
        ("gensim", 100, 2),
        ("fasttext", 100, 2),
        ("firth", 100, 1),
        ("firth", 300, 2),
        ("gensim", 300, 2),
    ]
    assert [run.round for run in runs] == [0] * 6 + [1] * 6


def test_a_run_that_two_parts_need_is_made_once() -> None:
    both = plan(options("--parts", "whole,quality"))
    assert both == plan(options("--parts", "quality"))
    assert len(both) == 3 * 2 * 3
    assert {run.alpha for run in plan(options("--parts", "whole"))} == {0.025}


def test_programs_that_are_left_out_are_left_out_everywhere() -> None:
    assert {run.program for run in plan(options("--programs", "gensim"))} == {"gensim"}


# Figures


def test_spread_is_the_median_and_the_range() -> None:
    assert spread([5.0, 1.0, 2.0]) == Spread(2.0, 1.0, 5.0, 3)
    assert spread([]) is None
    assert Spread(1.0, 1.0, 1.0, 1).width is None


def test_ratio_is_of_medians_not_the_median_of_ratios() -> None:
    ours, theirs = {0: 10.0, 1: 30.0, 2: 20.0, 9: 1e9}, {0: 1.0, 1: 5.0, 2: 4.0, 7: 1e-9}
    assert ratio(ours, theirs) == Spread(20 / 4, 5.0, 10.0, 3)
    assert ratio(ours, {}) is None


def test_a_run_without_the_figure_is_left_out() -> None:
    runs = [record("firth", raw_words=10, train_seconds=2.0), record("firth", round_=1, train_seconds=None)]
    assert by_round(runs, raw_rate, program="firth") == {(0, 0.025, 1): 5.0}


def test_the_best_alpha_is_one_for_all_scores() -> None:
    def scores(*values: float) -> dict[str, Any]:
        return {str(number): {"spread": spread([value])} for number, value in enumerate(values)}

    assert best_alpha({0.025: scores(0.5, 0.5), 0.05: scores(0.4, 0.7)}) == 0.05
    assert best_alpha({}) is None


def test_kept_words_follow_word2vec_c() -> None:
    p = math.sqrt(0.1 / 0.9) + 0.1 / 0.9
    assert kept_words([900, 100], 1000, 0.1) == pytest.approx(900 * p + 100)
    assert kept_words([900, 100], 1000, 0) == 1000


# Reading what programs and the system print


def test_fasttexts_last_progress_line_counts() -> None:
    log = "Progress:  9.1% words/sec/thread:  170001 lr:  0.04 avg.loss:  2.9 ETA:   0h 0m 1s\r"
    log += "Progress: 100.0% words/sec/thread:  168411 lr:  0.000000 avg.loss:  2.535672 ETA:   0h 0m 0s\n"
    assert last_progress(log) == (168411, 2.535672)
    assert last_progress("Read 0M words") is None


def test_fasttexts_phases_come_from_its_own_rate() -> None:
    spec = {"epochs": 2, "threads": 2, "sample": 0, "corpus_words": 90, "corpus_lines": 10}
    counts = np_counts([60, 10, 10])
    found = phases(spec, ["the", "</s>", "of"], counts, (25, 2.5), call_seconds=7.0)
    assert (found["train_seconds"], found["encode_seconds"], found["loss"]) == (4.0, 3.0, 2.5)
    # 200 tokens were met, of 80 in the vocabulary: 2.5 passes over 90 words, 70 of them to be trained.
    assert (found["raw_words"], found["trained_words"]) == (225, 175)
    assert set(phases(spec, [], counts, None, 7.0).values()) == {None}


def np_counts(values: list[int]) -> Any:
    """Return counts as fastText gives them."""
    return pa.array(values).to_numpy()


def test_sizes_are_read_from_status() -> None:
    assert status_kib("Name:\tsed\nVmHWM:\t    2088 kB\nThreads:\t1\n") == {"VmHWM": 2088}


def test_libraries_are_told_from_mapped_data() -> None:
    smaps = "\n".join(
        [
            "7f00-7f01 r--p 00000000 08:01 11 /lib/libc.so",
            "Rss:                  10 kB",
            "7f01-7f02 r-xp 00001000 08:01 11 /lib/libc.so",
            "Rss:                   5 kB",
            "7f05-7f06 rw-p 00002000 08:01 11 /lib/libc.so",
            "Rss:                   9 kB",
            "Anonymous:             8 kB",
            "7f02-7f03 r--s 00000000 08:01 12 /tmp/corpus ids.bin",
            "Rss:                7000 kB",
            "7f03-7f04 rw-p 00000000 00:00 0 ",
            "Rss:                 900 kB",
        ]
    )
    assert library_rss(smaps) == (10 + 5 + 9 - 8) * 1024


def test_the_last_line_is_the_answer() -> None:
    assert last_json('noise\n{"a": 1}\n') == {"a": 1}
    assert last_json("[1]") is None
    assert last_json("no JSON") is None
    assert last_json("") is None


# The corpus


def test_compressed_text_is_copied_and_counted(text: Path, tmp_path: Path) -> None:
    packed = tmp_path / "corpus.txt.gz"
    with pa.output_stream(str(packed)) as stream:
        stream.write(text.read_bytes())
    corpus = prepare(packed, tmp_path / "work")
    assert (corpus.words, corpus.lines, corpus.longest_line, corpus.bytes) == (7, 3, 3, 15)
    assert Path(corpus.plain).read_bytes() == text.read_bytes()
    assert (corpus.given_to("firth"), corpus.given_to("gensim")) == (str(packed), corpus.plain)
    assert prepare(packed, tmp_path / "work") == corpus


def test_plain_text_is_not_copied(text: Path, tmp_path: Path) -> None:
    corpus = prepare(text, tmp_path / "work")
    assert corpus.given_to("firth") == corpus.given_to("gensim") == str(text)


def test_a_limit_cuts_at_a_line_for_all_programs(text: Path, tmp_path: Path) -> None:
    corpus = prepare(text, tmp_path / "work", limit_mb=12e-6)
    assert (corpus.words, corpus.lines, corpus.bytes) == (5, 2, 11)
    assert corpus.given_to("firth") == corpus.plain != str(text)


# Runs in processes of their own


@pytest.mark.usefixtures("fakes")
def test_the_process_is_watched(tmp_path: Path) -> None:
    spec = {"seed": 1, "program": "firth", "threads": 1, "output": str(tmp_path / "out")}
    found = run_json("fake_program", spec, watch_maps=True)
    assert 0 < found["import_seconds"] < found["total_seconds"]
    assert found["total_seconds"] >= 0.3
    assert found["peak_bytes"] > 40e6
    if LINUX:
        assert 40e6 < found["anonymous_bytes"] < found["peak_bytes"]
        assert found["anonymous_bytes"] < found["unmapped_bytes"] <= found["peak_bytes"]


@pytest.mark.usefixtures("fakes")
def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(RunError, match="seed 13 is bad luck"):
        run_json("fake_program", {"seed": 13})


@pytest.fixture
def bench(fakes: None, text: Path, tmp_path: Path) -> Iterator[list[str]]:
    """Return a command line of two fake programs and the short parts."""
    out = tmp_path / "out"
    yield ["--corpus", str(text), "--out", str(out), "--programs", "firth,gensim", "--rounds", "1"]
    assert not list((out / "work").glob("*-[0-9]*/")), "saved vectors were left behind"


def test_from_the_command_line_to_one_table_and_one_line_of_json(
    bench: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command.main([*bench, "--parts", "speed,threads,memory"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1], parse_constant=pytest.fail)
    ratios = {goal["name"]: goal["measured"] and goal["measured"]["middle"] for goal in found["goals"]}
    assert ratios["trained phase, 100 dimensions, to gensim"] == 4.0
    assert ratios["2 threads to one"] == 2.0
    assert ratios["whole run, epochs 5, to gensim"] is None
    assert [row["loss"] for row in found["rows"]] == [None] * 3
    assert (tmp_path / "out" / "report.json").read_text().strip() == out.splitlines()[-1]
    assert "No run was scored" in (tmp_path / "out" / "bench.svg").read_text("utf-8")
    assert str(tmp_path) not in out


def test_an_interrupted_bench_goes_on(
    bench: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = [*bench, "--parts", "speed"]
    measure = Session._measure

    def interrupt_second(session: Session, run: Any) -> Any:
        if run.program == "gensim":
            raise KeyboardInterrupt
        return measure(session, run)

    monkeypatch.setattr(Session, "_measure", interrupt_second)
    assert command.main(arguments) == 1
    monkeypatch.setattr(Session, "_measure", measure)
    assert command.main([*arguments, "--resume"]) == 0
    kept = (tmp_path / "out" / "runs.jsonl").read_text().splitlines()
    programs = [json.loads(line)["run"]["program"] for line in kept]
    assert programs == ["firth", "gensim"]


def test_a_failed_run_is_told_and_leaves_a_dash(bench: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([*bench, "--parts", "speed", "--seeds", "13"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(found["failed"]) == 2
    assert "bad luck" in found["failed"][0]
    assert [row["raw_words_per_second"] for row in found["rows"]] == [None, None]


# The report


def test_a_figure_shows_its_range_or_a_dash() -> None:
    assert figure({"middle": 2.5e6, "low": 2e6, "high": 3e6, "n": 3}, 1e-6, 1, " M") == "2.5 M (2.0–3.0)"
    assert figure({"middle": 0.5, "low": 0.5001, "high": 0.4999, "n": 2}, 1, 2) == "0.50"
    assert figure(None, 1, 2) == "–"


def test_the_table_is_markdown_with_even_columns() -> None:
    lines = markdown([["program", "s"], ["firth", "1.25"]]).splitlines()
    assert lines == ["| program |    s |", "| ------- | ---: |", "| firth   | 1.25 |"]


def test_json_never_holds_nan() -> None:
    assert strict({"a": [float("nan"), 1.0], "b": (float("inf"),)}) == {"a": [None, 1.0], "b": [None]}
    assert (
        dumps({"x": Spread(1.0, float("nan"), 2.0, 2)})
        == '{"x": {"middle": 1.0, "low": null, "high": 2.0, "n": 2}}'
    )


@pytest.fixture
def quality_runs() -> list[dict[str, Any]]:
    """Return whole runs of two seeds: firth is .02 below gensim in MEN, gensim's seeds are .03 apart."""
    runs = []
    for program, scores in {"firth": (0.61, 0.62), "gensim": (0.62, 0.65)}.items():
        for seed, score in enumerate(scores, 1):
            found = {"men3000": {"score": score, "covered": 2900, "of": 3000}}
            runs.append(record(program, "full", seed - 1, seed=seed, scores=found, total_seconds=30.0 / seed))
    return runs


def test_quality_is_judged_by_the_spread_over_seeds(quality_runs: list[dict[str, Any]]) -> None:
    parsed = options("--seeds", "1,2")
    found = {goal.name: goal for goal in goals(quality_runs, parsed)}
    goal = found["men3000: below gensim, allowed its spread over the seeds"]
    assert goal.measured is not None
    assert goal.measured.middle == pytest.approx(0.02)
    assert goal.target == pytest.approx(0.03)
    assert goal.reached is True
    parsed.seeds = [1]
    assert goals(quality_runs, parsed)[-1].reached is None, "one seed shows no spread"


def test_a_goal_without_a_measurement_is_neither_reached_nor_missed() -> None:
    assert Goal("x", "×", 2.0, True, None).reached is None
    assert Goal("x", "×", 2.0, True, Spread(1.9, 1.0, 3.0, 3)).reached is False
    assert Goal("x", " MB", 2.0, False, Spread(1.9, 1.0, 3.0, 3)).reached is True


def test_memory_beside_the_model_leaves_mapped_data_out() -> None:
    sizes = {"unmapped_bytes": 420_000_000, "anonymous_bytes": 300_000_000, "model_bytes": 50_000_000}
    runs = [
        record("firth", "memory", **sizes, peak_bytes=10**12),
        record("firth", "memory", copies=4, **sizes),
    ]
    found = [goal for goal in goals(runs, options()) if goal.unit == " MB"]
    assert [goal.measured.middle for goal in found if goal.measured] == [370.0, 370.0]
    assert [goal.reached for goal in found] == [MEMORY_LIMIT_MB > 370] * 2


def test_what_was_not_measured_is_a_dash_and_null(quality_runs: list[dict[str, Any]], text: Path) -> None:
    parsed = options("--seeds", "1,2", "--programs", "firth,gensim,fasttext")
    parsed.similarity = {"men3000": "somewhere"}
    machine = {"processor": None, "cores": 2, "python": "3", "versions": {"firth": "0", "gensim": None}}
    found = build(quality_runs, parsed, prepare(text, text.parent / "work"), machine)
    assert json.loads(dumps(found)) == found
    lines = [line for line in table(found).splitlines() if line.startswith("| ")]
    rows = {line.split()[1] + line.split()[3]: [cell.strip() for cell in line.split("|")] for line in lines}
    assert rows["gensim100"][4:7] == ["–", "–", "–"]
    assert rows["gensim100"][7] == "22.5 (15.0–30.0)"
    assert rows["gensim100"][-2] == "0.635 (0.620–0.650)"
    assert set(rows["fasttext100"][4:-1]) == {"–"}
    assert set(PARTS) == set(found["options"]["parts"])


@pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason="needs gensim: the extra [bench]")
def test_gensims_run_and_scores(tmp_path: Path) -> None:
    corpus, pairs, questions = (tmp_path / name for name in ("corpus.txt", "pairs.tsv", "questions.txt"))
    words = [f"w{number}" for number in range(30)]
    corpus.write_text("".join(" ".join(words[i % 20 : i % 20 + 8]) + "\n" for i in range(400)))
    pairs.write_text("# a comment\nw1\tw2\t5.0\nw1\tw20\t1.0\nw3\tw4\t4\nw5\tabsent\t1.0\nno pair\n")
    questions.write_text(": section\nw1 w2 w3 w4\nw1 w2 w3 absent\n")
    spec = {
        "corpus": str(corpus),
        "output": str(tmp_path / "model"),
        "vector_size": 10,
        "window": 3,
        "threads": 2,
    }
    spec |= {"negative": 5, "sample": 1e-1, "min_count": 5, "epochs": 2, "alpha": 0.05, "seed": 1}
    found = run_json("bench.run_gensim", spec)
    assert found["words"] == 27
    assert found["raw_words"] >= found["trained_words"] > 0
    assert found["total_seconds"] > found["encode_seconds"] + found["train_seconds"]
    evaluation = {"similarity": {"pairs": str(pairs)}, "analogies": str(questions)}
    scores = run_json("bench.score", {"program": "gensim", "vectors": found["vectors"], **evaluation})
    assert (scores["pairs"]["covered"], scores["pairs"]["of"]) == (3, 4)
    assert -1 <= scores["pairs"]["score"] <= 1
    assert (scores["analogies"]["covered"], scores["analogies"]["of"]) == (1, 2)

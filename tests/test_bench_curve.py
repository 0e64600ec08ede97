"""The benchmark's synthetic texts, its curve and trend, and the machine's peak."""

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import curve, peak, shares, synthetic, trend
from bench.curve import BASE, Point, word_flops
from bench.goals import curve_goals, share_goals
from bench.plan import plan
from bench.process import run_json
from bench.trend import Measured, factors, farthest, fit
from tests.bench_cases import options, record

# The texts


def test_a_text_has_the_vocabulary_and_the_sentences_asked_for(tmp_path: Path) -> None:
    path = synthetic.text(tmp_path / "work", vocabulary=500, sentence=7, words=20_003)
    lines = [line.split() for line in path.read_text().splitlines()]
    counts = Counter(word for line in lines for word in line)
    assert {len(line) for line in lines[:-1]} == {7}
    assert len(lines[-1]) == 20_003 % 7
    assert counts.keys() == {f"w{rank}" for rank in range(500)}
    zipf = 1 / np.arange(1, 501)
    expected = 19_503 * zipf / zipf.sum() + 1
    for rank in (0, 1, 9):
        assert counts[f"w{rank}"] == pytest.approx(expected[rank], abs=5 * expected[rank] ** 0.5)
    assert [found.name for found in (tmp_path / "work").iterdir()] == [path.name]


def test_a_text_is_written_once_and_drawn_from_a_seed(tmp_path: Path) -> None:
    path = synthetic.text(tmp_path, 50, 5, 200)
    assert path.read_text() == synthetic.text(tmp_path / "again", 50, 5, 200).read_text()
    path.write_text("kept\n")
    assert synthetic.text(tmp_path, 50, 5, 200).read_text() == "kept\n"


def test_a_text_shorter_than_its_vocabulary_has_the_first_words() -> None:
    assert sorted(synthetic.draw(100, 30)) == list(range(30))


# The points


def test_one_axis_at_a_time_leaves_the_base() -> None:
    for name in curve.AXES:
        assert BASE in curve.axis(name).values()
        for value, point in curve.axis(name).items():
            assert point == replace(BASE, **{name: value})
    assert len(curve.points()) == len(set(curve.points()))
    assert str(BASE) == "the base"
    assert str(replace(BASE, vocabulary=10_000)) == "vocabulary 10,000"


def test_more_work_takes_fewer_epochs() -> None:
    sizes = [curve.epochs(replace(BASE, vector_size=size), 1_000_000, 3.0) for size in (50, 100, 300)]
    assert sizes[0] > sizes[1] > sizes[2] >= 1


def test_all_points_take_turns() -> None:
    runs = plan(options("--parts", "curve,peak", "--rounds", "2", "--curve-words", "9000"))
    rounds = [[run for run in runs if run.group == "curve" and run.round == n] for n in (0, 1)]
    assert len(rounds[0]) == len(rounds[1]) == len(curve.points())
    assert {run.words for run in rounds[0]} == {9000}
    short = [run for run in rounds[0] if run.sentence == 5]
    assert [(run.vocabulary, run.window, run.negative) for run in short] == [(70_000, 5, 5)]
    assert [run.round for run in runs if run.group == "peak"] == [0, 1]


# The trend


def test_the_fit_finds_the_line() -> None:
    flops = [1e4, 2e4, 3e4, 8e4]
    line = fit([(work, 3e-8 + 5e-12 * work) for work in flops])
    assert line is not None
    assert (line.word_seconds, line.flop_seconds) == (pytest.approx(3e-8), pytest.approx(5e-12))
    assert fit([(1e4, 1e-7)]) is None


def measured(slow: Point, times: float) -> dict[Point, Measured]:
    """Return two rounds on a line but for one point; the machine was half as fast in the second."""
    found = {}
    for point in curve.points():
        flops = word_flops(point.vector_size, point.negative, 5.0 * point.window / 5)
        took = (4e-8 + 6e-12 * flops) * (times if point == slow else 1)
        found[point] = Measured(flops, 5.0, {0: took, 1: 2 * took})
    return found


def test_a_point_off_the_trend_is_found_whatever_the_machine_did() -> None:
    slow = replace(BASE, vocabulary=1_000_000)
    off = factors(measured(slow, 3.0))
    assert farthest(off)[0] == slow
    assert (off[slow].middle, off[slow].low, off[slow].high) == pytest.approx((3.0, 3.0, 3.0))
    assert off[BASE].middle == pytest.approx(1.0)
    fast = replace(BASE, sentence=5)
    assert farthest(factors(measured(fast, 0.25)))[1].middle == pytest.approx(4.0)


def runs_of_the_curve(parsed: Any, slow: dict[Point, float]) -> list[dict[str, Any]]:
    """Return a run of each point, ``slow`` times slower than the trend."""
    runs = []
    for run in plan(parsed):
        point = Point(run.vector_size, run.window, run.negative, run.vocabulary, run.sentence)
        words = 1000 * run.epochs
        seconds = words * (4e-8 + 6e-12 * word_flops(run.vector_size, run.negative, 5.0))
        result = {"trained_words": words, "pairs": 5 * words, "train_seconds": seconds * slow.get(point, 1)}
        runs.append({"run": asdict(run), "result": result, "scores": None, "session": "s"})
    return runs


def test_goals_say_which_point_and_how_short_sentences_do() -> None:
    parsed = options("--parts", "curve", "--rounds", "1")
    short, odd = replace(BASE, sentence=5), replace(BASE, vocabulary=1_000_000)
    worst, sentences = curve_goals(runs_of_the_curve(parsed, {short: 1.6, odd: 2.5}), parsed)
    assert (worst.reached, worst.note) == (False, "vocabulary 1,000,000")
    assert worst.measured is not None
    assert worst.measured.middle == pytest.approx(2.5)
    assert sentences.reached is False
    assert sentences.measured is not None
    assert sentences.measured.middle == pytest.approx(1 / 1.6)
    assert [goal.reached for goal in curve_goals(runs_of_the_curve(parsed, {}), parsed)] == [True, True]
    assert curve_goals([], parsed) == []


def test_the_report_has_every_point_of_every_axis() -> None:
    parsed = options("--parts", "curve", "--rounds", "1")
    found = trend.report(runs_of_the_curve(parsed, {}), parsed)
    assert found is not None
    assert found["trend"] == {"word_seconds": pytest.approx(4e-8), "flop_seconds": pytest.approx(6e-12)}
    assert len(found["points"]) == sum(len(values) for values in curve.AXES.values())
    assert {point["flops_a_word"] for point in found["points"] if point["axis"] == "sentence"} == {18_000}


# The machine


def test_the_timed_kernels_do_what_they_count() -> None:
    for kernel, at_once in ((peak.multiply_add_6, 6), (peak.multiply_add_12, 12)):
        compiled, plain = peak._operands(), peak._operands()
        kernel(3, compiled)
        kernel.py_func(3, plain)
        # x -> x / 2 + 1, three times from 0, in each of the sums
        assert np.all(compiled[:16] == at_once * 1.75)
        assert np.array_equal(compiled, plain)
    numbers = np.arange(3 * peak.AT_ONCE, dtype=np.float32)
    out = peak._operands()
    peak.read(numbers, out)
    assert out[:16].sum() == numbers.sum()


def test_peaks_are_counted_over_all_threads() -> None:
    seconds = {1: 0.5, 2: 0.5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peak, "fastest", lambda _work, parts: seconds[len(parts)])
        assert peak.flops(1, 1000) == 2 * 16 * 12 * 1000 / 0.5
        assert peak.flops(2, 1000) == 2 * peak.flops(1, 1000)
        assert peak.read_rate(2, 4096) == 4096 / 0.5


def test_firths_share_of_the_peak() -> None:
    machine = {"peak": {"2": {"flops": 4e9, "read_bytes_per_second": 5e9}}}
    run = {"trained_words": 1000, "pairs": 5000, "train_seconds": 0.01}
    found = shares.report([record("firth", **run), record("firth", "peak", **machine)], options())
    assert found is not None
    two = found["2"]
    assert two["flops_a_word"].middle == 5 * 6 * 600
    assert two["bytes_a_word"].middle == 2 * (5 + 6) * 400
    assert two["share_of_peak"].middle == pytest.approx(18_000 * 1e5 / 4e9)
    assert shares.report([record("firth", **run)], options()) is None
    lines = {goal.name: goal for goal in share_goals([record("firth", "peak", **machine)], options())}
    assert lines["firth's share of the multiply-adds, threads 2"].measured is None


# firth itself


def test_firths_run_counts_pairs_and_saves_only_where_it_is_told(tmp_path: Path) -> None:
    spec = asdict(plan(options("--parts", "curve", "--threads", "1"))[0])
    text = synthetic.text(tmp_path, 300, 20, 6000)
    spec |= {"sample": 0.0, "min_count": 1, "epochs": 2, "corpus": str(text), "output": None}
    found = run_json("bench.run_firth", spec)
    assert found["words"] == 300
    assert found["trained_words"] == 12_000
    # windows of 1 to 5 words on either side, cut at the ends of sentences of 20
    each = np.mean([sum(min(i, w) + min(19 - i, w) for i in range(20)) / 20 for w in range(1, 6)])
    assert found["pairs"] / found["trained_words"] == pytest.approx(each, rel=0.03)
    assert found["vectors"] is None
    assert [path.name for path in tmp_path.iterdir()] == [text.name]

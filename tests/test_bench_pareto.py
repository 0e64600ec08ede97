"""The benchmark's quality against time: its runs, its goals and its picture."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from bench import pareto, picture
from bench.goals import pareto_goals
from bench.pareto import MEAN, outcomes
from bench.plan import plan
from tests.bench_cases import options, record


def whole(program: str, epochs: int, seconds: float, men: float, **changes: Any) -> dict[str, Any]:
    """Return a scored run; its analogies are half of its score in MEN."""
    scores = {"men3000": men, "analogies": men / 2}
    found = {name: {"score": score, "covered": 9, "of": 9} for name, score in scores.items()}
    return record(program, "full", epochs=epochs, train_seconds=seconds, scores=found, **changes)


@pytest.fixture
def runs() -> list[dict[str, Any]]:
    """Return firth's and gensim's runs; gensim's two seeds of five epochs score .60 on average."""
    return [
        whole("firth", 1, 2.0, 0.40),
        whole("firth", 5, 10.0, 0.59),
        whole("firth", 8, 16.0, 0.61),
        whole("firth", 5, 11.0, 0.62, alpha=0.05),
        whole("gensim", 1, 30.0, 0.50),
        whole("gensim", 5, 150.0, 0.59),
        whole("gensim", 5, 170.0, 0.61, seed=2),
    ]


def test_programs_take_turns_and_share_their_runs_with_quality() -> None:
    both = plan(options("--parts", "quality,pareto", "--pareto-alphas", "0.05"))
    quality = plan(options("--parts", "quality"))
    assert both[: len(quality)] == quality
    more = [(run.epochs, run.program) for run in both[len(quality) :]]
    assert more == [
        *[(1, program) for program in ("firth", "gensim", "fasttext")],
        *[(2, program) for program in ("firth", "gensim", "fasttext")],
        *[(epochs, "firth") for epochs in (3, 8, 12)],
    ]
    assert {run.program for run in plan(options("--parts", "pareto", "--programs", "gensim"))} == {"gensim"}


def test_outcomes_are_means_over_the_seeds(runs: list[dict[str, Any]]) -> None:
    found = outcomes([*runs, record("firth", "full")], options())
    (gensim,) = (one for one in found if (one.program, one.epochs) == ("gensim", 5))
    assert (gensim.seconds, gensim.seeds) == (160.0, 2)
    assert gensim.scores == pytest.approx({"men3000": 0.60, "analogies": 0.30, MEAN: 0.45})
    assert pareto.best(found, "firth", 5, MEAN).alpha == 0.05


def test_an_outcome_without_a_score_is_left_out(runs: list[dict[str, Any]]) -> None:
    runs[0]["scores"]["men3000"]["score"] = None
    assert len(outcomes(runs, options())) == 5


def test_firths_shortest_run_that_reaches_gensims_score_counts(runs: list[dict[str, Any]]) -> None:
    goals = {goal.name: goal for goal in pareto_goals(runs, options())}
    mean = goals["seconds to gensim's mean score, gensim's to firth's"]
    assert mean.measured is not None
    assert mean.measured.middle == pytest.approx(160 / 11)
    assert mean.reached is True
    assert "epochs 5, alpha 0.05" in mean.note


def test_a_score_that_firth_never_reaches_is_a_goal_missed(runs: list[dict[str, Any]]) -> None:
    goals = pareto_goals([*runs, whole("gensim", 5, 10.0, 0.99, alpha=0.05)], options())
    assert [(goal.measured.middle, goal.note.rpartition("; ")[2]) for goal in goals if goal.measured] == [
        (0.0, "no run of firth reaches it")
    ] * 3
    assert [goal.reached for goal in goals] == [None, None, False]
    assert pareto_goals(runs[:4], options()) == []


def drawn(runs: list[dict[str, Any]]) -> ElementTree.Element:
    """Return the picture of runs as it would be read from the report."""
    report = json.loads(json.dumps({"pareto": [asdict(one) for one in outcomes(runs, options())]}))
    return ElementTree.fromstring(picture.draw(report))


def test_the_picture_has_a_line_for_each_program_and_alpha(runs: list[dict[str, Any]]) -> None:
    svg = drawn(runs)
    words = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"firth", "gensim", "alpha 0.025", "alpha 0.05", "MEN, ρ", "analogies, % right"} <= words
    assert "fastText" not in words
    lines = [line.attrib for line in svg.iter("{http://www.w3.org/2000/svg}polyline")]
    legend = 4  # two programs, two alphas
    assert len(lines) == legend + 2 * 3
    firth = [line for line in lines[legend:] if line["stroke"] == picture.COLORS["firth"]]
    assert [len(line["points"].split()) for line in firth] == [3, 1] * 2
    assert {"stroke-dasharray" in line for line in firth} == {True, False}
    width = float(svg.attrib["viewBox"].split()[2])
    xs = [float(point.split(",")[0]) for line in lines for point in line["points"].split()]
    assert 0 < min(xs) < max(xs) < width


def test_more_seconds_lie_farther_right_and_better_scores_higher(runs: list[dict[str, Any]]) -> None:
    lines = list(drawn(runs).iter("{http://www.w3.org/2000/svg}polyline"))[4:]
    points = [tuple(map(float, point.split(","))) for point in lines[0].attrib["points"].split()]
    assert points == sorted(points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    # 2 to 10 seconds is as far as 16 to 80 would be
    a, b, c = (x for x, _ in points)
    assert (b - a) / (c - b) == pytest.approx(1.609 / 0.470, rel=0.02)


def test_a_picture_of_one_run_and_of_none(runs: list[dict[str, Any]]) -> None:
    assert len(list(drawn(runs[:1]).iter("{http://www.w3.org/2000/svg}circle"))) == 1 + 2
    assert "No run was scored" in picture.draw({"pareto": []})


def test_the_picture_is_drawn_again_from_the_report(
    runs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    report = {"pareto": [asdict(one) for one in outcomes(runs, options())]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    monkeypatch.setattr(sys, "argv", ["picture", str(tmp_path / "report.json")])
    picture.main()
    assert capsys.readouterr().out == picture.draw(report)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-0.1, 1.6, [1, 3, 10, 30]), (0.0, 3.2, [1, 10, 100, 1000]), (0.4, 0.8, [3, 5])],
)
def test_seconds_on_the_axis_are_round(low: float, high: float, expected: list[float]) -> None:
    assert picture.round_seconds(low, high) == expected

"""The table for people and the line of JSON for machines."""

from __future__ import annotations

import json
import textwrap
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import pareto, shares, trend
from bench.corpus import Corpus
from bench.goals import encoding, goals, trained_phase, whole_run
from bench.picture import TITLES
from bench.plan import ANALOGY_WORDS
from bench.runner import strict
from bench.summary import (
    Record,
    Spread,
    best_alpha,
    full,
    member,
    over_rounds,
    quality,
    raw_rate,
    timed,
    trained_rate,
)

MISSING = "–"


def build(
    records: list[Record], options: Namespace, corpus: Corpus, machine: dict[str, Any]
) -> dict[str, Any]:
    """Return everything that was found out, ready for strict JSON; what was not measured is None."""
    aims = goals(records, options)
    report = {
        "bench": "firth",
        "format_version": 1,
        "machine": machine,
        "corpus": {**asdict(corpus), "path": Path(corpus.path).name, "plain": Path(corpus.plain).name},
        "options": _options(options),
        "rows": rows(records, options),
        "goals": [{**asdict(goal), "reached": goal.reached} for goal in aims],
        "ratios": {
            other: {
                "trained_phase": trained_phase(records, options, options.vector_size, other),
                "whole_run": whole_run(records, options, other),
                "encoding": encoding(records, options, other),
            }
            for other in options.programs
            if other != "firth"
        },
        "quality": quality(records, options),
        "pareto": [asdict(one) for one in pareto.outcomes(records, options)],
        "curve": trend.report(records, options),
        "shares": shares.report(records, options),
        "runs": len(records),
        "sessions": len({record["session"] for record in records}),
    }
    plain: dict[str, Any] = json.loads(dumps(report))
    return plain


def _options(options: Namespace) -> dict[str, Any]:
    """Return the options, without the folders in which this machine keeps things."""
    kept = {name: value for name, value in vars(options).items() if name not in ("out", "corpus", "eval")}
    analogies = Path(options.analogies).name if options.analogies else None
    return {**kept, "similarity": list(options.similarity), "analogies": analogies}


def dumps(report: dict[str, Any]) -> str:
    """Return one line of strict JSON: no NaN, no infinity."""
    return json.dumps(strict(_plain(report)), allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return ``value`` with spreads as dictionaries and paths as text."""
    if isinstance(value, Spread):
        return asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def rows(records: list[Record], options: Namespace) -> list[dict[str, Any]]:
    """Return a row for each program, then firth on one thread and the programs at the other vector size."""
    size, threads = options.vector_size, options.threads
    kinds = [(program, size, threads) for program in options.programs]
    if "threads" in options.parts and threads != 1 and "firth" in options.programs:
        kinds.append(("firth", size, 1))
    if "sizes" in options.parts:
        kinds += [
            (name, options.also_vector_size, threads) for name in options.programs if name != "fasttext"
        ]
    return [_row(records, options, *kind) for kind in kinds]


def _row(records: list[Record], options: Namespace, program: str, size: int, threads: int) -> dict[str, Any]:
    """Return the figures of one program at one size and thread count."""
    kind = {"program": program, "vector_size": size, "threads": threads}
    short, long = {**timed(options), **kind}, {**full(options), **kind}
    main = (size, threads) == (options.vector_size, options.threads)
    by_alpha = quality(records, options).get(program, {}) if main else {}
    alpha = best_alpha(by_alpha)
    scores = by_alpha[alpha] if alpha is not None else {}
    losses = {**long, "alpha": alpha} if alpha is not None else long
    return {
        **kind,
        "version": _first(records, "version", program),
        "raw_words_per_second": over_rounds(records, raw_rate, **short),
        "trained_words_per_second": over_rounds(records, trained_rate, **short),
        "trained_words_are": _first(records, "trained_words_are", program),
        "encode_seconds": over_rounds(records, member("encode_seconds"), **short),
        "whole_seconds": over_rounds(records, member("total_seconds"), **long),
        "peak_bytes": over_rounds(records, member("peak_bytes"), **short)
        or over_rounds(records, member("peak_bytes"), **long),
        "loss": over_rounds(records, member("loss"), **losses)
        or over_rounds(records, member("loss"), **short),
        "alpha": alpha,
        "scores": {name: score["spread"] for name, score in scores.items()},
    }


def _first(records: list[Record], name: str, program: str) -> Any:
    """Return what the program says about itself in the first run that tells."""
    told = (record["result"].get(name) for record in records if record["run"]["program"] == program)
    return next((value for value in told if value is not None), None)


def table(report: dict[str, Any]) -> str:
    """Return the Markdown table and the lines below it."""
    options = report["options"]
    names = [*options["similarity"], *(["analogies"] if options["analogies"] else [])]
    names = names or list(TITLES)
    head = ["program", "dims", "threads", "raw words/s", "trained words/s", "encode s"]
    head += ["whole run s", "peak MB", "loss", "alpha"]
    head += [TITLES.get(name, name) for name in names]
    body = [
        [*_cells(row), *(_score(row["scores"].get(name), name) for name in names)] for row in report["rows"]
    ]
    below = [*map(_goal_line, report["goals"]), *_alphas(report)]
    more = [markdown(lines) + "\n" for lines in (curve_cells(report), pareto_cells(report)) if lines]
    return "\n".join([_heading(report), "", markdown([head, *body]), "", _notes(report), "", *more, *below])


def _heading(report: dict[str, Any]) -> str:
    """Return the line that says what was measured on what."""
    machine, corpus = report["machine"], report["corpus"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    return (
        f"{corpus['words']:,} words in {corpus['lines']:,} lines, {corpus['bytes'] / 1e6:.0f} MB of text. "
        f"{machine['processor'] or 'unknown processor'}, {machine['cores']} cores; "
        f"Python {machine['python']}, {versions}."
    )


def _cells(row: dict[str, Any]) -> list[str]:
    """Return a row's cells up to the scores."""
    return [
        row["program"],
        str(row["vector_size"]),
        str(row["threads"]),
        figure(row["raw_words_per_second"], 1e-6, 2, " M"),
        figure(row["trained_words_per_second"], 1e-6, 2, " M"),
        figure(row["encode_seconds"], 1, 2),
        figure(row["whole_seconds"], 1, 1),
        figure(row["peak_bytes"], 1e-6, 0),
        figure(row["loss"], 1, 3),
        MISSING if row["alpha"] is None else f"{row['alpha']:g}",
    ]


def _score(found: dict[str, Any] | None, name: str) -> str:
    """Return one score with its range; analogies in percent."""
    return figure(found, 100, 1, " %") if name == "analogies" else figure(found, 1, 3)


def figure(value: dict[str, Any] | None, scale: float, digits: int, unit: str = "") -> str:
    """Return a middle with its lowest and highest value, or a dash for what was not measured.

    >>> figure({"middle": 2.5e6, "low": 2e6, "high": 3e6, "n": 2}, 1e-6, 1, " M")
    '2.5 M (2.0–3.0)'
    """
    if value is None:
        return MISSING
    middle, low, high = (f"{value[name] * scale:.{digits}f}" for name in ("middle", "low", "high"))
    return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low}–{high})"


def markdown(lines: list[list[str]]) -> str:
    """Return a Markdown table with padded columns; the first line is its head."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    rule = ["-" * width if not column else "-" * (width - 1) + ":" for column, width in enumerate(widths)]

    def join(cells: list[str]) -> str:
        padded = [c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([join(lines[0]), join(rule), *map(join, lines[1:])])


NOTES = """
Median (lowest–highest) of alternating runs. Words/s: the trained phase, epochs {short}; *raw* counts every
word of the corpus, *trained* those left after subsampling ({trained}). Encode: text to ids and counts;
gensim's vocabulary scan; fastText's first pass and set-up. Whole run: epochs {epochs}, from the start of
the process to saved vectors; firth reads the file as given, without a cache, the others a plain copy made
beforehand. Peak: resident memory, mapped files included. Loss: mean per pair over the run; gensim's is not
right with several workers. Scores: mean (lowest–highest) over the seeds at each program's best alpha, all
by gensim's rules; analogies among the {analogy_words:,} most frequent words.
"""
CURVE_NOTES = """
Curve: synthetic texts, words by Zipf's law; one axis changes at a time from 100 dimensions, window 5,
5 negatives, 70,000 words, sentences of 20. GFLOP/s: six operations for each context, output and dimension.
The trend: the time for a trained word is a + b × its operations, fitted to vector_size, window and negative.
"""


def _notes(report: dict[str, Any]) -> str:
    """Return what a reader has to know about the columns."""
    how = {row["program"]: row["trained_words_are"] for row in report["rows"] if row["trained_words_are"]}
    trained = "; ".join(f"{program}: {words}" for program, words in how.items()) or "nothing measured"
    options = report["options"]
    text = NOTES.format(
        short=options["speed_epochs"],
        epochs=options["quality_epochs"],
        trained=trained,
        analogy_words=ANALOGY_WORDS,
    )
    text += CURVE_NOTES if report["curve"] else ""
    return textwrap.fill(" ".join(text.split()), 110)


def curve_cells(report: dict[str, Any]) -> list[list[str]]:
    """Return the head and the lines of the curve's table; nothing if it was not measured."""
    if not report["curve"]:
        return []
    head = ["curve", "value", "trained words/s", "contexts a word", "GFLOP/s", "time to the trend's"]
    return [head] + [
        [
            point["axis"],
            f"{point['value']:,}",
            figure(point["trained_words_per_second"], 1e-6, 2, " M"),
            f"{point['contexts_a_word']:.2f}",
            figure(point["flops_per_second"], 1e-9, 0),
            figure(point["off_trend"], 1, 2, " ×"),
        ]
        for point in report["curve"]["points"]
    ]


def pareto_cells(report: dict[str, Any]) -> list[list[str]]:
    """Return the head and the lines of the table of quality against time; nothing if nothing was scored."""
    if "pareto" not in report["options"]["parts"] or not report["pareto"]:
        return []
    names = list(report["pareto"][0]["scores"])
    head = ["program", "alpha", "epochs", "training s", *(TITLES.get(name, name) for name in names)]
    return [head] + [
        [
            run["program"],
            f"{run['alpha']:g}",
            str(run["epochs"]),
            f"{run['seconds']:.1f}",
            *(f"{run['scores'][name]:.3f}" for name in names),
        ]
        for run in report["pareto"]
    ]


def _goal_line(goal: dict[str, Any]) -> str:
    """Return one goal: what was measured, what is wanted, and whether it is reached."""
    unit = goal["unit"]
    digits = {"": 4, " MB": 0, " ms": 1, " GFLOP/s": 0, " GB/s": 1, " %": 1}.get(unit, 2)
    target = "no target"
    if goal["target"] is not None:
        number = f"{goal['target']:g}" if unit else f"{goal['target']:.{digits}f}"
        target = f"{'≥' if goal['at_least'] else '≤'} {number}{unit}"
    verdict = {True: "reached", False: "NOT reached", None: "open"}[goal["reached"]]
    note = f" ({goal['note']})" if goal["note"] else ""
    return f"- {goal['name']}: {figure(goal['measured'], 1, digits, unit)}; {target}: {verdict}{note}"


def _alphas(report: dict[str, Any]) -> list[str]:
    """Return the scores of every program at every alpha, with their coverage."""
    lines = []
    for program, by_alpha in report["quality"].items():
        for alpha, scores in by_alpha.items():
            cells = [f"{TITLES.get(name, name)} {_covered(name, score)}" for name, score in scores.items()]
            lines.append(f"- {program}, alpha {alpha}: " + "; ".join(cells))
    return lines


def _covered(name: str, score: dict[str, Any]) -> str:
    """Return a score with its range over the seeds and its coverage."""
    return f"{_score(score['spread'], name)} on {score['covered']:,} of {score['of']:,}"

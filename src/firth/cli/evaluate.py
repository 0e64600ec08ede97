"""The command that asks how good a model is, and how sure that is: ``evaluate``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.csv import one_output, print_csv
from firth.cli.output import print_json
from firth.cli.queries import JsonOption
from firth.cli.scores import print_differences, print_scores
from firth.errors import ConfigError, FormatError, OutputExistsError
from firth.notes import note
from firth.printable import quoted

if TYPE_CHECKING:
    from firth.evaluation.bootstrap import Estimate
    from firth.evaluation.compare import Difference
    from firth.evaluation.evaluate import FileScore, Options
    from firth.evaluation.files import EvaluationFile
    from firth.evaluation.report import Evaluated

_COLUMNS = ("model", "file", "kind", "section", "measure", "value", "low", "high", "covered", "total", "note")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog="Examples:\n\n  firth evaluate MODEL\n\n"
        "  firth evaluate MODEL wordsim353.tsv questions-words.txt\n\n"
        "  firth evaluate MODEL OTHER simlex999.txt --report report.html\n\n"
        "Two models: is their difference real? The kind of a file is told by what is in it."
    )(evaluate)


def evaluate(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL|FILE",
            help="One model folder or two, then files or folders of BATS; without any, built-in relations.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="What the files are: similarity, analogies, odd-one-out or categories.", show_default=False
        ),
    ] = None,
    restrict_vocab: Annotated[
        int, typer.Option(metavar="N", help="Analogies keep to the N most frequent words; 0: all.")
    ] = 30_000,
    case_sensitive: Annotated[bool, typer.Option("--case-sensitive", help="'Paris' is not 'paris'.")] = False,
    draws: Annotated[int, typer.Option(metavar="N", help="Draws of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of every random draw.")] = 1,
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE.html", help="Write a report with plots, too.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that is there.")] = False,
    as_json: JsonOption = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values, a figure a line.")
    ] = False,
) -> None:
    """Score a model on similarity, analogies and more: each score with its coverage and its interval."""
    from firth.evaluation.evaluate import Options, differences
    from firth.evaluation.evaluate import evaluate as evaluate_model
    from firth.evaluation.files import read_files
    from firth.evaluation.relations import built_in

    one_output(as_json, as_csv)
    options = Options(restrict_vocab, not case_sensitive, draws, seed)
    _check_report(report, force)
    models, others = _models_first(paths)
    files = read_files(others, kind) if others else [built_in()]
    results = [_load(path, name, with_stability=report is not None) for path, name in models]
    for result in results:
        if result.model.subwords is not None:
            note(f"{result.path}: only listed words are scored; its subwords are not asked for others")
    for result in results:
        result.scores.extend(evaluate_model(result.model, files, options))
    compared: list[tuple[EvaluationFile, Difference]] = []
    if len(results) == 2:
        compared = differences(results[0].scores, results[1].scores, options)
    if report is not None:
        _write_report(report, results, compared, options)
    if as_json:
        print_json(as_dictionary(results, compared, options))
    elif as_csv:
        print_csv(_COLUMNS, _csv_rows(results, compared))
    else:
        _print_tables(results, compared)


def _models_first(paths: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the models, each with the name to show, and the files behind them."""
    from firth.evaluation.files import distinct_names
    from firth.formats import recognized

    def is_model(path: str) -> bool:
        # GloVe's text has no header: word pairs with scores look like it.
        return recognized(Path(path)) not in (None, "glove")

    number = next((at for at, path in enumerate(paths) if at and not is_model(path)), len(paths))
    models, files = paths[:number], paths[number:]
    if len(models) > 2:
        raise ConfigError(
            f"{len(models)} models are too many to compare ({', '.join(models)}): give two at a time"
        )
    late = next((path for path in files if is_model(path)), None)
    if late is not None:
        raise ConfigError(f"{quoted(late)} is a model, but stands behind a file: models come first")
    names = distinct_names([Path(path) for path in models])
    return list(zip(models, names, strict=True)), files


def _load(path: str, name: str, *, with_stability: bool) -> Evaluated:
    from firth.evaluation.report import Evaluated
    from firth.evaluation.stability_file import read_stability
    from firth.formats import load

    model = load(path)
    return Evaluated(name, path, model, read_stability(path, model) if with_stability else None)


def _check_report(report: str | None, force: bool) -> None:
    """Refuse a report that cannot be written before anything is computed."""
    if report is None:
        return
    place = Path(report)
    if place.is_dir():
        raise OutputExistsError(f"{report} is a folder: give the name of a file for --report")
    if place.exists() and not force:
        raise OutputExistsError(f"{report} exists: choose another name, or replace it with --force")
    if not place.absolute().parent.is_dir():
        raise FormatError(f"{report}: there is no folder {place.absolute().parent}: make it first")


def _write_report(
    path: str,
    results: list[Evaluated],
    compared: list[tuple[EvaluationFile, Difference]],
    options: Options,
) -> None:
    from firth.evaluation.report import render
    from firth.formats.safetensors_file import replacing

    text = render(results, compared, options)
    with replacing(Path(path)) as file:
        file.write(text.encode("utf-8", "backslashreplace"))
    note(f"report: {path}")


def _print_tables(results: list[Evaluated], compared: list[tuple[EvaluationFile, Difference]]) -> None:
    """Print everything for people."""
    for number, result in enumerate(results):
        if number:
            print()
        print_scores(result.name if len(results) > 1 else "", result.scores)
    if compared:
        print()
        print_differences([result.name for result in results], compared)


def as_dictionary(
    results: list[Evaluated], compared: list[tuple[EvaluationFile, Difference]], options: Options
) -> dict[str, Any]:
    """Return everything as one dictionary, ready for strict JSON."""
    return {
        "models": [
            {
                "model": result.path,
                "words": len(result.model),
                "vector_size": result.model.vector_size,
                "corpus_fingerprint": result.fingerprint,
            }
            for result in results
        ],
        "options": vars(options) | {"interval": 0.95},
        "results": [_score_dictionary(result, one) for result in results for one in result.scores],
        "differences": [_difference_dictionary(file, one) for file, one in compared],
    }


def _score_dictionary(result: Evaluated, one: FileScore) -> dict[str, Any]:
    from firth.evaluation.evaluate import figures

    score = one.score
    return {
        "model": result.path,
        "file": one.file.name,
        "path": one.file.path or None,
        "kind": one.file.kind,
        "covered": score.covered,
        "total": score.total,
        "missing": list(score.missing),
        "not_frequent_enough": list(getattr(score, "beyond", ())),
        "figures": [
            {
                "section": figure.section,
                "measure": figure.measure,
                **_estimate(figure.estimate),
                "covered": figure.covered,
                "total": figure.total,
            }
            for figure in figures(score)
        ],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    whole = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return whole | ({"note": estimate.reason} if estimate.reason else {})


def _difference_dictionary(file: EvaluationFile, one: Difference) -> dict[str, Any]:
    return {
        "file": file.name,
        "path": file.path or None,
        "measure": one.measure,
        "a": one.a,
        "b": one.b,
        "difference": one.value,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "items": one.items,
        "reliable": one.reliable,
        "verdict": one.verdict,
    }


def _csv_rows(
    results: list[Evaluated], compared: list[tuple[EvaluationFile, Difference]]
) -> Iterator[list[object]]:
    """Yield a row a figure; a difference of two models has both names as its model."""
    from firth.evaluation.evaluate import ALL, figures

    for result in results:
        for one in result.scores:
            for figure in figures(one.score):
                estimate = figure.estimate
                yield [
                    *(result.path, one.file.path or one.file.name, one.file.kind),
                    *(figure.section, figure.measure, estimate.value, estimate.low, estimate.high),
                    *(figure.covered, figure.total, estimate.reason),
                ]
    both = " - ".join(result.path for result in reversed(results))
    for file, difference in compared:
        yield [
            *(both, file.path or file.name, file.kind, ALL, f"difference of {difference.measure}"),
            *(difference.value, difference.low, difference.high),
            *(difference.items, difference.items, difference.verdict),
        ]

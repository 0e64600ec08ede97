"""The commands that say how far to trust a model: ``stability``, ``weat``, ``align`` and ``shift``."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli import train, weat
from firth.cli.csv import one_output, print_csv
from firth.cli.interrupt import interruptible
from firth.cli.output import Column, print_json, print_line, print_table, program
from firth.errors import ConfigError
from firth.notes import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from firth.embeddings import Embeddings
    from firth.evaluation.alignment import Alignment, Shifts

JsonOption = Annotated[bool, typer.Option("--json", help="Print strict JSON instead of a table.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print comma-separated values instead of a table.")]
CenterOption = Annotated[
    bool, typer.Option("--center", help="Take each model's mean over the shared words away first.")
]
RawOption = Annotated[
    bool, typer.Option("--raw-lengths", help="Let longer vectors count more for the rotation.")
]

_STABILITY = "Stability"
_LEFT_OUT = {"resume", "as_json"}
"""Options of ``train`` that ``stability`` does not have, or has its own of."""


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command(
        epilog="Examples:\n\n  firth stability corpus.txt -o MODEL --runs 5\n\n"
        "  firth stability corpus.txt -o MODEL --resample --vector-size 200\n\n"
        "  firth stability MODEL          what was measured before"
    )(_with_options_of_train(stability))
    app.command(epilog="Examples:\n\n  firth align 1900s 1990s -o 1990s-aligned")(align)
    app.command(epilog="Examples:\n\n  firth shift 1900s 1990s --min-count 200")(shift)
    weat.register(app)


def _with_options_of_train(command: Callable[..., None]) -> Callable[..., None]:
    """Return ``command`` with the options of ``train`` in front of its own: each is written down once."""
    trained = inspect.signature(train.train, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [one for name, one in trained.items() if name not in _LEFT_OUT]
    parameters += [one for one in own.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]

    @functools.wraps(command)
    def with_all(**given: Any) -> None:
        command(**given)

    with_all.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_all.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_all


def stability(
    *,
    runs: Annotated[
        int, typer.Option(help="Runs to compare; the first is the model.", rich_help_panel=_STABILITY)
    ] = 5,
    resample: Annotated[
        bool,
        typer.Option(
            "--resample",
            help="Draw the sentences of all runs but the first anew.",
            rich_help_panel=_STABILITY,
        ),
    ] = False,
    topn: Annotated[
        int, typer.Option("--topn", "-n", help="Nearest words to compare.", rich_help_panel=_STABILITY)
    ] = 10,
    words: Annotated[
        int,
        typer.Option(
            help="Measure only so many words, the most frequent ones; 0: all.", rich_help_panel=_STABILITY
        ),
    ] = 20_000,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all words as comma-separated values.")] = False,
    **given: Any,
) -> None:
    """Train several times, and say of each word how much of its neighbourhood stays."""
    from firth.cli.stability import print_stability, watching_runs
    from firth.evaluation.runs import Plan

    one_output(as_json, as_csv)
    corpus, output = given["corpus"], given["output"]
    if output is None and corpus and len(corpus) == 1 and _is_model(corpus[0]):
        _show_known(corpus[0], as_json, as_csv)
        return
    plan = Plan(runs=runs, resample=resample, topn=topn, words=words)
    options = train.options_from_file(given["config"]) | {
        name: given[name] for name in train.OPTIONS if given[name] is not None
    }
    cache = train.cache_setting(given["cache"], given["no_cache"])
    kept_in = None if cache is False else _cache_folder(given["cache"])
    with (
        interruptible(),
        watching_runs(plan, quiet=given["quiet"], kept_in=kept_in) as (progress, on_run),
    ):
        model, measured = _train(
            corpus, output, plan, options | {"progress": progress, "on_run": on_run}, given, cache
        )
    print_stability(str(output), model, measured, as_json=as_json, as_csv=as_csv)
    if not (given["quiet"] or as_json or as_csv):
        note(f"next: {program()} neighbors {output} WORD")


def _train(
    corpus: list[str] | None,
    output: str | None,
    plan: Any,
    options: dict[str, Any],
    given: dict[str, Any],
    cache: Any,
) -> Any:
    from firth.corpus.sources import Files
    from firth.evaluation.runs import train_runs

    if not corpus:
        raise train.missing("CORPUS: name at least one file, or - for standard input")
    if output is None:
        raise train.missing("-o MODEL: say where the model shall go")
    every = train.seconds(given["checkpoint_every"])
    return train_runs(
        Files(corpus),
        plan=plan,
        output=output,
        force=given["force"],
        cache=cache,
        checkpoint_every=every,
        **options,
    )


def _cache_folder(cache: str | None) -> Path:
    from firth.corpus.cache import CacheFolder

    return CacheFolder(cache).path


def _is_model(path: str) -> bool:
    from firth.formats import native

    return native.is_model_folder(path)


def _show_known(folder: str, as_json: bool, as_csv: bool) -> None:
    """Print what was measured when the model in ``folder`` was trained."""
    from firth.cli.stability import print_stability
    from firth.evaluation.stability_file import read_stability

    model = _load(folder)
    known = read_stability(folder, model)
    if known is None:
        raise ConfigError(
            f"{folder}: its stability was not measured; train it again with `firth stability CORPUS -o MODEL`"
        )
    print_stability(folder, model, known, as_json=as_json, as_csv=as_csv)


def align(
    a: Annotated[str, typer.Argument(metavar="A", help="The model that stays.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="The model to rotate.", show_default=False)],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="Model folder to write.", show_default=False)
    ],
    center: CenterOption = False,
    raw_lengths: RawOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Rotate model B onto model A by the words that both have, so that their vectors compare."""
    from firth.evaluation.alignment import rotated
    from firth.formats import save

    first, second = _load(a), _load(b)
    found = _aligned(first, second, center, raw_lengths)
    save(rotated(second, found, onto=a), output, force=force)
    if as_json:
        print_json({"a": a, "b": b, "output": output, **_facts(found)})
        return
    for line in _told(found, first, second):
        print_line(line)
    print_line(f"{b}, rotated onto {a}, is in {output}")


def shift(
    a: Annotated[str, typer.Argument(metavar="A", help="A model.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="A model of other texts.", show_default=False)],
    topn: Annotated[int, typer.Option("--topn", "-n", metavar="N", help="Words to show.")] = 20,
    min_count: Annotated[int, typer.Option(help="Leave out words that are rarer in A or B.")] = 50,
    near: Annotated[int, typer.Option(help="Neighbours to show of each word, before and after.")] = 5,
    center: CenterOption = False,
    raw_lengths: RawOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the words whose place has changed most from model A to model B."""
    from firth.checks import at_least
    from firth.evaluation.alignment import shifts

    one_output(as_json, as_csv)
    at_least(0, "near", near)
    first, second = _load(a), _load(b)
    found = _aligned(first, second, center, raw_lengths)
    moved = shifts(first, second, found, topn=topn, min_count=min_count)
    names = [one.word for one in moved.words]
    before, after = (
        [[word for word, _ in answer] for answer in m.neighbors(names, near)] for m in (first, second)
    )
    unsteady = [_unsteady(folder, model, names) for folder, model in ((a, first), (b, second))]
    records = [
        {
            **vars(one),
            "neighbors_a": before[place],
            "neighbors_b": after[place],
            "noise_in_a": unsteady[0][place],
            "noise_in_b": unsteady[1][place],
        }
        for place, one in enumerate(moved.words)
    ]
    if as_json:
        left_out = {"compared": moved.compared, "min_count": moved.min_count, "rarer": moved.rare}
        print_json({"a": a, "b": b, **_facts(found), **left_out, "words": records})
    elif as_csv:
        _print_shift_csv(records)
    else:
        _print_shift(a, b, found, moved, records)
        print_line("")
        for line in [*_told(found, first, second), *_caution(first, second, moved)]:
            print_line(line)


def _unsteady(folder: str, model: Embeddings, words: list[str]) -> list[bool | None]:
    """Return for each word whether its neighbourhood in the model is noise; None where that is not known."""
    from firth.evaluation.stability_file import read_stability

    known = read_stability(folder, model) if Path(folder).is_dir() else None
    if known is None:
        return [None] * len(words)
    rows = [model.key_to_index[word] for word in words]
    return [None if known.place(row) is None else known.is_noise(row) for row in rows]


def _aligned(a: Embeddings, b: Embeddings, center: bool, raw_lengths: bool) -> Alignment:
    from firth.evaluation.alignment import align as align_models

    found = align_models(a, b, center=center, normalize=not raw_lengths)
    if not found.determined:
        note(
            f"warning: {len(found.shared):,} shared words do not determine a rotation in "
            f"{len(found.rotation)} dimensions: it fits them whatever they mean; train smaller vectors, or "
            "on more text"
        )
    return found


def _facts(found: Alignment) -> dict[str, Any]:
    return {
        "shared_words": len(found.shared),
        "determined": found.determined,
        "centered": found.centered,
        "cosine_before": found.cosine_before,
        "cosine_after": found.cosine_after,
    }


def _told(found: Alignment, a: Embeddings, b: Embeddings) -> list[str]:
    return [
        f"{len(found.shared):,} words are in both models (of {len(a):,} and {len(b):,}); the mean cosine of "
        f"a word with itself is {found.cosine_after:.3f}; before the rotation it was "
        f"{found.cosine_before:.3f}."
    ]


def _caution(a: Embeddings, b: Embeddings, moved: Shifts) -> list[str]:
    lines = []
    if a.counts is None or b.counts is None:
        lines.append(
            "Not both models know how often their words occur, so that rare words cannot be left out."
        )
    elif moved.rare:
        lines.append(
            f"{moved.rare:,} shared words are left out: they occur less than {moved.min_count} times in A or "
            "B, and rare words move most by chance alone (--min-count)."
        )
    lines.append(
        '"typical" is the median distance of words about as frequent: only what is well above it is news. '
        "Two models of one text, trained with different seeds, show how far words move for no reason."
    )
    return lines


def _print_shift(a: str, b: str, found: Alignment, moved: Shifts, records: list[dict[str, Any]]) -> None:
    del found
    columns = [
        Column("", right=True, style="dim"),
        Column("word", style="cyan"),
        Column("distance", right=True, style="green"),
        Column("typical", right=True, style="dim"),
        Column("in A", right=True, style="dim"),
        Column("in B", right=True, style="dim"),
        Column("nearest in A"),
        Column("nearest in B"),
        Column("", style="yellow"),
    ]
    rows = [
        [
            str(place),
            one["word"],
            f"{one['distance']:.3f}",
            f"{one['typical']:.3f}",
            *("" if one[name] is None else f"{one[name]:,}" for name in ("count_a", "count_b")),
            " ".join(one["neighbors_a"]),
            " ".join(one["neighbors_b"]),
            _noise_mark(one),
        ]
        for place, one in enumerate(records, 1)
    ]
    print_table(f"farthest apart of {moved.compared:,} words, from {a} (A) to {b} (B)", columns, rows)


def _noise_mark(record: dict[str, Any]) -> str:
    """Name the models in which the word's neighbours are noise, as far as that was measured."""
    models = [name for name in ("a", "b") if record[f"noise_in_{name}"]]
    return f"noise in {' and '.join(models).upper().replace('AND', 'and')}" if models else ""


def _print_shift_csv(records: list[dict[str, Any]]) -> None:
    columns = ["word", "distance", "typical", "count_a", "count_b", "neighbors_a", "neighbors_b"]
    columns += ["noise_in_a", "noise_in_b"]
    print_csv(
        columns,
        (
            [" ".join(one[name]) if name.startswith("neighbors") else one[name] for name in columns]
            for one in records
        ),
    )


def _load(model: str) -> Embeddings:
    """Load a model; the reading code is imported only now."""
    from firth.formats import load

    return load(model)

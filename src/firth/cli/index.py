"""The command for vocabularies that outgrow exact search: ``index``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.output import print_json, print_line
from firth.cli.queries import JsonOption, ModelArgument
from firth.errors import OutputExistsError
from firth.notes import note

if TYPE_CHECKING:
    from firth.embeddings import Embeddings

NEIGHBORS, ASKED, TIMED = 10, 1000, 50
"""Neighbours compared, words that recall is measured on, and words that are asked for one at a time."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog="Example:\n\n  firth index MODEL\n\n  firth neighbors MODEL king --approximate\n\n"
        "Exact search is the default everywhere, and fast: an index pays from about a million words."
    )(index)


def index(
    model: ModelArgument,
    threads: Annotated[int, typer.Option(metavar="N", help="Threads to build with; 0: all processors.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an index that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build an index for approximate neighbours, and measure how many of the true ones it finds."""
    from firth.approximate import build, save_index
    from firth.formats import load
    from firth.recall import nearest_words, recall

    _check_free(model, force)
    loaded = load(model)
    note(f"building an index of {len(loaded):,} words")
    begin = perf_counter()
    built = build(loaded, threads=threads)
    seconds = perf_counter() - begin

    def search(words: Sequence[str], k: int) -> list[list[str]]:
        return [[near for near, _ in found] for found in built.neighbors(words, k)]

    found = recall(loaded, search, NEIGHBORS, ASKED)
    exact_ms = _milliseconds(lambda words, k: nearest_words(loaded, words, k), loaded)
    facts: dict[str, Any] = {
        "words": len(loaded),
        f"recall_at_{NEIGHBORS}": found.mean,
        "recall_words": found.words,
        "build_seconds": seconds,
        "milliseconds": {"exact": exact_ms, "approximate": _milliseconds(search, loaded)},
    }
    save_index(built, model, facts)
    if as_json:
        print_json({"model": model, **facts})
        return
    print_line(f"{model}: index of {len(loaded):,} words, built in {seconds:,.1f} s")
    print_line(
        f"it finds {found.mean:.2%} of the {NEIGHBORS} nearest words "
        f"(recall@{NEIGHBORS} over {found.words:,} words drawn at random)"
    )
    print_line(
        f"a word at a time: {facts['milliseconds']['approximate']:.2f} ms; exact search: {exact_ms:.2f} ms"
    )
    print_line(f"next: firth neighbors {model} WORD --approximate")


def _check_free(folder: str, force: bool) -> None:
    """Refuse early a folder that has an index, or that cannot hold one."""
    from pathlib import Path

    from firth.approximate import FACTS, check_folder

    check_folder(Path(folder))
    if Path(folder, FACTS).exists() and not force:
        raise OutputExistsError(f"{folder} has an index: replace it with --force")


def _milliseconds(search: Callable[[Sequence[str], int], Any], model: Embeddings) -> float:
    """Return the median time of a query, words asked for one at a time."""
    times = []
    for word in model.index_to_key[:: max(1, len(model) // TIMED)][:TIMED]:
        begin = perf_counter()
        search([word], NEIGHBORS)
        times.append(perf_counter() - begin)
    return sorted(times)[len(times) // 2] * 1e3

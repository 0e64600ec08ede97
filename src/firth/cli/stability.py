"""What the commands show of several runs: while they are trained, and what they have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.cli.csv import print_csv
from firth.cli.output import Column, bar, print_json, print_line, print_table
from firth.evaluation import agreement
from firth.notes import note

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.evaluation.runs import Plan
    from firth.evaluation.stability import Stability
    from firth.training.trainer import Watchers

NOISE_SHOWN = 20
NOISE_IN_JSON = 1000


@contextmanager
def watching_runs(
    plan: Plan, *, quiet: bool, kept_in: Path | None = None
) -> Iterator[tuple[Watchers, Callable[[int, int], None]]]:
    """Show several runs on stderr, one after the other; yields what ``train_runs`` tells, and ``on_run``."""
    from firth.cli.watch import TrainView
    from firth.training.progress import silent
    from firth.training.trainer import Watchers

    if quiet:
        yield Watchers(training=silent), lambda _number, _seed: None
        return
    views = [TrainView(sys.stderr, kept_in)]

    def on_run(number: int, seed: int) -> None:
        views[-1].close()
        views.append(TrainView(sys.stderr, kept_in))
        drawn = ", sentences drawn anew" if plan.resample and number > 1 else ""
        note(f"run {number} of {plan.runs} (seed {seed}{drawn})")

    try:
        yield (
            Watchers(
                reading=lambda done, total: views[-1].reading(done, total),
                started=lambda run: views[-1].started(run),
                compiling=lambda: views[-1].compiling(),
                training=lambda progress: views[-1].training(progress),
            ),
            on_run,
        )
    finally:
        views[-1].close()


def print_stability(
    folder: str, model: Embeddings, stability: Stability, *, as_json: bool = False, as_csv: bool = False
) -> None:
    """Print what several runs have in common: a table and sentences, strict JSON, or all words as CSV."""
    if as_csv:
        _print_words(model, stability)
    elif as_json:
        print_json({"model": folder, **stability.summary, **_noise_words(model, stability)})
    else:
        _print_bands(stability)
        print_line("")
        for line in sentences(model, stability):
            print_line(line)


def sentences(model: Embeddings, stability: Stability) -> list[str]:
    """Return in sentences what the runs have in common, and whose neighbours are noise."""
    settings, figures = stability.summary["settings"], stability.summary["summary"]
    topn, words = settings["topn"], figures["words"]
    of = f"all {words:,} words"
    if words < settings["vocabulary"]:
        of = f"the {words:,} most frequent of {settings['vocabulary']:,} words"
    places = stability.summary["agree_by_place"]
    lines = [
        f"Of a word's {topn} nearest words {topn * figures['overlap']:.1f} are the same in two runs, as a "
        f"mean over {of}; by chance it would be {topn * figures['chance']:.2g}.",
        f"The word that the model puts first is among the {topn} nearest in {places[0]:.1f} of "
        f"{settings['runs']} runs, the one it puts last in {places[-1]:.1f} (its own run counted).",
    ]
    if settings["kind"] == "resample":
        lines.append(
            "The first run reads the text as it is; the others read as many sentences, drawn from it with "
            "replacement. Sentences of one document are drawn apart: whole documents may matter more."
        )
    else:
        lines.append(
            "The runs differ by their seeds alone; --resample shows how much hangs on the choice of texts."
        )
    return [*lines, *_noise_sentence(model, stability)]


def _noise_sentence(model: Embeddings, stability: Stability) -> list[str]:
    figures = stability.summary["summary"]
    topn, share = stability.summary["settings"]["topn"], figures["noise_below"]
    places = stability.noise_places()
    if not len(places):
        return [f"There is no word of whose {topn} nearest less than {topn * share:g} stay from run to run."]
    rows = stability.rows[places[:NOISE_SHOWN]].tolist()
    named = ", ".join(_with_count(model, row) for row in rows)
    rest = f" and {len(places) - len(rows):,} more (--csv lists them)" if len(places) > len(rows) else ""
    return [
        f"{len(places):,} words ({figures['noise_share']:.1%}) keep less than {topn * share:g} of {topn}: "
        "which words are their nearest is chance, even where all are of one kind (surnames, say). "
        f"The most frequent of them: {named}{rest}."
    ]


class Agreement(agreement.Agreement):
    """For ``firth neighbors``: how many runs agree on each neighbour, in words."""

    def cells(self, word: str, near: Sequence[str]) -> list[str]:
        """Return the column of a table: ``4 of 5``, or nothing."""
        return ["" if count is None else f"{count} of {self.runs}" for count in self.counts(word, near)]

    def note(self, word: str) -> str:
        """Return a sentence about the whole list, to print below it."""
        overlap, topn = self.overlap(word), self._stability.summary["settings"]["topn"]
        if overlap is None:
            measured = self._stability.summary["settings"]["measured"]
            return f"{word}: its stability is not known (measured: the {measured:,} most frequent words)"
        stay = f"{topn * overlap:.1f} of the {topn} nearest words stay from run to run ({self.runs} runs)"
        if self._stability.is_noise(self._model.key_to_index[word]):
            return f"{word}: only {stay}: which words these are is mostly chance"
        return f"{word}: {stay}"


COLUMN = Column("runs", right=True, style="yellow")
"""The column of a table that :meth:`Agreement.cells` fills."""


def _print_bands(stability: Stability) -> None:
    settings, figures = stability.summary["settings"], stability.summary["summary"]
    kind = "resamples of the sentences" if settings["kind"] == "resample" else "seeds"
    title = (
        f"{settings['runs']} runs ({kind}): share of the {settings['topn']} nearest words that two runs share"
    )
    columns = [
        Column("occurrences", right=True, style="cyan"),
        Column("words", right=True),
        Column("mean", right=True, style="green"),
        Column("", style="green"),
        Column("lowest 10% below", right=True),
        Column("median", right=True),
        Column("highest 10% above", right=True),
        Column("noise", right=True, style="yellow"),
    ]
    bands = reversed(stability.summary["bands"])
    rows = [[_range(band["count_from"], band["count_to"]), *_cells(band)] for band in bands]
    rows.append(["all", *_cells(figures)])
    rows.append(["chance", "", f"{figures['chance']:.4f}", "", "", "", "", ""])
    print_table(title, columns, rows)


def _range(low: int, high: int | None) -> str:
    return f"{low:,} +" if high is None else f"{low:,} – {high:,}"


def _cells(figures: dict[str, Any]) -> list[str]:
    quantiles = [f"{figures[name]:.2f}" for name in ("lowest_tenth", "median", "highest_tenth")]
    noise = f"{figures['noise_words']:,}" if figures["noise_words"] else ""
    overlap = figures["overlap"]
    return [f"{figures['words']:,}", f"{overlap:.3f}", bar(overlap), *quantiles, noise]


def _print_words(model: Embeddings, stability: Stability) -> None:
    topn, names = stability.neighbors.shape[1], model.index_to_key
    columns = ["word", "count", "overlap", "noise"]
    columns += [f"{kind}_{place}" for place in range(1, topn + 1) for kind in ("neighbor", "agree")]
    noise = set(stability.noise_places().tolist())

    def rows() -> Iterator[list[object]]:
        for place, row in enumerate(stability.rows.tolist()):
            cells: list[object] = [names[row], _count(model, row)]
            cells += [round(float(stability.overlap[place]), 6), int(place in noise)]
            pairs = zip(stability.neighbors[place].tolist(), stability.agree[place].tolist(), strict=True)
            for near, agree in pairs:
                cells += [names[near], agree] if near >= 0 else [None, None]
            yield cells

    print_csv(columns, rows())


def _noise_words(model: Embeddings, stability: Stability) -> dict[str, Any]:
    """Return the words whose neighbours are noise, the most frequent first, ready for JSON."""
    places = stability.noise_places()[:NOISE_IN_JSON].tolist()
    rows = stability.rows[places].tolist()
    words = [
        {
            "word": model.index_to_key[row],
            "count": _count(model, row),
            "overlap": round(float(stability.overlap[place]), 6),
        }
        for place, row in zip(places, rows, strict=True)
    ]
    return {"noise": words}


def _count(model: Embeddings, row: int) -> int | None:
    return None if model.counts is None else int(model.counts[row])


def _with_count(model: Embeddings, row: int) -> str:
    count = _count(model, row)
    return model.index_to_key[row] + ("" if count is None else f" ({count:,})")

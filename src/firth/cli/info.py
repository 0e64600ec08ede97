"""The command that describes a model: ``info``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from firth import answers_json
from firth.cli.output import Column, print_json, print_line, print_table, screen_width, speaks_unicode
from firth.cli.queries import JsonOption, ModelArgument
from firth.loss_curve import draw_loss

if TYPE_CHECKING:
    from firth.embeddings import Embeddings

Line = tuple[str, str]

SHOWN_OTHERWISE = {
    "format", "format_version", "state", "corpus", "phases", "timing", "loss", "epoch_losses", "reports",
}  # fmt: skip
"""Parts of ``config.json`` that are not shown as they stand; ``--json`` has all."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog="Example:\n\n  firth info MODEL")(info)


def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's options, corpus, vocabulary, speed, versions and the course of its loss."""
    from firth.formats import load

    loaded = load(model)
    if as_json:
        print_json({"model": model, **answers_json.information(loaded)})
        return
    columns = [Column("", style="bold"), Column("")]
    print_table(
        f"{model}: {len(loaded):,} words, {loaded.vector_size} dimensions", columns, list(_lines(loaded))
    )
    if loaded.training:
        print_line("")
        for line in draw_loss(loaded.training, screen_width(), unicode=speaks_unicode()):
            print_line(line)


def _lines(model: Embeddings) -> Iterator[Line]:
    """Yield what is known of a model as (name, text)."""
    if model.config.get("state") == "training":
        yield "state", "training is not finished"
    yield from _vocabulary(model)
    yield from _run(model)
    for name, value in model.config.items():
        if name not in SHOWN_OTHERWISE:
            yield name, _text(value)
    if "source" not in model.config:
        version = model.config.get("format_version", "")
        yield "format", f"{model.config.get('format', 'unknown')} {version}".strip()
    if model.subwords is not None:
        yield "subwords", "unknown words get vectors, made of what they are spelled with"


def _vocabulary(model: Embeddings) -> Iterator[Line]:
    """Yield what is known of the words."""
    if model.counts is not None and len(model):
        yield "vocabulary", f"{len(model):,} words, {int(model.counts.sum()):,} times in the corpus"
        most = (-model.counts).argsort(kind="stable")[:8].tolist()
        yield "most frequent", ", ".join(model.index_to_key[row] for row in most)
    else:
        yield "vocabulary", f"{len(model):,} words, counts unknown"
    if model.trained is not None:
        yield "never trained", f"{int((~model.trained).sum()):,} rows of zeros"
    yield "context vectors", "kept" if model.context_vectors is not None else "not kept"


def _run(model: Embeddings) -> Iterator[Line]:
    """Yield the run: its text, how long it took and how fast it was, and its loss."""
    config = model.config
    yield from _corpus(config.get("corpus", {}))
    last = model.training[-1] if model.training else {}
    words, seconds = last.get("words"), last.get("seconds")
    if isinstance(words, (int, float)) and isinstance(seconds, (int, float)) and seconds > 0:
        yield "speed", f"{words / seconds:,.0f} raw words/s ({words:,} words of text in {seconds:,.1f} s)"
    losses = [loss for loss in config.get("epoch_losses", []) if isinstance(loss, (int, float))]
    if losses:
        yield "loss per pair", f"{losses[0]:.4f} in the first epoch, {losses[-1]:.4f} in the last"
    for number, phase in enumerate(config.get("phases", []), 1):
        yield f"phase {number}", _text(phase)


def _corpus(corpus: dict[str, Any]) -> Iterator[Line]:
    """Yield what is known of the text."""
    if not {"paths", "kind", "tokens", "distinct_words", "tokenizer", "lowercase"} <= corpus.keys():
        return
    yield "text", ", ".join(corpus["paths"]) or f"{corpus['kind']} (no file)"
    yield "", f"{corpus['tokens']:,} words, {corpus['distinct_words']:,} different"
    yield "tokenizer", corpus["tokenizer"] + (", lower case" if corpus["lowercase"] else "")


def _text(value: Any) -> str:
    """Write a value of the configuration as people read it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ("; " if any(isinstance(part, dict) for part in value) else " ").join(map(_text, value))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)

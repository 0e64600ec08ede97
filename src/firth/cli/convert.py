"""The command that carries vectors from one program to another: ``convert``."""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.interrupt import interruptible
from firth.cli.output import print_json, print_line
from firth.cli.queries import JsonOption
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.recall import Recall

NEIGHBORS = 10


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog="Examples:\n\n  firth convert GoogleNews-vectors.bin.gz google-news\n\n"
        "  firth convert my-model vectors.txt.gz --to word2vec\n\n"
        "  firth convert my-model small-model --quantize int8\n\n"
        f"Formats: {', '.join(NAMES)}. What is read is told by its content, what is written by the ending of "
        "OUT; a name without a known ending is a model folder of firth."
    )(convert)


NAMES = (
    "firth", "sentence-transformers", "model2vec", "spacy", "projector", "gensim", "finalfusion",
    "fasttext-bin", "npz", "parquet", "word2vec-binary", "word2vec", "fasttext-vec", "glove",
)  # fmt: skip
"""The formats' names, so that the help needs none of them imported; a test compares."""


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="File or folder to read.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="OUT", help="What to write.", show_default=False)],
    read_as: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FORMAT", help="Format of IN; told by its content.", show_default=False
        ),
    ] = None,
    write_as: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="Format of OUT; told by its ending.", show_default=False),
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="float16 or int8, for a model folder: half or a quarter of the bytes, and what it costs.",
            show_default=False,
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the words of IN; latin-1 reads any bytes.")] = "utf-8",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out damaged rows and go on.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Convert vectors from any format to any other; the file may be larger than the memory."""
    from firth.formats import converted, format_by_ending, format_name, sniffed
    from firth.formats.stream import ReadOptions

    place, output = Path(source), Path(target)
    options = ReadOptions(encoding, skip_bad)
    given = format_name(read_as) if read_as else sniffed(place)
    names = given, format_name(write_as) if write_as else format_by_ending(output, given)
    _check(place, output, names, quantize)
    with interruptible():
        size = converted(place, output, *names, options=options, force=force, quantize=quantize)
    facts: dict[str, Any] = {"in": source, "from": names[0], "out": target, "to": names[1]}
    facts |= {"words": size[0], "vector_size": size[1], "bytes": _bytes(output)}
    lost = _recall(place, output, names[0], options) if quantize else None
    if lost is not None:
        facts["quantize"] = {"kind": quantize, f"recall_at_{NEIGHBORS}": lost.mean, "words": lost.words}
    if as_json:
        print_json(facts)
        return
    print_line(f"{target}: {size[0]:,} words × {size[1]}, {facts['bytes'] / 1e6:,.1f} MB ({names[1]})")
    if lost is not None:
        print_line(
            f"{quantize} keeps {lost.mean:.2%} of the {NEIGHBORS} nearest words "
            f"(recall@{NEIGHBORS} over {lost.words:,} words drawn at random)"
        )


def _check(source: Path, target: Path, names: tuple[str, str], quantize: str | None) -> None:
    """Refuse what cannot be meant."""
    from firth.formats.quantize import kind_name

    if target.exists() and source.exists() and target.samefile(source):
        raise ConfigError(f"{target}: IN and OUT are the same: choose another name for OUT")
    if quantize is not None:
        kind_name(quantize)
        if names[1] != "firth":
            raise ConfigError(
                f"--quantize is for model folders of firth, not for {names[1]}: "
                "give OUT a name without an ending"
            )


def _recall(source: Path, output: Path, name: str, options: Any) -> Recall:
    """Measure what quantising cost: exact neighbours before and after."""
    from firth.formats import load
    from firth.recall import nearest_words, recall

    before = load(source, format=name, encoding=options.encoding, skip_bad=options.skip_bad)
    after = load(output)
    return recall(before, lambda words, k: nearest_words(after, words, k), NEIGHBORS)


def _bytes(path: Path) -> int:
    """Return the size of a file (with gensim's arrays beside it), or of the files of a folder."""
    beside = path.parent.glob(f"{escape(path.name)}.*.npy")
    files = [path, *beside] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)

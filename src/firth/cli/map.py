"""The command ``map``: a model's words on a plane, as a picture or a page, and how far to trust it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.output import bar, print_json, print_line
from firth.cli.queries import JsonOption, ModelArgument
from firth.errors import ConfigError, FormatError, OutputExistsError
from firth.notes import note
from firth.printable import quoted

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.projection import WordMap

PAGE = "html"
LINE_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        name="map",
        epilog="Examples:\n\n  firth map MODEL -o map.png\n\n"
        "  firth map MODEL -o map.html --word king --word queen\n\n"
        "The map is kept in the model's folder, so that the next picture of it is there at once.",
    )(draw_map)


def draw_map(
    model: ModelArgument,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write a .png, .svg or .html file (one page, no network)."
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="tsne keeps more neighbours together (extra firth\\[map]); pca is quick."
        ),
    ] = "tsne",
    words: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only so many of the most frequent words.", show_default="250,000"),
    ] = None,
    labels: Annotated[
        int, typer.Option("--label", metavar="N", help="Labels of a picture; the page chooses them by zoom.")
    ] = 250,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--word",
            metavar="WORD",
            help="Point out a word, with lines to its true neighbours; several times for several.",
            show_default=False,
        ),
    ] = None,
    color: Annotated[
        str, typer.Option(metavar="NAME", help="Colour of the points: trust, frequency or none.")
    ] = "trust",
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of t-SNE's start.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the words of MODEL as a map, and say how far it can be trusted."""
    from firth.formats import load

    kind = _checked(output, color, labels, force)
    loaded = load(model)
    rows = [_known_row(loaded, word) for word in chosen or []]
    word_map, kept = _made_or_kept(model, loaded, method, words, seed)
    places = _places(word_map, rows, chosen or [])
    names = [loaded.index_to_key[row] for row in word_map.rows.tolist()]
    if output is not None:
        name = Path(model).absolute().name
        if kind == PAGE:
            _write_page(output, word_map, names, name, places, color, dark)
        else:
            _write_picture(output, kind, word_map, names, name, labels, places, color, dark)
    if as_json:
        print_json(_as_dictionary(model, output, word_map, kept))
    else:
        _print(word_map, output, model)


def _checked(output: str | None, color: str, labels: int, force: bool) -> str:
    """Refuse what cannot be written before anything is computed; return the kind of file."""
    from firth.checks import at_least
    from firth.projection.drawing import COLORINGS, FORMATS, require

    if color not in COLORINGS:
        raise ConfigError(f"there is no colouring {quoted(color)}: give one of {', '.join(COLORINGS)}")
    at_least(0, "label", labels)
    if output is None:
        return ""
    place = Path(output)
    kind = place.suffix.lower().removeprefix(".")
    if kind not in (*FORMATS, PAGE):
        raise ConfigError(f"{output}: a map is a .png, .svg or .html file: name it so")
    if kind != PAGE:
        require()
    if place.is_dir():
        raise OutputExistsError(f"{output} is a folder: give the name of a file")
    if place.exists() and not force:
        raise OutputExistsError(f"{output} exists: choose another name, or replace it with --force")
    if not place.absolute().parent.is_dir():
        raise FormatError(f"{output}: there is no folder {place.absolute().parent}: make it first")
    return kind


def _known_row(model: Embeddings, word: str) -> int:
    """Return the row of a word that is to be pointed out.

    Raises:
        UnknownWordError: the model does not list it.
    """
    row = model.key_to_index.get(word)
    if row is None:
        model.similarity(word, word)  # says what is spelled alike, unless the word can be made of its parts
        raise ConfigError(
            f"the word {quoted(word)} has no place on a map: the model makes it of its parts when asked"
        )
    return row


def _made_or_kept(
    path: str, model: Embeddings, method: str, words: int | None, seed: int
) -> tuple[WordMap, bool]:
    """Return the map that lies in the model's folder if it is the one asked for, otherwise a new one.

    A new one is kept in the folder, unless that would cost a better one.
    """
    from firth.formats.native import is_model_folder
    from firth.projection import compute
    from firth.projection.map_file import read_map, write_map

    folder = is_model_folder(path)
    kept = _readable(lambda: read_map(path, model)) if folder else None
    if kept is not None and _is_asked_for(kept, method, words, seed):
        return kept, True
    made = compute(model, method, words=words, seed=seed, progress=_told_now_and_then())
    if folder and (kept is None or _worth(made) >= _worth(kept)):
        try:
            write_map(made, path, model)
        except FormatError as error:
            note(f"the map is not kept for the next time: {error}")
    return made, False


def _readable(read: Callable[[], WordMap | None]) -> WordMap | None:
    """Return what ``read`` returns; a damaged map is made again, and replaced."""
    try:
        return read()
    except FormatError as error:
        note(f"making the map again: {error}")
        return None


def _is_asked_for(kept: WordMap, method: str, words: int | None, seed: int) -> bool:
    """Tell whether a map that was kept is made as this one would be."""
    from firth.projection.word_map import PCA

    chance = method == PCA or kept.settings.get("seed") == seed
    return kept.method == method and kept.settings["words"] == words and chance


def _worth(word_map: WordMap) -> tuple[bool, int]:
    """Return what tells which of two maps took longer to make and shows more."""
    from firth.projection.word_map import PCA

    return word_map.method != PCA, len(word_map)


def _told_now_and_then() -> Callable[[float, str], None]:
    """Return what says on stderr, every few seconds, where the work is."""
    next_line = time.perf_counter() + LINE_SECONDS

    def tell(share: float, what: str) -> None:
        nonlocal next_line
        if time.perf_counter() >= next_line:
            note(f"map: {share:.0%}, {what}")
            next_line = time.perf_counter() + LINE_SECONDS

    return tell


def _places(word_map: WordMap, rows: Sequence[int], words: Sequence[str]) -> list[int]:
    """Return the places on the map of the rows that are to be pointed out."""
    place_of = {row: place for place, row in enumerate(word_map.rows.tolist())}
    for row, word in zip(rows, words, strict=True):
        if row not in place_of:
            raise ConfigError(
                f"the word {quoted(word)} is not on the map of {len(word_map):,} words: give more --words "
                "(words that were never trained have no place)"
            )
    return [place_of[row] for row in dict.fromkeys(rows)]


def _write_page(
    output: str,
    word_map: WordMap,
    words: list[str],
    name: str,
    places: list[int],
    color: str,
    dark: bool,
) -> None:
    from firth.formats.safetensors_file import replacing
    from firth.projection.page import page

    text = page(word_map, words, name=name, chosen=places, coloring=color, dark=dark or None)
    with replacing(Path(output)) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def _write_picture(
    output: str,
    kind: str,
    word_map: WordMap,
    words: list[str],
    name: str,
    labels: int,
    places: list[int],
    color: str,
    dark: bool,
) -> None:
    from firth.formats.safetensors_file import replacing
    from firth.projection.drawing import draw

    with replacing(Path(output)) as file:
        unwritten = draw(
            word_map, words, file, kind, name=name, labels=labels, chosen=places, coloring=color, dark=dark
        )
    if unwritten:
        note(
            f"{unwritten:,} words have no label: no font of this machine has their letters "
            "(a page, .html, uses the reader's fonts)"
        )


def _as_dictionary(model: str, output: str | None, word_map: WordMap, kept: bool) -> dict[str, Any]:
    return {
        "model": model,
        "output": output,
        "words": len(word_map),
        "method": word_map.method,
        "settings": word_map.settings,
        "kept": kept,
        "near": word_map.summary(),
        "definition": word_map.definition,
    }


def _print(word_map: WordMap, output: str | None, model: str) -> None:
    """Print how far the map can be trusted, for people."""
    from firth.projection.telling import sentences

    figures = word_map.summary() or {}
    print_line(f"{len(word_map):,} words of {model}" + (f" on {output}" if output else ""))
    for sentence in sentences(word_map):
        print_line(sentence)
    print_line("")
    print_line(f"true neighbours near on the map, of {figures['k']}: share of the words")
    for count, words in enumerate(figures["histogram"]):
        share = words / len(word_map)
        print_line(
            f"{count:4}  {share:6.1%}  {bar(share / max(figures['histogram']) * len(word_map), 24)}".rstrip()
        )

"""The command that shows it all on a real book: ``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.interrupt import interruptible
from firth.cli.output import print_line, program, screen_width, speaks_unicode
from firth.cli.queries import print_analogy
from firth.cli.words import Question
from firth.notes import note

if TYPE_CHECKING:
    from firth.embeddings import Embeddings

DEFAULT_OUTPUT = "firth-demo"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog="Example:\n\n  firth demo")(demo)


def demo(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="MODEL", help="Model folder to write.")
    ] = DEFAULT_OUTPUT,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is not the demo's.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads.", show_default="one a core")] = None,
) -> None:
    """Train on a real book in seconds, and show what was learnt."""
    from firth import demo as demo_run

    note(f"reading {demo_run.TITLE} …")
    text = demo_run.read_text()
    with interruptible():
        model = _train(text, output, force, threads)
    _show_training(model)
    _show_words(model, output)


def _train(text: list[str], output: str, force: bool, threads: int | None) -> Embeddings:
    from firth import demo as demo_run
    from firth.cli.watch import watching
    from firth.training import trainer

    with watching(quiet=False) as progress:
        return trainer.train(
            text,
            demo_run.config(threads),
            output=output,
            force=force or _is_demo(Path(output)),
            tokenizer=demo_run.TOKENIZER,
            lowercase=demo_run.LOWERCASE,
            progress=progress,
        )


def _is_demo(folder: Path) -> bool:
    """Tell whether a folder holds an earlier demo, finished or not, which may be replaced without asking."""
    from firth.demo import OPTIONS
    from firth.errors import FormatError
    from firth.formats import model_files, native

    for place in (folder, folder / native.CHECKPOINT):
        if native.is_model_folder(place):
            try:
                stored = model_files.read_config(place / native.CONFIG)
            except FormatError:
                return False
            corpus, options = stored.get("corpus", {}), stored.get("options", {})
            return bool(corpus.get("kind") == "iterable" and options.items() >= OPTIONS.items())
    return False


def _show_training(model: Embeddings) -> None:
    from firth.loss_curve import draw_loss

    timing = model.config["timing"]
    print_line("")
    for line in draw_loss(model.training, screen_width(), unicode=speaks_unicode()):
        print_line(line)
    print_line("")
    print_line(
        "The saw is the book: some parts of it are easier than others. Near the end the steps grow small, "
        "and the loss of the words just being read rises while the model as a whole goes on improving."
    )
    print_line("")
    print_line(
        f"{len(model):,} words learnt in {timing['train_seconds']:.1f} s, "
        f"{timing['words_per_second'] / 1e6:.1f} million words of text a second"
    )


def _show_words(model: Embeddings, output: str) -> None:
    from firth.demo import ANALOGIES, NEIGHBORS_OF

    print_line("")
    print_line("nearest words, by cosine")
    for word, answer in zip(NEIGHBORS_OF, model.neighbors(NEIGHBORS_OF, 6), strict=True):
        print_line(f"  {word:<6} " + ", ".join(f"{near} {cosine:.2f}" for near, cosine in answer))
    for a, b, c in ANALOGIES:
        print_line("")
        asked = Question([a, c], [b])
        print_analogy(asked, model.analogy(asked.positive, asked.negative, 4))
    print_line("")
    print_line(f"the model is in {output}; now type")
    for rest in (
        f"neighbors {output} river mountain",
        f"analogy {output} brother - man + woman",
        f"info {output}",
        "train YOUR.txt -o MODEL",
    ):
        print_line(f"  {program()} {rest}")

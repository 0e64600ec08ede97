"""The command that learns: ``train``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from firth.cli.interrupt import interruptible
from firth.cli.output import print_error, print_json, program
from firth.errors import ConfigError, CorpusError
from firth.notes import note

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.explorer.watch import WatchPage
    from firth.training.trainer import Watchers

OPTIONS = (
    *("vector_size", "window", "min_count", "max_vocab_size", "negative", "epochs", "alpha", "min_alpha"),
    *("sample", "ns_exponent", "shrink_windows", "seed", "threads", "reproducible", "shards"),
    *("tokenizer", "lowercase", "column", "encoding_errors"),
)
"""Options of training and of the text, as a TOML file may hold them too."""

RESUMABLE = {"epochs", "alpha", "min_alpha", "threads"}
"""Options that may be given with ``--resume``; all others belong to the run and stand."""

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

LOCAL = "local"
"""Stands for an address that is not given."""

_ADDRESS = re.compile(r"auto|local|ray://.*|[^\s/*?]+:\d+")
"""What may follow ``--ray``; anything else is a corpus or an option."""

_TRAINING, _TEXT, _OUTPUT = "Training", "Text", "Output"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        cls=TrainCommand,
        epilog="Examples:\n\n  firth train corpus.txt -o MODEL\n\n"
        "  firth train 'texts/*.txt.gz' -o MODEL --vector-size 200 --tokenizer words --lowercase\n\n"
        "  zcat dump.gz | firth train - -o MODEL\n\n  firth train --resume MODEL",
    )(train)


class TrainCommand(TyperCommand):
    """The command, one of whose options may stand without its value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what :func:`with_address` makes of the arguments."""
        return super().parse_args(ctx, with_address(args))


def with_address(args: list[str]) -> list[str]:
    """Return the arguments with an address for a ``--ray`` that has none: a cluster on this machine."""
    end = args.index("--") if "--" in args else len(args)
    following = [*args[1:end], "--"]
    given = [
        f"--ray={LOCAL}" if arg == "--ray" and not _ADDRESS.fullmatch(after) else arg
        for arg, after in zip(args[:end], following, strict=False)
    ]
    return given + args[end:]


def _option(text: str, panel: str, *names: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, metavar=metavar, show_default=False)


def train(
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CORPUS...", help="Files, globs, folders, or - for standard input.", show_default=False
        ),
    ] = None,
    output: Annotated[
        str | None, _option("Model folder to write.", _OUTPUT, "--output", "-o", metavar="MODEL")
    ] = None,
    resume: Annotated[
        str | None, _option("Go on with this run where it stopped.", _OUTPUT, metavar="MODEL")
    ] = None,
    force: Annotated[bool, _option("Replace a model that is there.", _OUTPUT, "--force")] = False,
    checkpoint_every: Annotated[
        str, _option("Time between checkpoints: 90s, 5m, 1h. [5m]", _OUTPUT, metavar="TIME")
    ] = "5m",
    quiet: Annotated[bool, _option("No progress on stderr.", _OUTPUT, "--quiet", "-q")] = False,
    as_json: Annotated[bool, _option("Print a summary as JSON at the end.", _OUTPUT, "--json")] = False,
    watch: Annotated[
        bool, _option("Show the run on a page in the browser while it goes on.", _OUTPUT, "--watch")
    ] = False,
    watch_port: Annotated[
        int | None, _option("Port of that page; 0: any free one. [8010]", _OUTPUT, metavar="N")
    ] = None,
    config: Annotated[
        str | None, _option("Options from a TOML file, by their long names.", _TRAINING, metavar="FILE.toml")
    ] = None,
    vector_size: Annotated[int | None, _option("Numbers in a vector, 2 to 1024. [100]", _TRAINING)] = None,
    window: Annotated[int | None, _option("Context words on either side, at most. [5]", _TRAINING)] = None,
    min_count: Annotated[int | None, _option("Leave out rarer words. [5]", _TRAINING)] = None,
    max_vocab_size: Annotated[int | None, _option("Keep only so many words. [all]", _TRAINING)] = None,
    negative: Annotated[int | None, _option("Negatives a center, 1 to 50. [5]", _TRAINING)] = None,
    epochs: Annotated[int | None, _option("Passes over the corpus. [5]", _TRAINING)] = None,
    alpha: Annotated[
        float | None, _option("Learning rate at the start; lower for many epochs. [0.05]", _TRAINING)
    ] = None,
    min_alpha: Annotated[float | None, _option("Learning rate at the end. [0.0001]", _TRAINING)] = None,
    sample: Annotated[
        float | None, _option("Thin out words more frequent than this; 0: none. [0.001]", _TRAINING)
    ] = None,
    ns_exponent: Annotated[
        float | None, _option("Negatives are drawn by count to this power. [0.75]", _TRAINING)
    ] = None,
    shrink_windows: Annotated[
        bool | None,
        _option("Draw each window from 1 to --window. [yes]", _TRAINING, "--shrink-windows/--full-windows"),
    ] = None,
    seed: Annotated[int | None, _option("Seed of every random draw. [1]", _TRAINING)] = None,
    threads: Annotated[
        int | None, _option("Threads; with --ray those of each worker. [one a core; --ray: 1]", _TRAINING)
    ] = None,
    reproducible: Annotated[
        bool | None,
        _option(
            "The same bits with any number of threads, or threads that race, faster. [reproducible]",
            _TRAINING,
            "--reproducible/--racing",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        _option(
            "Train on a Ray cluster: its HOST:PORT, auto, or nothing: one on this machine.",
            _TRAINING,
            metavar="[ADDRESS]",
        ),
    ] = None,
    shards: Annotated[
        str | None,
        _option(
            "Replicas of the tables, each trained on a part of the text, merged often. [1; --ray: auto]",
            _TRAINING,
            metavar="N|auto",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        _option("whitespace, words, or a tokenizer.json. [whitespace]", _TEXT, metavar="NAME|FILE"),
    ] = None,
    lowercase: Annotated[bool | None, _option("Lower-case every token.", _TEXT, "--lowercase")] = None,
    column: Annotated[str | None, _option("Column of Parquet or JSON Lines.", _TEXT, metavar="NAME")] = None,
    encoding_errors: Annotated[
        str | None, _option("strict, or replace what is not UTF-8. [strict]", _TEXT)
    ] = None,
    cache: Annotated[
        str | None, _option("Folder for encoded corpora. [the user's cache folder]", _TEXT, metavar="DIR")
    ] = None,
    no_cache: Annotated[bool, _option("Keep no encoded corpus.", _TEXT, "--no-cache")] = False,
) -> None:
    """Learn word vectors from text: skip-gram with negative sampling."""
    values = locals() | {"shards": shard_count(shards)}
    options = options_from_file(config) | {name: values[name] for name in OPTIONS if values[name] is not None}
    where: dict[str, Any] = {
        "cache": cache_setting(cache, no_cache),
        "checkpoint_every": seconds(checkpoint_every),
        "ray": True if ray == LOCAL else ray or False,
    }
    if not quiet and resume is None:
        _tell_choices(options, on_a_cluster=ray is not None)
    with watch_page(watch, watch_port, resume or output) as page:
        with interruptible(), _watching(quiet, cache, no_cache) as watchers:
            where["progress"] = watchers if page is None else page.joined(watchers)
            if resume is not None:
                model = _resume(resume, corpus, output, options, where, force)
            else:
                model = _train(corpus, output, options, where, force)
        if as_json:
            print_json(_summary(resume or str(output), model))
        elif not quiet:
            model_path = resume or output
            note(f"next: {program()} neighbors {model_path} WORD   or   {program()} info {model_path}")
        if page is not None:
            _stay(page, model, resume or str(output))


def _tell_choices(options: dict[str, Any], on_a_cluster: bool) -> None:
    """Tell where options come to something else than one may think."""
    from firth.training.config import available_cores
    from firth.training.shards import SHARDS

    threads = options.get("threads") or (1 if on_a_cluster else available_cores())
    shards = options.get("shards")
    if shards == "auto" and not on_a_cluster:
        note("--shards auto: 1, as one machine needs no more")
    most = shards if isinstance(shards, int) and shards > 1 else SHARDS
    if options.get("reproducible", True) and threads > most:
        note(f"{threads} threads: {most} of them find work in reproducible training, with --racing all")


def _train(
    corpus: list[str] | None,
    output: str | None,
    options: dict[str, Any],
    where: dict[str, Any],
    force: bool,
) -> Embeddings:
    from firth.corpus.sources import Files
    from firth.training import trainer

    if not corpus:
        raise missing("CORPUS: name at least one file, or - for standard input")
    if output is None:
        raise missing("-o MODEL: say where the model shall go")
    if where["ray"] is True:
        check_names(corpus)
    return trainer.train(Files(corpus), output=output, force=force, **options, **where)


def check_names(corpus: list[str]) -> None:
    """Check that a corpus is there before a cluster is started for it; one of the names may be an address.

    Raises:
        CorpusError: a file or folder is not there.
    """
    from firth.corpus.remote import is_uri

    for name in corpus:
        if not (name == "-" or is_uri(name) or set(name) & set("*?[") or Path(name).exists()):
            raise CorpusError(
                f"no such file or folder: {name!r}; nor is it a cluster's address (--ray HOST:PORT or auto)"
            )


def missing(what: str) -> typer.Exit:
    """Say that an argument is missing; return the exit to raise."""
    print_error(f"missing {what} (firth train --help)")
    return typer.Exit(2)


def _resume(
    folder: str,
    corpus: list[str] | None,
    output: str | None,
    options: dict[str, Any],
    where: dict[str, Any],
    force: bool,
) -> Embeddings:
    from firth.corpus.sources import Files
    from firth.training import trainer

    if force:
        raise ConfigError(f"--force starts anew, --resume {folder} goes on: give one of them")
    fixed = sorted(options.keys() - RESUMABLE)
    if fixed:
        raise ConfigError(
            f"--{fixed[0].replace('_', '-')} belongs to the run in {folder} and cannot change when it goes "
            "on: leave it out, or start a new run"
        )
    if output is not None and Path(output) != Path(folder):
        raise ConfigError(f"--resume {folder} writes to {folder} again: leave out -o {output}")
    nothing_to_do = "epochs" not in options and trainer.is_finished(folder)
    model = trainer.resume(folder, Files(corpus) if corpus else None, **options, **where)
    if nothing_to_do:
        note(
            f"{folder} is finished: nothing to do. To train it further: "
            f"firth train --resume {folder} --epochs N --alpha A"
        )
    return model


def seconds(time: str) -> float:
    """Return a length of time in seconds: ``5m`` -> 300.0."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", time.strip())
    if match is None or not float(match[1]):
        raise ConfigError(
            f"--checkpoint-every {time!r} is no time above 0: write 90s, 5m or 1h (a number alone is seconds)"
        )
    return float(match[1]) * _SECONDS[match[2]]


def shard_count(text: str | None) -> int | str | None:
    """Return what ``--shards`` says, as :class:`~firth.training.config.TrainConfig` takes it."""
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else text


def options_from_file(path: str | None) -> dict[str, Any]:
    """Return the options of a TOML file, ``vector-size`` and ``vector_size`` alike."""
    if path is None:
        return {}
    import tomllib

    from firth.training.config import unknown_option

    try:
        values = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {path}: {error.strerror}; give a TOML file") from None
    except ValueError as error:
        raise ConfigError(f"--config {path}: not TOML ({error}); write lines such as epochs = 10") from None
    options = {name.replace("-", "_"): value for name, value in values.items()}
    for name in options.keys() - set(OPTIONS):
        raise ConfigError(f"--config {path}: {unknown_option(name, set(OPTIONS))}")
    return options


def cache_setting(cache: str | None, no_cache: bool) -> bool | str:
    """Return what ``--cache`` and ``--no-cache`` say, as the trainer takes it."""
    if cache is not None and no_cache:
        raise ConfigError(f"--cache {cache} and --no-cache contradict each other: give one of them")
    return False if no_cache else cache or True


def _watching(quiet: bool, cache: str | None, no_cache: bool) -> AbstractContextManager[Watchers]:
    from firth.cli.watch import watching
    from firth.corpus.cache import CacheFolder

    return watching(quiet=quiet, kept_in=None if no_cache else CacheFolder(cache).path)


@contextmanager
def watch_page(wanted: bool, port: int | None, name: str | None) -> Iterator[WatchPage | None]:
    """Hold the page of a run open while the block lasts: it listens now, and shows the run once it starts.

    Raises:
        MissingExtraError: the extra is not installed.
        ConfigError: the port is taken.
    """
    if not wanted:
        if port is not None:
            raise ConfigError(f"--watch-port {port} belongs to --watch: give both or none of them")
        yield None
        return
    from firth.cli.explore import need_server
    from firth.explorer.processors import one_thread_a_product

    need_server()
    one_thread_a_product()  # the cores are for the training
    from firth.explorer.serving import HOST, listen
    from firth.explorer.watch import WatchPage

    with WatchPage(listen(HOST, port), HOST, Path(name or "").name).open() as page:
        yield page


def _stay(page: WatchPage, model: Embeddings, folder: str) -> None:
    """Show the finished model until Ctrl-C where somebody sits at a terminal; elsewhere end."""
    from firth.cli.explore import ended_by_signals

    again = f"{program()} explore {folder} opens it again"
    if not sys.stderr.isatty():
        note(f"the page is closed; {again}")
    elif page.finish(model, Path(folder)):
        with ended_by_signals() as end:
            note(f"the page stays at {page.url} until Ctrl-C; {again}")
            end.wait()


def _summary(folder: str, model: Embeddings) -> dict[str, Any]:
    config = model.config
    return {
        "model": folder,
        "words": len(model),
        "vector_size": model.vector_size,
        "loss": config.get("loss"),
        **config.get("timing", {}),
        "corpus": config.get("corpus"),
        "options": config.get("options"),
    }

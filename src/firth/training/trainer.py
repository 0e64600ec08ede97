"""Train: from a corpus and options to :class:`Embeddings`; go on with a run that was stopped.

A run is a pure function of corpus, options and seed, with any number of threads. Only where it is asked for
do several threads race for the rows that they share (``reproducible=False``; Hogwild, Niu et al. 2011).
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from firth.corpus.cache import CacheFolder
from firth.corpus.encoded import EncodedCorpus, encode, open_encoded
from firth.corpus.sources import Files
from firth.corpus.tokenize import TextOptions
from firth.embeddings import Embeddings
from firth.errors import ConfigError, CorpusError, FormatError, Interrupted, ResumeError
from firth.formats import native
from firth.training import checkpoint
from firth.training.config import AUTO, TrainConfig
from firth.training.crew import Crew
from firth.training.engine import Engine, engine_for
from firth.training.fitness import check_learnable, check_trained, settled
from firth.training.progress import Ticker, Watcher, log_lines
from firth.training.run import Run, Tally, make_schedule, room_of
from firth.training.tables import new_tables

CHECKPOINT_SECONDS = 300.0
"""Seconds of training between two checkpoints, unless told otherwise."""

FIRST_CHECKPOINT_SECONDS = 30.0
"""Seconds to the first checkpoint, if that is sooner: a run that is killed early is not lost either."""

COMPILING_SECONDS = 1.0
"""Loading compiled kernels takes a fraction of this."""

TEXT_OPTIONS = tuple(field.name for field in dataclasses.fields(TextOptions))

EncodeProgress = Callable[[int, "int | None"], None]
Started = Callable[[Run], None]


@dataclasses.dataclass(frozen=True)
class Watchers:
    """Who is told what: bytes read, the run as training starts, that code is compiled, the run's progress."""

    reading: EncodeProgress | None = None
    started: Started | None = None
    compiling: Callable[[], None] | None = None
    training: Watcher | None = None


def train(
    corpus: Any,
    config: TrainConfig | None = None,
    *,
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    text: TextOptions | None = None,
    sentence_starts: Any = None,
    vocab_size: int | None = None,
    cache: bool | str | os.PathLike[str] = True,
    checkpoint_every: float | None = CHECKPOINT_SECONDS,
    progress: Watcher | Watchers | None = None,
    ray: bool | str = False,
    **options: Any,
) -> Embeddings:
    """Learn word vectors from a corpus.

    Args:
        corpus: a file, glob or folder; a list of ``Path``; an iterable of sentences (strings or lists of
            tokens); ids as an integer array (row i of the result is then id i); a ``datasets.Dataset``.
        config: the options of training. Or give them by name: ``train("corpus.txt", vector_size=200)``.
        output: the model folder to write; checkpoints go there too. None: nothing is written.
        force: replace a model that ``output`` holds, once the new one is finished.
        text: how text becomes tokens. Or by name: ``lowercase=True, tokenizer="words", column="text"``.
        sentence_starts: for an array of ids, the positions at which sentences begin.
        vocab_size: for ids, the number of rows of the table; by default the highest id + 1.
        cache: keep the encoded corpus for the next run, in the user's cache folder or the one given.
        checkpoint_every: seconds of training between two checkpoints; None: only when interrupted.
        progress: called with a :class:`~firth.training.progress.Progress` several times a second;
            by default lines go to the logger ``firth`` every few seconds.
        ray: train on a Ray cluster: its address (``HOST:PORT``, ``auto``), or True for one that is started
            on this machine. ``threads`` are then those of each worker, by default 1 (of a ``config``: its
            own), and ``shards`` are by default as many as there are workers, at most four.
        **options: options of training or of the text, by name.

    Returns:
        The model: words, (V, D) vectors, context vectors, counts, options and the reports of the run; where
        there is an ``output`` it is read from there, its vectors memory-mapped.

    Raises:
        ConfigError: an option is unknown or out of its range.
        CorpusError: the corpus cannot be read, or holds nothing to learn from.
        OutputExistsError: ``output`` exists.
        TrainingError: the learning rate is so high that the numbers are no longer finite.
        Interrupted: Ctrl-C; where there is an ``output``, the state is saved and can be resumed.
    """
    text, config = _options(text, config, options, on_a_cluster=bool(ray))
    _check_interval(checkpoint_every)
    folder = None if output is None else Path(output)
    if folder is not None:
        with _held(folder):
            checkpoint.check_output(folder, force=force)
    watchers = progress if isinstance(progress, Watchers) else Watchers(training=progress)
    named = isinstance(corpus, (str, os.PathLike, Files))
    with engine_for(ray, config) as engine:
        began = time.perf_counter()
        encoded = encode(
            corpus,
            text,
            min_count=config.min_count,
            max_vocab_size=config.max_vocab_size,
            threads=config.threads,
            cache=_cache(cache) if named or folder is not None else None,
            sentence_starts=sentence_starts,
            vocab_size=vocab_size,
            on_progress=watchers.reading,
            spread=engine.spread,
        )
        encode_seconds = time.perf_counter() - began
        check_learnable(encoded, config)
        config = settled(encoded, config, engine.workers(config.threads))
        words, room = len(encoded.vocabulary.words), room_of(encoded, config)
        tables = new_tables(words, config.vector_size, config.seed, room)
        tally = Tally(make_schedule(encoded, config, []).reports)
        run = Run(encoded, config, tables, tally, encode_seconds=encode_seconds, cache=_named(cache))
        if folder is None:
            return _train(run, None, None, watchers, engine)
        checkpoint.make(folder)
        with checkpoint.held(folder):
            checkpoint.check_output(folder, force=force)  # somebody may have been faster
            return _train(run, folder, checkpoint_every, watchers, engine, fresh=True)


def resume(
    output: str | os.PathLike[str],
    corpus: Any = None,
    *,
    epochs: int | None = None,
    alpha: float | None = None,
    min_alpha: float | None = None,
    threads: int | None = None,
    sentence_starts: Any = None,
    cache: bool | str | os.PathLike[str] = True,
    checkpoint_every: float | None = CHECKPOINT_SECONDS,
    progress: Watcher | Watchers | None = None,
    ray: bool | str = False,
) -> Embeddings:
    """Go on with the run in ``output`` exactly where its last checkpoint left it; or train a model further.

    Args:
        output: the model folder of the run.
        corpus: where the corpus lies now, if it has moved. It must be the same text.
        epochs: for a finished model: train so many epochs more, on a schedule of their own.
        alpha: with ``epochs``: the learning rate at their start (required: the run's own has fallen to 0).
        min_alpha: with ``epochs``: the learning rate at their end; by default the run's.
        threads: by default as before. The result is bit-identical to a run that was never stopped, with
            any number of threads; of racing ones (``reproducible=False``) only with one, before and after.
        sentence_starts: where ``corpus`` is an array of ids: the positions at which sentences begin.
        cache: where encoded corpora are kept, as for :func:`train`; by default as the run was told.
        checkpoint_every: seconds of training between two checkpoints.
        progress: as for :func:`train`.
        ray: as for :func:`train`, whether the run was trained on a cluster before or not.

    Returns:
        The finished model; a model that is finished already, and no ``epochs`` asked for, as it is.

    Raises:
        ResumeError: there is no run, it has no checkpoint yet, or the corpus has changed.
        Interrupted: Ctrl-C; the state is saved and can be resumed again.
    """
    folder = Path(output)
    _check_interval(checkpoint_every)
    watchers = progress if isinstance(progress, Watchers) else Watchers(training=progress)
    with _held(folder):
        checkpoint.publish(folder)
        further = epochs is not None and native.is_model_folder(folder) and not checkpoint.has_state(folder)
        stored = None if further else checkpoint.unfinished(folder)
        if stored is None and epochs is None:
            if alpha is not None or min_alpha is not None:
                raise ConfigError("alpha belongs to further epochs: say how many with epochs (--epochs)")
            return native.read(folder)
        if stored is not None and (epochs, alpha, min_alpha) != (None, None, None):
            raise ConfigError(
                f"the run in {folder} is not finished, so its epochs and alpha stand: resume it without "
                "them first, then train further"
            )
        known = stored if stored is not None else native.read(folder).config
        if cache is True:
            cache = _cache_of(known)
        with engine_for(ray, _stored_config(folder, known, threads)) as engine:
            text = _Text(corpus, sentence_starts, _cache(cache), watchers, engine)
            if stored is not None:
                config = _stored_config(folder, stored, threads)
                run = checkpoint.load(folder, text.reopen(folder, stored, config), config)
            else:
                run = _further(folder, text, epochs or 0, alpha, min_alpha, threads)
            run.cache = _named(cache)
            return _train(run, folder, checkpoint_every, watchers, engine, fresh=stored is None)


def is_finished(output: str | os.PathLike[str]) -> bool:
    """Tell whether ``output`` holds a finished model, and no run that is still to be gone on with.

    Raises:
        ResumeError: it holds neither, or a run that was stopped before its first checkpoint.
        OutputExistsError: another process is training it.
    """
    with _held(Path(output)):
        return checkpoint.unfinished(Path(output)) is None


@dataclasses.dataclass(frozen=True)
class _Text:
    """Where the corpus of a run that goes on may come from."""

    given: Any
    sentence_starts: Any
    cache: CacheFolder | None
    watchers: Watchers
    engine: Engine

    def reopen(self, folder: Path, stored: dict[str, Any], config: TrainConfig) -> EncodedCorpus:
        """Return the corpus of the run that ``stored`` describes; it must be the very same."""
        source = stored["corpus"]
        if self.given is not None:
            encoded = self._encode(self.given, source, config)
        elif source["kind"] != "files":
            return self._cached(folder, source, f"the run's corpus came from {source['kind']}")
        else:
            try:
                encoded = self._encode(Files(source["paths"]), source, config)
            except CorpusError as error:
                return self._cached(folder, source, str(error))
        if encoded.fingerprint != source["fingerprint"]:
            raise ResumeError(
                f"the corpus has changed since the run in {folder} began (fingerprint "
                f"{source['fingerprint']} then, {encoded.fingerprint} now): put the text back as it was, "
                "or start a new run"
            )
        return encoded

    def _cached(self, folder: Path, source: dict[str, Any], reason: str) -> EncodedCorpus:
        found = None if self.cache is None else open_encoded(source["fingerprint"], self.cache)
        if found is None:
            raise ResumeError(
                f"{reason}, and no encoded copy of it is in the cache: say where the same text is now "
                f"(`firth train --resume {folder} FILE`, - for standard input; corpus=… in Python)"
            )
        return found

    def _encode(self, corpus: Any, source: dict[str, Any], config: TrainConfig) -> EncodedCorpus:
        options = TextOptions(**{name: source[name] for name in TEXT_OPTIONS})
        sized = source["of_ids"] and not options.uses_ids
        return encode(
            corpus,
            options,
            min_count=config.min_count,
            max_vocab_size=config.max_vocab_size,
            threads=config.threads,
            cache=self.cache,
            sentence_starts=self.sentence_starts,
            vocab_size=source["table_size"] if sized else None,
            on_progress=self.watchers.reading,
            spread=self.engine.spread,
        )


def _further(
    folder: Path,
    text: _Text,
    epochs: int,
    alpha: float | None,
    min_alpha: float | None,
    threads: int | None,
) -> Run:
    """Return a new phase that starts from the finished model in ``folder``."""
    if alpha is None:
        raise ConfigError("further epochs need a learning rate to start from: give alpha (--alpha 0.01, say)")
    model = native.read(folder)
    config = _stored_config(folder, model.config, threads)
    low = config.min_alpha if min_alpha is None else min_alpha
    config = dataclasses.replace(config, epochs=epochs, alpha=alpha, min_alpha=low)
    phases = model.config["phases"]
    encoded = text.reopen(folder, model.config, config)
    tables = checkpoint.tables_of(model, encoded, config)
    tally = Tally(make_schedule(encoded, config, phases).reports)
    return Run(encoded, config, tables, tally, phases=phases, reports_before=model.training)


def _stored_config(folder: Path, stored: dict[str, Any], threads: int | None) -> TrainConfig:
    """Return the options of the phase that ``config.json`` describes last."""
    if not {"options", "phases", "corpus"} <= stored.keys():
        raise ResumeError(
            f"{folder} was not trained by `firth train`, so it cannot be trained further: train a new model"
        )
    options = stored["options"] | stored["phases"][-1]
    options.setdefault("reproducible", False)  # the only way there was before the option
    return TrainConfig.from_dict(options if threads is None else options | {"threads": threads})


def _train(
    run: Run,
    folder: Path | None,
    every: float | None,
    watchers: Watchers,
    engine: Engine,
    *,
    fresh: bool = False,
) -> Embeddings:
    """Train the run to its end, with checkpoints on the way; write and return the model.

    ``fresh`` says that nothing of the run is in ``folder`` yet. An error leaves the last checkpoint there;
    if there is none, nothing.
    """
    try:
        if folder is not None and fresh:
            checkpoint.begin(folder, run)
        if watchers.started is not None:
            watchers.started(run)
        _work(run, folder, every, watchers, engine)
        if folder is None:
            return run.embeddings()
        checkpoint.finish(folder, run)
    except KeyboardInterrupt:
        raise _interrupted(run, folder) from None
    except Exception as error:
        if folder is not None:
            checkpoint.abandon(folder)
            if isinstance(error, FormatError) and checkpoint.has_state(folder):
                kept = f"the last checkpoint is kept: go on with `firth train --resume {folder}`"
                raise FormatError(f"{error}; {kept}") from error
        raise
    return native.read(folder)


def _make_crew(run: Run, watchers: Watchers, engine: Engine) -> Crew:
    """Make the crew; where that takes long, the kernels are being compiled, and somebody is told so."""
    if watchers.compiling is None:
        return engine.make_crew(run)
    patience = threading.Timer(COMPILING_SECONDS, watchers.compiling)
    patience.start()
    try:
        return engine.make_crew(run)
    finally:
        patience.cancel()


def _work(run: Run, folder: Path | None, every: float | None, watchers: Watchers, engine: Engine) -> None:
    crew = _make_crew(run, watchers, engine)
    ticker = Ticker(run, watchers.training or log_lines())
    ticker()
    while not run.finished:
        ticker.pause_at = None
        if folder is not None and every is not None:
            first = not checkpoint.has_state(folder)
            ticker.pause_at = run.seconds + (min(every, FIRST_CHECKPOINT_SECONDS) if first else every)
        crew.train(ticker)
        ticker()
        if folder is not None and not run.finished:
            checkpoint.save(folder, run)
    check_trained(run)


def _interrupted(run: Run, folder: Path | None) -> Interrupted:
    """Save what there is; return what to tell the user."""
    done = f"stopped after {run.words_before(run.blocks_done) / run.words_total:.1%} of the run"
    if folder is None:
        return Interrupted(f"{done}; nothing is kept, as no output folder was given")
    if not native.is_model_folder(folder / native.CHECKPOINT):
        if run.finished:
            checkpoint.publish(folder)
            return Interrupted(f"stopped when {folder} was just finished")
        checkpoint.abandon(folder)
        return Interrupted("stopped before training began; nothing was written")
    go_on = f"go on with `firth train --resume {folder}`"
    try:
        checkpoint.save(folder, run)
    except KeyboardInterrupt:
        if checkpoint.has_state(folder):
            return Interrupted(
                f"{done}, and again while this was saved; the last checkpoint is kept: {go_on}"
            )
        return Interrupted(f"{done}, and again while this was saved; nothing is kept")
    return Interrupted(f"{done}; its state is saved: {go_on}")


def _held(folder: Path) -> AbstractContextManager[None]:
    """Keep other processes out of ``folder``, if it is there."""
    return checkpoint.held(folder) if folder.is_dir() else nullcontext()


def _options(
    text: TextOptions | None, config: TrainConfig | None, options: dict[str, Any], *, on_a_cluster: bool
) -> tuple[TextOptions, TrainConfig]:
    """Return both sets of options from objects or names; an option given twice is an error."""
    for value, wanted in ((text, TextOptions), (config, TrainConfig)):
        if not isinstance(value, wanted | None):
            raise ConfigError(
                f"not {wanted.__name__}(…) but an object of type {type(value).__name__} is given: make one, "
                "or give the options by name (vector_size=200)"
            )
    if on_a_cluster and config is None:
        options = {"threads": 1, "shards": AUTO} | options
    elif on_a_cluster and config is not None and config.shards == 1 and config.reproducible:
        config = dataclasses.replace(config, shards=AUTO)
    for_text = {name: options.pop(name) for name in TEXT_OPTIONS if name in options}
    for given, named, kind in ((text, for_text, "text"), (config, options, "config")):
        if given is not None and named:
            name = next(iter(named))
            raise ConfigError(f"{name} is given beside {kind}=…: put it into the {type(given).__name__}")
    return text or TextOptions(**for_text), config or TrainConfig(**options)


def _check_interval(seconds: float | None) -> None:
    if seconds is not None and not seconds > 0:
        raise ConfigError(f"checkpoint_every must be above 0 seconds or None, not {seconds!r}")


def _named(cache: bool | str | os.PathLike[str]) -> str | None:
    """Return the cache folder that the user has named, to be found again from anywhere."""
    return None if isinstance(cache, bool) else os.path.abspath(cache)  # noqa: PTH100


def _cache_of(stored: dict[str, Any]) -> bool | str:
    """Return the cache folder that a run was told, if it is to be seen here."""
    named = stored.get("corpus", {}).get("cache")
    return named if isinstance(named, str) and os.path.isdir(named) else True  # noqa: PTH112


def _cache(cache: bool | str | os.PathLike[str]) -> CacheFolder | None:
    if cache is False:
        return None
    return CacheFolder() if cache is True else CacheFolder(cache)

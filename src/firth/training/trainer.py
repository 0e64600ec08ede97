"""Train: from a corpus and options to :class:`Embeddings`; go on with a run that was stopped.

With one thread a run is a pure function of corpus, options and seed. Several threads race for the rows
that they share (Hogwild, Recht et al. 2011): their runs agree in quality but not in bits.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firth.corpus.cache import CacheFolder
from firth.corpus.encoded import EncodedCorpus, encode, open_encoded
from firth.corpus.sources import Files
from firth.corpus.tokenize import TextOptions
from firth.embeddings import Embeddings
from firth.errors import ConfigError, Interrupted, ResumeError
from firth.formats import native
from firth.training import checkpoint
from firth.training.config import TrainConfig
from firth.training.crew import Crew
from firth.training.progress import Progress, Watcher, log_lines
from firth.training.run import Run, Tally, make_schedule, mean_loss
from firth.training.tables import new_tables

CHECKPOINT_SECONDS = 300.0
"""Seconds of training between two checkpoints, unless told otherwise."""

TEXT_OPTIONS = tuple(field.name for field in dataclasses.fields(TextOptions))

EncodeProgress = Callable[[int, "int | None"], None]
Started = Callable[[Run], None]


@dataclasses.dataclass(frozen=True)
class Watchers:
    """Who is told what: bytes read, the run as training starts, the run's progress."""

    reading: EncodeProgress | None = None
    started: Started | None = None
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
        **options: options of training or of the text, by name.

    Returns:
        The model: words, (V, D) vectors, context vectors, counts, options and the reports of the run.

    Raises:
        ConfigError: an option is unknown or out of its range.
        CorpusError: the corpus cannot be read, or holds nothing to learn from.
        OutputExistsError: ``output`` exists.
        TrainingError: the learning rate is so high that the numbers are no longer finite.
        Interrupted: Ctrl-C; where there is an ``output``, the state is saved and can be resumed.
    """
    text, config = _options(text, config, options)
    _check_interval(checkpoint_every)
    folder = None if output is None else Path(output)
    if folder is not None:
        checkpoint.check_output(folder, force=force)
    watchers = progress if isinstance(progress, Watchers) else Watchers(training=progress)
    named = isinstance(corpus, (str, os.PathLike, Files))
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
    )
    tables = new_tables(len(encoded.vocabulary.words), config.vector_size, config.seed)
    tally = Tally(make_schedule(encoded, config, []).reports)
    run = Run(encoded, config, tables, tally, encode_seconds=time.perf_counter() - began)
    if folder is not None:
        checkpoint.begin(folder, run)
    return _train(run, folder, checkpoint_every, watchers)


def resume(
    output: str | os.PathLike[str],
    corpus: Any = None,
    *,
    epochs: int | None = None,
    alpha: float | None = None,
    min_alpha: float | None = None,
    threads: int | None = None,
    cache: bool | str | os.PathLike[str] = True,
    checkpoint_every: float | None = CHECKPOINT_SECONDS,
    progress: Watcher | Watchers | None = None,
) -> Embeddings:
    """Go on with the run in ``output`` exactly where its last checkpoint left it; or train a model further.

    Args:
        output: the model folder of the run.
        corpus: where the corpus lies now, if it has moved. It must be the same text.
        epochs: for a finished model: train so many epochs more, on a schedule of their own.
        alpha: with ``epochs``: the learning rate at their start (required: the run's own has fallen to 0).
        min_alpha: with ``epochs``: the learning rate at their end; by default the run's.
        threads: by default as before. With one thread, before and after, the result is bit-identical
            to a run that was never stopped.
        cache: where encoded corpora are kept, as for :func:`train`.
        checkpoint_every: seconds of training between two checkpoints.
        progress: as for :func:`train`.

    Returns:
        The finished model; a model that is finished already, and no ``epochs`` asked for, as it is.

    Raises:
        ResumeError: there is no run, it has no checkpoint yet, or the corpus has changed.
    """
    folder = Path(output)
    _check_interval(checkpoint_every)
    watchers = progress if isinstance(progress, Watchers) else Watchers(training=progress)
    stored = checkpoint.unfinished(folder)
    if stored is None:
        if epochs is None:
            if alpha is not None or min_alpha is not None:
                raise ConfigError("alpha belongs to further epochs: say how many with epochs (--epochs)")
            return native.read(folder)
        run = _further(folder, corpus, epochs, alpha, min_alpha, threads, cache, watchers)
        checkpoint.begin(folder, run)
    else:
        if (epochs, alpha, min_alpha) != (None, None, None):
            raise ConfigError(
                f"the run in {folder} is not finished, so its epochs and alpha stand: resume it without "
                "them first, then train further"
            )
        config = _stored_config(stored, threads)
        run = checkpoint.load(folder, _reopen(stored, corpus, config, cache, watchers), config)
    return _train(run, folder, checkpoint_every, watchers)


def is_finished(output: str | os.PathLike[str]) -> bool:
    """Tell whether ``output`` holds a finished model, and no run that is still to be gone on with.

    Raises:
        ResumeError: it holds neither, or a run that was stopped before its first checkpoint.
    """
    return checkpoint.unfinished(Path(output)) is None


def _further(
    folder: Path,
    corpus: Any,
    epochs: int,
    alpha: float | None,
    min_alpha: float | None,
    threads: int | None,
    cache: bool | str | os.PathLike[str],
    watchers: Watchers,
) -> Run:
    """Return a new phase that starts from the finished model in ``folder``."""
    if alpha is None:
        raise ConfigError("further epochs need a learning rate to start from: give alpha (--alpha 0.01, say)")
    model = native.read(folder)
    config = _stored_config(model.config, threads)
    low = config.min_alpha if min_alpha is None else min_alpha
    config = dataclasses.replace(config, epochs=epochs, alpha=alpha, min_alpha=low)
    phases = model.config["phases"]
    encoded = _reopen(model.config, corpus, config, cache, watchers)
    tables = checkpoint.tables_of(model, encoded, config)
    tally = Tally(make_schedule(encoded, config, phases).reports)
    return Run(encoded, config, tables, tally, phases=phases, reports_before=model.training)


def _stored_config(stored: dict[str, Any], threads: int | None) -> TrainConfig:
    """Return the options of the phase that ``config.json`` describes last."""
    options = stored["options"] | stored["phases"][-1]
    return TrainConfig.from_dict(options if threads is None else options | {"threads": threads})


def _reopen(
    stored: dict[str, Any],
    corpus: Any,
    config: TrainConfig,
    cache: bool | str | os.PathLike[str],
    watchers: Watchers,
) -> EncodedCorpus:
    """Return the corpus of a run again, from its files or from the cache; it must be the very same."""
    source = stored["corpus"]
    wanted, folder = source["fingerprint"], _cache(cache)
    if corpus is None and source["kind"] != "files":
        found = None if folder is None else open_encoded(wanted, folder)
        if found is None:
            raise ResumeError(
                f"the run's corpus came from {source['kind']}, and its encoded copy is no longer in the "
                "cache: give the same text again (`… | firth train --resume MODEL -`, or corpus=… in Python)"
            )
        return found
    encoded = encode(
        Files(source["paths"]) if corpus is None else corpus,
        TextOptions(**{name: source[name] for name in TEXT_OPTIONS}),
        min_count=config.min_count,
        max_vocab_size=config.max_vocab_size,
        threads=config.threads,
        cache=folder,
        on_progress=watchers.reading,
    )
    if encoded.fingerprint != wanted:
        raise ResumeError(
            f"the corpus has changed since the run began (fingerprint {wanted} then, "
            f"{encoded.fingerprint} now): put the text back as it was, or start a new run"
        )
    return encoded


def _train(run: Run, folder: Path | None, every: float | None, watchers: Watchers) -> Embeddings:
    """Train the run to its end, with checkpoints on the way; write and return the model."""
    if watchers.started is not None:
        watchers.started(run)
    crew = Crew(run)
    tick = _Ticker(run, watchers.training or log_lines())
    try:
        while not run.finished:
            tick.pause_at = None if folder is None or every is None else run.seconds + every
            crew.train(tick)
            tick()
            if folder is not None and not run.finished:
                checkpoint.save(folder, run)
        if folder is not None:
            checkpoint.finish(folder, run)
    except KeyboardInterrupt:
        raise _interrupted(run, folder) from None
    return run.embeddings()


def _interrupted(run: Run, folder: Path | None) -> Interrupted:
    """Save what there is; return what to tell the user."""
    done = f"stopped after {run.words_before(run.next_block) / run.words_total:.1%} of the run"
    if folder is None:
        return Interrupted(f"{done}; nothing is kept, as no output folder was given")
    checkpoint.save(folder, run)
    return Interrupted(f"{done}; its state is saved: go on with `firth train --resume {folder}`")


class _Ticker:
    """What the crew calls while it trains: tells the watcher, and says when to pause for a checkpoint."""

    def __init__(self, run: Run, watcher: Watcher) -> None:
        self._run, self._watcher = run, watcher
        self._words, self._seconds = run.words_before(run.next_block), run.seconds
        self.pause_at: float | None = None

    def __call__(self) -> bool:
        run = self._run
        self._watcher(self._progress())
        return self.pause_at is not None and run.seconds >= self.pause_at

    def _progress(self) -> Progress:
        run = self._run
        block = min(run.next_block, run.schedule.blocks)
        words, took = run.words_before(block), run.seconds - self._seconds
        last = run.schedule.block(max(block - 1, 0))
        return Progress(
            words=words,
            words_total=run.words_total,
            epoch=last.epoch + 1,
            epochs=run.config.epochs,
            seconds=run.seconds,
            words_per_second=(words - self._words) / took if took > 0 else 0.0,
            alpha=last.alpha,
            loss=mean_loss(run.tally, max(last.report - 1, 0), last.report + 1),
            epoch_losses=tuple(run.epoch_losses()),
        )


def _options(
    text: TextOptions | None, config: TrainConfig | None, options: dict[str, Any]
) -> tuple[TextOptions, TrainConfig]:
    """Return both sets of options from objects or names; an option given twice is an error."""
    for_text = {name: options.pop(name) for name in TEXT_OPTIONS if name in options}
    for given, named, kind in ((text, for_text, "text"), (config, options, "config")):
        if given is not None and named:
            name = next(iter(named))
            raise ConfigError(f"{name} is given beside {kind}=…: put it into the {type(given).__name__}")
    return text or TextOptions(**for_text), config or TrainConfig(**options)


def _check_interval(seconds: float | None) -> None:
    if seconds is not None and not seconds > 0:
        raise ConfigError(f"checkpoint_every must be above 0 seconds or None, not {seconds!r}")


def _cache(cache: bool | str | os.PathLike[str]) -> CacheFolder | None:
    if cache is False:
        return None
    return CacheFolder() if cache is True else CacheFolder(cache)

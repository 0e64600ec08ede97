"""What ``firth train`` and ``firth demo`` show on stderr while they work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as RichProgress

from firth.notes import note
from firth.training.progress import LINE_SECONDS, Bar, Progress, silent, stderr_lines
from firth.training.replicas import AS_GOOD
from firth.training.run import Run, plan_of
from firth.training.trainer import Watchers

MANY = 8
"""Shards beyond which somebody is told what they cost."""


@contextmanager
def watching(*, quiet: bool, kept_in: Path | None = None) -> Iterator[Watchers]:
    """Show on stderr what the trainer does while the block lasts; ``kept_in``: where the corpus is kept."""
    if quiet:
        yield Watchers(training=silent)
        return
    view = TrainView(sys.stderr, kept_in)
    try:
        yield Watchers(
            reading=view.reading, started=view.started, compiling=view.compiling, training=view.training
        )
    finally:
        view.close()


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 epoch``, ``5 epochs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def merging_line(run: Run) -> str:
    """Say how many replicas there are, and how often they become one again."""
    plan = plan_of(run)
    return (
        f"{plan.replicas} shards, merged after every {plan.full_stretch:,} words of all together (at first "
        f"sooner); the rows of the {plan.hot:,} most frequent ones after every {plan.full_leg:,}"
    )


class TrainView:
    """Bars on a terminal, plain lines elsewhere: first what is read, then the run."""

    def __init__(self, stream: IO[str], kept_in: Path | None = None) -> None:
        """Draw on ``stream``; ``kept_in`` is the folder in which the encoded corpus is kept."""
        self._stream, self._terminal, self._kept_in = stream, stream.isatty(), kept_in
        self._reading: RichProgress | None = None
        self._bar: Bar | None = None
        self._lines = stderr_lines()
        self._run: Run | None = None
        self._cluster: dict[str, int] = {}
        self._began = time.perf_counter()
        self._next_line = self._began + LINE_SECONDS

    def reading(self, done: int, total: int | None) -> None:
        """Show how much of the corpus is read."""
        if not self._terminal:
            self._reading_line(done, total)
            return
        if self._reading is None:
            columns = (TextColumn("reading"), BarColumn(bar_width=None), DownloadColumn())
            self._reading = RichProgress(*columns, console=Console(file=self._stream), transient=True)
            self._reading.start()
            self._reading.add_task("reading", total=total)
        self._reading.update(self._reading.task_ids[0], completed=done)

    def _reading_line(self, done: int, total: int | None) -> None:
        now = time.perf_counter()
        if now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            note(f"read {done / 1e6:,.0f} MB" + (f" of {total / 1e6:,.0f}" if total else ""))

    def started(self, run: Run) -> None:
        """Say what was read and what will be done."""
        self._stop_reading()
        self._run = run
        corpus, config = run.corpus, run.config
        took = run.encode_seconds or time.perf_counter() - self._began
        note(
            f"read {corpus.tokens_read:,} words, {corpus.distinct_words:,} different ({took:.1f} s)"
            + (f"; kept as numbers in {self._kept_in} for the next run" if self._kept_in else "")
        )
        sentences = counted(len(corpus.sentence_starts) - 1, "sentence")
        note(
            f"training on the {len(corpus.vocabulary.words):,} that occur at least "
            f"{counted(config.min_count, 'time')}, in {sentences}: "
            f"{config.vector_size} dimensions, {counted(config.epochs, 'epoch')}, "
            f"{counted(config.threads, 'thread')}"
        )
        if config.shards > 1:
            note(merging_line(run))
        if config.shards > MANY:
            note(f"more than {AS_GOOD} shards learn worse, the more the shorter the text (README.md)")
        if run.blocks_done:
            note(f"going on after {run.words_before(run.blocks_done) / run.words_total:.1%} of the run")

    def compiling(self) -> None:
        """Say why nothing seems to happen: if it is not that, others have the processors."""
        note("getting ready: the first run on a machine compiles the kernels, for some seconds")

    def training(self, progress: Progress) -> None:
        """Show where the run is."""
        if self._terminal and self._bar is None:
            self._bar = Bar(self._stream)
            self._bar.__enter__()
        self._tell_cluster(note if self._bar is None else self._bar.say)
        (self._bar or self._lines)(progress)

    def _tell_cluster(self, say: Callable[[str], None]) -> None:
        """Say who works for the run, when it begins and when that changes."""
        now = dict(self._run.cluster) if self._run else {}
        before, self._cluster = self._cluster, now
        if now.get("losses", 0) > before.get("losses", 0):
            say("a worker was lost: what it was at is trained again")
        if any(now.get(name) != before.get(name) for name in ("workers", "machines")):
            workers, machines = counted(now["workers"], "worker"), counted(now["machines"], "machine")
            say(f"{workers} on {machines}")

    def close(self) -> None:
        """Let the bars be; what they showed last stays."""
        self._stop_reading()
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.stop()
            self._reading = None

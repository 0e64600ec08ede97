"""What ``firth train`` and ``firth demo`` show on stderr while they work."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as RichProgress

from firth.cli_output import print_note
from firth.training.progress import Bar, Progress, silent, stderr_lines
from firth.training.run import Run
from firth.training.trainer import Watchers


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watchers]:
    """Show on stderr what the trainer does while the block lasts."""
    if quiet:
        yield Watchers(training=silent)
        return
    view = TrainView(sys.stderr)
    try:
        yield Watchers(reading=view.reading, started=view.started, training=view.training)
    finally:
        view.close()


class TrainView:
    """Bars on a terminal, plain lines elsewhere: first what is read, then the run."""

    def __init__(self, stream: IO[str]) -> None:
        """Draw on ``stream``."""
        self._stream, self._terminal = stream, stream.isatty()
        self._reading: RichProgress | None = None
        self._bar: Bar | None = None
        self._lines = stderr_lines()
        self._began = time.perf_counter()

    def reading(self, done: int, total: int | None) -> None:
        """Show how much of the corpus is read, on a terminal."""
        if not self._terminal:
            return
        if self._reading is None:
            columns = (TextColumn("reading"), BarColumn(bar_width=None), DownloadColumn())
            self._reading = RichProgress(*columns, console=Console(file=self._stream), transient=True)
            self._reading.start()
            self._reading.add_task("reading", total=total)
        self._reading.update(self._reading.task_ids[0], completed=done)

    def started(self, run: Run) -> None:
        """Say what was read and what will be done."""
        self._stop_reading()
        corpus, config = run.corpus, run.config
        took = time.perf_counter() - self._began
        print_note(
            f"read {corpus.tokens_read:,} words in {len(corpus.sentence_starts) - 1:,} sentences, "
            f"{corpus.distinct_words:,} different ({took:.1f} s)"
        )
        print_note(
            f"training on {len(corpus.vocabulary.words):,} words that occur at least {config.min_count} times: "
            f"{config.vector_size} dimensions, {config.epochs} epochs, {config.threads} "
            f"thread{'s' if config.threads > 1 else ''}"
        )

    def training(self, progress: Progress) -> None:
        """Show where the run is."""
        if not self._terminal:
            self._lines(progress)
        else:
            if self._bar is None:
                self._bar = Bar(self._stream)
                self._bar.__enter__()
            self._bar(progress)
        if progress.words >= progress.words_total:
            self.close()

    def close(self) -> None:
        """Take the bars off the screen."""
        self._stop_reading()
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.stop()
            self._reading = None

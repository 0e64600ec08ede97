"""How a run tells where it is: a bar on a terminal, plain lines elsewhere, calls for Python."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

LINE_SECONDS = 5.0
"""Seconds between two plain lines."""

logger = logging.getLogger("firth")


@dataclass(frozen=True)
class Progress:
    """Where a run is. ``words`` are raw: every word of the corpus counts, in each epoch."""

    words: int
    words_total: int
    epoch: int
    epochs: int
    seconds: float
    words_per_second: float
    alpha: float
    loss: float | None
    """Mean loss per pair, lately."""
    epoch_losses: tuple[float | None, ...] = ()
    """Mean loss per pair of each epoch that is done."""

    @property
    def remaining(self) -> float | None:
        """Seconds to the end at the present speed; None while nothing is known."""
        if not self.words_per_second:
            return None
        return (self.words_total - self.words) / self.words_per_second

    def __str__(self) -> str:
        """Return one plain line."""
        share = self.words / self.words_total
        left = "?" if self.remaining is None else clock(self.remaining)
        return f"{share:6.1%}  epoch {self.epoch}/{self.epochs}  {self.measures()}  {left} left"

    def measures(self) -> str:
        """Return speed, learning rate and loss."""
        loss = "–" if self.loss is None else f"{self.loss:.4f}"
        return f"{self.words_per_second / 1e6:.2f} M words/s  alpha {self.alpha:.5f}  loss/pair {loss}"


def clock(seconds: float) -> str:
    """Return seconds as ``h:mm:ss`` or ``m:ss``: 75.2 -> ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def epoch_lines(progress: Progress, told: int) -> list[str]:
    """Return a line for each epoch that is done, but for the first ``told`` of them."""
    width = len(str(progress.epochs))
    return [
        f"epoch {epoch:>{width}}/{progress.epochs} done  loss/pair {loss:.4f}"
        for epoch, loss in enumerate(progress.epoch_losses, 1)
        if epoch > told and loss is not None
    ]


class Watcher(Protocol):
    """What a run calls while it trains, several times a second."""

    def __call__(self, progress: Progress) -> None:
        """Take note of where the run is."""


class Lines:
    """A plain line every few seconds, and one at the end."""

    def __init__(self, write: Callable[[str], None], seconds: float = LINE_SECONDS) -> None:
        """Write lines with ``write``, at least ``seconds`` apart."""
        self._write, self._seconds, self._next, self._epochs = write, seconds, 0.0, 0

    def __call__(self, progress: Progress) -> None:
        """Write what is due: a line for each epoch that is done, one where the run is."""
        for line in epoch_lines(progress, self._epochs):
            self._write(line)
        self._epochs = len(progress.epoch_losses)
        if progress.seconds >= self._next and progress.loss is not None:
            self._next = progress.seconds + self._seconds
            self._write(str(progress))


class Bar:
    """A bar on a terminal, with words/s, time left, learning rate and loss."""

    def __init__(self, stream: IO[str]) -> None:
        """Draw on ``stream``."""
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[measures]}"),
            console=Console(file=stream),
            transient=False,
        )
        self._task = self._bar.add_task("training", measures="")
        self._epochs = 0

    def __enter__(self) -> Bar:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Move the bar."""
        for line in epoch_lines(progress, self._epochs):
            self._bar.console.print(line, highlight=False)
        self._epochs = len(progress.epoch_losses)
        left = "" if progress.remaining is None else f"  {clock(progress.remaining)} left"
        self._bar.update(
            self._task,
            total=progress.words_total,
            completed=progress.words,
            description=f"epoch {progress.epoch}/{progress.epochs}",
            measures=progress.measures() + left,
        )


def log_lines() -> Lines:
    """Return the watcher for Python callers: lines to the logger ``firth``, silent unless that is set up."""
    return Lines(logger.info)


def stderr_lines() -> Lines:
    """Return the watcher for a stderr that is not a terminal."""
    return Lines(lambda line: print(line, file=sys.stderr, flush=True))


def silent(_progress: Progress) -> None:
    """Watch and say nothing."""

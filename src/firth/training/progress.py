"""How a run tells where it is: a bar on a terminal, plain lines elsewhere, calls for Python."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from firth.notes import note
from firth.training.run import Run, mean_loss

LINE_SECONDS = 5.0
"""Seconds between two plain lines."""

EPOCH_LINES = 100
"""Epochs that get a line of their own; of more epochs only every so manieth is told."""

WIDE = 100
"""Columns of a terminal from which on a bar is drawn; below, there is only room for the figures."""

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
        return f"{share:6.1%}  epoch {self.epoch}/{self.epochs}  {self.measures()}"

    def measures(self, width: int = 999) -> str:
        """Return learning rate, speed, loss and time, the latter ones only where the width is short."""
        finished = self.words >= self.words_total
        loss = "–" if self.loss is None else f"{self.loss:.4f}"
        time = "?" if self.remaining is None else clock(self.remaining)
        parts = [
            f"alpha {self.alpha:.5f}",
            f"{self.words_per_second / 1e6:.2f} M raw words/s",
            f"loss/pair {loss}",
            f"{time} left",
        ]
        if finished:  # the loss of the last few words says little; the epochs' stand above
            parts = [parts[1], f"done in {clock(self.seconds)}"]
        while len(parts) > 1 and len("  ".join(parts)) > width:
            del parts[0]
        return "  ".join(parts)


def clock(seconds: float) -> str:
    """Return seconds as ``h:mm:ss`` or ``m:ss``: 75.2 -> ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def epoch_lines(progress: Progress, told: int) -> list[str]:
    """Return a line for each epoch that is done but the first ``told``; about a hundred lines in all."""
    width, step = len(str(progress.epochs)), -(-progress.epochs // EPOCH_LINES)
    return [
        f"epoch {epoch:>{width}}/{progress.epochs} done  loss/pair {loss:.4f}"
        for epoch, loss in enumerate(progress.epoch_losses, 1)
        if epoch > told and loss is not None and (epoch % step == 0 or epoch == progress.epochs)
    ]


class Watcher(Protocol):
    """What a run calls while it trains, several times a second."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of where the run is."""


class Ticker:
    """What the crew calls while it trains: tells the watcher, and says when to pause for a checkpoint."""

    def __init__(self, run: Run, watcher: Watcher) -> None:
        """Measure the speed from here on."""
        self._run, self._watcher = run, watcher
        self._words, self._seconds = run.words_before(run.blocks_done), run.seconds
        self.pause_at: float | None = None
        """Seconds of training at which to pause; None: never."""

    def __call__(self) -> bool:
        """Tell where the run is; return whether to pause."""
        self._watcher(self._progress())
        return self.pause_at is not None and self._run.seconds >= self.pause_at

    def _progress(self) -> Progress:
        run, done = self._run, self._run.blocks_done
        words, took = run.words_before(done), run.seconds - self._seconds
        last = run.schedule.block(max(done - 1, 0))
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


class Lines:
    """A plain line after a second, then every few seconds, and one at the end."""

    def __init__(self, write: Callable[[str], None], seconds: float = LINE_SECONDS) -> None:
        """Write lines with ``write``, at least ``seconds`` apart."""
        self._write, self._seconds = write, seconds
        self._epochs, self._next = 0, -math.inf

    def __call__(self, progress: Progress, /) -> None:
        """Write what is due: a line for each epoch that is done, one where the run is."""
        if self._next == -math.inf:  # the run begins, or goes on
            self._epochs, self._next = len(progress.epoch_losses), progress.seconds + min(1.0, self._seconds)
        for line in epoch_lines(progress, self._epochs):
            self._write(line)
        self._epochs = len(progress.epoch_losses)
        ends = progress.words >= progress.words_total
        if progress.seconds >= self._next or (ends and self._next < math.inf):
            self._next = math.inf if ends else progress.seconds + self._seconds
            self._write(str(progress))


class Bar:
    """A bar on a terminal, with words/s, time left, learning rate and loss."""

    def __init__(self, stream: IO[str]) -> None:
        """Draw on ``stream``."""
        console = Console(file=stream)
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width=None)] if console.width >= WIDE else []),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[measures]}"),
            console=console,
        )
        self._task = self._bar.add_task("training", measures="")
        self._epochs: int | None = None

    def __enter__(self) -> Bar:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._bar.console.print(line, highlight=False)

    def __call__(self, progress: Progress, /) -> None:
        """Move the bar."""
        if self._epochs is None:  # the run begins, or goes on
            self._epochs = len(progress.epoch_losses)
        for line in epoch_lines(progress, self._epochs):
            self.say(line)
        self._epochs = len(progress.epoch_losses)
        epoch = f"epoch {progress.epoch}/{progress.epochs}"
        self._bar.update(
            self._task,
            total=progress.words_total,
            completed=progress.words,
            description=epoch,
            measures=progress.measures(self._bar.console.width - len(epoch + "  100%  ")),
        )


def log_lines() -> Lines:
    """Return the watcher for Python callers: lines to the logger ``firth``, silent unless that is set up."""
    return Lines(logger.info)


def stderr_lines() -> Lines:
    """Return the watcher for a stderr that is not a terminal."""
    return Lines(note)


def silent(_progress: Progress, /) -> None:
    """Watch and say nothing."""

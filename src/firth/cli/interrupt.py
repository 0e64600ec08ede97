"""Ctrl-C, SIGTERM and a terminal that closes, for commands that write something."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from firth.errors import Interrupted
from firth.notes import note


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, or a terminal that closes, stop a run as Ctrl-C does.

    The program ends with 128 + the signal's number, having said what is kept.
    """
    caught: list[int] = [signal.SIGINT]

    def stop(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    stopping = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.getsignal(number) for number in stopping}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # `nohup firth train` goes on
            signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        said = str(interrupt) if isinstance(interrupt, Interrupted) else "stopped; nothing was written"
        if sys.stderr.isatty():
            sys.stderr.write("\r")  # over the terminal's ^C
        note(said)
        raise typer.Exit(128 + caught[-1]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Watching over threads that train, and how they end: all of them at rest, or with a clear error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from firth.training.run import Run
from firth.training.schedule import Block

TICK_SECONDS = 0.1
"""How often the one who waits for the threads may look."""


def conducted(
    conduct: Callable[[], None],
    tick: Callable[[], bool],
    pause: threading.Event,
    stop: threading.Event,
) -> None:
    """Let ``conduct`` do a run's work in a thread of its own, where no Ctrl-C comes in between.

    ``pause`` is set when ``tick`` returns True, ``stop`` however it ends; then the thread is waited for.
    """
    pause.clear()
    stop.clear()
    pool = ThreadPoolExecutor(1, "firth")
    try:
        supervise([pool.submit(conduct)], tick, pause)
    finally:
        stop.set()
        join(pool)


def supervise(threads: list[Future[None]], tick: Callable[[], bool], pause: threading.Event) -> None:
    """Call ``tick`` every TICK_SECONDS until all threads are done; set ``pause`` when it returns True.

    Raises:
        TrainingError: one of the threads failed.
    """
    working = set(threads)
    while working:
        done, working = wait(threads, TICK_SECONDS, FIRST_EXCEPTION)
        for thread in done:
            thread.result()
        if tick():
            pause.set()


def join(pool: ThreadPoolExecutor) -> None:
    """Wait until every thread has ended; a second Ctrl-C meanwhile must not leave a block half trained."""
    try:
        pool.shutdown(wait=True)
    except KeyboardInterrupt:
        join(pool)
        raise


def diverged(run: Run, block: Block) -> str:
    """Return what to say when the numbers are no longer finite."""
    return (
        f"the vectors are no longer finite in epoch {block.epoch + 1} at alpha {block.alpha:.4g}: "
        f"the learning rate is too high; start again with an alpha below {run.config.alpha:g}"
    )

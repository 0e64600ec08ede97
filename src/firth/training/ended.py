"""How training ends, whichever way the threads share it: all of them at rest, or with a clear error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from firth.training.run import Run
from firth.training.schedule import Block


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

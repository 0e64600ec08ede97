"""What the tests of runs on a cluster share."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import firth

OPTIONS: dict[str, Any] = {"vector_size": 20, "epochs": 3, "min_count": 1, "shards": 5}


def write_corpus(path: Path) -> Path:
    random = np.random.default_rng(0)
    chance = 1 / np.arange(1, 2001)
    ids = random.choice(2000, size=120_000, p=chance / chance.sum())
    lines = (" ".join(f"w{i}" for i in ids[begin : begin + 17]) for begin in range(0, len(ids), 17))
    path.write_text("\n".join(lines))
    return path


def same(model: firth.Embeddings, expected: firth.Embeddings) -> bool:
    tables = ((model.vectors, expected.vectors), (model.context_vectors, expected.context_vectors))
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in tables)


def workers() -> list[Any]:
    """Return the processes of the workers on this machine that were started by this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Worker"):
                found.append(process)
        except psutil.Error:
            pass
    return found


class Starver:
    """A watcher that, at some moment of a run, lets a worker have no more memory than it has."""

    def __init__(self, moment: float) -> None:
        self.moment, self.starved = moment, 0

    def __call__(self, progress: Any) -> None:
        if not self.starved and progress.words >= self.moment * progress.words_total:
            for process in workers()[:1]:
                taken = process.memory_info().vms + (1 << 20)
                process.rlimit(psutil.RLIMIT_AS, (taken, taken))
                self.starved = process.pid


class Killer:
    """A watcher that kills a worker at each of some moments of a run."""

    def __init__(self, moments: list[float]) -> None:
        self.moments, self.killed = moments, 0

    def __call__(self, progress: Any) -> None:
        due = [moment for moment in self.moments if progress.words >= moment * progress.words_total]
        if self.killed < len(due):
            found = workers()
            if found:
                os.kill(found[int(7919 * self.moments[self.killed]) % len(found)].pid, signal.SIGKILL)
                self.killed += 1

"""A run on a Ray cluster: the same bits as in threads, whoever works and whoever is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.corpus.encoded import encode
from firth.corpus.sources import Files
from firth.corpus.tokenize import TextOptions
from firth.distributed import cluster as clusters
from firth.distributed import crew as crews
from firth.distributed import muster as musters
from firth.distributed.reading import Reading
from firth.errors import ClusterError, ConfigError, CorpusError

psutil = pytest.importorskip("psutil")
pytest.importorskip("ray")

OPTIONS: dict[str, Any] = {"vector_size": 20, "epochs": 3, "min_count": 1, "shards": 5}


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with clusters.cluster(processors=3) as ray:
        yield ray


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    chance = 1 / np.arange(1, 2001)
    ids = random.choice(2000, size=120_000, p=chance / chance.sum())
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    lines = (" ".join(f"w{i}" for i in ids[begin : begin + 17]) for begin in range(0, len(ids), 17))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def expected(corpus: Path) -> firth.Embeddings:
    return firth.train(corpus, **OPTIONS, threads=2, cache=False)


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


class Killer:
    """A watcher that kills a worker at each of some moments of a run."""

    def __init__(self, moments: list[float]) -> None:
        self.moments, self.killed = moments, 0

    def __call__(self, progress: Any) -> None:
        due = [moment for moment in self.moments if progress.words >= moment * progress.words_total]
        if self.killed < len(due):
            found = workers()
            if found:
                os.kill(found[self.killed % len(found)].pid, signal.SIGKILL)
                self.killed += 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_bits_are_those_of_threads(
    ray: Any, corpus: Path, expected: Any, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(musters, "room", lambda ray, threads: count)
    model = firth.train(corpus, **OPTIONS, ray=True, cache=False)
    assert same(model, expected)
    assert model.config["cluster"]["workers"] == count
    assert model.config["cluster"]["losses"] == 0
    assert [report["loss"] for report in model.training] == [report["loss"] for report in expected.training]


def test_a_worker_that_is_killed_changes_nothing(ray: Any, corpus: Path, expected: Any) -> None:
    killer = Killer([0.05, 0.3])
    model = firth.train(corpus, **OPTIONS, ray=True, progress=killer)
    assert killer.killed == 2
    assert model.config["cluster"]["losses"] >= 1
    assert same(model, expected)

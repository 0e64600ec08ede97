"""A cluster that loses machines, workers and the process that conducts it: the same bits all the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import firth
from firth.cli.train import with_address
from firth.distributed import cluster as clusters
from firth.distributed import crew as crews
from firth.distributed import muster as musters
from firth.errors import ClusterError

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's clusters are for Linux")

from tests.ray_cases import OPTIONS, Killer, same, write_corpus  # noqa: E402

LONG = OPTIONS | {"epochs": 12, "shards": 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("text") / "corpus.txt")


@pytest.fixture(scope="module")
def expected(corpus: Path) -> firth.Embeddings:
    return firth.train(corpus, **LONG, threads=2, cache=False)


@pytest.fixture
def three_machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Three nodes with a processor each, on this machine, of which Ray notices soon when one has gone."""
    for name, value in (clusters.SETTINGS | clusters.LOOPBACK).items():
        monkeypatch.setenv(name, value)
    from ray.cluster_utils import Cluster

    soon = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 300,
        "health_check_timeout_ms": 1000,
        "health_check_failure_threshold": 3,
    }
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
    with clusters.on_loopback():
        cluster = Cluster(initialize_head=True, head_node_args=head | {"_system_config": soon})
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
            yield cluster
        finally:
            cluster.shutdown()


def test_machines_leave_and_join(
    three_machines: Any, corpus: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "JOIN_SECONDS", 0.2)
    leaving = next(iter(three_machines.worker_nodes))
    told: list[Any] = []

    def watch(progress: Any) -> None:
        done = progress.words / progress.words_total
        if not told and done > 0.1:
            told.append("left")
            three_machines.remove_node(leaving, allow_graceful=False)
        elif len(told) == 1 and done > 0.4:
            told.append("joined")
            three_machines.add_node(num_cpus=1, object_store_memory=100 << 20)

    with clusters.on_loopback():
        model = firth.train(corpus, **LONG, ray=three_machines.address, progress=watch)
    assert told == ["left", "joined"]
    assert model.config["cluster"]["losses"] > 0
    assert same(model, expected)


def test_the_conductor_is_killed_and_the_run_resumed(corpus: Path, expected: Any, tmp_path: Path) -> None:
    model, cache = tmp_path / "model", tmp_path / "cache"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in LONG.items()]
    command = [sys.executable, "-m", "firth", "train"]
    rest = ["--ray", f"--cache={cache}", "--checkpoint-every=0.2s", "-q"]
    state = model / "checkpoint" / "model.safetensors"
    with subprocess.Popen([*command, corpus, f"--output={model}", *options, *rest]) as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert state.exists()
    assert not (model / "config.json").exists()
    subprocess.run([*command, f"--resume={model}", *rest], check=True)
    assert same(firth.load(model), expected)


def test_the_cluster_dies_and_the_run_is_resumed(corpus: Path, expected: Any, tmp_path: Path) -> None:
    """Ray ends a process whose machine's own part has gone, often before firth can say a word."""
    model = tmp_path / "model"
    command = [sys.executable, "-m", "firth", "train"]
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (LONG | {"epochs": 40}).items()]
    more = [f"--output={model}", f"--cache={tmp_path / 'cache'}", "--checkpoint-every=0.2s", "--ray", "-q"]
    state = model / "checkpoint" / "model.safetensors"
    with subprocess.Popen([*command, corpus, *options, *more]) as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.02)
        (raylet,) = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if child.name() == "raylet"
        ]
        raylet.kill()
    assert process.returncode == 1
    resumed = firth.resume(model, threads=2)
    assert resumed.config["corpus"]["cache"] == str(tmp_path / "cache"), "found again, though not named again"
    assert same(resumed, firth.train(corpus, **LONG | {"epochs": 40}, threads=2, cache=False))


def test_a_cluster_that_asks_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ray start` asks for a token where it finds one; then it is shown, or said to be missing."""
    (tmp_path / ".ray").mkdir()
    code = "from firth.distributed import cluster; print(cluster._take_token(), cluster._take_token())"
    home = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    for token, shown in (("", "False False"), ("1234567890abcdef" * 4, "True False")):
        if token:
            (tmp_path / ".ray" / "auth_token").write_text(token)
        ask = {"env": home | {"HOME": str(tmp_path)}, "capture_output": True, "text": True, "check": True}
        assert subprocess.run([sys.executable, "-c", code], **ask).stdout.split("\n")[0] == shown
    refusal = subprocess.CompletedProcess([], 1, "", "ray.exceptions.AuthenticationError: RPC error: ...")
    monkeypatch.setattr(clusters, "_ask", lambda _address: refusal)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ClusterError, match="this cluster asks for a token"):
        clusters._check_answers("127.0.0.1:6379")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster answers there"),
        ("ray://127.0.0.1:1", "Ray Client"),
        ("nonsense", "not an address: give HOST:PORT"),
        ("auto", "belongs to no Ray cluster"),
    ],
)
def test_an_address_that_does_not_answer(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 2.0)
    with pytest.raises(ClusterError, match=said), clusters.cluster(address):
        pass


def test_a_machine_that_has_dropped_out_is_told() -> None:
    def seen_by(own: str) -> Any:
        nodes = [{"NodeID": "a", "Alive": True}, {"NodeID": "b", "Alive": False}]
        context = SimpleNamespace(get_node_id=lambda: own)
        return SimpleNamespace(nodes=lambda: nodes, get_runtime_context=lambda: context)

    musters.check_belongs(seen_by("a"))
    for gone in "bc":
        with pytest.raises(ClusterError, match=r"has dropped out of it: .* --resume MODEL"):
            musters.check_belongs(seen_by(gone))


def test_letting_go_is_not_disturbed() -> None:
    """A Ctrl-C when the model is written already must not say that nothing was."""
    before = signal.getsignal(signal.SIGINT)
    with clusters.undisturbed():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ray_may_stand_before_the_corpus() -> None:
    for given, expected in (
        (["--ray", "a.txt"], ["--ray=local", "a.txt"]),
        (["a.txt", "--ray"], ["a.txt", "--ray=local"]),
        (["--ray", "10.0.0.1:6379", "a.txt"], ["--ray", "10.0.0.1:6379", "a.txt"]),
        (["--ray", "auto"], ["--ray", "auto"]),
        (["--ray", "-q", "--", "--ray"], ["--ray=local", "-q", "--", "--ray"]),
        (["--ray", "s3://b/a.txt"], ["--ray=local", "s3://b/a.txt"]),
    ):
        assert with_address(given) == expected


@pytest.mark.slow
def test_twenty_workers_are_killed(corpus: Path) -> None:
    options = LONG | {"epochs": 40}
    killer = Killer(sorted(np.random.default_rng(1).uniform(0.02, 0.95, 20)))
    with clusters.cluster(processors=2):
        model = firth.train(corpus, **options, ray=True, progress=killer)
    assert killer.killed == 20
    assert same(model, firth.train(corpus, **options, threads=2))

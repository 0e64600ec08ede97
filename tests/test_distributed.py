"""A run on a Ray cluster: the same bits as in threads, whoever works and whoever is lost."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ray_cases import OPTIONS, Killer, Starver, same, workers, write_corpus

import firth
from firth.corpus.cache import CacheFolder
from firth.corpus.encoded import encode
from firth.corpus.sources import open_source
from firth.corpus.tokenize import TextOptions, make_tokenizer
from firth.distributed import cluster as clusters
from firth.distributed import engine as engines  # before a test changes what it takes from others
from firth.distributed import muster as musters
from firth.distributed.reading import Reading
from firth.distributed.worker import Orders, Words
from firth.errors import ClusterError, ConfigError, CorpusError
from firth.training.replicas import Plan
from firth.training.run import make_schedule, processor, versions

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's clusters are for Linux")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with clusters.cluster(processors=3) as ray:
        yield ray


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("text") / "corpus.txt")


@pytest.fixture(scope="module")
def expected(corpus: Path) -> firth.Embeddings:
    return firth.train(corpus, **OPTIONS, threads=2, cache=False)


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


def test_a_worker_that_runs_out_of_memory_changes_nothing(ray: Any, corpus: Path) -> None:
    options = OPTIONS | {"vector_size": 300}
    starver = Starver(0.3)
    model = firth.train(corpus, **options, ray=True, progress=starver, cache=False)
    assert starver.starved
    assert model.config["cluster"]["losses"] >= 1
    assert starver.starved not in [process.pid for process in workers()]
    assert same(model, firth.train(corpus, **options, threads=2, cache=False))


def test_reading_on_a_cluster_is_reading_in_threads(ray: Any, corpus: Path, tmp_path: Path) -> None:
    lines = corpus.read_text().splitlines()
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("\n".join(lines[number::5]))
    (tmp_path / "long.txt").write_text("Aé b " * 5000)
    (tmp_path / "rows.jsonl").write_text('{"a": "x y z"}\n{"a": "y z"}\n')
    for text, options in (
        (str(tmp_path / "[0-9l]*.txt"), TextOptions(tokenizer="words", lowercase=True)),
        (corpus, TextOptions()),
        (tmp_path / "rows.jsonl", TextOptions(column="a")),
        ([["x", "y"], ["y"]], TextOptions()),
        ([[3, 1], [1]], TextOptions()),
    ):
        here, there = (
            encode(text, options, min_count=1, piece_bytes=9999, spread=spread)
            for spread in (None, Reading(ray))
        )
        assert there.fingerprint == here.fingerprint
        assert there.tokens_read == here.tokens_read


def test_errors_of_reading_are_those_of_threads(ray: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good\nb\xffd\n")
    (tmp_path / "b.txt").write_text("good")
    for text in (tmp_path / "a.txt", tmp_path):
        with pytest.raises(CorpusError) as here:
            encode(text, min_count=1)
        with pytest.raises(CorpusError) as there:
            encode(text, min_count=1, spread=Reading(ray))
        assert str(there.value) == str(here.value)


def test_a_file_that_a_worker_does_not_see(ray: Any, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("x y")
    source = open_source(tmp_path, cut=len)
    (tmp_path / "b").unlink()
    with pytest.raises(CorpusError, match=r"b: the machine .* does not see this file: put it where"):
        list(Reading(ray)(source, make_tokenizer(TextOptions()), TextOptions()))


def test_workers_that_do_not_see_the_encoded_corpus_are_sent_it(
    ray: Any, corpus: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide = monkeypatch.setattr
    hide(musters, "Words", lambda folder, fingerprint: Words("/nowhere", fingerprint))
    assert same(firth.train(corpus, **OPTIONS, ray=True), expected)
    hide(musters, "TEXT_SHARE", 0.0)
    with pytest.raises(CorpusError, match=r"does not see the encoded corpus in /nowhere.*--cache DIR"):
        firth.train(corpus, **OPTIONS, ray=True)


def test_workers_of_another_kind_are_refused(ray: Any, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(musters, "versions", lambda: versions() | {"numba": "0.1"})
    with pytest.raises(ClusterError, match=r"has numba \d.*, this machine 0\.1.*install the same versions"):
        firth.train(corpus, **OPTIONS, ray=True)
    monkeypatch.setattr(musters, "versions", versions)
    monkeypatch.setattr(musters, "processor", lambda: processor() | {"name": "abacus"})
    with pytest.raises(ClusterError, match=r"has name .*, this machine abacus.*one kind of machine"):
        firth.train(corpus, **OPTIONS, ray=True)


def test_what_a_cluster_cannot_do_is_said(ray: Any, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="shards=1 has only one"):
        firth.train(corpus, **OPTIONS | {"shards": 1}, ray=True)
    for racing in ({"reproducible": False}, {"config": firth.TrainConfig(reproducible=False)}):
        with pytest.raises(ConfigError, match="racing threads have one pair"):
            firth.train(corpus, ray=True, **racing)
    with pytest.raises(ConfigError, match=r"ray must be True, False or the address of a cluster, not ''"):
        firth.train(corpus, ray="")
    with pytest.raises(ConfigError, match="15 words of text feed one shard only"):
        firth.train([["a", "b", "c"]] * 5, ray=True, min_count=1)
    monkeypatch.setattr(musters, "PATIENCE", 0.2)
    with pytest.raises(
        ClusterError, match=r"no machine .* 99 threads takes \(the largest has 3\): lower --threads"
    ):
        firth.train(corpus, **OPTIONS, threads=99, ray=True)


def test_a_config_may_leave_the_shards_to_the_cluster(ray: Any, corpus: Path) -> None:
    """Of the 1 in a config nobody knows whether somebody has said it."""
    model = firth.train(corpus, firth.TrainConfig(vector_size=20, epochs=1, threads=1), ray=True)
    assert model.config["options"]["shards"] == model.config["cluster"]["workers"] == 3
    assert engines.room(ray, 1) == 3
    assert model.config["cluster"]["machines"] == 1


def test_workers_share_a_full_merge_evenly(corpus: Path) -> None:
    config = firth.TrainConfig(**OPTIONS, threads=1)
    run = encode(corpus, min_count=1)
    plan = Plan(len(run.ids), len(run.vocabulary.words), 5, make_schedule(run, config, []))
    for count in (1, 2, 3, 5):
        shares = Orders(plan, config, run.vocabulary.counts, count).shares
        assert [edge for share in shares for edge in share][1:-1:2] == [low for low, _ in shares[1:]]
        assert (shares[0][0], shares[-1][1]) == (0, plan.words)
        sizes = [high - low for low, high in shares]
        assert sizes == sorted(sizes), "the more frequent its words, the more work is a row"
        assert min(sizes) > 0


def test_too_little_memory_is_said_before_training(
    ray: Any, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(musters, "needed_bytes", lambda split, size, replicas: replicas * 10**15)
    with pytest.raises(
        ConfigError, match=r"would hold 5 of 5 shards of 1,999 words x 20 .* GB are free: give more machines"
    ):
        firth.train(corpus, **OPTIONS, ray=True)


def test_a_store_of_objects_by_its_uri(
    ray: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An S3 server on this machine, read with and without a cluster."""
    pytest.importorskip("localbucket")
    server = Path(sys.executable).with_name("localbucket")
    (tmp_path / "store" / "texts" / "deep").mkdir(parents=True)
    lines = corpus.read_text().splitlines()
    (tmp_path / "store/texts/a.txt").write_text("\n".join(lines[:999]))
    (tmp_path / "store/texts/deep/b.txt").write_text("\n".join(lines[999:]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    query = f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([server, "--port", str(port), tmp_path / "store"], **quiet) as process:
        try:
            answers(port)
            here = encode(tmp_path / "store" / "texts", min_count=1)
            for uri in (f"s3://texts{query}", f"s3://texts/**.txt{query}"):
                assert encode(uri, min_count=1).fingerprint == here.fingerprint
                assert encode(uri, min_count=1, spread=Reading(ray)).fingerprint == here.fingerprint
            cache = CacheFolder(tmp_path / "cache")
            first, again = (encode(f"s3://texts/a.txt{query}", min_count=1, cache=cache) for _ in range(2))
            assert first.source["paths"] == [f"s3://texts/a.txt{query}"]
            assert again.folder == first.folder
            for name in ("none.txt", "*.none"):
                with pytest.raises(CorpusError, match="check the address"):
                    encode(f"s3://texts/{name}{query}", min_count=1)
        finally:
            process.terminate()
    with pytest.raises(CorpusError, match=r"nosuch://a/b: cannot be reached .*credentials"):
        encode("nosuch://a/b", min_count=1)


def answers(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def test_a_cluster_of_ones_own_listens_on_this_machine_only(ray: Any) -> None:
    found = [
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert found
    assert set(found) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}

"""The map beside the page: PCA at once, the good layout by another process, kept, exported, ended."""

import csv
import io
import json
import os
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")

from explorer_site import HOSTILE, client_of, small_model
from firth.embeddings import Embeddings
from firth.errors import MissingExtraError
from firth.explorer import jobs
from firth.explorer.jobs import MapJob
from firth.formats import load, save
from firth.projection.map_file import read_map
from firth.projection.word_map import PCA, TSNE


def saved(tmp_path: Path, words: int = 60) -> Path:
    model = small_model(words)
    path = tmp_path / "m"
    save(Embeddings(model.index_to_key, model.vectors, counts=model.counts, trained=model.trained), path)
    return path


def without_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtraError('a map needs the package openTSNE: the extra "firth[map]"')

    monkeypatch.setattr(jobs, "library", missing)


def test_points_and_words_come_as_the_interface_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_layout(monkeypatch)
    path = saved(tmp_path)
    with client_of(load(path), folder=tmp_path) as (client, site):
        before = client.get("/api/map").json()
        assert (before["state"], before["version"], before["points"]) == ("computing", None, 0)
        job = site.shown[0].map_job = MapJob(load(path), path)
        job.run()
        state = client.get("/api/map").json()
        assert (state["state"], state["method"], state["points"], state["k"]) == ("ready", PCA, 59, 10)
        assert "firth[map]" in state["message"]
        version = {"version": state["version"]}
        reply = client.get("/api/map/points", params=version)
        assert "immutable" in reply.headers["cache-control"]
        n = state["points"]
        x, y = np.frombuffer(reply.content, "<f4", 2 * n).reshape(2, n)
        near = np.frombuffer(reply.content, "u1", n, 8 * n)
        rows = np.frombuffer(reply.content, "<u4", n, 9 * n)
        assert len(reply.content) == 13 * n
        assert max(np.abs(x).max(), np.abs(y).max()) == pytest.approx(1.0, abs=1e-3)
        assert state["median_near"] == float(np.median(near))
        words = client.get("/api/map/words", params=version).json()
        assert words == [load(path).index_to_key[row] for row in rows]
        assert "never" not in words
        assert set(HOSTILE) <= set(words)
        etag = client.get("/api/map/words", params=version).headers["etag"]
        headers = {"if-none-match": etag}
        assert client.get("/api/map/words", params=version, headers=headers).status_code == 304
        assert client.get("/api/map/points", params={"version": 1}).status_code == 404


def test_a_process_lays_out_and_the_map_is_kept(tmp_path: Path) -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not installed: the extra firth[map]")
    path = saved(tmp_path, 200)
    job = MapJob(load(path), path)
    job.run()
    state = job.describe()
    assert (state["state"], state["method"], state["progress"], state["message"]) == ("ready", TSNE, 1.0, "")
    kept = read_map(path, load(path))
    assert kept is not None
    assert job.drawn is not None
    assert np.array_equal(kept.positions, job.drawn.map.positions)
    again = MapJob(load(path), path)
    before = os.times().children_user
    again.run()
    assert os.times().children_user == before
    assert again.describe() == state


def test_vectors_of_another_format_get_a_map_that_is_not_kept(tmp_path: Path) -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not installed: the extra firth[map]")
    words = Embeddings([f"w{n}" for n in range(40)], small_model(40).vectors + 0.1)
    file = tmp_path / "vectors.npz"
    np.savez(file)
    job = MapJob(words, file)
    job.run()
    assert (job.describe()["state"], job.describe()["method"]) == ("ready", TSNE)
    assert list(tmp_path.iterdir()) == [file]


def test_stopping_ends_the_process(tmp_path: Path) -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not installed: the extra firth[map]")
    path = saved(tmp_path, 1500)
    with client_of(load(path), folder=tmp_path) as (_, site):
        job = site.shown[0].map_job = MapJob(load(path), path)
        site.start_maps()
        deadline = time.monotonic() + 60
        while job._child is None and time.monotonic() < deadline:
            time.sleep(0.01)
        child = job._child
        assert child is not None
    assert child.returncode == -signal.SIGTERM  # before its work was done: the site was closed
    assert not (path / "map.json").exists()
    assert not list(tmp_path.glob(".*"))


def test_what_goes_wrong_leaves_the_map_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)
    model = load(path)
    monkeypatch.setattr(jobs, "library", lambda: None)
    job = MapJob(model, path)
    _ = model.index_to_key
    (path / "vocabulary.parquet").unlink()  # the process cannot read the model
    job.run()
    state = job.describe()
    assert (state["state"], state["method"], state["median_near"]) == ("ready", PCA, None)
    assert "vocabulary.parquet" in state["message"]
    tiny = MapJob(Embeddings(["a"], np.ones((1, 2), np.float32)), tmp_path / "t")
    tiny.run()
    assert tiny.describe()["state"] == "failed"
    assert tiny.describe()["message"]


def export(client: Any, kind: str) -> Any:
    reply = client.get("/api/map/export", params={"format": kind})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-disposition"].startswith('attachment; filename="model0-')
    return reply.content


def test_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_layout(monkeypatch)
    path = saved(tmp_path)
    with client_of(load(path), folder=tmp_path) as (client, site):
        assert client.get("/api/map/export", params={"format": "csv"}).status_code == 404
        job = site.shown[0].map_job = MapJob(load(path), path)
        job.run()
        assert job.drawn is not None
        words = json.loads(job.drawn.words.body)
        table = list(csv.DictReader(io.StringIO(export(client, "csv").decode(), newline="")))
        assert [row["word"] for row in table] == words
        assert float(table[0]["x"]) == pytest.approx(float(job.drawn.map.positions[0, 0]))
        atlas = pq.read_table(io.BytesIO(export(client, "atlas")))
        assert atlas.column("word").to_pylist() == words
        assert atlas.column_names == ["word", "count", "x", "y", "near"]
        with zipfile.ZipFile(io.BytesIO(export(client, "projector"))) as archive:
            metadata = archive.read("metadata.tsv").decode().splitlines()
            vectors = np.loadtxt(io.BytesIO(archive.read("vectors.tsv")), delimiter="\t", dtype=np.float32)
        assert metadata[0] == "word\tcount\tnear"
        assert {line.count("\t") for line in metadata} == {2}
        assert len(metadata) == len(words) + 1
        assert np.array_equal(vectors, load(path).vectors[job.drawn.map.rows])

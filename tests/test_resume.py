"""Runs that were stopped, and go on; models that are trained further."""

import io
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from corpora import digest, zipf_text
from firth.embeddings import Embeddings
from firth.errors import (
    ConfigError,
    CorpusError,
    FormatError,
    Interrupted,
    OutputExistsError,
    ResumeError,
)
from firth.formats import load, save
from firth.formats.safetensors_file import map_tensors, write_tensors
from firth.training import checkpoint, trainer
from firth.training.progress import Progress
from nursery import Nursery, nursery

OPTIONS: dict[str, Any] = {"vector_size": 19, "epochs": 6, "threads": 1}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "c.txt"
    path.write_text(zipf_text(120_000))
    return path


def digest_or_none(model: Path) -> dict[str, str] | None:
    """Return the digest of a model that is whole."""
    return digest(model) if (model / "config.json").exists() else None


class StopAt:
    """A watcher that presses Ctrl-C once a share of the run is done."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, progress: Progress, /) -> None:
        if progress.words >= self.share * progress.words_total:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.training.supervision.TICK_SECONDS", 0.002)
    monkeypatch.setattr("firth.training.marching.SECONDS", 0.002)


def stop(corpus: Any, output: Path, share: float = 0.3, **options: Any) -> None:
    """Begin a run and interrupt it."""
    with pytest.raises(Interrupted, match=rf"its state is saved: go on with `firth train --resume {output}`"):
        trainer.train(corpus, output=output, progress=StopAt(share), **{**OPTIONS, **options})


def stop_again(output: Path, share: float, **options: Any) -> None:
    """Go on with a run and interrupt it again."""
    with pytest.raises(Interrupted):
        trainer.resume(output, progress=StopAt(share), **options)


# --- killed ------------------------------------------------------------------------------------------


@pytest.fixture
def children() -> Iterator[Nursery]:
    if not hasattr(os, "fork"):
        pytest.skip("children are forked")
    with nursery() as opened:
        yield opened


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(
    tmp_path: Path, corpus: Path, children: Nursery
) -> None:
    job = {"cache": tmp_path / "cache", "options": {**OPTIONS, "epochs": 12}}
    assert children.run(corpus=corpus, model=tmp_path / "warm", **job) == 0
    began = time.perf_counter()
    assert children.run(corpus=corpus, model=tmp_path / "whole", **job) == 0
    took = time.perf_counter() - began
    expected, dice = digest(tmp_path / "whole"), random.Random(11)
    shares = []
    for number in range(20):
        model = tmp_path / f"killed-{number}"
        child = children.start(corpus=corpus, model=model, **job)
        time.sleep(dice.uniform(0.1, 1.0) * took)
        with suppress(ProcessLookupError):  # it is finished
            os.kill(child, signal.SIGKILL)
        if children.wait() == 0 or (model / "config.json").exists():
            shares.append(1.0)
        elif not checkpoint.has_state(model):
            shares.append(0.0)
            assert children.run(corpus=corpus, model=model, **job) == 0
        else:
            shares.append(len((model / "checkpoint" / "training.jsonl").read_text().splitlines()) / 96)
            other = {"threads": dice.choice([1, 2, 3, 8])}
            assert children.run(corpus=None, model=model, cache=job["cache"], options=other) == 0
        assert digest(model) == expected, f"kill {number}, at {shares[-1]:.0%} of the run"
        assert len(load(model).training) == len(load(tmp_path / "whole").training)
        shutil.rmtree(model)
    assert len({share for share in shares if 0 < share < 1}) >= 5, "too few kills in the middle of the run"


@pytest.mark.slow
@pytest.mark.parametrize("saves", [False, True])
def test_a_kill_at_any_operation_on_a_file_loses_neither_the_old_model_nor_the_new(
    tmp_path: Path, children: Nursery, saves: bool
) -> None:
    """A second run replaces a model, and is killed before each of its operations in turn."""
    corpus, cache = tmp_path / "c.txt", tmp_path / "cache"
    corpus.write_text(zipf_text(9_000))
    options = {"vector_size": 9, "epochs": 40 if saves else 2, "checkpoint_every": 0.01 if saves else None}
    job = {"corpus": corpus, "cache": cache}
    old = {**options, "seed": 1, "epochs": 1}
    new = {**options, "seed": 2, "force": True}
    assert children.run(model=tmp_path / "old", options=old, **job) == 0
    assert children.run(model=tmp_path / "new", options=new, **job) == 0
    before, after = digest(tmp_path / "old"), digest(tmp_path / "new")
    outcomes = []
    for step in range(1, 400, 11 if saves else 1):
        model = tmp_path / f"m{step}"
        shutil.copytree(tmp_path / "old", model)
        if children.run(model=model, options=new, die_at=step, **job) == 0:
            break
        if digest_or_none(model) == before:
            outcomes.append("old model")
            assert load(model).config["options"]["seed"] == 1
        else:
            assert checkpoint.has_state(model) or digest_or_none(model) == after
        if digest_or_none(model) != before or checkpoint.has_state(model):
            outcomes.append("goes on")
            trainer.resume(model, cache=cache)
            assert digest(model) == after, f"killed at operation {step}"
            assert {path.name for path in model.iterdir()} == {
                path.name for path in (tmp_path / "new").iterdir()
            }
        shutil.rmtree(model)
    else:
        pytest.fail("the run never ended")
    assert digest(model) == after
    assert outcomes.count("goes on") >= 5
    assert "old model" in outcomes


@pytest.mark.slow
def test_a_kill_at_the_beginning_leaves_a_folder_that_the_next_run_takes(
    tmp_path: Path, children: Nursery
) -> None:
    corpus, cache = tmp_path / "c.txt", tmp_path / "cache"
    corpus.write_text(zipf_text(9_000))
    options = {"vector_size": 9, "epochs": 2, "checkpoint_every": None}
    for step in range(1, 30):
        model = tmp_path / f"m{step}"
        assert children.run(corpus=corpus, model=model, cache=cache, options=options, die_at=step) == -9
        if checkpoint.has_state(model):
            break
        with pytest.raises(ResumeError, match=r"no run of firth|before its first checkpoint"):
            trainer.resume(model, cache=cache)
        trainer.train(corpus, output=model, cache=cache, **options)
        assert load(model).training[-1]["epoch"] == 2
    assert step > 10


def test_a_kill_before_the_first_checkpoint_is_said(tmp_path: Path, corpus: Path, children: Nursery) -> None:
    options = {**OPTIONS, "epochs": 1000, "checkpoint_every": None}
    job = {"cache": tmp_path / "cache", "options": options}
    child = children.start(corpus=corpus, model=tmp_path / "m", **job)
    while not (tmp_path / "m" / "checkpoint" / "config.json").exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    assert children.wait() == -9
    with pytest.raises(ResumeError, match=r"m: the run was stopped before its first checkpoint"):
        trainer.resume(tmp_path / "m")
    again = trainer.train(corpus, output=tmp_path / "m", **OPTIONS)
    assert again.config["state"] == "finished"


# --- interrupted -------------------------------------------------------------------------------------


def test_an_interrupted_run_can_be_looked_at_and_goes_on_exactly(tmp_path: Path, corpus: Path) -> None:
    whole = trainer.train(corpus, output=tmp_path / "whole", **OPTIONS)
    stop(corpus, tmp_path / "m", 0.3)
    so_far = load(tmp_path / "m" / "checkpoint")
    assert so_far.config["state"] == "training"
    assert 0 < len(so_far.training) < len(whole.training)
    assert so_far.config["timing"]["train_seconds"] > 0
    assert len(so_far.most_similar("w7", topn=3)) == 3
    with pytest.raises(FormatError, match="its training is not finished: go on with"):
        load(tmp_path / "m")
    with pytest.raises(Interrupted, match="stopped after"):
        trainer.resume(tmp_path / "m", progress=StopAt(0.6))
    goes_on = trainer.resume(tmp_path / "m")
    assert digest(tmp_path / "m") == digest(tmp_path / "whole")
    for left, right in zip(goes_on.training, whole.training, strict=True):
        timed = {"seconds": 0, "words_per_second": 0}
        assert left | timed == right | timed
    assert all(a["seconds"] < b["seconds"] for a, b in pairwise(goes_on.training))
    assert not (tmp_path / "m" / "checkpoint").exists()


def test_threads_may_change_when_a_run_goes_on(tmp_path: Path, corpus: Path) -> None:
    whole = trainer.train(corpus, output=tmp_path / "whole", **{**OPTIONS, "threads": 2})
    stop(corpus, tmp_path / "m", threads=1)
    stop_again(tmp_path / "m", 0.6, threads=7)
    model = trainer.resume(tmp_path / "m", threads=3)
    assert model.config["options"]["threads"] == 3
    assert model.training[-1]["words"] == 6 * 120_000
    assert digest(tmp_path / "m") == digest(tmp_path / "whole")
    assert model.config["epoch_losses"] == whole.config["epoch_losses"]


def test_racing_threads_may_change_too(tmp_path: Path, corpus: Path) -> None:
    stop(corpus, tmp_path / "m", threads=1, reproducible=False)
    model = trainer.resume(tmp_path / "m", threads=3)
    assert model.training[-1]["words"] == 6 * 120_000


def test_a_run_may_be_stopped_before_its_first_block(tmp_path: Path, corpus: Path) -> None:
    stop(corpus, tmp_path / "m", 0.0)
    whole = trainer.train(corpus, output=tmp_path / "whole", **OPTIONS)
    assert len(trainer.resume(tmp_path / "m").training) == len(whole.training)
    assert digest(tmp_path / "m") == digest(tmp_path / "whole")


def test_a_second_interrupt_while_saving_keeps_the_last_checkpoint(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(corpus, tmp_path / "m", 0.2)
    before = (tmp_path / "m" / "checkpoint" / "model.safetensors").read_bytes()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_tensors", interrupted)
    with pytest.raises(Interrupted, match="again while this was saved; the last checkpoint is kept"):
        trainer.resume(tmp_path / "m", progress=StopAt(0.5))
    with pytest.raises(Interrupted, match="again while this was saved; nothing is kept"):
        trainer.train(corpus, output=tmp_path / "n", progress=StopAt(0.2), **OPTIONS)
    monkeypatch.undo()
    assert (tmp_path / "m" / "checkpoint" / "model.safetensors").read_bytes() == before
    trainer.resume(tmp_path / "m", cache=tmp_path / "user-cache")


def test_without_a_folder_nothing_is_kept_and_that_is_said(corpus: Path) -> None:
    with pytest.raises(Interrupted, match="nothing is kept, as no output folder was given"):
        trainer.train(corpus, progress=StopAt(0.2), **OPTIONS)


def test_an_interrupt_when_the_model_moves_to_its_place_loses_nothing(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.train(corpus, output=tmp_path / "whole", **OPTIONS)
    real, moved = checkpoint.sync_folder, []

    def sync(folder: Path) -> None:
        real(folder)
        moved.append(folder)
        if len(moved) == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "sync_folder", sync)
    for number, message in ((1, "stopped after 100.0% of the run; its state is saved"), (2, "just finished")):
        moved.clear()
        model = tmp_path / f"m{number}"
        with pytest.raises(Interrupted, match=message):
            trainer.train(corpus, output=model, **OPTIONS)
        assert trainer.resume(model).config["state"] == "finished"
        assert digest(model) == digest(tmp_path / "whole")
        assert not (model / "checkpoint").exists()


# --- a full disk -------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["checkpoint", "finished"])
def test_a_full_disk_keeps_the_last_checkpoint_and_the_old_model(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    whole = tmp_path / "whole"
    trainer.train(corpus, output=whole, **OPTIONS)
    trainer.train(corpus, output=tmp_path / "m", **{**OPTIONS, "seed": 2, "epochs": 1})
    old, real, written = digest(tmp_path / "m"), write_tensors, []

    def write(path: Path, *rest: Any) -> None:
        written.append(path)
        if path.parent.name == part and len(written) > 1:
            raise FormatError(f"{path}: no room to write it (No space left on device)")
        real(path, *rest)

    monkeypatch.setattr(checkpoint, "write_tensors", write)
    with pytest.raises(FormatError, match=r"no room to write it .*; the last checkpoint is kept: go on with"):
        trainer.train(corpus, output=tmp_path / "m", force=True, checkpoint_every=0.002, **OPTIONS)
    assert digest(tmp_path / "m") == old
    monkeypatch.undo()
    trainer.resume(tmp_path / "m", cache=tmp_path / "user-cache")
    assert digest(tmp_path / "m") == digest(whole)


# --- the corpus of a run that goes on ----------------------------------------------------------------


def test_a_moved_corpus_is_named_and_a_changed_one_refused(tmp_path: Path, corpus: Path) -> None:
    stop(corpus, tmp_path / "m", cache=False)
    moved = corpus.rename(tmp_path / "moved.txt")
    with pytest.raises(ResumeError, match=r"no such file .*c\.txt.*`firth train --resume .*m FILE`"):
        trainer.resume(tmp_path / "m")
    moved.write_text(moved.read_text().replace("w7 ", "w8 ", 1))
    with pytest.raises(ResumeError, match=r"the corpus has changed since the run in .*m began"):
        trainer.resume(tmp_path / "m", moved)
    moved.write_text(zipf_text(120_000))
    trainer.resume(tmp_path / "m", moved)
    trainer.train(moved, output=tmp_path / "whole", **OPTIONS)
    assert digest(tmp_path / "m") == digest(tmp_path / "whole")


def test_a_corpus_that_is_gone_comes_from_the_cache(tmp_path: Path, corpus: Path) -> None:
    stop(corpus, tmp_path / "m")
    corpus.unlink()
    assert trainer.resume(tmp_path / "m").config["state"] == "finished"


def test_standard_input_and_iterables_come_from_the_cache_or_are_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = zipf_text(120_000)
    for name, given in (("stdin", "-"), ("iterable", text.splitlines())):
        for cache in (True, False):
            piped = io.TextIOWrapper(io.BytesIO(text.encode()))
            monkeypatch.setattr("sys.stdin", piped)
            output = tmp_path / f"{name}-{cache}"
            stop(given, output, cache=cache)
            if not cache:
                with pytest.raises(
                    ResumeError, match=rf"came from {name}, and no encoded copy .* - for standard"
                ):
                    trainer.resume(output, cache=False)
            model = trainer.resume(output, None if cache else text.splitlines())
            assert model.config["corpus"]["tokens"] == 120_000
    assert len({digest(path)["model.safetensors"] for path in tmp_path.glob("[si]*-*")}) == 1


def test_ids_are_given_again_with_their_starts(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ids, starts = rng.zipf(1.5, 120_000) % 500 * 2, np.arange(0, 120_000, 11)
    parts = {"sentence_starts": starts, "cache": False}
    stop(ids, tmp_path / "m", vocab_size=1200, **parts)
    with pytest.raises(ResumeError, match="the corpus has changed"):
        trainer.resume(tmp_path / "m", ids)
    model = trainer.resume(tmp_path / "m", ids, **parts)
    assert model.vectors.shape == (1200, 19)
    whole = trainer.train(ids, vocab_size=1200, **parts, **OPTIONS)
    assert np.array_equal(model.vectors, whole.vectors)
    further = trainer.resume(tmp_path / "m", ids, epochs=1, alpha=0.01, **parts)
    assert further.config["phases"][1]["epochs"] == 1


# --- trained further ---------------------------------------------------------------------------------


def test_a_finished_model_is_trained_further_again_and_again(tmp_path: Path, corpus: Path) -> None:
    model = tmp_path / "m"
    first = trainer.train(corpus, output=model, **{**OPTIONS, "epochs": 2})
    assert trainer.resume(model).training == first.training
    with pytest.raises(ConfigError, match="further epochs need a learning rate"):
        trainer.resume(model, epochs=3)
    with pytest.raises(ConfigError, match="say how many with epochs"):
        trainer.resume(model, alpha=0.01)
    trainer.resume(model, epochs=3, alpha=0.02, min_alpha=0.001)
    last = trainer.resume(model, epochs=1, alpha=0.01, threads=2)
    assert last.config["phases"] == [
        {"epochs": 2, "alpha": 0.05, "min_alpha": 0.0001, "threads": 1},
        {"epochs": 3, "alpha": 0.02, "min_alpha": 0.001, "threads": 1},
        {"epochs": 1, "alpha": 0.01, "min_alpha": 0.001, "threads": 2},
    ]
    assert last.config["options"]["epochs"] == 6
    assert json.loads((model / "config.json").read_text())["phases"] == last.config["phases"]
    lines = last.training
    assert lines[: len(first.training)] == first.training
    assert (lines[-1]["words"], lines[-1]["epoch"]) == (6 * 120_000, 6.0)
    for name in ("words", "epoch"):
        assert all(a[name] < b[name] for a, b in pairwise(lines)), name
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(lines))
    assert [line["alpha"] for a, line in pairwise(lines) if line["alpha"] > a["alpha"]] == [0.02, 0.01]


def test_a_further_phase_goes_on_exactly_and_is_another_run_than_the_first(
    tmp_path: Path, corpus: Path
) -> None:
    for name in ("m", "whole"):
        trainer.train(corpus, output=tmp_path / name, **OPTIONS)
    before = digest(tmp_path / "m")
    with pytest.raises(Interrupted):
        trainer.resume(tmp_path / "m", epochs=6, alpha=0.05, progress=StopAt(0.4))
    assert digest(tmp_path / "m") == before
    with pytest.raises(ConfigError, match="not finished, so its epochs and alpha stand"):
        trainer.resume(tmp_path / "m", epochs=2, alpha=0.01)
    trainer.resume(tmp_path / "m")
    trainer.resume(tmp_path / "whole", epochs=6, alpha=0.05)
    assert digest(tmp_path / "m") == digest(tmp_path / "whole") != before
    pairs = [line["pairs"] for line in load(tmp_path / "m").training]
    assert pairs[: len(pairs) // 2] != pairs[len(pairs) // 2 :], "the further epochs drew the same again"


def test_a_further_phase_killed_at_its_beginning_leaves_the_model(tmp_path: Path, corpus: Path) -> None:
    trainer.train(corpus, output=tmp_path / "m", **OPTIONS)
    before = digest(tmp_path / "m")
    shutil.copytree(tmp_path / "m", tmp_path / "m" / "checkpoint")
    (tmp_path / "m" / "checkpoint" / "model.safetensors").unlink()
    with pytest.raises(ResumeError, match=r"before its first checkpoint.* is as it was"):
        trainer.resume(tmp_path / "m")
    with pytest.raises(OutputExistsError, match="holds a model"):
        trainer.train(corpus, output=tmp_path / "m", **OPTIONS)
    assert digest(tmp_path / "m") == before
    trainer.resume(tmp_path / "m", epochs=1, alpha=0.01)
    assert load(tmp_path / "m").config["options"]["epochs"] == 7


# --- what cannot go on -------------------------------------------------------------------------------


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path, corpus: Path) -> None:
    stop(corpus, tmp_path / "m")
    stop(corpus, tmp_path / "other", seed=2)
    stop(corpus, tmp_path / "wider", vector_size=20)
    tensors = tmp_path / "m" / "checkpoint" / "model.safetensors"
    whole = tensors.read_bytes()

    def refuse(content: bytes, message: str) -> None:
        tensors.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            trainer.resume(tmp_path / "m")

    refuse(whole[:-5], r"model.safetensors: its header promises .* bytes")
    refuse(b"", r"not a safetensors file, or cut short")
    for name in ("other", "wider"):
        foreign = (tmp_path / name / "checkpoint" / "model.safetensors").read_bytes()
        refuse(foreign, "the checkpoint of another run" if name == "other" else r"has shape \(\d+, 20\)")
    tensors.write_bytes(whole)
    tables, _ = map_tensors(tensors)
    write_tensors(tensors, {name: (table.shape, [table]) for name, table in tables.items()})
    refuse(tensors.read_bytes(), "not a checkpoint of this run .*firth_state")
    tensors.write_bytes(whole)
    assert trainer.resume(tmp_path / "m").config["state"] == "finished"


def test_what_is_no_run_is_refused(tmp_path: Path, corpus: Path) -> None:
    for name in ("nothing", "empty"):
        with pytest.raises(ResumeError, match=f"{name} holds no run of firth"):
            trainer.resume(tmp_path / name)
        (tmp_path / "empty").mkdir(exist_ok=True)
    stop(corpus, tmp_path / "m")
    with pytest.raises(ResumeError, match=r"checkpoint is the checkpoint of a run: give .*/m$"):
        trainer.resume(tmp_path / "m" / "checkpoint")
    foreign = Embeddings(["a", "b"], np.ones((2, 3), np.float32), context_vectors=np.ones((2, 3), np.float32))
    save(foreign, tmp_path / "foreign")
    with pytest.raises(ResumeError, match="foreign was not trained by"):
        trainer.resume(tmp_path / "foreign", epochs=1, alpha=0.01)
    model = firth.train(corpus, **OPTIONS)
    bare = Embeddings(model.index_to_key, model.vectors, counts=model.counts, config=model.config)
    save(bare, tmp_path / "bare")
    with pytest.raises(ResumeError, match="no context vectors"):
        trainer.resume(tmp_path / "bare", epochs=1, alpha=0.01)
    with pytest.raises(CorpusError, match="no such file"):
        trainer.train(tmp_path / "nowhere.txt")

"""Training as Python calls it: what is learnt, what is reported, what is refused."""

import json
import logging
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import firth
from corpora import digest, zipf_text
from firth.corpus.encoded import EncodedCorpus, encode
from firth.errors import ConfigError, CorpusError, FormatError, OutputExistsError, TrainingError
from firth.training import checkpoint, engine, reference, supervision, trainer
from firth.training.arrays import make_scratch
from firth.training.config import TrainConfig
from firth.training.crew import Crew
from firth.training.draws import draw_windows, keep_chunk
from firth.training.memory import needed_bytes
from firth.training.progress import Progress
from firth.training.run import Run, make_schedule
from firth.training.tables import make_draws, matrices, new_tables

SENTENCES = [line.split() for line in zipf_text(4_000, vocabulary=90).splitlines()]
SMALL = {"min_count": 1, "vector_size": 7, "cache": False}


# --- the mathematics ---------------------------------------------------------------------------------


class Step(NamedTuple):
    """One center as the draws have it."""

    report: int
    alpha: float
    contexts: list[int]
    outputs: list[int]


def steps(corpus: EncodedCorpus, config: TrainConfig) -> Iterator[Step]:
    """Yield the steps of a whole run in its order, each from the kernels' draws alone."""
    draws = make_draws(corpus.vocabulary, config)
    schedule = make_schedule(corpus, config, [])
    size = config.negative + 1
    for block in map(schedule.block, range(schedule.blocks)):
        sentence = int(np.searchsorted(corpus.sentence_starts, block.begin, side="right")) - 1
        for begin in range(block.begin, block.end, 1024):
            scratch = make_scratch(draws, 16, spare=0)
            end = min(begin + 1024, block.end)
            where = (corpus.ids, corpus.sentence_starts, sentence, begin, end)
            first, past, sentence = keep_chunk(*where, draws, np.uint64(block.key), scratch)
            draw_windows(first, past, draws, 0, 1, scratch)
            for k in range(first, past):
                low = max(scratch.first[k], k - scratch.reach[k])
                high = min(scratch.past[k], k + scratch.reach[k] + 1)
                contexts = [int(scratch.kept[c]) for c in range(low, high) if c != k]
                outputs = scratch.outputs.reshape(-1, len(scratch.o_slots))[k, :size].tolist()
                if contexts:
                    yield Step(block.report, block.alpha, contexts, outputs)


def encoded(config: TrainConfig) -> EncodedCorpus:
    return encode(SENTENCES, min_count=config.min_count, threads=1)


@pytest.mark.parametrize(("threads", "negative", "shrink"), [(1, 5, True), (3, 13, False)])
def test_the_loss_of_vectors_that_stand_still_is_exact(threads: int, negative: int, shrink: bool) -> None:
    """While the context vectors are zero, a pair costs log 2 for its center and each unmasked negative."""
    config = TrainConfig(
        min_count=1, vector_size=7, alpha=1e-30, min_alpha=0.0, epochs=11, window=3, sample=0.01,
        negative=negative, shrink_windows=shrink, threads=threads, reproducible=False,
    )  # fmt: skip
    model = firth.train(SENTENCES, config, cache=False)
    cost = pairs = 0
    for step in steps(encoded(config), config):
        unmasked = sum(output != step.outputs[0] for output in step.outputs)
        cost += len(step.contexts) * (1 + unmasked)
        pairs += len(step.contexts)
    assert sum(report["pairs"] for report in model.training) == pairs > 30_000
    assert model.config["loss"] == pytest.approx(cost * math.log(2) / pairs, rel=1e-9)
    assert cost < pairs * (negative + 1), "some negatives equal the center, or this test could not tell"


def test_a_run_is_what_float64_makes_of_the_same_draws() -> None:
    config = TrainConfig(
        min_count=2, vector_size=11, epochs=2, sample=0.02, negative=7, threads=1, seed=4, reproducible=False
    )
    model = firth.train(SENTENCES, config, cache=False)
    corpus = encoded(config)
    start = matrices(new_tables(len(corpus.vocabulary.words), 11, 4), 11)
    W, C = (table.astype(np.float64) for table in start)
    sums = np.zeros((len(model.training), 2))
    for step in steps(corpus, config):
        loss = reference.train_step(W, C, step.contexts, step.outputs, float(np.float32(step.alpha)))
        sums[step.report] += loss, len(step.contexts)
    assert len(sums) == 2, "an epoch of so small a corpus is one block, and one report"
    for (loss, pairs), report in zip(sums, model.training, strict=True):
        assert report["loss"] == pytest.approx(loss / pairs, rel=1e-5)
        assert report["pairs"] == pairs
    assert model.vectors == pytest.approx(W, abs=2e-5)
    assert model.context_vectors == pytest.approx(C, abs=2e-5)
    assert np.abs(C).max() > 0.1


def test_the_mean_loss_does_not_depend_on_the_number_of_threads() -> None:
    text = [line.split() for line in zipf_text(60_000).splitlines()]
    losses = [
        firth.train(text, vector_size=20, epochs=3, threads=threads, cache=False, reproducible=False).config[
            "epoch_losses"
        ]
        for threads in (1, 4)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0][2] < losses[0][0] < 6 * math.log(2)


def test_words_that_share_contexts_come_together() -> None:
    rng = np.random.default_rng(2)
    pets, metals, either = ["cat", "dog", "hen"], ["tin", "zinc"], ["the", "a", "this"]
    sides = [(pets, ["eats", "runs", "sleeps"]), (metals, ["melts", "rusts", "shines"])]
    text = []
    for _ in range(3_000):
        nouns, verbs = sides[rng.integers(2)]
        text.append([str(rng.choice(words)) for words in (either, nouns, verbs)])
    model = firth.train(text, vector_size=13, epochs=5, sample=0, cache=False)
    for word in ("cat", "dog"):
        near = model.similarity(word, "hen")
        assert near > model.similarity(word, "tin") + 0.3
    assert model.similarity("tin", "zinc") > model.similarity("tin", "hen") + 0.3


# --- reports -----------------------------------------------------------------------------------------


def test_reports_add_up_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(zipf_text(100_000))
    model = firth.train(tmp_path / "c.txt", vector_size=9, epochs=3, threads=2, output=tmp_path / "m")
    lines = [json.loads(line) for line in (tmp_path / "m" / "training.jsonl").read_text().splitlines()]
    assert lines == model.training
    assert lines[-1]["words"] == 300_000 == model.config["corpus"]["tokens"] * 3
    assert lines[-1]["epoch"] == 3.0
    assert lines[-1]["seconds"] == pytest.approx(model.config["timing"]["train_seconds"], rel=0.2, abs=0.05)
    for name in ("words", "epoch"):
        assert all(a[name] < b[name] for a, b in pairwise(lines)), name
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(lines))
    assert lines[0]["alpha"] == 0.05
    assert all(a["alpha"] > b["alpha"] > 0.0001 for a, b in pairwise(lines))
    pairs = sum(line["pairs"] for line in lines)
    assert sum(line["loss"] * line["pairs"] for line in lines) / pairs == pytest.approx(model.config["loss"])
    assert sum(line["trained_words"] for line in lines) == model.config["timing"]["trained_words"] < 300_000
    assert len(model.config["epoch_losses"]) == 3


def test_a_watcher_is_told_and_what_is_told_is_true() -> None:
    seen: list[Progress] = []
    config = TrainConfig(vector_size=30, epochs=6, threads=2)
    model = firth.train(zipf_text(120_000).splitlines(), config, progress=seen.append, cache=False)
    assert (seen[0].words, seen[0].loss, seen[0].epoch_losses) == (0, None, ())
    assert seen[-1].words == seen[-1].words_total == 720_000
    assert all(a.words <= b.words for a, b in pairwise(seen))
    assert list(seen[-1].epoch_losses) == model.config["epoch_losses"]
    assert (seen[-1].epoch, seen[-1].epochs) == (6, 6)


def test_without_a_watcher_lines_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "firth"):
        firth.train(SENTENCES, epochs=2, **SMALL)
    assert "epoch 2/2 done  loss/pair" in caplog.text
    assert "100.0%  epoch 2/2" in caplog.text


def test_a_watcher_that_raises_stops_every_thread_and_leaves_nothing(tmp_path: Path) -> None:
    def watch(progress: Progress) -> None:
        if progress.words:
            raise RuntimeError("no more")

    text = zipf_text(50_000).splitlines()
    with pytest.raises(RuntimeError, match="no more"):
        firth.train(text, epochs=10_000, threads=3, progress=watch, output=tmp_path / "m")
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("firth")] == []
    assert not (tmp_path / "m").exists()


def test_a_second_interrupt_still_waits_for_the_blocks_at_work() -> None:
    class Pool:
        waited = 0

        def shutdown(self, *, wait: bool) -> None:
            self.waited += wait
            if self.waited < 3:
                raise KeyboardInterrupt

    pool = Pool()
    with pytest.raises(KeyboardInterrupt):
        supervision.join(pool)  # type: ignore[arg-type]
    assert pool.waited == 3


# --- what a corpus may be ----------------------------------------------------------------------------


def forms(folder: Path) -> dict[str, Any]:
    text = "\n".join(map(" ".join, SENTENCES)) + "\n"
    (folder / "one.txt").write_text(text)
    cut = text.index("\n", len(text) // 2) + 1
    (folder / "part-1.txt").write_text(text[:cut])
    (folder / "part-2.txt").write_text(text[cut:])
    return {
        "a path as text": str(folder / "one.txt"),
        "a glob": str(folder / "part-*.txt"),
        "a list of paths": [folder / "part-1.txt", folder / "part-2.txt"],
        "a list of token lists": SENTENCES,
        "a generator of token lists": iter(SENTENCES),
        "a list of strings": [" ".join(words) for words in SENTENCES],
        "a generator of strings": (" ".join(words) for words in SENTENCES),
    }


def test_every_form_of_a_corpus_makes_the_same_model(tmp_path: Path) -> None:
    expected = firth.train(tmp_path / "one.txt", threads=1, **SMALL) if forms(tmp_path) else None
    assert expected is not None
    assert len(expected) == 90
    for name, corpus in forms(tmp_path).items():
        model = firth.train(corpus, threads=1, **SMALL)
        assert model.index_to_key == expected.index_to_key, name
        assert np.array_equal(model.vectors, expected.vectors), name


def test_a_dataset_makes_the_same_model_too() -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"n": [0] * len(SENTENCES), "text": list(map(" ".join, SENTENCES))})
    model = firth.train(data, column="text", threads=1, **SMALL)
    assert np.array_equal(model.vectors, firth.train(SENTENCES, threads=1, **SMALL).vectors)
    assert model.config["corpus"]["kind"] == "dataset"


def ids_of(sentences: list[list[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids with gaps, whose order is not that of the counts, and the sentence starts."""
    lengths = [len(words) for words in sentences]
    ids = [(int(word[1:]) * 53) % 97 * 3 + 4 for words in sentences for word in words]
    return np.array(ids), np.cumsum([0, *lengths[:-1]])


@pytest.mark.parametrize("folder", [None, "m"])
def test_row_i_of_a_model_of_ids_is_token_i(tmp_path: Path, folder: str | None) -> None:
    ids, starts = ids_of(SENTENCES)
    output = None if folder is None else tmp_path / folder
    model = firth.train(ids, sentence_starts=starts, vocab_size=301, threads=1, output=output, **SMALL)
    assert model.vectors.shape == (301, 7)
    assert model.index_to_key[64] == "64"
    assert model.counts is not None
    assert model.counts.tolist() == np.bincount(ids, minlength=301).tolist()
    assert model.trained is not None
    assert model.trained.tolist() == (model.counts > 0).tolist()
    assert not model.vectors[~model.trained].any()
    assert np.abs(model.vectors[model.trained]).max(axis=1).min() > 0
    # Equal counts stand in the order of the ids here, of the words there: name the words like the ids.
    names = [[f"{number:03}" for number in part] for part in np.split(ids, starts[1:])]
    twin = firth.train(names, threads=1, **SMALL)
    rows = [int(word) for word in twin.index_to_key]
    assert np.array_equal(model.vectors[rows], twin.vectors)


def test_ids_without_sentence_starts_are_one_sentence() -> None:
    ids, _ = ids_of(SENTENCES)
    model = firth.train(ids, **SMALL)
    assert model.config["corpus"]["sentences"] == 1
    assert len(model) == ids.max() + 1


# --- reproducible ------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(zipf_text(40_000))
    for name, seed, cache in (("a", 3, False), ("b", 3, True), ("c", 4, True)):
        firth.train(
            tmp_path / "c.txt", output=tmp_path / name, threads=1, vector_size=19, seed=seed, cache=cache
        )
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a")["model.safetensors"] != digest(tmp_path / "c")["model.safetensors"]


def test_padding_and_checkpoints_leave_no_trace_in_the_model(tmp_path: Path) -> None:
    kept = firth.train(SENTENCES, output=tmp_path / "m", **SMALL)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "config.json",
        "model.safetensors",
        "training.jsonl",
        "vocabulary.parquet",
    ]
    assert kept.vectors.shape == (90, 7)
    config = (tmp_path / "m" / "config.json").read_text()
    assert json.loads(config, parse_constant=lambda text: pytest.fail(text))["state"] == "finished"


def test_training_works_outside_the_main_thread(tmp_path: Path) -> None:
    done: list[Any] = []
    thread = threading.Thread(
        target=lambda: done.append(firth.train(SENTENCES, output=tmp_path / "m", **SMALL))
    )
    thread.start()
    thread.join(60)
    assert len(done[0]) == 90


# --- the edges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"vector_size": 2},
        {"vector_size": 1024, "epochs": 1},
        {"negative": 1},
        {"negative": 50},
        {"window": 500, "shrink_windows": False},
        {"threads": 33},
        {"epochs": 1000},
        {"sample": 0.0, "ns_exponent": -0.5},
        {"max_vocab_size": 3},
        {"min_alpha": 0.05},
    ],
)
def test_every_option_trains(options: dict[str, Any]) -> None:
    text = SENTENCES[:40]
    model = firth.train(text, **{"min_count": 1, "cache": False, "sample": 0.1, **options})
    assert np.isfinite(model.vectors).all()
    assert math.isfinite(model.config["loss"])
    assert model.vector_size == options.get("vector_size", 100)
    assert model.training[-1]["words"] == sum(map(len, text)) * options.get("epochs", 5)


def test_a_corpus_of_one_sentence_of_two_words_is_enough() -> None:
    model = firth.train([["b", "a"]], min_count=1, sample=0, epochs=200, vector_size=3, cache=False)
    assert model.index_to_key == ["a", "b"]
    assert model.config["epoch_losses"][-1] < model.config["epoch_losses"][0]


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([["a"] * 9], r"only one word, 'a', occurs min_count=1 times"),
        ([["a"], ["b"], ["a"]], r"each of the 3 sentences has only one word .* on one line"),
        ([["a", "b"]] * 5, r"not one pair of words was trained: sample=1e-12 .* sample=0"),
        ([], "no words to learn from"),
        ([["a", 3]], r"sentence 0, token 1 is 3"),
        (np.array([3, -1]), "-1"),
        (np.array([3, 2**31]), "2147483648"),
    ],
)
def test_a_corpus_that_teaches_nothing_is_refused(corpus: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=message):
        firth.train(corpus, min_count=1, sample=1e-12, epochs=2, output=tmp_path / "m", vector_size=3)
    assert not (tmp_path / "m").exists()


def test_ids_out_of_the_table_are_refused() -> None:
    with pytest.raises(CorpusError, match="the id 9 lies outside vocab_size=7"):
        firth.train(np.array([3, 9, 3]), vocab_size=7, min_count=1, cache=False)


def test_a_learning_rate_that_is_too_high_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no longer finite in epoch \d.* alpha below 10"):
        firth.train(SENTENCES * 5, alpha=10.0, epochs=50, output=tmp_path / "m", min_count=1, negative=50)
    assert not (tmp_path / "m").exists()


def test_tables_beyond_the_memory_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"two tables of .* words x 1024 numbers take [\d,]+\.\d GB"):
        new_tables(1 << 50, 1024, 1)


def test_options_twice_or_unknown_are_refused() -> None:
    with pytest.raises(ConfigError, match="vector_size is given beside config="):
        firth.train(SENTENCES, TrainConfig(), vector_size=9)
    with pytest.raises(ConfigError, match="unknown option 'workers': firth calls it 'threads'"):
        firth.train(SENTENCES, workers=4)
    with pytest.raises(ConfigError, match="checkpoint_every must be above 0"):
        firth.train(SENTENCES, checkpoint_every=0)


# --- where the model goes ----------------------------------------------------------------------------


def test_a_model_is_replaced_only_with_force_and_only_when_the_new_one_is_finished(tmp_path: Path) -> None:
    output = tmp_path / "m"
    firth.train(SENTENCES, output=output, seed=1, threads=1, **SMALL)
    before = digest(output)
    with pytest.raises(OutputExistsError, match=r"holds a model: choose another name, or .*--force"):
        firth.train(SENTENCES, output=output, seed=2, **SMALL)

    def fail(progress: Progress) -> None:
        assert digest(output) == before
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        firth.train(SENTENCES, output=output, seed=2, force=True, progress=fail, **SMALL)
    assert (digest(output), len(list(output.iterdir()))) == (before, 4)
    (output / "my notes.txt").write_text("mine")
    firth.train(SENTENCES, output=output, seed=2, force=True, **SMALL)
    assert digest(output) != before
    assert (output / "my notes.txt").read_text() == "mine"


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_model_is_never_written_to(tmp_path: Path, force: bool) -> None:
    folder, file, link = tmp_path / "folder", tmp_path / "file", tmp_path / "link"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    file.write_text("a file")
    link.symlink_to(tmp_path / "nowhere")
    for place in (folder, file, link):
        with pytest.raises(OutputExistsError, match=f"{place.name} exists and is not a model of firth"):
            firth.train(SENTENCES, output=place, force=force, **SMALL)
    with pytest.raises(FormatError, match=r"file is not a folder"):
        firth.train(SENTENCES, output=file / "m", force=force, **SMALL)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    assert file.read_text() == "a file"


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint.os, "access", lambda path, mode: False)
    with pytest.raises(FormatError, match=r"m: cannot be written \(no permission to write to"):
        firth.train(tmp_path / "no such corpus", output=tmp_path / "deep" / "m")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_write_to_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with (
        checkpoint.held(tmp_path / "m"),
        pytest.raises(OutputExistsError, match="m is being trained by another process"),
    ):
        firth.train(SENTENCES, output=tmp_path / "m", **SMALL)
    with (
        checkpoint.held(tmp_path / "m"),
        pytest.raises(OutputExistsError, match="m is being trained by another process"),
    ):
        trainer.resume(tmp_path / "m")


WATCHED = """
import sys, threading, time
from pathlib import Path
import numpy as np
import firth

def anonymous():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.01)

ids, output, (vector_size, shards) = np.load(sys.argv[1], mmap_mode="r"), sys.argv[2], map(int, sys.argv[3:])
firth.train([[1, 2]] * 9999, min_count=1, sample=0, cache=False, vector_size=vector_size, shards=shards)
peak = base = anonymous()
threading.Thread(target=watch, daemon=True).start()
firth.train(
    ids, output=output, min_count=1, vector_size=vector_size, epochs=1, window=1, negative=1, threads=2,
    checkpoint_every=0.2, shards=shards,
)
print(peak - base)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory is read from /proc")
@pytest.mark.parametrize(
    ("n", "V", "D", "shards"),
    [(30_000_000, 900, 16, 1), (600_000, 100_000, 250, 1), (600_000, 100_000, 60, 8)],
)
def test_memory_is_that_of_the_tables(tmp_path: Path, n: int, V: int, D: int, shards: int) -> None:
    """The peak of anonymous memory, less that of a tiny run, while checkpoints are written too."""
    np.save(tmp_path / "ids.npy", np.random.default_rng(1).integers(0, V, n, np.int32))
    command = [sys.executable, "-c", WATCHED, *map(str, (tmp_path / "ids.npy", tmp_path / "m", D, shards))]
    grown = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    tables = needed_bytes(V, D, shards if shards > 1 else 0) / 2**20
    print(f"{grown:.0f} MiB more, {tables:.0f} of them the tables")
    assert tables * 0.9 < grown < tables + 150


@pytest.mark.parametrize(("seconds", "told"), [(0.2, [True]), (0.0, [])])
def test_somebody_is_told_when_compiling_takes_long(monkeypatch, seconds, told) -> None:
    real = engine.make_crew

    def slow(run: Run) -> Crew:
        time.sleep(seconds)
        return real(run)

    monkeypatch.setattr(engine, "make_crew", slow)
    monkeypatch.setattr(trainer, "COMPILING_SECONDS", 0.1)
    calls: list[bool] = []
    watchers = trainer.Watchers(compiling=lambda: calls.append(True))
    trainer.train([["a", "b"]] * 9, min_count=1, sample=0, vector_size=2, threads=1, progress=watchers)
    assert calls == told

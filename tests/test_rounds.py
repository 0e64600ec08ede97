"""Reproducible rounds against a plain reading of their definition; the same bits whoever works."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import firth
from corpora import digest, zipf_text
from firth.corpus.encoded import EncodedCorpus, encode
from firth.corpus.vocabulary import keep_prob, noise_prob
from firth.training import reference, rounds, shards
from firth.training.arrays import make_scratch
from firth.training.config import TrainConfig
from firth.training.draws import draw_windows, keep_chunk, position_bits
from firth.training.march import March
from firth.training.run import make_schedule, split_of
from firth.training.sampling import noise_tables
from firth.training.shards import SHARDS, Split
from firth.training.tables import make_draws, matrices, new_tables

THREADS = (1, 2, 3, 4, 7, 8)
TEXT = [line.split() for line in zipf_text(30_000, vocabulary=900).splitlines()]


# --- against the definition --------------------------------------------------------------------------


def drawn_by(shard: int, block: Any, number: int, corpus: EncodedCorpus, config: TrainConfig) -> list[list]:
    """Return the parts of a shard's piece of a round, each a list of (contexts, outputs) in word ids."""
    split = split_of(corpus, config)
    draws = make_draws(corpus.vocabulary, config, split)
    stripe, past_stripe = (len(corpus.ids) * s // SHARDS for s in (shard, shard + 1))
    begin = stripe + block.begin // SHARDS
    end = min(begin + split.shard_positions, past_stripe)
    sentence = int(np.searchsorted(corpus.sentence_starts, begin, side="right")) - 1
    scratch, key = make_scratch(draws, 16, 0, split.shard_positions), np.uint64(block.key)
    where = (corpus.ids, corpus.sentence_starts, sentence, begin, end)
    first, past, _ = keep_chunk(*where, draws, key, scratch)
    length, size = -(-(past - first) // split.parts), config.negative + 1
    turn = int(position_bits(key, number) >> np.uint64(32)) + shard
    parts = []
    for part in range(split.parts):
        low, high = (min(first + n * length, past) for n in (part, part + 1))
        draw_windows(low, high, draws, (turn + part) % SHARDS, 1, scratch)
        steps = []
        for k in range(low, high):
            left, right = (
                max(scratch.first[k], k - scratch.reach[k]),
                min(scratch.past[k], k + scratch.reach[k] + 1),
            )
            contexts = [int(scratch.kept[c]) for c in range(left, right) if c != k]
            outputs = scratch.outputs.reshape(-1, len(scratch.o_slots))[k, :size]
            steps.append((contexts, outputs.tolist()))
        parts.append(steps)
    return parts


def moved(updates: float, alpha: float) -> float:
    """Return the weight of the shards' summed changes by its formula, for v in steps of 1/256."""
    v = int(np.float32(updates) * np.float32(alpha) * np.float32(256 / rounds.RATE)) / 256
    return float(-np.expm1(-SHARDS * v) / (SHARDS * -np.expm1(-v))) if v else 1.0


def trained_by_definition(corpus: EncodedCorpus, config: TrainConfig) -> tuple[np.ndarray, np.ndarray, float]:
    """Train in float64: each shard has a copy of every row, and only a tail word's negatives are common."""
    V, split = len(corpus.vocabulary.words), split_of(corpus, config)
    counts = corpus.vocabulary.counts
    kept = keep_prob(counts, config.sample) * counts / counts.sum()
    noise = noise_prob(counts, config.ns_exponent)
    L, reach = split.shard_positions, config.window + 1
    expected = [L * kept * reach, L * (kept + kept.sum() * config.negative * noise)]
    start = matrices(new_tables(V, config.vector_size, config.seed), config.vector_size)
    W, C = (np.concatenate([table.astype(np.float64)] * (1 + SHARDS)) for table in start)
    schedule, loss = make_schedule(corpus, config, []), 0.0
    for number, block in enumerate(map(schedule.block, range(schedule.blocks)), 1):
        for table in (W, C):
            table[V:] = np.tile(table[:V], (SHARDS, 1))
        before, alpha = (W[:V].copy(), C[:V].copy()), float(np.float32(block.alpha))
        pieces = [drawn_by(s, block, number, corpus, config) for s in range(SHARDS)]
        for part in range(split.parts):
            for s, parts in enumerate(pieces):
                own = V * (1 + s)
                for contexts, outputs in parts[part]:
                    common = [o >= split.head and o != outputs[0] for o in outputs]
                    rows = [o if far else own + o for o, far in zip(outputs, common, strict=True)]
                    if contexts:
                        loss += reference.train_step(W, C, [own + c for c in contexts], rows, alpha)
        share = min(L, -(-(block.end - block.begin) // SHARDS)) / L
        for table, old, updates in zip((W, C), before, expected, strict=True):
            weights = np.array([moved(u * share, alpha) for u in updates])[:, None]
            table[:V] += weights * sum(table[V * (1 + s) :][:V] - old for s in range(SHARDS))
    return W[:V], C[:V], loss


@pytest.mark.parametrize(("head", "window"), [(40, 3), (900, 2), (8, 5)])
def test_rounds_are_what_their_definition_says(monkeypatch: Any, head: int, window: int) -> None:
    monkeypatch.setattr(shards, "HEAD", head)
    monkeypatch.setattr(shards, "ROUNDS", 16)  # long rounds, where most can go wrong
    monkeypatch.setattr(shards, "PART_POSITIONS", 20)
    config = TrainConfig(
        vector_size=11, epochs=2, window=window, min_count=1, sample=0.01, threads=2, seed=5, shards=1
    )
    text = TEXT[::3]  # NumPy is slow
    model = firth.train(text, config, cache=False)
    corpus = encode(text, min_count=1, threads=1)
    W, C, loss = trained_by_definition(corpus, config)
    assert model.vectors == pytest.approx(W, abs=1e-4)
    assert model.context_vectors == pytest.approx(C, abs=1e-4)
    assert np.abs(C).max() > 0.3
    pairs = sum(report["pairs"] for report in model.training)
    assert model.config["loss"] == pytest.approx(loss / pairs, rel=1e-5)


# --- the same bits -----------------------------------------------------------------------------------

CASES = {
    "ordinary": {},
    "a vocabulary all in the head": {"min_count": 40},
    "long windows, whole": {"window": 40, "shrink_windows": False},
    "several tiles, rare words preferred": {"negative": 13, "ns_exponent": -0.5},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
@pytest.mark.parametrize("rounds", [16, 300])
def test_the_same_bits_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, Any], rounds: int
) -> None:
    monkeypatch.setattr(shards, "ROUNDS", rounds)
    monkeypatch.setattr(shards, "PART_POSITIONS", 20)
    found = set()
    for threads in (*THREADS, 3):
        common = {"vector_size": 13, "epochs": 2, "min_count": 1, "shards": 1, "cache": False}
        common["output"] = tmp_path / "m"
        model = firth.train(TEXT, threads=threads, force=True, **(common | options))
        found.add(tuple(digest(tmp_path / "m").values()))
        assert model.config["options"]["threads"] == threads
    assert len(found) == 1


def test_other_seeds_and_racing_give_other_bits() -> None:
    common = {"vector_size": 13, "epochs": 1, "threads": 1, "shards": 1, "cache": False}
    models = [
        firth.train(TEXT, **common, **more) for more in ({"seed": 1}, {"seed": 2}, {"reproducible": False})
    ]
    assert len({model.vectors.tobytes() for model in models}) == 3


def test_a_thread_that_is_late_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that come one after another find all work done, or do all of it."""
    common = {"vector_size": 13, "epochs": 1, "shards": 1, "cache": False}
    expected = firth.train(TEXT, threads=1, **common)
    real, dice = March._go, np.random.default_rng(3)

    def late(march: March, first_task: int, rounds: Any, work: Any) -> None:
        time.sleep(dice.uniform(0, 0.003))
        real(march, first_task, rounds, work)

    monkeypatch.setattr(March, "_go", late)
    model = firth.train(TEXT, threads=5, **common)
    assert model.vectors.tobytes() == expected.vectors.tobytes()


# --- the split ---------------------------------------------------------------------------------------


@given(st.integers(1, 10**9), st.integers(2, 10**6), st.integers(1, 10_000))
def test_a_split_is_within_its_limits(positions: int, words: int, window: int) -> None:
    split = Split(positions, words, window)
    assert shards.SHORTEST <= split.shard_positions <= shards.LONGEST
    assert split.head + split.lent <= words
    assert split.room == SHARDS * (split.head + split.lent + 1), "one row of each shard is spare"


@pytest.mark.parametrize("exponent", [0.75, 0.0, -1.0])
def test_the_classes_together_are_the_noise_distribution(exponent: float) -> None:
    prob = noise_prob(np.arange(1000, 100, -1), exponent)
    tables, starts = noise_tables(prob, SHARDS, 64)
    found = np.zeros(len(prob))
    for kind, (low, high) in enumerate(pairwise(starts.tolist())):
        ids = np.concatenate([np.arange(64), np.arange(64 + kind, len(prob), SHARDS)])
        entries, size = tables[low:high], high - low
        keep = ((entries >> np.uint64(32)).astype(np.float64) + 1) / 2**32 / size
        np.add.at(found, ids, keep)
        np.add.at(found, ids[(entries & np.uint64(2**32 - 1)).astype(np.int64)], 1 / size - keep)
    np.testing.assert_allclose(found / SHARDS, prob, rtol=1e-5)

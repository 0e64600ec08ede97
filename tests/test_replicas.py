"""Several replicas of the tables: the text cut, merging against its formula, the same bits whoever trains."""

import os
import random
import signal
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firth
from corpora import digest, zipf_text
from firth.corpus.encoded import encode
from firth.corpus.vocabulary import keep_prob, noise_prob
from firth.errors import ConfigError, Interrupted, TrainingError
from firth.training import replicas, rules
from firth.training.arrays import aligned_zeros
from firth.training.changes import (
    Changes,
    add_changes,
    changes_of,
    make_desk,
    make_stack,
    merge_rows,
    merged,
    replica_of,
    weights_of,
)
from firth.training.config import AUTO, TrainConfig
from firth.training.fitness import settled
from firth.training.memory import available_bytes, check_memory, needed_bytes
from firth.training.merging import DIRECTIONS, Rule, Survey, find_directions
from firth.training.progress import Progress
from firth.training.replica_group import ReplicaGroup, TableChanges, Text
from firth.training.replicas import Plan, auto_replicas, most_replicas, nodes, replica_block, span_text
from firth.training.rules import Rules
from firth.training.run import make_schedule
from firth.training.sampling import expected_updates
from firth.training.schedule import Schedule
from firth.training.tables import make_draws, matrices, new_tables
from nursery import nursery
from test_kernels import run_python

LINES = zipf_text(20_000, vocabulary=900)
TEXT = [line.split() for line in LINES.splitlines()]
COMMON: dict[str, Any] = {"vector_size": 13, "epochs": 2, "min_count": 1, "cache": False}


# --- the cut -----------------------------------------------------------------------------------------


def schedule_of(positions: int, block_positions: int, epochs: int = 2) -> Schedule:
    return Schedule(positions, epochs, 0.05, 0.0001, seed=1, block_positions=block_positions)


@given(st.integers(1, 64), st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_spans_cover_the_corpus_exactly_once(number: int, lengths: list[int]) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.arange(starts[-1], dtype=np.int32)
    plan = Plan(len(ids), 1000, number, schedule_of(len(ids), 1))
    texts = [span_text(plan, replica, ids, starts) for replica in range(number)]
    assert np.concatenate([own for own, _ in texts]).tolist() == ids.tolist()
    assert max(len(own) for own, _ in texts) - min(len(own) for own, _ in texts) <= 1
    for (own, own_starts), (begin, end) in zip(texts, map(plan.span, range(number)), strict=True):
        if len(own):
            inner = {s for s in starts.tolist() if begin < s < end}
            assert (own_starts + begin).tolist() == sorted({begin, end} | inner)


@given(st.integers(1, 64), st.integers(1000, 10**8), st.integers(1, 3))
def test_legs_cover_the_blocks_exactly_once_and_end_in_a_full_merge(n: int, words: int, epochs: int) -> None:
    block, schedule = 0, schedule_of(words, n * replica_block(words, n), epochs)
    plan, lengths = Plan(words, 5000, n, schedule), []
    while block < schedule.blocks:
        legs = list(plan.legs(block))
        assert [leg.first for leg in legs] == [block, *(leg.past for leg in legs[:-1])]
        assert [leg.full for leg in legs] == [False] * (len(legs) - 1) + [True]
        assert {plan.rows(leg) for leg in legs[:-1]} <= {replicas.HOT}
        assert plan.rows(legs[-1]) == 5000
        assert {leg.since for leg in legs} == {block}
        lengths.append(legs[0].past - legs[0].first)
        block = legs[-1].past
    assert block == schedule.blocks
    assert lengths[:-1] == sorted(lengths[:-1])  # short ones first


@settings(deadline=None)
@given(st.integers(1, 64), st.data())
def test_nodes_are_all_that_can_be_merged_beforehand(number: int, data: st.DataObject) -> None:
    whose = [data.draw(st.integers(0, 3)) for _ in range(number)]
    held = [nodes([r for r in range(number) if whose[r] == w], number) for w in range(4)]
    found = sorted(node for of in held for node in of)
    assert [r for first, past in found for r in range(first, past)] == list(range(number))
    ones = {node: Changes(np.zeros(1, np.int32), np.ones(16, np.float32)) for node in found}
    assert merged(ones, number, 16).values.tolist() == [len(found)] * 16
    assert nodes(range(number), number) == [(0, number)]


# --- the merge ---------------------------------------------------------------------------------------


def moved(n: int, v: np.ndarray) -> np.ndarray:
    """Return the weight of the sum of n replicas' changes by its formula, v in steps of 1 / 256."""
    v = np.floor(np.minimum(v, 16) * 256) / 256
    with np.errstate(invalid="ignore"):
        return np.where(v > 0, np.expm1(-n * v) / (n * np.expm1(-v)), 1.0)


@pytest.mark.parametrize(("n", "V"), [(2, 3000), (3, 2048), (8, 100)])
def test_merging_is_what_its_formula_says(n: int, V: int) -> None:
    rng, stride, size = np.random.default_rng(n), 32, 29
    base = np.zeros((V, stride), np.float32)
    base[:, :size] = rng.normal(size=(V, size))
    stack = make_stack(base.copy().reshape(-1), n, (V + 7) * stride, stride)
    touched = rng.random((n, V)) < 0.3
    for r in range(n):
        rows = replica_of(stack, r).reshape(-1, stride)
        assert np.array_equal(rows[:V], base)
        rows[:V, :size] += touched[r][:, None] * rng.normal(size=(V, size)).astype(np.float32)
    before = stack.replicas.reshape(n, -1, stride)[:, :V].astype(np.float64)
    directions = np.zeros((DIRECTIONS, stride))
    directions[:, :size] = np.linalg.qr(rng.normal(size=(size, DIRECTIONS)))[0].T
    curvatures = rng.uniform(0.01, 3.0, DIRECTIONS + 1)
    updates = rng.uniform(0.0, 20.0, V).astype(np.float32)
    rule = Rule(directions.astype(np.float32).reshape(-1), curvatures, updates, 100, 0.05, 0.4, weights_of(n))
    merge_rows(stack, rule, 0, V, make_desk(stack))
    total = (before - base).sum(axis=0)
    heat = updates.astype(np.float64) * np.where(np.arange(V) < 100, 0.05, 0.4)
    along, rest = total @ directions.T, moved(n, heat * curvatures[-1])[:, None]
    expected = base + rest * total
    expected += (along * (moved(n, heat[:, None] * curvatures[:-1]) - rest)) @ directions
    assert stack.base.reshape(V, stride) == pytest.approx(expected, abs=3e-5)
    still = ~touched.any(axis=0)
    assert still.any()
    assert np.array_equal(stack.base.reshape(V, stride)[still], base[still])
    for r in range(n):
        assert np.array_equal(replica_of(stack, r)[: V * stride], stack.base)


@pytest.mark.parametrize("V", [40, 2000])
def test_a_merge_in_parts_has_the_same_bits(V: int) -> None:
    """By nodes of the tree, and by rows: what travels on a cluster."""
    rng, stride, n = np.random.default_rng(1), 16, 5
    start = rng.normal(size=V * stride).astype(np.float32)
    change = rng.normal(size=(n, V, stride)) * (rng.random((n, V, 1)) < 0.4)
    rule = Rule(
        *(np.zeros(DIRECTIONS * stride, np.float32), np.ones(DIRECTIONS + 1), np.ones(V, np.float32)),
        *(50, 0.3, 1.0, weights_of(n)),
    )
    stacks = [make_stack(start.copy(), n, V * stride, stride) for _ in range(2)]
    for stack in stacks:
        stack.replicas[:] += change.astype(np.float32).reshape(-1)
    merge_rows(stacks[0], rule, 0, V, make_desk(stacks[0]))
    desk = make_desk(stacks[1])
    pieces = [
        {(a, b): changes_of(*rows, a, b - a, stacks[1], desk) for a, b in ((0, 2), (2, 3), (3, 4), (4, 5))}
        for rows in ((0, 33), (33, V))
    ]
    assert (
        sum(array.nbytes for piece in pieces for of in piece.values() for array in of)
        < 0.9 * change.nbytes / 2
    )
    for piece in pieces:
        add_changes(merged(piece, n, stride), stacks[1], rule)
    assert np.array_equal(stacks[0].base, stacks[1].base)
    assert np.array_equal(stacks[0].replicas, stacks[1].replicas)


def test_merging_runs_as_plain_python(tmp_path: Path) -> None:
    """Without compilation every index is checked by NumPy, and the vectors are their NumPy twins."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import test_replicas as tests
tests.test_merging_is_what_its_formula_says(3, 60)
tests.test_a_merge_in_parts_has_the_same_bits(50)
tests.test_tables_of_zeros_have_no_directions()
"""
    done = run_python(code, tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr


def test_weights_go_from_a_sum_to_a_mean() -> None:
    for n in (2, 64):
        weights = weights_of(n)
        assert weights[0] == 1.0
        assert weights[-1] == pytest.approx(1 / n, rel=1e-6)
        assert (np.diff(weights) < 0).all()


@pytest.mark.parametrize("size", [2, 13, 100])
def test_directions_are_those_of_great_mean_square(size: int) -> None:
    rng, stride = np.random.default_rng(size), 112
    rows = np.zeros((500, stride), np.float32)
    rows[:, :size] = rng.normal(size=(500, size)) * 0.9 ** np.arange(size)
    shares = rng.random(500)
    shares /= shares.sum()
    directions, curvatures = np.zeros(DIRECTIONS * stride, np.float32), np.zeros(DIRECTIONS + 1)
    survey = Survey(*(aligned_zeros(n * stride) for n in (stride, DIRECTIONS, DIRECTIONS)))
    find_directions(rows.reshape(-1), shares, size, stride, survey, directions, curvatures)
    squares = (rows * shares[:, None]).T.astype(np.float64) @ rows
    found = directions.reshape(DIRECTIONS, stride)
    count = min(size, DIRECTIONS)
    assert found[:count] @ found[:count].T == pytest.approx(np.eye(count), abs=1e-5)
    assert not found[count:].any()
    assert curvatures[:count] == pytest.approx(np.diag(found @ squares @ found.T)[:count], rel=1e-4)
    best = np.linalg.eigvalsh(squares)[::-1][:count]
    assert curvatures[:count].sum() == pytest.approx(best.sum(), rel=0.05)
    rest = squares.trace() - curvatures[:count].sum()
    assert curvatures[-1] == pytest.approx(rest / max(size - count, 1), abs=1e-6)


def test_tables_of_zeros_have_no_directions() -> None:
    directions, curvatures = np.ones(DIRECTIONS * 16, np.float32), np.ones(DIRECTIONS + 1)
    survey = Survey(*(aligned_zeros(n * 16) for n in (16, DIRECTIONS, DIRECTIONS)))
    find_directions(np.zeros(160, np.float32), np.full(10, 0.1), 9, 16, survey, directions, curvatures)
    assert not directions.any()
    assert not curvatures.any()


# --- the same bits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"shards": 2},
        {"shards": 8},
        {"shards": 5, "negative": 13, "ns_exponent": -0.5},
        {"shards": 4, "shrink_windows": False, "window": 9},
    ],
)
def test_the_same_bits_with_any_number_of_threads(options: dict[str, Any], tmp_path: Path) -> None:
    models = []
    found = set()
    for threads in (1, 2, 3, 4, 7, 8, 3):
        models.append(
            firth.train(TEXT, output=tmp_path / "m", force=True, threads=threads, **COMMON, **options)
        )
        found.add(tuple(digest(tmp_path / "m").values()))
    assert len(found) == 1
    assert models[0].config["options"]["shards"] == options["shards"]
    assert models[0].config["timing"]["trained_words"] == sum(r["trained_words"] for r in models[0].training)


def test_other_numbers_of_shards_are_other_runs_and_one_is_none() -> None:
    models = [firth.train(TEXT, threads=1, **COMMON, **more) for more in ({}, {"shards": 1}, {"shards": 2})]
    assert models[0].vectors.tobytes() == models[1].vectors.tobytes() != models[2].vectors.tobytes()
    assert models[2].config["loss"] == pytest.approx(models[0].config["loss"], rel=0.25)


@pytest.mark.parametrize("shared", [[[0, 1, 2], [3, 4]], [[0], [1, 3], [2, 4]]])
def test_groups_that_share_the_replicas_get_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, shared: list[list[int]]
) -> None:
    """What a cluster does, with a worker that loses its way in mid-run and begins again."""
    monkeypatch.setattr(replicas, "HOT", 100)
    monkeypatch.setattr(replicas, "MEASURED", 60)
    config = TrainConfig(**{k: v for k, v in COMMON.items() if k != "cache"}, threads=1, shards=5)
    expected = firth.train(TEXT, config, cache=False)
    corpus = encode(TEXT, min_count=1)
    schedule, V = make_schedule(corpus, config, []), len(corpus.vocabulary.words)
    plan = Plan(len(corpus.ids), V, 5, schedule)
    groups, bases = [], []
    for numbers in shared:
        base, draws = new_tables(V, 13, config.seed), make_draws(corpus.vocabulary, config)
        texts = {r: Text(*span_text(plan, r, corpus.ids, corpus.sentence_starts)) for r in numbers}
        kit = Rules(plan, config, corpus.vocabulary.counts, base.stride)
        groups.append(ReplicaGroup(plan, kit, draws, base, texts, threads=2))
        bases.append(base)
    block, full = 0, 0
    while block < schedule.blocks:
        legs = list(plan.legs(block))
        full += 1
        if full == 3:  # all of them
            for leg in legs[:2]:
                step(groups, leg)
            for group in groups:
                group.go_back()
        for leg in legs:
            step(groups, leg)
        block = legs[-1].past
    for group, base in zip(groups, bases, strict=True):
        assert np.array_equal(matrices(base, 13)[0], expected.vectors)
        assert np.array_equal(matrices(base, 13)[1], expected.context_vectors)
        group.close()


def test_no_leg_waits_for_a_kernel_to_be_compiled(tmp_path: Path) -> None:
    """In a process of its own, where no other test has compiled any."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import pytest
import test_replicas as tests
from firth.training import merging

def kinds():
    found = [getattr(of, "signatures", []) for of in vars(merging).values()]
    return sum(map(len, found))

before, compile = [], tests.ReplicaGroup.compile

def counted(group):
    compile(group)
    before.append(kinds())

tests.ReplicaGroup.compile = counted
tests.firth.train(tests.TEXT, shards=2, threads=2, **tests.COMMON)
with pytest.MonkeyPatch.context() as patch:
    tests.test_groups_that_share_the_replicas_get_the_same_bits(patch, [[0, 1, 2], [3, 4]])
assert before[0] > 0
assert before[0] == kinds(), (before, kinds())
"""
    done = run_python(code, tmp_path, NUMBA_CACHE_DIR=os.environ.get("NUMBA_CACHE_DIR", ""))
    assert done.returncode == 0, done.stderr


def step(groups: list[ReplicaGroup], leg: replicas.Leg) -> None:
    """Train a leg in every group and exchange what changed: after a full one in parts, by rows."""
    for group in groups:
        group.train(leg)
    if not leg.full:
        changes = all_changes(groups, 0, 100)
        for group in groups:
            group.receive(leg, changes)
        return
    measured = all_changes(groups, 0, 60)
    parts = [
        group.renewed(leg, measured, all_changes(groups, *rows), *rows)
        for group, rows in zip(groups, pairwise([0, *(41, 200)[: len(groups) - 1], 895]), strict=True)
    ]
    for group in groups:
        group.renew(parts)


def all_changes(groups: list[ReplicaGroup], low: int, high: int) -> TableChanges:
    """Return the summed changes of some rows."""
    found = {node: group.changes(node, low, high) for group in groups for node in group.nodes}
    return TableChanges(
        merged({node: of.vectors for node, of in found.items()}, 5, 16),
        merged({node: of.context_vectors for node, of in found.items()}, 5, 16),
    )


class StopAt:
    """A watcher that presses Ctrl-C once a share of the run is done."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, progress: Progress, /) -> None:
        if progress.words >= self.share * progress.words_total:
            raise KeyboardInterrupt


def test_interrupted_or_killed_a_run_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firth.training.supervision.TICK_SECONDS", 0.002)
    corpus, options = tmp_path / "c.txt", {**COMMON, "epochs": 12, "shards": 3, "cache": tmp_path / "cache"}
    corpus.write_text(LINES)
    firth.train(corpus, output=tmp_path / "whole", threads=2, **options)
    expected = digest(tmp_path / "whole")
    with pytest.raises(Interrupted, match="its state is saved"):
        firth.train(corpus, output=tmp_path / "m", threads=1, progress=StopAt(0.3), **options)
    with pytest.raises(Interrupted):
        firth.resume(tmp_path / "m", threads=3, progress=StopAt(0.6), cache=tmp_path / "cache")
    firth.resume(tmp_path / "m", threads=2, cache=tmp_path / "cache")
    assert digest(tmp_path / "m") == expected
    if not hasattr(os, "fork"):
        return
    with nursery() as children:
        job = {"cache": tmp_path / "cache", "options": {k: v for k, v in options.items() if k != "cache"}}
        model, dice = tmp_path / "killed", random.Random(3)
        for attempt in range(6):
            resumed = (model / "checkpoint" / "model.safetensors").exists()
            job["options"]["threads"] = 1 + attempt % 3
            child = children.start(
                corpus=None if resumed else corpus,
                model=model,
                cache=job["cache"],
                options={"threads": 1 + attempt % 3} if resumed else job["options"] | {"force": True},
            )
            if attempt < 5:
                time.sleep(dice.uniform(0.1, 0.3))
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            if children.wait() == 0:
                break
    assert digest(model) == expected


def test_a_model_of_several_shards_is_trained_further(tmp_path: Path) -> None:
    for threads in (1, 2):
        firth.train(TEXT, output=tmp_path / "m", threads=threads, shards=2, force=True, **COMMON)
        text = [list(line) for line in TEXT]
        model = firth.resume(tmp_path / "m", text, epochs=1, alpha=0.01, threads=threads, cache=False)
        assert model.config["options"]["shards"] == 2
        assert len(model.config["phases"]) == 2
        if threads == 1:
            first = model.vectors.tobytes()
    assert model.vectors.tobytes() == first


def test_replicas_that_diverge_are_named() -> None:
    with pytest.raises(TrainingError, match=r"no longer finite in epoch 1 .* with an alpha below 10"):
        firth.train(TEXT, shards=3, threads=2, **COMMON | {"alpha": 10.0, "vector_size": 40, "epochs": 9})


# --- what makes no sense -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shards": 0.5}, r"shards must be a whole number, not 0.5"),
        ({"shards": 65}, r"shards must be from 1 to 64, not 65"),
        ({"shards": -1}, r"shards must be from 1 to 64, not -1"),
        ({"shards": "many"}, r"shards must be a whole number or 'auto', not 'many'"),
        (
            {"shards": 2, "reproducible": False},
            r"shards \(--shards\) and racing threads .* exclude each other",
        ),
    ],
)
def test_numbers_of_shards_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**options)


def test_more_shards_than_the_corpus_feeds_are_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"20,0\d\d words of text feed 20 shards at most, .* \(--shards 20\)"
    ):
        firth.train(TEXT, output=tmp_path / "m", shards=21, **COMMON)
    assert not (tmp_path / "m").exists()


def test_no_shards_are_not_auto() -> None:
    with pytest.raises(ConfigError, match="shards must be from 1 to 64, not 0"):
        TrainConfig(shards=0)


def test_auto_is_one_shard_a_worker() -> None:
    corpus, config = encode(TEXT, min_count=1), TrainConfig(shards="auto")  # type: ignore[arg-type]
    assert config.shards == AUTO
    assert settled(corpus, config).shards == 1
    assert settled(corpus, config, workers=3).shards == 3
    assert settled(corpus, config, workers=100).shards == auto_replicas(10**12, 100) == replicas.AS_GOOD
    assert most_replicas(len(corpus.ids)) == 20
    assert auto_replicas(3_000, 100) == 3
    assert firth.train(TEXT, shards="auto", **COMMON).config["options"]["shards"] == 1


def test_too_little_memory_is_said_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = 10**6
    check_memory(words, 100, 4, None)
    check_memory(words, 100, 4, needed_bytes(words, 100, 4))
    with pytest.raises(ConfigError, match=r"4 shards of 1,000,000 words x 100 .* take at most 3 shards"):
        check_memory(words, 100, 4, needed_bytes(words, 100, 4) - 1)
    with pytest.raises(ConfigError, match=r"0.0 GB are free: lower vector_size"):
        check_memory(words, 100, 4, 0)
    assert (available_bytes() or 10**9) > 10**6
    monkeypatch.setattr("firth.training.replica_crew.available_bytes", lambda: 100_000)
    with pytest.raises(ConfigError, match=r"2 shards .* and 0.0 GB are free"):
        firth.train(TEXT, output=tmp_path / "m", shards=2, **COMMON)
    assert not (tmp_path / "m").exists()


def test_rules_are_measured_on_the_other_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "HOT", 100)
    config, corpus = TrainConfig(shards=2, min_count=1, vector_size=30), encode(TEXT, min_count=1)
    schedule, counts = make_schedule(corpus, config, []), corpus.vocabulary.counts
    plan = Plan(len(corpus.ids), len(counts), 2, schedule)
    found = Rules(plan, config, counts, 32)
    rng = np.random.default_rng(2)
    tables = [rng.normal(size=(100, 32)).astype(np.float32) * (np.arange(32) < 30) + m for m in (0.0, 2.0)]
    for table in tables:
        table[:, 30:] = 0.0
    leg = replicas.Leg(70, 90, 10, False)
    kept = keep_prob(counts, config.sample) * counts
    outputs = kept / kept.sum() + config.negative * noise_prob(counts, config.ns_exponent)
    both = [found.of(leg, which, tables[1 - which].reshape(-1)) for which in range(2)]
    for rule, other, of, pairs in zip(both, tables[::-1], (outputs, kept), (6, 6), strict=True):
        shares = of[:100] / of[:100].sum()
        squares = np.linalg.eigvalsh((other * shares[:, None]).T.astype(np.float64) @ other)[::-1]
        assert rule.curvatures[0] == pytest.approx(rules.SLOPE * pairs * squares[0], rel=0.1)
        assert rule.curvatures[:12].sum() == pytest.approx(rules.SLOPE * pairs * squares[:12].sum(), rel=0.1)
        assert rule.hot_heat == pytest.approx(sum(schedule.alpha_at(block) for block in range(70, 90)))
        assert rule.heat == pytest.approx(sum(schedule.alpha_at(block) for block in range(10, 90)))
    assert both[0].curvatures[0] > 10 * both[1].curvatures[0]
    assert np.array_equal(both[1].updates, expected_updates(plan.block_positions // 2, counts, config)[1])

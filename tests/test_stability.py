"""How much of a neighbourhood stays from run to run: the figures, the runs, the files."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firth.corpus.encoded import encode
from firth.embeddings import Embeddings
from firth.errors import ConfigError, CorpusError, FormatError, Interrupted
from firth.evaluation import nearest as nearest_module
from firth.evaluation import resample as resample_module
from firth.evaluation.nearest import NONE, nearest_rows
from firth.evaluation.resample import resampled
from firth.evaluation.runs import Plan, seed_of, train_runs
from firth.evaluation.stability import Stability, bands, chance_level, compare, overlap_at_k
from firth.evaluation.stability_file import read_stability, remove_stability, write_stability
from firth.formats import load
from firth.neighbors import NearestRows

TINY = {"vector_size": 7, "min_count": 1, "epochs": 3, "threads": 1, "sample": 0.0, "cache": False}


def sentences(number: int = 60, words: int = 30) -> list[list[str]]:
    """Return sentences over words of different counts."""
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(2, words + 2)
    return [
        [f"w{word}" for word in rng.choice(words, 4 + line % 5, p=shares / shares.sum())]
        for line in range(number)
    ]


# the nearest rows of many


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(4, 90), st.integers(2, 5)), elements=st.floats(-2, 2, width=16)
    ),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_nearest_rows_are_those_of_the_exact_search(vectors: Any, k: int) -> None:
    rows = np.arange(len(vectors))[::-1]
    found = nearest_rows(vectors, rows, k)
    exact = NearestRows(vectors)
    for row, near in zip(rows.tolist(), found.tolist(), strict=True):
        answer = exact.top(exact.unit(row)[None, :], len(vectors))[0]
        cosines = dict(zip(answer[0].tolist(), answer[1].tolist(), strict=True))
        cosines.pop(row, None)
        expected = sorted(cosines.values(), reverse=True)[:k]
        assert row not in near
        kept = [one for one in near if one != NONE]
        assert len(set(kept)) == len(kept) == len(expected)
        np.testing.assert_allclose([cosines[one] for one in kept], expected, atol=2e-6)


def test_nearest_rows_in_small_blocks_and_with_rows_of_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(5).standard_normal((500, 6)).astype(np.float32)
    vectors[17] = 0
    whole = nearest_rows(vectors, np.arange(500), 10)
    monkeypatch.setattr(nearest_module, "SCORES_AT_ONCE", 1700)
    np.testing.assert_array_equal(nearest_rows(vectors, np.arange(500), 10), whole)
    assert (whole[17] == NONE).all()
    assert 17 not in whole[np.arange(500) != 17]
    exact = NearestRows(vectors).top(vectors[[3]].astype(float), 11)[0][0]
    assert whole[3].tolist() == exact[1:].tolist()


# the figures


def test_overlap_counts_what_two_lists_share() -> None:
    a = np.array([[5, 2, 9, 7], [1, 2, 3, 4], [8, 6, NONE, NONE]], np.int32)
    b = np.array([[7, 5, 1, 0], [4, 3, 2, 1], [6, NONE, NONE, NONE]], np.int32)
    assert overlap_at_k(a, b).tolist() == [0.5, 1.0, 0.25]
    assert chance_level(10, 201) == 0.05


def test_random_lists_overlap_by_the_chance_level() -> None:
    rng = np.random.default_rng(2)
    a, b = (np.array([rng.permutation(99)[:10] for _ in range(4000)], np.int32) for _ in range(2))
    assert overlap_at_k(a, b).mean() == pytest.approx(chance_level(10, 100), abs=0.004)


def make_stability() -> tuple[Embeddings, Stability]:
    """Return a model of 15 words, of which rows 14 ... 5 were measured by three runs of two neighbours."""
    rng = np.random.default_rng(8)
    words = [f"word{row}" for row in range(15)]
    model = Embeddings(
        words, rng.standard_normal((15, 3)).astype(np.float32), counts=np.arange(100, 1600, 100)
    )
    row_of = np.arange(14, -1, -1)  # word id -> row
    first = np.array([[word + 1, word + 2] for word in range(10)], np.int32)
    second, third = first.copy(), first.copy()
    second[3] = (12, 13)
    third[3] = (0, first[3, 0])
    first[9, 1] = second[9, 1] = NONE
    told = {"runs": 3, "kind": "seeds", "seeds": [4, 5, 6], "topn": 2, "measured": 10, "vocabulary": 15}
    counts = model.counts
    assert counts is not None
    return model, compare([first, second, third], counts[row_of[:10]], row_of[:10], row_of, told)


def test_compare_speaks_of_rows_of_the_model() -> None:
    _, stability = make_stability()
    assert stability.runs == 3
    assert stability.rows.tolist() == list(range(14, 4, -1))
    assert stability.agreement(14) == {13: 3, 12: 3}
    assert stability.agreement(11) == {10: 2, 9: 1}
    assert stability.agreement(5) == {4: 3}
    assert stability.agreement(2) == {}
    assert stability.overlap_of(14) == 1.0
    assert stability.overlap_of(11) == pytest.approx((0 + 0.5 + 0) / 3)
    assert stability.overlap_of(2) is None
    assert stability.is_noise(11)
    assert not stability.is_noise(14)
    assert not stability.is_noise(2)
    assert stability.rows[stability.noise_places()].tolist() == [11]
    between = np.array(stability.summary["between_runs"])
    assert between[0, 1] == pytest.approx((8 + 0 + 0.5) / 10)
    np.testing.assert_array_equal(between, between.T)
    figures = stability.summary["summary"]
    assert figures["words"] == 10
    assert figures["overlap"] == pytest.approx(float(stability.overlap.mean()), abs=1e-6)
    assert figures["chance"] == 2 / 14
    assert (figures["noise_words"], figures["noise_share"]) == (1, 0.1)


def test_bands_hold_every_word_once() -> None:
    counts = np.array([3_000_000, 29_999, 12_000, 30, 29, 10, 9, 1])
    overlap = np.array([1.0, 0.8, 0.6, 0.5, 0.3, 0.1, 0.2, 0.0])
    found = bands(counts, overlap)
    assert [(band["count_from"], band["count_to"], band["words"]) for band in found] == [
        (1, 9, 2),
        (10, 29, 2),
        (30, 99, 1),
        (10_000, 29_999, 2),
        (1_000_000, None, 1),
    ]
    assert [band["overlap"] for band in found] == [0.1, 0.2, 0.5, 0.7, 1.0]
    assert [band["noise_words"] for band in found] == [1, 1, 0, 0, 0]


# the runs


def test_runs_train_the_model_and_compare_it(tmp_path: Path) -> None:
    began: list[tuple[int, int]] = []
    model, stability = train_runs(
        sentences(),
        plan=Plan(runs=3, topn=4),
        output=tmp_path / "m",
        on_run=lambda number, seed: began.append((number, seed)),
        seed=11,
        **TINY,
    )
    assert began == [(1, 11), (2, 12), (3, 13)]
    assert stability.summary["settings"]["seeds"] == [11, 12, 13]
    others = [
        train_runs(sentences(), plan=Plan(runs=2, topn=4), seed=seed, **TINY)[0] for seed in (11, 12, 13)
    ]
    np.testing.assert_array_equal(model.vectors, others[0].vectors)
    near = [[{word for word, _ in one} for one in other.neighbors(list(model), 4)] for other in others]
    for row, word in enumerate(model.index_to_key):
        expected = {
            model.key_to_index[one]: sum(one in run[row] for run in near)
            for one, _ in others[0].neighbors([word], 4)[0]
        }
        assert stability.agreement(row) == expected
        overlaps = [len(near[a][row] & near[b][row]) / 4 for a, b in ((0, 1), (0, 2), (1, 2))]
        assert stability.overlap_of(row) == pytest.approx(np.mean(overlaps))


def test_the_same_seed_gives_the_same_figures_and_only_the_words_asked_for() -> None:
    plan = Plan(runs=2, topn=3, words=7, resample=True)
    a, b = (train_runs(sentences(), plan=plan, **TINY)[1] for _ in range(2))
    assert a.summary == b.summary
    np.testing.assert_array_equal(a.agree, b.agree)
    assert a.rows.tolist() == list(range(7))
    assert a.summary["settings"]["kind"] == "resample"
    assert a.summary != train_runs(sentences(), plan=Plan(runs=2, topn=3, words=7), **TINY)[1].summary


def test_ids_keep_their_rows() -> None:
    names = {word: 3 * number + 2 for number, word in enumerate(sorted({w for s in sentences() for w in s}))}
    ids = np.array([names[word] for line in sentences() for word in line])
    starts = np.cumsum([0, *[len(line) for line in sentences()][:-1]])
    model, stability = train_runs(ids, plan=Plan(runs=2, topn=3), sentence_starts=starts, **TINY)
    assert set(stability.rows.tolist()) == set(names.values())
    row = int(stability.rows[0])
    assert model.counts is not None
    assert model.counts[row] == model.counts.max()
    near = [int(word) for word, _ in model.neighbors([str(row)], 3)[0]]
    assert list(stability.agreement(row)) == near


def test_a_resample_draws_whole_sentences() -> None:
    with (
        encode(sentences(), min_count=2) as corpus,
        resampled(corpus, 5) as drawn,
        resampled(corpus, 5) as again,
    ):
        starts = corpus.sentence_starts
        known = [tuple(corpus.ids[a:b].tolist()) for a, b in pairwise(starts)]
        made = [tuple(drawn.ids[a:b].tolist()) for a, b in pairwise(drawn.sentence_starts)]
        assert len(made) == len(starts) - 1
        assert set(made) < set(known)
        places = [known.index(one) for one in made]
        assert places == sorted(places)
        assert drawn.sentence_starts[-1] == len(drawn.ids)
        counts = np.bincount(drawn.ids, minlength=len(corpus.vocabulary.words))
        np.testing.assert_array_equal(drawn.vocabulary.counts, counts)
        np.testing.assert_array_equal(drawn.ids, again.ids)
        with resampled(corpus, 6) as other:
            assert not np.array_equal(drawn.sentence_starts, other.sentence_starts)


def test_a_resample_is_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    with encode(sentences(), min_count=1) as corpus:
        monkeypatch.setattr(resample_module, "SENTENCES_AT_ONCE", 17)
        with resampled(corpus, 5) as whole:
            monkeypatch.setattr(resample_module, "WORDS_AT_ONCE", 9)
            with resampled(corpus, 5) as parts:
                np.testing.assert_array_equal(parts.ids, whole.ids)
                np.testing.assert_array_equal(parts.sentence_starts, whole.sentence_starts)
                np.testing.assert_array_equal(parts.vocabulary.counts, whole.vocabulary.counts)


def test_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resample_module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(resample_module, "_copy", full)
    corpus = encode(sentences(), min_count=1)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CorpusError, match=r"No space left on device.*set TMPDIR"):
        resampled(corpus, 5)
    assert sorted(tmp_path.iterdir()) == before
    corpus.close()


def test_what_cannot_be_measured_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    output = tmp_path / "m"
    with pytest.raises(ConfigError, match="runs must be at least 2, not 1"):
        Plan(runs=1)
    with pytest.raises(CorpusError, match=r"not enough data: of 30 words .* 29 nearest .* lower topn"):
        train_runs(sentences(), plan=Plan(topn=29), output=output, **TINY)
    long = [[word for line in sentences() for word in line]]
    with pytest.raises(CorpusError, match=r"has 1 sentence, and at least 20 .*leave out --resample"):
        train_runs(long, plan=Plan(topn=3, resample=True), output=output, **TINY)
    with pytest.raises(CorpusError, match="only one word"):
        train_runs([["a", "a"]], output=output, **TINY)
    assert not output.exists()


def test_an_interrupted_later_run_leaves_the_model(tmp_path: Path) -> None:
    output = tmp_path / "m"
    model, old = train_runs(sentences(), plan=Plan(runs=2, topn=3), output=output, **TINY)
    assert read_stability(output, model) is not None

    def stop(number: int, _seed: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"run 3 of 4; the model in .* is whole, but its stability is not"):
        train_runs(sentences(), plan=Plan(runs=4, topn=3), output=output, on_run=stop, force=True, **TINY)
    assert len(load(output)) == 30
    assert read_stability(output) is None
    assert seed_of(2**63 - 1, 2) == 0
    assert old.runs == 2


# the files


def test_stability_survives_the_disk(tmp_path: Path) -> None:
    model, stability = make_stability()
    write_stability(stability, tmp_path, model)
    again = read_stability(tmp_path, model)
    assert again is not None
    assert again.summary == stability.summary
    for name in ("rows", "overlap", "neighbors", "agree"):
        np.testing.assert_array_equal(getattr(again, name), getattr(stability, name))
    table = pq.read_table(tmp_path / "stability.parquet").to_pylist()
    assert table[3] == {
        "row": 11,
        "word": "word11",
        "count": 1200,
        "overlap": pytest.approx(1 / 6),
        "neighbors": [10, 9],
        "agree": [2, 1],
    }
    json.loads((tmp_path / "stability.json").read_text(), parse_constant=pytest.fail)


def test_figures_of_another_model_are_not_shown(tmp_path: Path) -> None:
    model, stability = make_stability()
    write_stability(stability, tmp_path, model)
    other = Embeddings(model.index_to_key, model.vectors * np.float32(2))
    assert read_stability(tmp_path, other) is None
    assert read_stability(tmp_path) is not None
    assert read_stability(tmp_path / "nowhere", model) is None
    remove_stability(tmp_path)
    assert read_stability(tmp_path, model) is None
    assert list(tmp_path.iterdir()) == []
    remove_stability(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "gone", "json", "newer", "columns"])
def test_damaged_files_are_named_with_the_remedy(tmp_path: Path, damage: str) -> None:
    model, stability = make_stability()
    write_stability(stability, tmp_path, model)
    summary, figures = tmp_path / "stability.json", tmp_path / "stability.parquet"
    if damage == "cut":
        figures.write_bytes(figures.read_bytes()[:200])
    elif damage == "gone":
        figures.unlink()
    elif damage == "json":
        summary.write_text("{")
    elif damage == "newer":
        summary.write_text(summary.read_text().replace('"format_version": 1', '"format_version": 2'))
    else:
        pq.write_table(pq.read_table(figures).drop_columns(["agree"]), figures)
    with pytest.raises(
        FormatError, match=r"stability\.(json|parquet): .*measure it again with `firth stability`"
    ):
        read_stability(tmp_path, model)

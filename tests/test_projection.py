"""Maps: principal components against a plain SVD, trust against counting by hand, t-SNE against both."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.embeddings import Embeddings
from firth.errors import ConfigError, Interrupted, MissingExtraError
from firth.formats import load, save
from firth.projection import WordMap, compute, mapped_words, trust, with_trust
from firth.projection.mapped_words import MappedWords
from firth.projection.pca import principal_plane

WORDS, SIZE = 240, 7


def clustered(words: int = WORDS, size: int = SIZE, seed: int = 5, **more: Any) -> Embeddings:
    """A model whose words lie in groups of twelve, of all lengths; row is not place: counts rise."""
    draw = np.random.default_rng(seed)
    groups = draw.standard_normal((-(-words // 12), size)).repeat(12, axis=0)[:words]
    vectors = (groups + 0.25 * draw.standard_normal((words, size))) * draw.uniform(0.1, 9, (words, 1))
    more.setdefault("counts", np.arange(5, 5 + words))
    return Embeddings([f"w{n}" for n in range(words)], vectors.astype(np.float32), **more)


def plain_plane(model: Embeddings) -> np.ndarray:
    units = model.vectors.astype(float)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    centered = units - units.mean(axis=0)
    axes = np.linalg.svd(centered, full_matrices=False)[2][:2].T
    return centered @ (axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]]))


def plain_near(positions: np.ndarray, neighbors: np.ndarray, k: int) -> list[int]:
    points = positions.astype(float)
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    reach = np.sort(squares, axis=1)[:, k - 1]
    return [int((squares[i, row[row >= 0]] <= reach[i]).sum()) for i, row in enumerate(neighbors)]


# Principal components


def test_the_plane_is_that_of_a_plain_svd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = clustered(counts=None)
    places, share = principal_plane(MappedWords(model))
    np.testing.assert_allclose(places, plain_plane(model), atol=1e-12)
    units = model.vectors / np.linalg.norm(model.vectors, axis=1, keepdims=True)
    variances = np.linalg.eigvalsh(np.cov(units.T))
    assert share == pytest.approx(variances[-2:].sum() / variances.sum(), rel=1e-5)
    monkeypatch.setattr(mapped_words, "NUMBERS_AT_ONCE", SIZE * 11)
    save(model, tmp_path / "m")
    np.testing.assert_allclose(principal_plane(MappedWords(load(tmp_path / "m")))[0], places, atol=1e-12)


def test_the_most_frequent_come_first_and_rows_without_a_direction_stay_out() -> None:
    trained = np.ones(WORDS, bool)
    trained[8] = False
    vectors = np.array(clustered().vectors)
    vectors[239] = 0
    model = Embeddings(list(clustered()), vectors, counts=np.arange(WORDS), trained=trained)
    whole = compute(model, "pca")
    assert whole.rows.tolist() == [row for row in range(WORDS - 1, -1, -1) if row not in (8, 239)]
    some = compute(model, "pca", words=50)
    assert some.rows.tolist() == whole.rows.tolist()[:50]
    assert (some.rows.dtype, some.positions.dtype, some.near.dtype) == (np.int32, np.float32, np.uint8)
    assert np.abs(some.positions).max() == pytest.approx(1)
    assert some.settings["words"] == 50
    assert some.identity == model.identity()


def test_lengths_of_vectors_do_not_count() -> None:
    model = clustered()
    longer = Embeddings(list(model), (model.vectors.T * np.linspace(1, 90, WORDS)).T.astype(np.float32))
    a, b = (compute(one, "pca", trusted=False) for one in (longer, clustered(counts=None)))
    np.testing.assert_allclose(a.positions, b.positions, atol=1e-5)


@pytest.mark.parametrize("vectors", [np.ones((5, 3)), np.ones((5, 1)), np.eye(5)[:, :1] + 1])
def test_a_map_of_one_direction_is_one_place(vectors: np.ndarray) -> None:
    found = compute(Embeddings(list("abcde"), vectors.astype(np.float32)), "pca")
    assert np.ptp(found.positions, axis=0).tolist() == pytest.approx([0, 0], abs=1e-3)
    assert 0 <= found.settings["variance"] <= 1
    assert found.near.tolist() == [4] * 5, "in one place all are near"


def test_what_cannot_be_a_map() -> None:
    with pytest.raises(ConfigError, match=r"no method 'umap' for a map: give one of pca, tsne"):
        compute(clustered(), "umap")
    with pytest.raises(ConfigError, match="words must be at most 250,000 for a map, not 250,001"):
        compute(clustered(), "pca", words=250_001)
    with pytest.raises(ConfigError, match="words must be at least 3, not 2"):
        compute(clustered(), "pca", words=2)
    with pytest.raises(ConfigError, match="at least 3 words that have a direction, and the model has 1"):
        compute(Embeddings(["a", "b"], np.diag([1, 0]).astype(np.float32)), "pca")


# Trust


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 999), st.sampled_from(["even", "clumped", "tailed", "same", "line"]), st.integers(2, 60)
)
def test_near_is_what_counting_by_hand_gives(seed: int, kind: str, k: int) -> None:
    draw = np.random.default_rng(seed)
    points = draw.standard_normal((700, 2))
    if kind == "clumped":
        points = points * 1e-3 + draw.integers(0, 4, (700, 2))
    elif kind == "tailed":
        points = draw.standard_cauchy((700, 2)) ** 3
    elif kind == "same":
        points = draw.integers(0, 3, (700, 2)).astype(float)
    elif kind == "line":
        points[:, 1] = 0
    neighbors = draw.integers(-1, 700, (700, 10))
    neighbors[neighbors == np.arange(700)[:, None]] = -1
    assert trust.near_counts(points, neighbors, k).tolist() == plain_near(points, neighbors, k)


def test_trust_counts_true_neighbours_among_the_words_of_the_map() -> None:
    model = clustered()
    found = compute(model, "pca", words=100)
    words = [model.index_to_key[row] for row in found.rows]
    part = Embeddings(words, np.array(model.vectors[found.rows]))
    exact = [[words.index(word) for word, _ in near] for near in part.neighbors(words, 10)]
    assert found.neighbors.tolist() == exact
    assert trust.near_words(100) == 10
    assert found.near.tolist() == plain_near(found.positions, found.neighbors, 10)
    figures = found.summary()
    assert figures is not None
    assert figures["mean"] == pytest.approx(found.near.mean())
    assert figures["chance"] == pytest.approx(10 * 10 / 99)
    assert figures["histogram"] == [int((found.near == n).sum()) for n in range(11)]
    assert "among the 10 words nearest to it on the map" in found.definition


def test_a_map_of_two_dimensions_of_a_circle_can_be_trusted() -> None:
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = compute(Embeddings([f"w{n}" for n in range(90)], circle), "pca")
    assert found.settings["variance"] == pytest.approx(1)
    assert found.near.min() == 10


def test_trust_can_come_later() -> None:
    model = clustered()
    quick = compute(model, "pca", trusted=False)
    assert not quick.measured
    assert set(quick.near.tolist()) == {trust.UNKNOWN}
    assert quick.summary() is None
    same_as(with_trust(quick, model), compute(model, "pca"))


def same_as(a: WordMap, b: WordMap) -> None:
    for name in ("rows", "positions", "near", "neighbors"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


# t-SNE


def test_tsne_keeps_more_neighbours_and_the_same_seed_the_same_map() -> None:
    pytest.importorskip("openTSNE", reason="the extra [map] is not installed")
    model = clustered(size=30)
    told: list[tuple[float, str]] = []
    found = compute(model, progress=lambda share, what: told.append((share, what)))
    flat = compute(model, "pca")
    assert found.near.mean() > flat.near.mean() + 1
    assert found.neighbors.tolist() == flat.neighbors.tolist()
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], told[-1]) == (0, (1, "done"))
    assert len(shares) > 30
    same_as(found, compute(model))
    assert (compute(model, seed=2).positions != found.positions).any()


def test_tsne_of_few_words_and_of_equal_ones() -> None:
    pytest.importorskip("openTSNE", reason="the extra [map] is not installed")
    with pytest.raises(
        ConfigError, match=r"9 words are too few for t-SNE \(it needs 10\): use the method pca"
    ):
        compute(clustered(9))
    equal = Embeddings([f"w{n}" for n in range(40)], np.ones((40, 5), np.float32))
    assert np.isfinite(compute(equal).positions).all()
    assert len(compute(clustered(10))) == 10


@pytest.mark.parametrize("after", [1, 2, 30])
def test_stop_ends_it(after: int) -> None:
    pytest.importorskip("openTSNE", reason="the extra [map] is not installed")
    asked = iter([False] * after)
    with pytest.raises(Interrupted, match="the map was stopped"):
        compute(clustered(), stop=lambda: next(asked, True))


def test_without_the_library_the_extra_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(MissingExtraError, match=r"the method pca does without.*openTSNE.*firth\[map\]"):
        compute(clustered(), progress=lambda *_: pytest.fail("work was begun"))
    assert len(compute(clustered(), "pca")) == WORDS

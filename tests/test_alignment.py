"""Two models in one space, and the words that moved."""

from typing import Any

import numpy as np
import pytest

from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation import alignment as module
from firth.evaluation.alignment import align, distances, procrustes, rotated, shifts

D = 6


def rotation(seed: int) -> Any:
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((D, D)))
    return q * np.sign(np.diag(r))


def models(noise: float = 0.0) -> tuple[Embeddings, Embeddings, Any]:
    """Return A of 80 words, B of 70 of them in another order, rotated, and 5 of its own; and the rotation."""
    rng = np.random.default_rng(21)
    vectors = rng.standard_normal((80, D)) + 0.4
    turn = rotation(4)
    kept = rng.permutation(80)[:70]
    moved = (vectors[kept] + noise * rng.standard_normal((70, D))) @ turn.T
    own = rng.standard_normal((5, D))
    a = Embeddings(
        [f"w{row}" for row in range(80)], vectors.astype(np.float32), counts=np.arange(800, 0, -10)
    )
    b = Embeddings(
        [f"w{row}" for row in kept] + [f"b{row}" for row in range(5)],
        (3 * np.r_[moved, own]).astype(np.float32),
        counts=np.arange(75, 0, -1),
        context_vectors=np.ones((75, D), np.float32) * np.arange(D, dtype=np.float32),
    )
    return a, b, turn


def test_procrustes_finds_the_rotation() -> None:
    rng = np.random.default_rng(2)
    b, turn = rng.standard_normal((30, D)), rotation(9)
    np.testing.assert_allclose(procrustes(b @ turn, b), turn, atol=1e-12)
    with pytest.raises(ConfigError, match=r"shapes \(30, 6\) and \(29, 6\)"):
        procrustes(b, b[1:])


def test_procrustes_is_the_best_of_all_orthogonal_matrices() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 40, D))
    best = procrustes(a, b)
    np.testing.assert_allclose(best @ best.T, np.eye(D), atol=1e-12)
    least = np.square(b @ best - a).sum()
    assert all(np.square(b @ rotation(seed) - a).sum() > least for seed in range(20))
    # Schönemann: the derivative along any skew-symmetric matrix vanishes, so (b R)ᵀ a is symmetric
    product = (b @ best).T @ a
    np.testing.assert_allclose(product, product.T, atol=1e-10)


@pytest.mark.parametrize("at_once", [1 << 14, 7])
@pytest.mark.parametrize("options", [{}, {"center": True}, {"normalize": False}])
def test_a_rotated_model_is_brought_back(
    options: dict[str, bool], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", at_once)
    a, b, turn = models()
    found = align(a, b, **options)
    np.testing.assert_allclose(found.rotation, turn, atol=1e-4)
    assert len(found.shared) == 70
    assert found.determined
    assert found.cosine_after == pytest.approx(1.0, abs=1e-5)
    assert found.cosine_before < 0.6
    np.testing.assert_allclose(distances(a, b, found), 0, atol=1e-5)


def test_the_rotated_model_keeps_its_own_geometry() -> None:
    a, b, turn = models(0.2)
    before = b.vectors.copy()
    found = align(a, b)
    out = rotated(b, found, onto="A")
    np.testing.assert_allclose(out.vectors, b.vectors @ found.rotation, atol=1e-4)
    for word in ("w3", "b2"):
        names = [near for near, _ in b.most_similar(word, topn=9)]
        assert [near for near, _ in out.most_similar(word, topn=9)] == names
    assert out.context_vectors is not None
    assert b.context_vectors is not None
    np.testing.assert_allclose(
        out.vectors @ out.context_vectors.T, b.vectors @ b.context_vectors.T, rtol=1e-3, atol=1e-3
    )
    assert out.config["aligned"] == {"onto": "A", "shared_words": 70, "centered": False}
    assert "aligned" not in b.config
    np.testing.assert_array_equal(b.vectors, before)
    again = align(a, out)
    np.testing.assert_allclose(again.rotation, np.eye(D), atol=1e-3)
    assert again.cosine_before == pytest.approx(found.cosine_after, abs=1e-5)
    assert np.abs(found.rotation - turn).max() < 0.2


def test_a_centered_alignment_moves_the_means() -> None:
    a, b, _ = models(0.2)
    shifted = Embeddings(
        b.index_to_key, b.vectors + np.float32(9), counts=b.counts, context_vectors=b.context_vectors
    )
    plain, centered = align(a, b, center=True), align(a, shifted, center=True)
    np.testing.assert_allclose(plain.rotation, centered.rotation, atol=1e-4)
    assert centered.centered
    out = rotated(shifted, centered)
    assert out.context_vectors is None
    mean = out.vectors[[out.key_to_index[f"w{row}"] for row in range(80) if f"w{row}" in out]].mean(axis=0)
    np.testing.assert_allclose(mean, a.vectors[centered.shared.rows_a].mean(axis=0), atol=1e-4)


def test_rows_of_zeros_stay_and_are_not_shared() -> None:
    a, b, _ = models()
    vectors = b.vectors.copy()
    row = b.key_to_index["w3"]
    vectors[row] = 0
    empty = Embeddings(b.index_to_key, vectors)
    found = align(a, empty, center=True)
    assert len(found.shared) == 69
    assert not rotated(empty, found).vectors[row].any()


def test_the_word_that_moved_comes_first() -> None:
    a, b, _ = models(0.1)
    vectors = b.vectors.copy()
    vectors[b.key_to_index["w3"]] *= -1
    changed = Embeddings(b.index_to_key, vectors, counts=b.counts)
    found = align(a, changed)
    moved = shifts(a, changed, found, topn=3, min_count=1)
    assert [len(moved.words), moved.compared, moved.rare] == [3, 70, 0]
    first = moved.words[0]
    assert first.word == "w3"
    assert first.distance > 1.9
    assert first.distance > 20 * first.typical > 0
    assert first.count_a == 770
    assert changed.counts is not None
    assert first.count_b == changed.counts[b.key_to_index["w3"]]
    assert [one.distance for one in moved.words] == sorted(
        (one.distance for one in moved.words), reverse=True
    )


def test_rare_words_are_left_out() -> None:
    a, b, _ = models(0.1)
    moved = shifts(a, b, align(a, b), topn=None, min_count=40)
    assert a.counts is not None
    assert b.counts is not None
    expected = {
        w for w in a if w in b and a.counts[a.key_to_index[w]] >= 40 and b.counts[b.key_to_index[w]] >= 40
    }
    assert {one.word for one in moved.words} == expected
    assert (moved.compared, moved.rare) == (len(expected), 70 - len(expected))
    uncounted = Embeddings(b.index_to_key, b.vectors)
    moved = shifts(a, uncounted, align(a, uncounted), topn=None, min_count=40)
    assert {one.word for one in moved.words} == {f"w{n}" for n in range(77) if f"w{n}" in b}
    assert moved.words[0].count_b is None
    assert shifts(a, b, align(a, b), min_count=10**6).words == []


def test_the_typical_distance_is_that_of_words_as_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPANY", 3)
    counts = np.array([50, 10, 40, 20, 30])
    apart = np.array([0.5, 0.1, 0.4, 0.2, 0.3])
    found = module._typical(apart, counts)
    np.testing.assert_allclose(found, [0.4, 0.2, 0.4, 0.2, 0.3])
    np.testing.assert_allclose(module._typical(apart, None), 0.3)


def test_models_that_cannot_be_aligned() -> None:
    a, b, _ = models()
    with pytest.raises(ConfigError, match="vectors of 6 and 3 numbers"):
        align(a, Embeddings(["w1", "w2"], np.ones((2, 3), np.float32)))
    with pytest.raises(ConfigError, match="not enough data: the models share 0 of 80 and 2 words"):
        align(a, Embeddings(["x", "y"], np.ones((2, D), np.float32)))
    one = Embeddings(["w1"], np.ones((1, D), np.float32))
    with pytest.raises(ConfigError, match="the models share 1 of 80 and 1 words"):
        align(a, one)
    few = Embeddings(b.index_to_key[:4], b.vectors[:4])
    assert not align(a, few).determined

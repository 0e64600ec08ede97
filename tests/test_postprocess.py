"""What is done to vectors after training, against the formulas of the papers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation import postprocess
from firth.evaluation.postprocess import (
    all_but_the_top,
    mean_centered,
    processed,
    with_context,
    zipfian_whitened,
)

V, D = 57, 7


@pytest.fixture
def vectors() -> Any:
    rng = np.random.default_rng(12)
    table = rng.standard_normal((V, D)) * np.arange(1, D + 1) + rng.standard_normal(D) * 3
    made = table.astype(np.float32)
    made.flags.writeable = False
    return made


@pytest.fixture(params=[1 << 22, 10 * D])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go through the rows at once, and ten at a time."""
    monkeypatch.setattr(postprocess, "NUMBERS_AT_ONCE", request.param)


pytestmark = pytest.mark.usefixtures("_blocks")
COUNTS = np.arange(V, 0, -1) ** 2


def test_mean_centering(vectors: Any) -> None:
    found = mean_centered(vectors)
    np.testing.assert_allclose(found, vectors - vectors.mean(axis=0, dtype=float), atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=0, dtype=float), 0, atol=1e-6)


@pytest.mark.parametrize("components", [0, 1, 3, D])
def test_all_but_the_top_is_the_papers_algorithm(vectors: Any, components: int) -> None:
    # Mu and Viswanath 2018, algorithm 1, row by row, the directions by a singular value decomposition
    mean = vectors.mean(axis=0, dtype=float)
    centered = vectors.astype(float) - mean
    directions = np.linalg.svd(centered)[2][:components]
    expected = [row - sum(((u @ row) * u for u in directions), np.zeros(D)) for row in centered]
    found = all_but_the_top(vectors, components)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    variances = np.linalg.svd(found.astype(float), compute_uv=False)
    assert (variances > 1e-3).sum() == D - components


def test_all_but_the_top_takes_a_hundredth_of_the_size() -> None:
    wide = np.random.default_rng(3).standard_normal((300, 230)).astype(np.float32)
    np.testing.assert_array_equal(all_but_the_top(wide), all_but_the_top(wide, 2))
    with pytest.raises(ConfigError, match="components must be from 0 to the vector size 230, not 231"):
        all_but_the_top(wide, 231)


def test_word_and_context_vectors_are_added(vectors: Any) -> None:
    context = np.random.default_rng(5).standard_normal((V, D)).astype(np.float32)
    np.testing.assert_array_equal(with_context(vectors, context), vectors + context)
    with pytest.raises(ConfigError, match=r"W has the shape \(57, 7\) and C \(56, 7\)"):
        with_context(vectors, context[1:])


def test_zipfian_whitening_is_the_papers_algorithm(vectors: Any) -> None:
    # Yokoi et al. 2024, algorithm 1: singular values of the centered rows, each times sqrt(p)
    p = COUNTS / COUNTS.sum()
    mean = p @ vectors.astype(float)
    centered = vectors.astype(float) - mean
    _, singular, directions = np.linalg.svd(np.sqrt(p)[:, None] * centered, full_matrices=False)
    expected = centered @ directions.T / singular
    found = zipfian_whitened(vectors, COUNTS).astype(float)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(p @ found, 0, atol=1e-5)
    np.testing.assert_allclose((found * p[:, None]).T @ found, np.eye(D), atol=1e-4)
    # over the list of words alone it is not white
    assert abs(found.mean(axis=0)).max() > 0.1


def test_zipfian_whitening_of_a_flat_direction(vectors: Any) -> None:
    flat = vectors.copy()
    flat[:, 2] = 5.0
    found = zipfian_whitened(flat, COUNTS)
    assert np.isfinite(found).all()
    covariance = (found * (COUNTS / COUNTS.sum())[:, None]).T.astype(float) @ found
    np.testing.assert_allclose(np.diag(covariance), [1] * (D - 1) + [0], atol=1e-4)
    one = zipfian_whitened(vectors[:1], COUNTS[:1])
    np.testing.assert_array_equal(one, np.zeros((1, D)))


@pytest.mark.parametrize("counts", [COUNTS[1:], np.zeros(V, int), -COUNTS, COUNTS[:, None]])
def test_counts_that_do_not_fit(vectors: Any, counts: Any) -> None:
    with pytest.raises(ConfigError, match="counts must be 57 numbers, one a word"):
        zipfian_whitened(vectors, counts)


@pytest.mark.parametrize(
    "function",
    [mean_centered, all_but_the_top, lambda v: with_context(v, v), lambda v: zipfian_whitened(v, COUNTS)],
)
def test_the_input_stays(vectors: Any, function: Callable[[Any], Any]) -> None:
    before = vectors.copy()
    found = function(vectors)
    assert found.shape == vectors.shape
    assert found.dtype == np.float32
    assert not np.shares_memory(found, vectors)
    np.testing.assert_array_equal(vectors, before)


@pytest.mark.parametrize(
    "function", [mean_centered, all_but_the_top, lambda v: zipfian_whitened(v, COUNTS[:0])]
)
def test_tables_without_rows_are_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(ConfigError, match=r"must have the shape \(words, vector size\), not \(0, 4\)"):
        function(np.zeros((0, 4), np.float32))


def test_rows_never_trained_stay_out_of_it(vectors: Any) -> None:
    table = vectors.copy()
    trained = np.ones(V, bool)
    trained[[4, 50]] = False
    table[~trained] = 0
    words = [f"w{row}" for row in range(V)]
    counts = np.where(trained, COUNTS, 0)
    context = np.ones_like(table)
    model = Embeddings(
        words,
        table,
        counts=counts,
        trained=trained,
        context_vectors=context,
        config={"postprocessing": ["x"]},
    )
    found = processed(model, lambda v, rows: zipfian_whitened(v, counts[rows]), "zipfian")
    assert not found.vectors[~trained].any()
    np.testing.assert_array_equal(found.vectors[trained], zipfian_whitened(table[trained], counts[trained]))
    assert found.config["postprocessing"] == ["x", "zipfian"]
    assert model.config["postprocessing"] == ["x"]
    assert found.context_vectors is None
    whole = processed(Embeddings(words, vectors), lambda v, rows: mean_centered(v), "centered")
    np.testing.assert_array_equal(whole.vectors, mean_centered(vectors))

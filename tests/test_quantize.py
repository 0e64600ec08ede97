"""Vectors stored in fewer bytes: how exact they come back, and what it costs in neighbours."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tests.vector_cases import FINITE, model

from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError
from firth.formats import load, native, save
from firth.formats.quantize import dequantized, quantized, scales
from firth.recall import nearest_words, recall

MATRICES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=FINITE)


def stored(matrix: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    whole = np.concatenate(list(quantized(matrix, kind)))
    return dequantized(whole, np.concatenate(list(scales(matrix))) if kind == "int8" else None)


@given(MATRICES)
def test_int8_is_within_half_a_level_of_each_number(matrix: NDArray[np.float32]) -> None:
    largest = np.abs(matrix).max(axis=1, keepdims=True).astype(np.float64)
    error = np.abs(stored(matrix, "int8").astype(np.float64) - matrix)
    assert (error <= largest / 127 * 0.5001 + 1e-37).all()


def test_int8_keeps_the_largest_number_and_zero_of_each_row() -> None:
    matrix = np.array([[0, -254, 127], [0.5, 0, 0.25], [0, 0, 0]], np.float32)
    back = stored(matrix, "int8")
    assert back[0].tolist() == [0, -254, 128]  # levels of 2: 127 lies between two and goes to the even one
    assert back[1, 0] == 0.5
    assert (back[2] == 0).all()


@given(MATRICES.map(lambda matrix: np.clip(matrix, -6e4, 6e4)))
def test_float16_is_exact_to_eleven_bits(matrix: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(stored(matrix, "float16"), matrix, rtol=2**-11, atol=2**-25)


def test_a_number_too_large_for_float16_is_refused_with_its_row(tmp_path: Path) -> None:
    vectors = np.ones((20_000, 2), np.float32)
    vectors[17_000, 1] = 70_000
    large = Embeddings([str(row) for row in range(len(vectors))], vectors)
    with pytest.raises(FormatError, match=r"row 17000 holds a number beyond 65504.*use int8"):
        native.write(large, tmp_path / "m", quantized="float16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "dtype"), [("float16", np.float16), ("int8", np.int8)])
def test_a_quantised_model_is_smaller_and_opens_like_any_other(
    tmp_path: Path, kind: str, dtype: type[np.generic]
) -> None:
    words = [f"w{n}" for n in range(50)]
    whole = model(words, 24, context_vectors=np.full((50, 24), 0.5, np.float32), counts=np.arange(50))
    native.write(whole, tmp_path / "m", quantized=kind)
    tensors = load_file(tmp_path / "m" / native.TENSORS)
    assert tensors["vectors"].dtype == tensors["context_vectors"].dtype == dtype
    again = load(tmp_path / "m")
    assert again.vectors.dtype == np.float32
    np.testing.assert_array_equal(again.vectors, stored(np.asarray(whole.vectors), kind))
    assert again.context_vectors is not None
    np.testing.assert_allclose(again.context_vectors, 0.5, rtol=1e-6)
    assert again.config["quantized"] == kind
    save(again, tmp_path / "float32")
    assert "quantized" not in load(tmp_path / "float32").config


def test_int8_without_its_scales_is_refused(tmp_path: Path) -> None:
    native.write(model(["a", "b"]), tmp_path / "m", quantized="int8")
    file = tmp_path / "m" / native.TENSORS
    tensors = load_file(file)
    save_file({"vectors": tensors["vectors"]}, file)
    with pytest.raises(FormatError, match="'vectors' is int8 without its rows' scales"):
        load(tmp_path / "m")


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stored as 'int4': choose float16 or int8"):
        native.write(model(["a"]), tmp_path / "m", quantized="int4")
    assert list(tmp_path.iterdir()) == []


def test_recall_counts_the_true_neighbours_that_are_found() -> None:
    exact = model([f"w{n}" for n in range(30)], 5)
    everything = recall(exact, lambda words, k: nearest_words(exact, words, k), 4)
    assert (everything.mean, everything.k, everything.words) == (1.0, 4, 30)
    half = recall(exact, lambda words, k: [near[:2] for near in nearest_words(exact, words, k)], 4, words=10)
    assert (half.mean, half.words) == (0.5, 10)
    assert recall(exact, lambda words, _: [["none"]] * len(words), 4).mean == 0.0

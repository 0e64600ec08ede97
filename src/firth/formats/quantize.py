"""Vectors in fewer bytes: float16, or int8 with a scale a row. For storage; in memory they are float32 again.

int8 keeps round(127 x / max|x|) of each row and the row's max|x| / 127 in float32 (symmetric quantisation
with a scale a row, as in Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", eq. 1 with zero point 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, FormatError

Matrix: TypeAlias = NDArray[np.float32]
Tensors: TypeAlias = dict[str, tuple[tuple[int, ...], Iterator[NDArray[Any]]]]

KINDS = {"float16": "F16", "int8": "I8"}
"""Name of a storage -> its type in safetensors."""
SCALE = ".scale"
"""What the name of the tensor with the scales of another one ends with."""
LEVELS = 127
LARGEST_HALF = float(np.finfo(np.float16).max)
BLOCK_ROWS = 1 << 14


def kind_name(kind: str) -> str:
    """Return ``kind`` if vectors can be stored so.

    Raises:
        ConfigError: they cannot.
    """
    if kind not in KINDS:
        raise ConfigError(f"vectors cannot be stored as {kind!r}: choose {' or '.join(KINDS)}")
    return kind


def stored(name: str, matrix: Matrix, kind: str) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors that keep a matrix under ``name``, as (shape, blocks), and their types.

    Raises:
        ConfigError: there is no such kind.
    """
    tensors: Tensors = {name: (matrix.shape, quantized(matrix, kind_name(kind)))}
    if kind == "int8":
        tensors[name + SCALE] = (matrix.shape[:1], scales(matrix))
    return tensors, {name: KINDS[kind]}


def restored(name: str, tensors: Mapping[str, NDArray[Any]]) -> Matrix:
    """Return the float32 matrix under ``name``: as it lies there, or out of its quantised form.

    Raises:
        ConfigError: it is of int8, and its scales are missing.
        KeyError: there is none.
    """
    tensor, scale = tensors[name], tensors.get(name + SCALE)
    if tensor.dtype == np.int8 and (scale is None or scale.shape != tensor.shape[:1]):
        raise ConfigError(f"{name!r} is int8 without its rows' scales")
    if tensor.dtype in (np.float16, np.int8):
        return dequantized(tensor, scale)
    return tensor


def quantized(matrix: Matrix, kind: str) -> Iterator[NDArray[np.float16] | NDArray[np.int8]]:
    """Yield the rows of a (V, D) matrix in blocks of float16 or int8.

    Raises:
        FormatError: a number is too large for float16.
    """
    for start, block in _blocks(matrix):
        if kind == "int8":
            scale = _row_scales(block)[:, None]
            levels = np.divide(block, scale, out=np.zeros_like(block), where=scale > 0)
            yield np.rint(levels).clip(-LEVELS, LEVELS).astype(np.int8)
            continue
        if np.abs(block).max(initial=0) > LARGEST_HALF:
            row = start + int(np.abs(block).max(axis=1).argmax())
            raise FormatError(
                f"row {row} holds a number beyond {LARGEST_HALF:g}, the largest of float16: use int8"
            )
        yield block.astype(np.float16)


def scales(matrix: Matrix) -> Iterator[Matrix]:
    """Yield, in blocks, each row's (rows,) scale for int8: its largest absolute value / 127."""
    return (_row_scales(block) for _, block in _blocks(matrix))


def dequantized(stored: NDArray[np.float16] | NDArray[np.int8], scale: Matrix | None = None) -> Matrix:
    """Return the (V, D) float32 matrix that was stored, with the rows' (V,) scales where it is int8."""
    matrix = stored.astype(np.float32)
    if scale is not None:
        matrix *= scale[:, None]
    return matrix


def _row_scales(block: Matrix) -> Matrix:
    largest: Matrix = np.abs(block).max(axis=1)
    return largest / np.float32(LEVELS)


def _blocks(matrix: Matrix) -> Iterator[tuple[int, Matrix]]:
    return ((start, matrix[start : start + BLOCK_ROWS]) for start in range(0, len(matrix), BLOCK_ROWS))

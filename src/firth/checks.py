"""What the embeddings accept: arrays of the right shape and type, different words, weights, whole numbers."""

from __future__ import annotations

import mmap
from typing import Any, SupportsIndex, TypeGuard

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.printable import quoted


def matrix(name: str, array: Any, rows: int) -> NDArray[np.float32]:
    """Check a (rows, D) float32 matrix and return a read-only view of it."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise ConfigError(f"{name} must be a float32 array, not {kind}: np.asarray({name}, dtype=np.float32)")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ConfigError(f"{name} must have the shape (words, vector size), not {array.shape}")
    if array.shape[0] != rows:
        raise ConfigError(f"{name} have {array.shape[0]} rows for {rows} words: each word needs one row")
    view = array.view()
    view.flags.writeable = False
    return view


def column(name: str, array: Any, dtype: type[np.generic], rows: int) -> NDArray[Any] | None:
    """Check one value a word, and return it with its type."""
    if array is None:
        return None
    column = np.asarray(array)
    if column.shape != (rows,):
        raise ConfigError(f"{name} have the shape {column.shape} for {rows} words: each word needs one value")
    if column.size and not np.can_cast(column.dtype, dtype, "same_kind"):
        raise ConfigError(f"{name} must be {np.dtype(dtype)}, not {column.dtype}")
    return column.astype(dtype, copy=False)


def row_of_each(keys: list[str]) -> dict[str, int]:
    """Return word -> row; every key must be a string of its own."""
    index = {key: row for row, key in enumerate(keys) if isinstance(key, str)}
    if len(index) == len(keys):
        return index
    seen: dict[str, int] = {}
    for row, key in enumerate(keys):
        if not isinstance(key, str):
            raise ConfigError(f"keys must be strings, but row {row} has {key!r} ({type(key).__name__})")
        if key in seen:
            raise ConfigError(f"the key {quoted(key)} is there twice, in rows {seen[key]} and {row}")
        seen[key] = row
    return seen


def is_mapped(array: Any) -> bool:
    """Tell whether an array is, or looks into, a memory map."""
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, (np.memmap, mmap.mmap))


def is_row_number(key: object) -> TypeGuard[SupportsIndex]:
    """Tell whether a key is a row number (a NumPy integer is one, an array is not)."""
    return isinstance(key, SupportsIndex) and not isinstance(key, np.ndarray)


def is_pair(item: Any) -> bool:
    """Tell whether an input is (key or vector, weight)."""
    return isinstance(item, tuple) and len(item) == 2 and not isinstance(item[1], (str, np.ndarray))


def as_items(value: Any) -> list[Any]:
    """Return one input or several as a list."""
    if value is None:
        return []
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim == 2 else [value]
    return [value] if isinstance(value, str) or is_row_number(value) or is_pair(value) else list(value)


def as_weight(value: Any) -> float:
    """Check the weight of an input."""
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = np.nan
    if not np.isfinite(weight):
        raise ConfigError(f"the weight of an input must be a finite number, not {value!r}")
    return weight


def at_least(low: int, name: str, value: Any) -> int:
    """Check a whole number that has a lower bound."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise ConfigError(f"{name} must be a whole number, not {value!r}")
    if value.__index__() < low:
        raise ConfigError(f"{name} must be at least {low}, not {value.__index__()}")
    return value.__index__()

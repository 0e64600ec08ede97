"""A model's subwords on disk: buckets in a safetensors file, options in the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, FormatError
from firth.formats import quantize
from firth.formats.safetensors_file import map_tensors, row_blocks, write_tensors
from firth.printable import printable
from firth.subwords import Subwords

FILE = "subwords.safetensors"
BUCKETS = "buckets"
OPTIONS = ("min_n", "max_n", "hashing", "encoding")


def write_subwords(subwords: Subwords, folder: Path, quantized: str | None) -> dict[str, Any]:
    """Write the buckets into a model's folder and return the options that belong into its configuration."""
    buckets = subwords.buckets
    if quantized is None:
        write_tensors(folder / FILE, {BUCKETS: (buckets.shape, row_blocks(buckets))})
    else:
        tensors, dtypes = quantize.stored(BUCKETS, buckets, quantized)
        write_tensors(folder / FILE, tensors, dtypes=dtypes)
    return {name: getattr(subwords, name) for name in OPTIONS}


def read_subwords(folder: Path, options: Any) -> Subwords:
    """Return the subwords of a model's folder; the buckets are mapped, if not quantised.

    Raises:
        FormatError: the file is missing or damaged, or does not fit the options.
    """
    file = folder / FILE
    if not file.is_file():
        raise FormatError(f"{file}: missing from the model folder; copy the whole folder again")
    tensors, _ = map_tensors(file)
    try:
        matrix: NDArray[np.float32] = quantize.restored(BUCKETS, tensors)
        return Subwords(matrix, **{name: options[name] for name in OPTIONS})
    except (ConfigError, KeyError, TypeError) as error:
        raise FormatError(
            f"{file}: does not fit config.json ({printable(str(error))}); copy the whole folder again"
        ) from None

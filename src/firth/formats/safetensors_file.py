"""Named tensors in one file, in the safetensors format: streamed out in blocks, mapped in without a copy.

https://huggingface.co/docs/safetensors — eight bytes with the header's length, the header (JSON: each
tensor's type, shape and offsets), then the tensors without gaps. The header is padded with spaces so
that the data begin at a multiple of 64 bytes, a cache line. As there are no gaps, a later tensor
begins at such a multiple only where the sizes before it allow; those that keep it come first.
"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from firth.errors import ConfigError, FormatError

Shape: TypeAlias = tuple[int, ...]
Blocks: TypeAlias = Iterable[NDArray[Any]]

ALIGNMENT = 64
BLOCK_BYTES = 1 << 22
LONGEST_HEADER = 100_000_000  # the safetensors library refuses more
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "|i1", "U8": "|u1"}


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, tuple[Shape, Blocks]],
    metadata: Mapping[str, str] | None = None,
    dtypes: Mapping[str, str] | None = None,
) -> None:
    """Write tensors, block of rows by block of rows; an old file stays until the new one is whole.

    Args:
        path: the file to make or to replace.
        tensors: name -> (shape, blocks of rows that fill this shape in order).
        metadata: texts to keep in the header.
        dtypes: name -> a type of ``DTYPES``, for tensors that are not float32 ("F32").

    Raises:
        FormatError: the file cannot be written; a full disk names the bytes needed.
        ConfigError: blocks of another type, or that do not fill the shape.
    """
    types = {name: (dtypes or {}).get(name, "F32") for name in tensors}
    sizes = {name: math.prod(shape) * _itemsize(types[name]) for name, (shape, _) in tensors.items()}
    order = sorted(tensors, key=lambda name: sizes[name] % ALIGNMENT != 0)
    header = _header({name: (types[name], tensors[name][0]) for name in order}, metadata or {})
    with replacing(Path(path), len(header) + sum(sizes.values())) as file:
        file.write(header)
        for name in order:
            _write_blocks(file, name, types[name], *tensors[name])


def row_blocks(matrix: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Cut a matrix into blocks of rows, so that writing a memory map takes no second matrix."""
    step = max(1, BLOCK_BYTES // (4 * matrix.shape[1]))
    return (matrix[start : start + step] for start in range(0, len(matrix), step))


def map_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the tensors of a file as read-only memory maps, and its metadata.

    Raises:
        FormatError: the file is missing, cut short, or its header does not fit its data.
    """
    file = Path(path)
    start, header = _read_header(file)
    try:
        with safe_open(file, framework="numpy") as checked:
            metadata = dict(checked.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{file}: not a valid safetensors file ({error}); copy or make it again") from None
    names = [name for name in header if name != "__metadata__"]
    return {name: _map(file, name, start, header[name]) for name in names}, metadata


@contextmanager
def replacing(path: Path, needed: int | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path``; once it is safely on disk it takes ``path``'s place.

    On any error the temporary file is removed and what was at ``path`` stays as it was.

    Raises:
        FormatError: the file cannot be written; a full disk names the ``needed`` bytes.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error, needed) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last through a power failure, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def cannot_write(path: Path, error: OSError, needed: int | None = None) -> FormatError:
    """Return the error for a file that could not be written."""
    if error.errno in NO_SPACE:
        size = f"{needed:,} bytes are needed" if needed is not None else "more room is needed"
        return FormatError(
            f"{path}: no room to write it ({error.strerror}): {size}; free some or write elsewhere"
        )
    return FormatError(f"{path}: cannot be written ({error.strerror or error}); choose another place")


def _itemsize(dtype: str) -> int:
    """Return the bytes of a number."""
    return np.dtype(DTYPES[dtype]).itemsize


def _header(tensors: Mapping[str, tuple[str, Shape]], metadata: Mapping[str, str]) -> bytes:
    """Return the length and the header, padded to a multiple of ``ALIGNMENT`` bytes together."""
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        end = offset + math.prod(shape) * _itemsize(dtype)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _write_blocks(file: IO[bytes], name: str, dtype: str, shape: Shape, blocks: Blocks) -> None:
    """Write one tensor's blocks and check that they fill its shape."""
    wanted = np.dtype(DTYPES[dtype])
    rows = 0
    for block in blocks:
        if block.dtype != wanted.newbyteorder("=") or block.shape[1:] != shape[1:]:
            raise ConfigError(
                f"tensor {name!r}: a block is {block.dtype} {block.shape}, "
                f"but rows of {wanted.name} {shape[1:]} are needed"
            )
        rows += block.shape[0]
        if block.size:
            file.write(np.ascontiguousarray(block, dtype=wanted).data.cast("B"))
    if rows != shape[0]:
        raise ConfigError(f"tensor {name!r}: the blocks hold {rows} rows, but its shape is {shape}")


def _read_header(file: Path) -> tuple[int, dict[str, Any]]:
    """Return the offset of the data and the header, once its length fits the file."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if size < 8 or length > size - 8 or length > LONGEST_HEADER:
                raise FormatError(
                    f"{file}: not a safetensors file, or cut short: "
                    f"it is {size:,} bytes long, and its header would be {length:,}; copy or make it again"
                )
            header = json.loads(opened.read(length))
            end = 8 + length + max((entry["data_offsets"][1] for name, entry in _tensors(header)), default=0)
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{file}: not a safetensors file: its header is damaged; copy or make it again"
        ) from None
    if end != size:
        raise FormatError(
            f"{file}: its header promises {end:,} bytes, but it is {size:,} bytes long; copy or make it again"
        )
    return 8 + length, header


def _tensors(header: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over the tensors of a header."""
    return ((name, entry) for name, entry in header.items() if name != "__metadata__")


def _map(file: Path, name: str, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    """Map one tensor whose header entry the safetensors library has checked."""
    dtype = DTYPES.get(entry["dtype"])
    if dtype is None:
        raise FormatError(
            f"{file}: tensor {name!r} has the type {entry['dtype']}, "
            f"but firth reads {', '.join(DTYPES)}: convert it"
        )
    shape = tuple(entry["shape"])
    if math.prod(shape) == 0:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype=dtype, mode="r", offset=start + entry["data_offsets"][0], shape=shape)

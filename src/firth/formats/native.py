"""firth's own model: a folder, never a pickle.

``model.safetensors``   tensors *vectors* and, if kept, *context_vectors*: (V, D) float32, row i is word i;
                        quantised ones are float16, or int8 with *vectors.scale*, (V,) float32, beside them
``vocabulary.parquet``  columns *word* (any text), *count* (empty if unknown), *trained*
``config.json``         "format": "firth", "format_version": 1, then the options, the corpus, the versions;
                        "reports" is the number of lines of the next file
``training.jsonl``      one report of the run a line

A run in progress lives in ``MODEL/checkpoint/``, a model folder of the same kind.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from firth._version import __version__
from firth.embeddings import Embeddings, Entries
from firth.errors import ConfigError, FormatError, OutputExistsError
from firth.formats import quantize
from firth.formats.safetensors_file import cannot_write, map_tensors, replacing, sync_folder, write_tensors
from firth.formats.stream import ReadOptions, Stream, settled, stream_of
from firth.printable import printable, quoted

NAME = "firth"
FORMAT_VERSION = 1
TENSORS, VOCABULARY, CONFIG, TRAINING = (
    "model.safetensors",
    "vocabulary.parquet",
    "config.json",
    "training.jsonl",
)
CHECKPOINT = "checkpoint"
MEASURED = ("stability.json", "stability.parquet", "index.usearch", "index.json")
"""Files that later measurements of a model add to its folder; they go when it is replaced."""
COLUMNS = {"word": "string", "count": "int64", "trained": "bool"}
REMEDY = "copy the whole model folder again, or train it again"
MATRICES = ("vectors", "context_vectors")
SCALE = ".scale"
BLOCK_BYTES = 1 << 24


def sniff(path: Path) -> bool:
    """Tell whether ``path`` is a model folder, finished or in training."""
    return is_model_folder(path) or is_model_folder(path / CHECKPOINT)


def is_model_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether ``path`` is a model folder of firth (whether it is whole is :func:`read`'s business)."""
    try:
        return bool(json.loads(Path(path, CONFIG).read_bytes()).get("format") == NAME)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def read(
    path: str | os.PathLike[str], options: ReadOptions | None = None, *, mmap: bool = True
) -> Embeddings:
    """Open a model folder; with ``mmap`` the vectors stay on disk until they are used, if not quantised.

    The words are read when they are first asked for, so that a model of any size opens at once.
    ``options`` are for foreign formats; a model folder that is damaged is never read in part.

    Raises:
        FormatError: there is no model, its training is not finished, or a part is missing or damaged.
    """
    folder = Path(path)
    if not (folder / CONFIG).is_file():
        raise FormatError(_no_model(folder))
    config = read_config(folder / CONFIG)
    tensors = _read_matrices(folder)
    words = _open_parquet(_present(folder / VOCABULARY)).metadata.num_rows
    for name, tensor in tensors.items():
        if len(tensor.shape) != 2 or tensor.shape[0] != words:
            raise FormatError(
                f"{folder}: {TENSORS} has {name!r} of shape {tensor.shape}, but {VOCABULARY} "
                f"has {words} words: they are of different models; {REMEDY}"
            )
    training = read_training(folder / TRAINING)
    if len(training) != config.get("reports", len(training)):
        raise FormatError(
            f"{folder / TRAINING}: has {len(training)} reports, not {config['reports']}; {REMEDY}"
        )
    if not mmap:
        tensors = {name: np.array(tensor) for name, tensor in tensors.items()}
    try:
        return Embeddings.lazy(
            lambda: Entries(*read_vocabulary(folder / VOCABULARY)),
            tensors["vectors"],
            place=str(folder),
            context_vectors=tensors.get("context_vectors"),
            config=config,
            training=training,
        )
    except ConfigError as error:
        raise FormatError(f"{folder}: {error}; {REMEDY}") from None


def stream(path: Path, options: ReadOptions) -> Stream:
    """Return a model folder as a stream; see :func:`read`."""
    return stream_of(read(path, options))


def write(
    model: Embeddings | Stream,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    quantized: str | None = None,
) -> None:
    """Write a model folder; nothing is seen at ``path`` before all of it is on disk.

    Args:
        model: what to write.
        path: the folder to make.
        force: replace a model that is there already, once the new one is whole.
        quantized: a name of ``quantize.KINDS`` to store the vectors in fewer bytes; None: float32.

    Raises:
        OutputExistsError: ``path`` exists; with ``force``: it holds something else than a model of firth.
        FormatError: the disk is full, or ``path`` cannot be written.
    """
    folder = Path(path).absolute()
    if folder.is_symlink() or folder.name in ("", ".."):
        folder = folder.resolve()
    _check_free(folder, force)
    token = secrets.token_hex(4)
    temporary, old = (folder.with_name(f".{folder.name}.{token}.{end}") for end in ("tmp", "old"))
    try:
        temporary.mkdir(parents=True)
        with settled(model if isinstance(model, Stream) else stream_of(model), folder) as embeddings:
            _write_parts(embeddings, temporary, quantized)
        sync_folder(temporary)
        if os.path.lexists(folder):
            folder.rename(old)
        try:
            temporary.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
        sync_folder(folder.parent)
    except OSError as error:
        raise cannot_write(folder, error) from error
    except FormatError as error:
        raise FormatError(str(error).replace(str(temporary), str(folder))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def write_vocabulary(
    path: str | os.PathLike[str],
    words: Sequence[str],
    counts: NDArray[np.int64] | None = None,
    trained: NDArray[np.bool_] | None = None,
) -> None:
    """Write words with their counts (None: unknown) and whether training touched them (None: all).

    Raises:
        FormatError: the file cannot be written, or a word has no UTF-8 form (a lone surrogate).
    """
    rows = len(words)
    try:
        column = pa.array(words, pa.string())
    except UnicodeEncodeError as error:
        word = quoted(str(error.object))
        raise FormatError(f"{path}: the word {word} has no UTF-8 form; clean the corpus of it") from None
    table = pa.table(
        {
            "word": column,
            "count": pa.nulls(rows, pa.int64()) if counts is None else pa.array(counts, pa.int64()),
            "trained": pa.array(np.ones(rows, bool) if trained is None else trained, pa.bool_()),
        }
    )
    with replacing(Path(path)) as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def read_vocabulary(
    path: str | os.PathLike[str],
) -> tuple[list[str], NDArray[np.int64] | None, NDArray[np.bool_] | None]:
    """Return (words, counts or None, trained or None), the inverse of :func:`write_vocabulary`.

    Raises:
        FormatError: the file is missing, cut short or has other columns.
    """
    file = _present(Path(path))
    try:
        table = _open_parquet(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged_parquet(file, error) from None
    found = {name: str(table.schema.field(name).type) for name in table.column_names}
    if not COLUMNS.items() <= found.items():
        raise FormatError(f"{file}: has the columns {found}, but a vocabulary has {COLUMNS}; {REMEDY}")
    word, count, trained = (table.column(name) for name in COLUMNS)
    if word.null_count or trained.null_count or count.null_count not in (0, len(count)):
        raise FormatError(f"{file}: has rows without a word, a count or a mark of training; {REMEDY}")
    counts = None if count.null_count else count.to_numpy()
    mask = trained.to_numpy()
    return word.to_pylist(), counts, None if mask.all() else mask


def write_config(path: str | os.PathLike[str], config: Mapping[str, Any]) -> None:
    """Write ``config.json``: the format's name and version, then ``config``. Strict JSON.

    Raises:
        FormatError: a value has no place in JSON (NaN, an object), or the file cannot be written.
    """
    whole = {"format": NAME, "format_version": FORMAT_VERSION}
    whole |= {name: value for name, value in config.items() if name not in whole}
    try:
        text = json.dumps(whole, allow_nan=False, ensure_ascii=False, indent=2, default=_plain)
        try:
            data = text.encode()
        except UnicodeEncodeError:  # a file name that is not UTF-8: escaped, it survives
            data = json.dumps(whole, allow_nan=False, indent=2, default=_plain).encode()
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: the configuration does not fit into JSON: {error}") from None
    with replacing(Path(path)) as file:
        file.write(data + b"\n")


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read ``config.json``, once it is known to be firth's and of a version that this firth understands.

    Raises:
        FormatError: missing, damaged, of another program or of a newer firth.
    """
    file = _present(Path(path))
    config = _strict_json(file.read_bytes(), str(file))
    name = config.get("format") if isinstance(config, dict) else None
    if not isinstance(config, dict) or name != NAME:
        raise FormatError(
            f'{file}: not a model of firth: "format" is {json.dumps(name)}, not "{NAME}"; '
            "give a folder that firth wrote"
        )
    version = config.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f'{file}: "format_version" is {json.dumps(version)}, not a whole number; {REMEDY}')
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{file}: written by a newer firth (format version {version}; firth {__version__} reads "
            f"up to {FORMAT_VERSION}): update firth"
        )
    return config


def write_training(path: str | os.PathLike[str], reports: Sequence[Mapping[str, Any]]) -> None:
    """Write the reports of a run, one a line; a number that is not finite becomes null."""
    lines = [
        json.dumps({name: _finite(value) for name, value in report.items()}, allow_nan=False, default=_plain)
        for report in reports
    ]
    with replacing(Path(path)) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def read_training(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the reports of ``training.jsonl``.

    Raises:
        FormatError: missing, or a line is no report; the message names the line.
    """
    file = _present(Path(path))
    lines = file.read_bytes().split(b"\n")
    reports = [_strict_json(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    for number, report in enumerate(reports, 1):
        if not isinstance(report, dict):
            raise FormatError(f"{file}: report {number} is not an object but {json.dumps(report)}; {REMEDY}")
    return reports


def _open_parquet(file: Path) -> pq.ParquetFile:
    """Open a Parquet file: its footer is read, its columns are not."""
    try:
        return pq.ParquetFile(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged_parquet(file, error) from None


def _damaged_parquet(file: Path, error: Exception) -> FormatError:
    reason = printable(str(error).splitlines()[0])
    return FormatError(f"{file}: damaged, or not a Parquet file ({reason}); {REMEDY}")


def _read_matrices(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return the matrices of a model: mapped, or in memory where they are quantised."""
    stored, _ = map_tensors(_present(folder / TENSORS))
    if "vectors" not in stored:
        raise FormatError(f"{folder / TENSORS}: has no tensor 'vectors', only {sorted(stored)}; {REMEDY}")
    matrices = {}
    for name in MATRICES:
        if name not in stored:
            continue
        tensor, scale = stored[name], stored.get(name + SCALE)
        if tensor.dtype == np.int8 and (scale is None or scale.shape != tensor.shape[:1]):
            raise FormatError(f"{folder / TENSORS}: {name!r} is int8 without its rows' scales; {REMEDY}")
        quantised = tensor.dtype in (np.float16, np.int8)
        matrices[name] = quantize.dequantized(tensor, scale) if quantised else tensor
    return matrices


def _write_parts(embeddings: Embeddings, folder: Path, quantized: str | None) -> None:
    """Write the four files of a model into an empty folder."""
    _write_matrices(embeddings, folder / TENSORS, quantized)
    write_vocabulary(folder / VOCABULARY, embeddings.index_to_key, embeddings.counts, embeddings.trained)
    write_training(folder / TRAINING, embeddings.training)
    config = {name: value for name, value in embeddings.config.items() if name != "quantized"}
    if quantized is not None:
        config["quantized"] = quantized
    write_config(folder / CONFIG, {**config, "reports": len(embeddings.training)})


def _write_matrices(embeddings: Embeddings, file: Path, quantized: str | None) -> None:
    """Write the vectors and, if kept, the context vectors."""
    tensors: dict[str, tuple[tuple[int, ...], Iterator[NDArray[Any]]]] = {}
    dtypes: dict[str, str] = {}
    for name in MATRICES:
        matrix: NDArray[np.float32] | None = getattr(embeddings, name)
        if matrix is None:
            continue
        if quantized is None:
            tensors[name] = (matrix.shape, _blocks(matrix))
            continue
        tensors[name] = (matrix.shape, quantize.quantized(matrix, quantized))
        dtypes[name] = quantize.KINDS[quantize.kind_name(quantized)]
        if quantized == "int8":
            tensors[name + SCALE] = (matrix.shape[:1], quantize.scales(matrix))
    write_tensors(file, tensors, {"format": NAME}, dtypes)


def _blocks(matrix: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Cut a matrix into blocks of rows, so that writing a memory map takes no second matrix."""
    step = max(1, BLOCK_BYTES // (4 * matrix.shape[1]))
    return (matrix[start : start + step] for start in range(0, len(matrix), step))


def _check_free(folder: Path, force: bool) -> None:
    """Refuse a place that is taken, and with ``force`` one whose loss would be more than a model's."""
    if not os.path.lexists(folder):
        return
    if not force:
        raise OutputExistsError(
            f"{folder} exists: choose another name, or replace it with --force (force=True in Python)"
        )
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not folder.is_dir() or not any(is_model_folder(place) for place in (folder, folder / CHECKPOINT)):
        raise OutputExistsError(
            f"{folder} is not a model of firth, so --force does not replace it: choose another name"
        )
    ours = {TENSORS, VOCABULARY, CONFIG, TRAINING, CHECKPOINT, *MEASURED}
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in ours)
    if others:
        raise OutputExistsError(
            f"{folder} holds more than a model of firth, so --force does not replace it: "
            f"move {quoted(others[0])} away first, or choose another name"
        )


def _no_model(folder: Path) -> str:
    """Return the message for a folder without ``config.json``."""
    if is_model_folder(folder / CHECKPOINT):
        if not (folder / CHECKPOINT / TENSORS).exists():
            return f"{folder}: its training has not saved anything yet: wait for its first checkpoint"
        return (
            f"{folder}: its training is not finished: go on with `firth train --resume {folder}`, "
            f"or look at the state so far with `firth neighbors {folder / CHECKPOINT} WORD`"
        )
    if not folder.exists():
        return f"{folder}: there is no such model; give the folder that `firth train -o MODEL` wrote"
    if any((folder / name).exists() for name in (TENSORS, VOCABULARY)):
        return f"{folder / CONFIG}: missing from the model folder; {REMEDY}"
    return f"{folder}: not a model folder, it has no {CONFIG}; give one that `firth train -o MODEL` wrote"


def _present(file: Path) -> Path:
    """Return ``file`` if it is there."""
    if not file.is_file():
        raise FormatError(f"{file}: missing from the model folder; {REMEDY}")
    return file


def _strict_json(data: bytes, where: str) -> Any:
    """Parse UTF-8 JSON that has no NaN or Infinity in it."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: damaged, not JSON ({printable(str(error))}); {REMEDY}") from None


def _refuse(constant: str) -> None:
    """Reject NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not a JSON number")


def _plain(value: Any) -> Any:
    """Turn what numerical code leaves in a dictionary into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{value!r} ({type(value).__name__})")


def _finite(value: Any) -> Any:
    """Return ``value``, or None for a number that JSON cannot hold."""
    with suppress(TypeError, OverflowError):
        if not math.isfinite(value):
            return None
    return value

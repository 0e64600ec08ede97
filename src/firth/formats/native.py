"""firth's own model: a folder, never a pickle.

``model.safetensors``   tensors *vectors* and, if kept, *context_vectors*: (V, D) float32, row i is word i;
                        quantised ones are float16, or int8 with *vectors.scale*, (V,) float32, beside them
``vocabulary.parquet``  columns *word* (any text), *count* (empty if unknown), *trained*
``config.json``         "format": "firth", "format_version": 1, then the options, the corpus, the versions;
                        "reports" is the number of lines of the next file
``training.jsonl``      one report of the run a line
``subwords.safetensors``  (B, D) *buckets* of n-grams, of models that have them; config.json has their options

A run in progress lives in ``MODEL/checkpoint/``, a model folder of the same kind.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings, Entries
from firth.errors import ConfigError, FormatError, OutputExistsError
from firth.formats import quantize
from firth.formats.folders import taking_place_of
from firth.formats.model_files import (
    NAME,
    REMEDY,
    open_parquet,
    present,
    read_config,
    read_training,
    read_vocabulary,
    write_config,
    write_training,
    write_vocabulary,
)
from firth.formats.safetensors_file import (
    map_tensors,
    row_blocks,
    write_tensors,
)
from firth.formats.stream import ReadOptions, Stream, settled, stream_of
from firth.formats.subwords_file import FILE as SUBWORDS
from firth.formats.subwords_file import read_subwords, write_subwords
from firth.printable import quoted
from firth.subwords import Subwords

TENSORS, VOCABULARY, CONFIG, TRAINING = (
    "model.safetensors",
    "vocabulary.parquet",
    "config.json",
    "training.jsonl",
)
CHECKPOINT = "checkpoint"
MEASURED = (
    "stability.json",
    "stability.parquet",
    "index.usearch",
    "index.json",
    "map.parquet",
    "map.json",
)
"""Files that later measurements of a model add to its folder."""
GO_WITH_IT = (SUBWORDS, *MEASURED)
"""Files that not every model has; they go when it is replaced."""
MATRICES = ("vectors", "context_vectors")
STORED_SO = ("quantized", "subwords")
"""Parts of the configuration that say how the files of a folder are to be read."""


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
    words = open_parquet(present(folder / VOCABULARY)).metadata.num_rows
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
            subwords=read_subwords(folder, config["subwords"]) if "subwords" in config else None,
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
    source = model if isinstance(model, Stream) else stream_of(model)
    with taking_place_of(folder) as temporary, settled(source, folder) as embeddings:
        _write_parts(embeddings, temporary, quantized)


def _read_matrices(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return the matrices of a model: mapped, or in memory where they are quantised."""
    stored, _ = map_tensors(present(folder / TENSORS))
    if "vectors" not in stored:
        raise FormatError(f"{folder / TENSORS}: has no tensor 'vectors', only {sorted(stored)}; {REMEDY}")
    try:
        return {name: quantize.restored(name, stored) for name in MATRICES if name in stored}
    except ConfigError as error:
        raise FormatError(f"{folder / TENSORS}: {error}; {REMEDY}") from None


def _write_parts(embeddings: Embeddings, folder: Path, quantized: str | None) -> None:
    """Write the files of a model into an empty folder."""
    _write_matrices(embeddings, folder / TENSORS, quantized)
    write_vocabulary(folder / VOCABULARY, embeddings.index_to_key, embeddings.counts, embeddings.trained)
    write_training(folder / TRAINING, embeddings.training)
    config = {name: value for name, value in embeddings.config.items() if name not in STORED_SO}
    if isinstance(embeddings.subwords, Subwords):
        config["subwords"] = write_subwords(embeddings.subwords, folder, quantized)
    if quantized is not None:
        config["quantized"] = quantized
    write_config(folder / CONFIG, {**config, "reports": len(embeddings.training)})


def _write_matrices(embeddings: Embeddings, file: Path, quantized: str | None) -> None:
    """Write the vectors and, if kept, the context vectors."""
    tensors: quantize.Tensors = {}
    dtypes: dict[str, str] = {}
    for name in MATRICES:
        matrix: NDArray[np.float32] | None = getattr(embeddings, name)
        if matrix is None:
            continue
        if quantized is None:
            tensors[name] = (matrix.shape, row_blocks(matrix))
        else:
            ours, types = quantize.stored(name, matrix, quantized)
            tensors |= ours
            dtypes |= types
    write_tensors(file, tensors, {"format": NAME}, dtypes)


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
    ours = {TENSORS, VOCABULARY, CONFIG, TRAINING, CHECKPOINT, *GO_WITH_IT}
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
        return f"{folder}: there is no such model: give the folder of `firth train -o`, or a file of vectors"
    if any((folder / name).exists() for name in (TENSORS, VOCABULARY)):
        return f"{folder / CONFIG}: missing from the model folder; {REMEDY}"
    return f"{folder}: not a model folder, it has no {CONFIG}; give one that `firth train -o MODEL` wrote"

"""A run on disk: exact, written atomically, and readable as a model while it lasts.

MODEL/checkpoint/ is a model folder of its own. Its vocabulary and config are written when training starts;
its ``model.safetensors`` holds both tables and, as metadata, everything else that changes: it is replaced
as one file, so that whoever kills the run leaves the last state or the one before. When the run is
finished, the model's files are written to MODEL, ``config.json`` last, and the checkpoint goes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import EncodedCorpus
from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError, ResumeError
from firth.formats import native
from firth.formats.safetensors_file import cannot_write, map_tensors, write_tensors
from firth.training.config import TrainConfig
from firth.training.kernels import Tables
from firth.training.run import Run, Tally, make_schedule
from firth.training.tables import (
    ROWS,
    empty_tables,
    inner,
    matrices,
    published_counts,
    published_words,
)

STATE = "firth_state"


def check_output(folder: Path, *, force: bool) -> None:
    """Refuse an output folder that holds something: a model (unless ``force``), or anything else (always)."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    kind = _content(folder)
    if kind == "other":
        raise OutputExistsError(
            f"{folder} exists and is no model of firth, so it is not written to (--force neither): "
            "choose another name"
        )
    if kind == "finished" and not force:
        raise OutputExistsError(
            f"{folder} holds a model: choose another name, or replace it with --force (force=True in Python)"
        )
    if kind == "unfinished" and not force:
        raise OutputExistsError(
            f"{folder} holds a run that is not finished: go on with `firth train --resume {folder}`, "
            "or start anew with --force (force=True in Python)"
        )


def _content(folder: Path) -> str:
    """Return "finished", "unfinished", "started" (nothing saved yet) or "other" for a folder that exists."""
    if native.is_model_folder(folder):
        return "finished"
    checkpoint = folder / native.CHECKPOINT
    if not native.is_model_folder(checkpoint):
        return "other"
    return "unfinished" if (checkpoint / native.TENSORS).exists() else "started"


def begin(folder: Path, run: Run) -> None:
    """Make the checkpoint folder: what the run is, nothing of it trained yet. A model that is there stays."""
    checkpoint = folder / native.CHECKPOINT
    try:
        shutil.rmtree(checkpoint, ignore_errors=True)
        checkpoint.mkdir(parents=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_vocabulary(checkpoint, run)
    native.write_training(checkpoint / native.TRAINING, [])
    native.write_config(checkpoint / native.CONFIG, run.describe("training"))


def save(folder: Path, run: Run) -> None:
    """Write the run's exact state; the state before stays until this one is whole."""
    checkpoint = folder / native.CHECKPOINT
    _write_tables(checkpoint / native.TENSORS, run, {STATE: json.dumps(_state(run))})
    native.write_training(checkpoint / native.TRAINING, run.reports())


def finish(folder: Path, run: Run) -> None:
    """Write the finished model, then remove the checkpoint; killed in between, the checkpoint is whole."""
    save(folder, run)
    (folder / native.CONFIG).unlink(missing_ok=True)
    _write_tables(folder / native.TENSORS, run, {"format": native.NAME})
    write_vocabulary(folder, run)
    native.write_training(folder / native.TRAINING, run.reports())
    native.write_config(folder / native.CONFIG, run.describe("finished"))
    shutil.rmtree(folder / native.CHECKPOINT, ignore_errors=True)


def write_vocabulary(folder: Path, run: Run) -> None:
    """Write the words of the published rows."""
    vocabulary = run.corpus.vocabulary
    words = published_words(vocabulary)
    native.write_vocabulary(folder / native.VOCABULARY, words, *published_counts(vocabulary))


def unfinished(folder: Path) -> dict[str, Any] | None:
    """Return the config of the run to go on with in ``folder``; None if its model is finished.

    Raises:
        ResumeError: there is neither, or the run was killed before its first checkpoint.
    """
    checkpoint = folder / native.CHECKPOINT
    if (checkpoint / native.TENSORS).exists():
        return native.read_config(checkpoint / native.CONFIG)
    if native.is_model_folder(folder):
        return None
    if native.is_model_folder(checkpoint):
        raise ResumeError(
            f"{folder} was stopped before its first checkpoint, so there is nothing to go on from: "
            f"start again with `firth train CORPUS -o {folder}`, and perhaps --checkpoint-every 1m"
        )
    raise ResumeError(f"{folder} holds no run of firth: give the folder that was named with -o")


def load(folder: Path, corpus: EncodedCorpus, config: TrainConfig) -> Run:
    """Return the run as it was when :func:`save` wrote it."""
    path = folder / native.CHECKPOINT / native.TENSORS
    tensors, metadata = map_tensors(path)
    try:
        state = json.loads(metadata[STATE])
        tally = Tally.from_dict(state.pop("tally"))
        run = Run(corpus, config, _tables(tensors, corpus, config), tally, **state)
        expected = make_schedule(corpus, config, run.phases).reports
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{path}: not a checkpoint of this run ({error}); start the run again") from None
    if len(tally.loss) != expected or not 0 <= run.next_block <= run.schedule.blocks:
        raise FormatError(
            f"{path}: its state ({len(tally.loss)} reports, block {run.next_block}) does not fit the run "
            f"({expected} reports, {run.schedule.blocks} blocks); start the run again"
        )
    return run


def tables_of(model: Embeddings, corpus: EncodedCorpus, config: TrainConfig) -> Tables:
    """Return a finished model's tables, to train further."""
    if model.context_vectors is None:
        raise ResumeError("the model has no context vectors, so it cannot be trained further")
    tensors = {"vectors": model.vectors, "context_vectors": model.context_vectors}
    return _tables(tensors, corpus, config)


def _tables(tensors: dict[str, NDArray[Any]], corpus: EncodedCorpus, config: TrainConfig) -> Tables:
    vocabulary = corpus.vocabulary
    expected = (vocabulary.table_size, config.vector_size)
    tables = empty_tables(len(vocabulary.words), config.vector_size)
    for name, matrix in zip(
        ("vectors", "context_vectors"), matrices(tables, config.vector_size), strict=True
    ):
        if tensors[name].shape != expected:
            raise FormatError(
                f"the table {name!r} has shape {tensors[name].shape}, but corpus and options make "
                f"{expected}: they are not of one run"
            )
        inner(tensors[name], vocabulary, matrix)
    return tables


def _state(run: Run) -> dict[str, Any]:
    return {
        "next_block": run.next_block,
        "seconds": run.seconds,
        "encode_seconds": run.encode_seconds,
        "phases": run.phases,
        "reports_before": run.reports_before,
        "tally": run.tally.as_dict(),
    }


def _write_tables(path: Path, run: Run, metadata: dict[str, str]) -> None:
    tables = run.published_tables()
    write_tensors(path, {name: (table.shape, _rows(table)) for name, table in tables.items()}, metadata)


def _rows(matrix: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for begin in range(0, len(matrix), ROWS):
        yield np.ascontiguousarray(matrix[begin : begin + ROWS])

"""A run on disk: exact, written atomically, and readable as a model while it lasts.

MODEL/checkpoint/ is a model folder of its own. Its ``model.safetensors`` holds both tables and, as metadata,
everything else that changes: it is replaced as one file, so that whoever kills the run leaves the last state
or the one before. The finished model is written to MODEL/checkpoint/finished/ and, once it is whole, moved
file by file to MODEL, ``config.json`` last; then the checkpoint goes. What MODEL held stays until then.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth.corpus.encoded import EncodedCorpus
from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError, ResumeError
from firth.formats import model_files, native
from firth.formats.safetensors_file import cannot_write, map_tensors, sync_folder, write_tensors
from firth.training.arrays import Tables
from firth.training.config import TrainConfig
from firth.training.run import Run, Tally, room_of
from firth.training.tables import (
    empty_tables,
    inner,
    matrices,
    published_counts,
    published_rows,
    published_words,
)

if sys.platform != "win32":
    import fcntl

STATE = "firth_state"
FINISHED = "finished"
_BEGUN = re.compile(
    rf"{native.CHECKPOINT}(/(\.[a-z.]+\.[0-9a-f]+\.tmp|vocabulary\.parquet|training\.jsonl))?"
)
TABLES = ("vectors", "context_vectors")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to ``folder``, which exists, as long as the block lasts.

    Raises:
        OutputExistsError: another process is writing to it.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputExistsError(
                f"{folder} is being trained by another process: wait for its end, or choose another name"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def check_output(folder: Path, *, force: bool) -> None:
    """Refuse an output folder that cannot be made, or holds something.

    A model or an unfinished run may be replaced with ``force``; anything else is never written to.

    Raises:
        OutputExistsError: it holds something.
        FormatError: it cannot be made.
    """
    if not os.path.lexists(folder):
        _check_place(folder)
    elif not folder.is_dir() or any(folder.iterdir()):
        _check_content(folder, force)


def _check_place(folder: Path) -> None:
    above = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise cannot_write(folder, NotADirectoryError(0, f"{above} is not a folder"))
    if not os.access(above, os.W_OK | os.X_OK):
        raise cannot_write(folder, PermissionError(0, f"no permission to write to {above}"))


def _check_content(folder: Path, force: bool) -> None:
    kind = _content(folder)
    if kind == "other":
        raise OutputExistsError(
            f"{folder} exists and is not a model of firth, so nothing is written to it "
            "(with --force neither): choose another name"
        )
    if kind == "unfinished" and not force:
        raise OutputExistsError(
            f"{folder} holds a run that is not finished: go on with `firth train --resume {folder}`, "
            "or start anew with --force (force=True in Python)"
        )
    if native.is_model_folder(folder) and not force:
        raise OutputExistsError(
            f"{folder} holds a model: choose another name, or replace it with --force (force=True in Python)"
        )


def _content(folder: Path) -> str:
    """Return "unfinished", "started" (a run that has saved nothing yet), "finished" (a model) or "other"."""
    checkpoint = folder / native.CHECKPOINT
    if has_state(folder):
        return "unfinished"
    if native.is_model_folder(checkpoint):
        return "started"
    if native.is_model_folder(folder):
        return "finished"
    # Killed while the checkpoint folder was being made: nothing but the beginnings of our own files.
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return "started" if checkpoint.is_dir() and all(map(_BEGUN.fullmatch, names)) else "other"


def has_state(folder: Path) -> bool:
    """Tell whether there is something that a run can go on from."""
    checkpoint = folder / native.CHECKPOINT
    if native.is_model_folder(checkpoint / FINISHED):
        return True
    return native.is_model_folder(checkpoint) and (checkpoint / native.TENSORS).exists()


def make(folder: Path) -> None:
    """Make the model folder, unless it is there.

    Raises:
        FormatError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def begin(folder: Path, run: Run) -> None:
    """Make the checkpoint folder: what the run is, nothing of it trained yet. A model that is there stays."""
    checkpoint = folder / native.CHECKPOINT
    discard(folder)
    try:
        checkpoint.mkdir()
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_vocabulary(checkpoint, run)
    _describe(checkpoint, run, "training")


def save(folder: Path, run: Run) -> None:
    """Write the run's exact state; the state before stays until this one is whole."""
    checkpoint = folder / native.CHECKPOINT
    _write_tables(checkpoint / native.TENSORS, run, {STATE: json.dumps(_state(run))})
    _describe(checkpoint, run, "training")


def finish(folder: Path, run: Run) -> None:
    """Write the finished model, then put it in its place; killed in between, the run can still be resumed."""
    made = folder / native.CHECKPOINT / FINISHED
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
    except OSError as error:
        raise cannot_write(folder, error) from error
    _write_tables(made / native.TENSORS, run, {"format": model_files.NAME})
    write_vocabulary(made, run)
    _describe(made, run, "finished")
    publish(folder)


def publish(folder: Path) -> None:
    """Move a finished model from the checkpoint to its place: all of it, or what a kill has left there."""
    checkpoint = folder / native.CHECKPOINT
    made = checkpoint / FINISHED
    if native.is_model_folder(made):
        try:
            for name in (native.CONFIG, *native.GO_WITH_IT):  # so that nobody reads parts of two models
                (folder / name).unlink(missing_ok=True)
            for name in (native.TENSORS, native.VOCABULARY, native.TRAINING):
                if (made / name).exists():
                    (made / name).replace(folder / name)
            sync_folder(folder)
            (checkpoint / native.CONFIG).unlink(missing_ok=True)
            (made / native.CONFIG).replace(folder / native.CONFIG)
            sync_folder(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
    if native.is_model_folder(folder) and not native.is_model_folder(checkpoint):
        discard(folder)


def discard(folder: Path) -> None:
    """Remove the checkpoint; what makes it one goes first: cut short, the rest is no state any more."""
    checkpoint = folder / native.CHECKPOINT
    with suppress(OSError):
        (checkpoint / native.CONFIG).unlink(missing_ok=True)
    shutil.rmtree(checkpoint, ignore_errors=True)


def abandon(folder: Path) -> None:
    """Remove what :func:`begin` made, unless a state was saved since."""
    if not has_state(folder):
        discard(folder)
        with suppress(OSError):
            folder.rmdir()


def write_vocabulary(folder: Path, run: Run) -> None:
    """Write the words of the published rows."""
    vocabulary = run.corpus.vocabulary
    words = published_words(vocabulary)
    model_files.write_vocabulary(folder / native.VOCABULARY, words, *published_counts(vocabulary))


def unfinished(folder: Path) -> dict[str, Any] | None:
    """Return the config of the run to go on with in ``folder``; None if its model is finished.

    Raises:
        ResumeError: there is neither, or the run was killed before its first checkpoint.
    """
    kind = _content(folder)
    if kind == "unfinished":
        return model_files.read_config(folder / native.CHECKPOINT / native.CONFIG)
    if kind == "started":
        kept = "; the model that it was to replace is as it was" if native.is_model_folder(folder) else ""
        raise ResumeError(
            f"{folder}: the run was stopped before its first checkpoint, so there is nothing to go on from"
            f"{kept}: start it again, perhaps with --checkpoint-every 1m"
        )
    if kind == "other":
        raise ResumeError(f"{folder} holds no run of firth: give the folder that was named with -o")
    if model_files.read_config(folder / native.CONFIG).get("state") == "training":
        raise ResumeError(f"{folder} is the checkpoint of a run: give the folder it lies in, {folder.parent}")
    return None


def load(folder: Path, corpus: EncodedCorpus, config: TrainConfig) -> Run:
    """Return the run as it was when :func:`save` wrote it.

    Raises:
        FormatError: the checkpoint is damaged, or of another run.
    """
    path = folder / native.CHECKPOINT / native.TENSORS
    tensors, metadata = map_tensors(path)
    try:
        state = json.loads(metadata[STATE])
        identity = state.pop("identity")
        tally = Tally.from_dict(state.pop("tally"))
        run = Run(corpus, config, _tables(tensors, corpus, config), tally, **state)
        whole = len(tally.loss) == run.schedule.reports and 0 <= run.blocks_done <= run.schedule.blocks
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{path}: not a checkpoint of this run ({error}); start the run again") from None
    if not whole or identity != _identity(run):
        raise FormatError(
            f"{path}: the checkpoint of another run than {path.with_name(native.CONFIG)} describes; "
            "put the run's own checkpoint back, or start the run again"
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
    tables = empty_tables(len(vocabulary.words), config.vector_size, room_of(corpus, config))
    for name, matrix in zip(TABLES, matrices(tables, config.vector_size), strict=True):
        if tensors[name].shape != expected:
            raise FormatError(
                f"the table {name!r} has shape {tensors[name].shape}, but corpus and options make "
                f"{expected}: they are not of one run"
            )
        inner(tensors[name], vocabulary, matrix)
    return tables


def _state(run: Run) -> dict[str, Any]:
    return {
        "identity": _identity(run),
        "blocks_done": run.blocks_done,
        "seconds": run.seconds,
        "encode_seconds": run.encode_seconds,
        "phases": run.phases,
        "reports_before": run.reports_before,
        "tally": run.tally.as_dict(),
    }


def _identity(run: Run) -> str:
    """Return a digest of what the run is: its text and all options but the number of threads."""
    options = run.config.as_dict() | {"threads": None}
    text = json.dumps([run.corpus.fingerprint, options, run.phases], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _describe(folder: Path, run: Run, state: str) -> None:
    model_files.write_training(folder / native.TRAINING, run.reports())
    model_files.write_config(folder / native.CONFIG, run.describe(state))


def _write_tables(path: Path, run: Run, metadata: dict[str, str]) -> None:
    vocabulary = run.corpus.vocabulary
    shape = (vocabulary.table_size, run.config.vector_size)
    tables = zip(TABLES, matrices(run.tables, run.config.vector_size), strict=True)
    blocks = {name: (shape, published_rows(table, vocabulary)) for name, table in tables}
    write_tensors(path, blocks, metadata)

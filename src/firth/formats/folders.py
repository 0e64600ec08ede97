"""A folder that appears as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firth.errors import FormatError, OutputExistsError
from firth.formats.safetensors_file import cannot_write, sync_folder
from firth.printable import quoted


@contextmanager
def replacing_folder(path: Path, ours: set[str], *, force: bool) -> Iterator[Path]:
    """Give an empty folder that takes the place of ``path`` once the block has ended well.

    Args:
        path: the folder to make.
        ours: names of files; with ``force``, a folder that holds only such may be replaced.
        force: replace such a folder.

    Raises:
        OutputExistsError: ``path`` is taken.
        FormatError: the folder cannot be written.
    """
    target = path.absolute()
    _check_free(target, ours, force=force)
    with taking_place_of(target) as temporary:
        yield temporary


@contextmanager
def taking_place_of(target: Path) -> Iterator[Path]:
    """Give an empty folder that replaces ``target``, whatever is there, once the block has ended well.

    Raises:
        FormatError: the folder cannot be written.
    """
    token = secrets.token_hex(4)
    temporary, old = (target.with_name(f".{target.name}.{token}.{end}") for end in ("tmp", "old"))
    try:
        temporary.mkdir(parents=True)
        yield temporary
        sync_folder(temporary)
        if os.path.lexists(target):
            target.rename(old)
        temporary.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    except FormatError as error:
        raise FormatError(str(error).replace(str(temporary), str(target))) from error
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_free(folder: Path, ours: set[str], *, force: bool) -> None:
    """Refuse a place that is taken, and with ``force`` one that holds something else."""
    if not os.path.lexists(folder):
        return
    if not force:
        raise OutputExistsError(
            f"{folder} exists: choose another name, or replace it with --force (force=True in Python)"
        )
    if folder.is_symlink() or not folder.is_dir():
        raise OutputExistsError(
            f"{folder} is not a folder, so --force does not replace it: choose another name"
        )
    others = sorted({entry.name for entry in folder.iterdir()} - ours)
    if others:
        raise OutputExistsError(
            f"{folder} holds something else ({quoted(others[0])}), so --force does not replace it: "
            "choose another name"
        )

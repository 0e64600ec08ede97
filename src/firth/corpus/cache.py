"""A folder of encoded corpora that is bounded, survives crashes and may be shared by processes.

An entry is a folder named ``<fingerprint>-<key>``; the key stands for the files and options that it was made
from (``anonymous`` where they cannot be recognised again). Entries are made in a workspace beside them and
renamed into place, so that an entry is whole or not there. Nothing else in the folder is ever touched.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs

from firth.errors import ConfigError, CorpusError

DEFAULT_LIMIT_BYTES = 20_000_000_000
ANONYMOUS = "anonymous"
_ENTRY = re.compile(rf"[0-9a-f]{{32}}-([0-9a-f]{{32}}|{ANONYMOUS})")
_LEFTOVER = re.compile(r"\.firth-(work|trash)-[0-9a-f]{16}")
_LEFTOVER_SECONDS = 86_400  # a workspace that nobody has written to for a day was left by a crash
_USED = "meta.json"  # its modification time says when the entry was last used


def default_cache_path() -> Path:
    """Return the folder named by ``FIRTH_CACHE``, or else the user's cache folder for firth."""
    named = os.environ.get("FIRTH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("firth")) / "corpora"


class CacheFolder:
    """Encoded corpora on disk, at most ``limit_bytes`` of them; the least recently used go first.

    Args:
        path: the folder, made when it is first needed; None for :func:`default_cache_path`.
        limit_bytes: the bound. The entry made last is kept even if it alone is larger.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, limit_bytes: int = DEFAULT_LIMIT_BYTES
    ) -> None:
        """Name the folder; nothing is read or written yet."""
        if isinstance(limit_bytes, bool) or not isinstance(limit_bytes, int) or limit_bytes < 0:
            raise ConfigError(
                f"limit_bytes of the cache must be a whole number from 0 up, not {limit_bytes!r}"
            )
        self.path = default_cache_path() if path is None else Path(path)
        self.limit_bytes = limit_bytes

    def __repr__(self) -> str:
        """Show the folder and the bound."""
        return f"CacheFolder({str(self.path)!r}, limit_bytes={self.limit_bytes})"

    def workspace(self) -> Path:
        """Make and return a new empty folder, in which an entry can be made.

        Raises:
            CorpusError: the cache folder cannot be made or written to.
        """
        folder = self.path / f".firth-work-{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise CorpusError(
                f"the cache folder {str(self.path)!r} cannot be written to ({error.strerror}); "
                "name another with --cache DIR or the environment variable FIRTH_CACHE"
            ) from error
        return folder

    def with_key(self, key: str) -> list[Path]:
        """Return the entries made from the files and options that ``key`` stands for."""
        return [entry for entry in self._entries() if entry.name.endswith(f"-{key}")]

    def with_fingerprint(self, fingerprint: str) -> list[Path]:
        """Return the entries that claim this fingerprint."""
        return [entry for entry in self._entries() if entry.name.startswith(f"{fingerprint}-")]

    def adopt(
        self, workspace: Path, fingerprint: str, key: str | None, is_whole: Callable[[Path], bool]
    ) -> Path:
        """Turn a finished workspace into an entry, make room for it, and return its path.

        Where the same entry stands already (another process was faster) and ``is_whole`` finds it in
        order, that one is used and the workspace removed.
        """
        entry = self.path / f"{fingerprint}-{key or ANONYMOUS}"
        _sync(workspace)
        try:
            workspace.rename(entry)
        except OSError:
            if not entry.exists():
                raise
            if is_whole(entry):
                shutil.rmtree(workspace, ignore_errors=True)
            else:
                self.discard(entry)
                workspace.rename(entry)
        _sync_folder(self.path)
        self.touch(entry)
        self._make_room(entry)
        return entry

    def touch(self, entry: Path) -> None:
        """Note that the entry is used now."""
        with suppress(OSError):
            os.utime(entry / _USED)

    def discard(self, entry: Path) -> None:
        """Remove an entry; whoever has it open keeps it (not on Windows, where it stays)."""
        trash = self.path / f".firth-trash-{secrets.token_hex(8)}"
        with suppress(OSError):  # another process may have removed it
            entry.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)

    def _entries(self) -> Iterator[Path]:
        for path in self._children():
            if _ENTRY.fullmatch(path.name):
                yield path

    def _children(self) -> list[Path]:
        try:
            return sorted(self.path.iterdir())
        except OSError:
            return []

    def _make_room(self, newest: Path) -> None:
        """Remove the least recently used entries above the bound, and what crashes left behind."""
        entries = [(_used(entry), _size(entry), entry) for entry in self._entries() if entry != newest]
        total = _size(newest) + sum(size for _, size, _ in entries)
        for _, size, entry in sorted(entries):
            if total <= self.limit_bytes:
                break
            self.discard(entry)
            total -= size
        for path in self._children():
            if _LEFTOVER.fullmatch(path.name) and time.time() - _newest_change(path) > _LEFTOVER_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _used(entry: Path) -> float:
    """Return when the entry was used last; one without the file that says so goes first."""
    try:
        return (entry / _USED).stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.stat().st_size
    return total


def _newest_change(folder: Path) -> float:
    newest = 0.0
    with suppress(OSError):
        newest = folder.stat().st_mtime
        for path in folder.iterdir():
            with suppress(OSError):
                newest = max(newest, path.stat().st_mtime)
    return newest


def _sync(folder: Path) -> None:
    """Make sure that the folder's files are on the disk, not only in the system's memory."""
    for path in folder.iterdir():
        with path.open("r+b") as file:
            os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

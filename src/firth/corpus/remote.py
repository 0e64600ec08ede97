"""Files that lie elsewhere: S3, Google Cloud Storage, HDFS, whatever file system pyarrow opens.

They are named by URIs. What opening one needs - region, address of the service, credentials - comes from the
URI's query (``s3://bucket/text.txt?region=eu-west-1``) and from the environment, as pyarrow documents it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from firth.errors import CorpusError

RETRY_SECONDS = 20
"""How long Google Cloud Storage is asked again and again. Its own patience is a quarter of an hour, in which
not even Ctrl-C ends the program; ``retry_limit_seconds`` in a URI's query says otherwise."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class RemoteFile:
    """A file by its URI, as it was when it was looked at."""

    uri: str
    size: int
    modified: int
    """Time of its last change in ns since 1970; 0 where the file system does not tell."""

    def __str__(self) -> str:
        """Return the URI, for messages."""
        return self.uri

    def open(self) -> Any:
        """Return the file, opened for reading and seeking.

        Raises:
            CorpusError: it cannot be reached.
        """
        with _reaching(self.uri):
            filesystem, path = _opened(self.uri)
            return filesystem.open_input_file(path)


def is_uri(text: str) -> bool:
    """Tell whether a text is a URI rather than a path."""
    return _SCHEME.match(text) is not None


def find_remote(uri: str) -> list[RemoteFile] | list[Path]:
    """Return the files that a URI names: one file, a folder's but the hidden ones, or a glob's matches.

    Globs know ``*``, which ends at a slash, and ``**``, which does not. ``file://`` gives paths.

    Raises:
        CorpusError: there is no such file, or it cannot be reached.
    """
    from pyarrow import fs

    base, pattern = _split(uri)
    with _reaching(uri):
        filesystem, root = _opened(base)
        info = filesystem.get_file_info(root)
        if info.type == fs.FileType.File:
            infos = [info]
        elif info.type == fs.FileType.Directory:
            infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
        else:
            raise CorpusError(f"no such file or folder: {base!r}; check the address")
    wanted = f"{root.rstrip('/')}/{pattern}" if pattern else None
    found = sorted(
        (one for one in infos if one.type == fs.FileType.File and _is_wanted(one.path, root, wanted)),
        key=lambda one: one.path,
    )
    if not found:
        what = f"the glob {uri!r} matches no file" if pattern else f"the folder {uri!r} holds no files"
        raise CorpusError(f"{what}; check the address")
    if isinstance(filesystem, fs.LocalFileSystem):
        return [Path(one.path) for one in found]
    return [RemoteFile(_child(base, one.path[len(root) :]), one.size, one.mtime_ns or 0) for one in found]


def stamp_of(uri: str) -> tuple[str, int, int]:
    """Return (URI, size, modification time in ns) of a file as it is now.

    Raises:
        CorpusError: it cannot be reached.
    """
    file = find_remote(uri)[0]
    return (file.uri, file.size, file.modified) if isinstance(file, RemoteFile) else (uri, 0, 0)


def _split(uri: str) -> tuple[str, str]:
    """Return the URI of the folder above a glob, and the glob; an empty one where there is none."""
    parts = urlsplit(uri)
    steps = parts.path.split("/")
    first = next((number for number, step in enumerate(steps) if "*" in step), len(steps))
    base = urlunsplit(parts._replace(path="/".join(steps[:first])))
    return base, "/".join(steps[first:])


def _child(base: str, below: str) -> str:
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + below if below else parts.path))


def _is_wanted(path: str, root: str, pattern: str | None) -> bool:
    if pattern is not None:
        return fnmatchcase(path, pattern) and ("**" in pattern or path.count("/") == pattern.count("/"))
    return not any(step.startswith(".") for step in path[len(root) :].split("/"))


def _opened(uri: str) -> tuple[Any, str]:
    from pyarrow import fs

    filesystem, path = fs.FileSystem.from_uri(_with_patience(uri))
    return filesystem, path


def _with_patience(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in ("gs", "gcs") or "retry_limit_seconds" in parse_qs(parts.query):
        return uri
    limit = f"retry_limit_seconds={RETRY_SECONDS}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{limit}" if parts.query else limit))


@contextmanager
def _reaching(uri: str) -> Iterator[None]:
    """Say clearly what is wrong where a file system cannot be reached."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(
            f"{uri}: cannot be reached ({reason}); check the address, the network and the credentials in the "
            "environment"
        ) from error

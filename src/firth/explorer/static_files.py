"""The page's own files, read once at the start: no path that a client sends is ever looked up on disk."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

from firth.explorer.payload import COMPRESSED_FROM, Payload

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served; files with other endings stay where they are."""

INDEX = "/static/index.html"


def static_files() -> dict[str, Payload]:
    """Return every file of the page by its address; the page itself also as ``/``."""
    found: dict[str, Payload] = {}
    folder = files("firth.explorer").joinpath("static")
    if folder.is_dir():
        _collect(folder, "/static", found)
    if INDEX in found:
        found["/"] = found[INDEX]
    return found


def _collect(folder: Traversable, address: str, found: dict[str, Payload]) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        place = f"{address}/{entry.name}"
        if entry.is_dir():
            _collect(entry, place, found)
        elif (media_type := TYPES.get("." + entry.name.rpartition(".")[2])) is not None:
            found[place] = _payload(entry.read_bytes(), media_type)


def _payload(body: bytes, media_type: str) -> Payload:
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    packable = len(body) >= COMPRESSED_FROM and media_type.startswith(
        ("text/", "application/json", "image/svg")
    )
    return Payload(body, media_type, "no-cache", etag, compressible=packable).packed_once()

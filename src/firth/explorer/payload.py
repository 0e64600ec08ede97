"""The body of an answer: strict JSON, or bytes of another kind, with what a browser may remember of it."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

JSON_TYPE = "application/json"
COMPRESSED_FROM = 4096
COMPRESSION = 5
FOREVER = "private, max-age=31536000, immutable"
"""For what has a version in its address: it never changes."""


@dataclass(frozen=True)
class Payload:
    """What an answer holds."""

    body: bytes
    media_type: str = JSON_TYPE
    cache: str = "no-store"
    etag: str | None = None
    filename: str | None = None
    """The name under which a browser saves it."""
    compressible: bool = False
    """Whether it is worth being compressed for those who accept that."""
    kept: bytes | None = field(default=None, repr=False)
    """The body compressed, where that was done once for all."""

    @property
    def packed(self) -> bytes:
        """The body compressed by gzip."""
        return self.kept or gzip.compress(self.body, COMPRESSION, mtime=0)

    def packed_once(self) -> Payload:
        """Return the same answer with its body compressed now, for all who will ask."""
        return replace(self, kept=self.packed) if self.compressible else self


def json_payload(value: Any, *, cache: str = "no-store", etag: str | None = None) -> Payload:
    """Return a value as strict JSON in UTF-8; what is no number (NaN, infinity) becomes null."""
    body = dumps(value)
    return Payload(body, cache=cache, etag=etag, compressible=len(body) >= COMPRESSED_FROM)


def dumps(value: Any) -> bytes:
    """Return a value as strict JSON on one line."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate has an escape in JSON


def _finite(value: Any) -> Any:
    """Return ``value`` with None for every number that JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

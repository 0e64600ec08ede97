"""What the explorer refuses before anything is looked at, and what it tells browsers with every answer.

The page is served to one person on one machine, by default. What threatens that is another page in the
same browser: it can send requests here, and by DNS rebinding it can make the browser believe that its own
name means 127.0.0.1. So a request must name a host that is this machine, as ``Host``, and no answer may be
read, framed or run by another origin. The port in ``Host`` may be any: whoever forwards a port (``ssh -L``)
asks for it by another number, and a rebinding page gives itself away by its name.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
LONGEST_URL = 8192
LONGEST_HEADERS = 16384
"""Bytes of path and query, and of all headers."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

logger = logging.getLogger("firth")


def error_body(status: int, message: str, **more: Any) -> bytes:
    """Return an error as the interface answers it."""
    error = {"message": message, "status": int(status), **more}
    return json.dumps({"error": error}, ensure_ascii=True, allow_nan=False).encode()


class Hosts:
    """The names by which this machine may be asked."""

    def __init__(self, listening: str, names: Iterable[str] = ()) -> None:
        """Allow this machine's local names, the host listened on, and ``names``.

        Where the server listens on all addresses, every address may be asked, but no other name: a page
        that rebinds has a name.
        """
        self._names: Collection[str] = LOCAL_NAMES | {listening.lower()} | {name.lower() for name in names}
        self._any_address = listening in ANY_ADDRESS

    def __contains__(self, header: object) -> bool:
        """Tell whether a ``Host`` header names this machine."""
        match = _HOST.fullmatch(header) if isinstance(header, str) else None
        if match is None:
            return False
        name = match[1].strip("[]").lower().rstrip(".")
        return name in self._names or (self._any_address and _is_address(name))


class Guard:
    """Lets through what is sound, answers the rest with an error in JSON, and adds the headers above."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        """Stand before ``app``."""
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = _Answer(send, head=scope["method"] == "HEAD")
        refusal = _refusal(scope, self._hosts)
        if refusal is not None:
            await answer.error(*refusal)
            return
        try:
            await self._app(scope, receive, answer)
        except Exception:
            logger.exception("the explorer failed at %r", scope["path"])  # the client has got its 500


class _Answer:
    """Sends an answer on, with the headers; to HEAD without its body."""

    def __init__(self, send: Send, *, head: bool) -> None:
        self._send, self._head = send, head

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            added = [(name, value) for name, value in own if name not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    async def error(self, status: HTTPStatus, message: str) -> None:
        body = error_body(status, message)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers.append((b"cache-control", b"no-store"))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append((b"allow", ", ".join(METHODS).encode()))
        await self({"type": "http.response.start", "status": int(status), "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _refusal(scope: Scope, hosts: Hosts) -> tuple[HTTPStatus, str] | None:
    """Return the status and the reason for which a request is refused; None for a sound one."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    named = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(named) != 1:
        return HTTPStatus.BAD_REQUEST, "a request needs one Host header"
    if named[0] not in hosts:
        return HTTPStatus.MISDIRECTED_REQUEST, (
            "this server does not answer to the name in the Host header: open it by the address that firth "
            "printed, or start it with --host NAME"
        )
    if scope["method"] not in METHODS:
        return HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be changed here: only GET and HEAD are answered"
    length = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if length > LONGEST_URL:
        return HTTPStatus.REQUEST_URI_TOO_LONG, f"the address has {length:,} bytes: at most {LONGEST_URL:,}"
    if sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
        reason = f"the headers have more than {LONGEST_HEADERS:,} bytes"
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason
    if any(_announces_body(name, value) for name, value in headers):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request here has no body"
    return None


def _announces_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""The explorer listens: a socket, a thread with its event loop, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
from collections.abc import Iterator

import uvicorn

from firth.errors import ConfigError
from firth.explorer.safety import LONGEST_HEADERS, LONGEST_URL, Hosts
from firth.explorer.server import application
from firth.explorer.site import Site

HOST, PORT = "127.0.0.1", 8010
LARGEST_REQUEST = 2 * (LONGEST_URL + LONGEST_HEADERS)
"""Bytes before a body that are read at all; the guard refuses less than that with a reason."""
PATIENCE_SECONDS = 2
START_SECONDS = 10.0


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens; without a ``port`` at the usual one, or at a free one if that is taken.

    Raises:
        ConfigError: the port is taken or may not be used, or the host is not this machine.
    """
    for attempt in (PORT, 0) if port is None else (port,):
        try:
            return _bound(host, attempt)
        except OSError as error:
            if port is None and attempt and error.errno == errno.EADDRINUSE:
                continue
            raise ConfigError(_why_not(host, attempt, error)) from None
    raise ConfigError(f"no port of {host} is free")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken by another program: give another with --port, or --port 0 for any free one"
        )
    if error.errno == errno.EACCES:
        return f"port {port} may not be used without more rights: give one above 1023 with --port"
    return f"cannot listen at {host}, port {port} ({error.strerror or error}): give another --host or --port"


def address(listening: socket.socket, host: str) -> str:
    """Return the address to open in a browser."""
    port = listening.getsockname()[1]
    name = host
    with contextlib.suppress(ValueError):
        given = ipaddress.ip_address(host)
        name = "127.0.0.1" if given.is_unspecified else f"[{given}]" if given.version == 6 else str(given)
    return f"http://{name}:{port}/"


@contextlib.contextmanager
def serving(site: Site, listening: socket.socket, host: str) -> Iterator[None]:
    """Answer for a site while the block lasts, in a thread: what goes wrong there ends nothing here."""
    names = [socket.gethostname()] if host not in (HOST, "localhost", "::1") else []
    server = _Server(
        uvicorn.Config(
            application(site, Hosts(host, names)),
            log_config=None,
            log_level="critical",  # a page left open when the program ends is no error worth a traceback
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            loop="asyncio",
            http="h11",
            proxy_headers=False,
            h11_max_incomplete_event_size=LARGEST_REQUEST,
            timeout_graceful_shutdown=PATIENCE_SECONDS,
        )
    )
    thread = threading.Thread(target=server.run, args=([listening],), name="firth-server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        site.closing.set()
        server.should_exit = True
        thread.join(PATIENCE_SECONDS + 3)
        site.close()
        listening.close()


class _Server(uvicorn.Server):
    """A server in a thread: signals belong to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are."""
        yield

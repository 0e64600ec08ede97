"""The command that opens the page: ``explore``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from firth.explorer.processors import one_thread_a_product
from firth.notes import note

if TYPE_CHECKING:
    from types import FrameType

PURPOSE = "the explorer"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog="Examples:\n\n  firth explore MODEL\n\n  firth explore MODEL OTHER --port 8020")(
        explore
    )


def explore(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Model folder, or vectors of any format.", show_default=False),
    ],
    other: Annotated[
        str | None,
        typer.Argument(metavar="[OTHER]", help="A second one to compare with.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="Port; 0: any free one.", show_default="8010"),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="H", help="Address to listen at; 0.0.0.0 lets the whole network in.")
    ] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Look at the words on a page in your browser: neighbours, map, analogies, axes, training."""
    need_server()
    one_thread_a_product()
    from firth.explorer.opening import open_model
    from firth.explorer.serving import address, listen, serving
    from firth.explorer.site import Site

    with listen(host, port) as listening:
        url = address(listening, host)
        site = Site([open_model(path) for path in (model, other) if path is not None])
        with ended_by_signals() as end, serving(site, listening, host):
            site.start_maps()
            print(url, flush=True)
            note("Ctrl-C ends it")
            if not no_browser:
                open_browser(url)
            end.wait()


def need_server() -> None:
    """Ask for the packages of the extra.

    Raises:
        MissingExtraError: one is not installed.
    """
    from firth.extras import optional

    for package in ("starlette", "uvicorn"):
        optional(package, PURPOSE, "explorer")


@contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM or a closed terminal sets: the ordinary end of a page."""
    end = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        end.set()

    stopping = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, stop) for number in stopping}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_browser(url: str) -> None:
    """Open the page, where there is a screen to open it on."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return
    import webbrowser

    webbrowser.open(url)

"""The command that opens the chapter for learners: ``lesson``."""

from __future__ import annotations

import os
import runpy
import secrets
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.output import program
from firth.errors import ConfigError, MissingExtraError
from firth.notes import note

if TYPE_CHECKING:
    from firth.lesson.folder import Prepared

HOST = "127.0.0.1"
"""Whoever reaches the page can run code as its owner: only this machine can, with the URL's token."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog="Examples:\n\n  firth lesson\n\n  firth lesson my-course --read\n\n"
        "  firth lesson --notebook        for Jupyter and Colab"
    )(lesson)


def lesson(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Your folder; made if need be, and nothing in it is ever replaced."
        ),
    ] = Path("my-llm"),
    read: Annotated[
        bool,
        typer.Option("--read", help="Only the page: exercises can be done, the chapter's code is hidden."),
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address; open nothing.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the page.", show_default="the first free from 2718")
    ] = None,
    notebook: Annotated[
        bool,
        typer.Option("--notebook", help="Write the chapter as a Jupyter notebook instead, and open nothing."),
    ] = False,
) -> None:
    """See meaning appear in vectors: a chapter that runs, reacts and checks what you write."""
    from firth.lesson import folder as reader

    contents = {reader.MODULE: reader.module_source()}
    if notebook:
        from firth.lesson.notebook import notebook_source

        told(reader.prepare(folder, contents | {reader.NOTEBOOK: notebook_source()}))
        note(f"open {folder / reader.NOTEBOOK} in Jupyter, or upload it to Colab")
        return
    _require("marimo", "altair")
    if port is not None:
        _check_port(port)
    told(reader.prepare(folder, contents | {reader.CHAPTER: reader.chapter_source()}))
    note(f"the address is below; Ctrl-C here ends the lesson, `{program()} lesson {folder}` opens it again")
    _serve(folder / reader.CHAPTER, read=read, browser=not no_browser, port=port)


def told(prepared: Prepared) -> None:
    """Say what was written, and what was not."""
    for path in prepared.written:
        note(f"wrote {path}")
    for path in prepared.kept:
        note(f"kept {path}: it is yours and differs from this version's; to get that one, move yours away")


def _require(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(
                f'the lesson needs the package {package}: pip install "firth[lesson]" '
                "(or take the chapter for Jupyter: firth lesson --notebook)"
            )


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise ConfigError(f"--port is {port}: give a number from 1 to 65535")
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise ConfigError(
            f"--port {port} cannot be used ({error.strerror}): give another, or leave it out for a free one"
        ) from None


def _serve(chapter: Path, *, read: bool, browser: bool, port: int | None) -> None:
    """Become marimo's server, in this very process: nothing stays behind when it ends."""
    # Its own setting to run the cells on opening (a chapter starts with its pictures) is the user's to keep,
    # and this variable goes before that setting without writing to it.
    os.environ["_MARIMO_CONFIG_OVERLOAD_RUNTIME_AUTO_INSTANTIATE"] = "true"
    os.environ["MARIMO_SKIP_UPDATE_CHECK"] = "1"
    sys.argv = ["marimo", "--yes", "--log-level", "error"]
    sys.argv += ["run" if read else "edit", str(chapter), "--host", HOST, "--no-sandbox"]
    sys.argv += ["--token", "--token-password", secrets.token_urlsafe(16)]
    sys.argv += [] if browser else ["--headless"]
    sys.argv += [] if port is None else ["--port", str(port)]
    runpy.run_module("marimo", run_name="__main__", alter_sys=False)

"""A real browser for tests of pages: Chromium driven by Playwright, with every request on record."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = {"127.0.0.1", "localhost", "::1"}
INSIDE = {"data", "blob", "about"}
"""Schemes of what a page holds already."""


class Requests(list[str]):
    """The URL of everything that the page asked for."""

    def abroad(self) -> list[str]:
        """Return those that went beyond this machine."""
        return [
            url for url in self if urlsplit(url).scheme not in INSIDE and urlsplit(url).hostname not in HERE
        ]


def chromium() -> str:
    """Return the browser's program, or skip the test."""
    for found in ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("google-chrome")):
        if found and Path(found).exists():
            return found
    pytest.skip("no Chromium on this machine (Debian: apt install chromium)")


@contextmanager
def browsing(
    profile: Path, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[tuple[Any, Requests]]:
    """Yield a page in a browser with a new profile, and the record of its requests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    requests = Requests()
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=FLAGS,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        try:
            context.on("request", lambda request: requests.append(request.url))
            context.on("page", lambda page: page.on("websocket", lambda socket: requests.append(socket.url)))
            page = context.new_page()
            yield page, requests
        finally:
            context.close()

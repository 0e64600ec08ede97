"""Times the explorer's page in a real browser: ``python -m bench.page SPEC``.

The spec's members: ``vectors`` (a model folder of firth), ``rounds``. Each round opens the page anew in a
browser with an empty profile, software rendering and no GPU, from the address typed to the marks that the
page itself sets: the first view that is of use, and the map drawn with all its points.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from playwright.sync_api import sync_playwright

import firth
from bench.runner import answer
from bench.service import served

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
MARKS = {"first useful paint": ("neighbors/{}", "firth:useful"), "map of all words": ("map", "firth:map")}
SECONDS = 120_000
WAIT = "name => performance.getEntriesByName(name).length > 0"
READ = "name => performance.getEntriesByName(name)[0].startTime"


def milliseconds(driver: Any, url: str, mark: str) -> float:
    """Return the time from the address typed to a mark of the page."""
    with tempfile.TemporaryDirectory() as profile:
        context = driver.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=FLAGS)
        try:
            page = context.new_page()
            page.goto(url)
            page.wait_for_function(WAIT, arg=mark, timeout=SECONDS)
            return float(page.evaluate(READ, mark))
        finally:
            context.close()


def main() -> None:
    """Print the milliseconds of every round, by what was waited for."""
    spec = json.loads(sys.argv[1])
    word = firth.load(spec["vectors"]).index_to_key[-1]
    with served(spec["vectors"]) as url, sync_playwright() as driver:
        found = {
            name: [milliseconds(driver, f"{url}#/{view.format(word)}", mark) for _ in range(spec["rounds"])]
            for name, (view, mark) in MARKS.items()
        }
    answer({"page_ms": found})


if __name__ == "__main__":
    main()

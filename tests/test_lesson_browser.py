"""The chapter in a real browser: the reader's whole way, and not one request that leaves the machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.browser import browsing, chromium

from firth.lesson.exercises import EXERCISES

pytest.importorskip("marimo", reason="marimo is not installed: pip install '.[lesson]'")
pytest.importorskip("playwright", reason="playwright is not installed")

SPY = """\
import os, sys
HERE = ("127.0.0.1", "::1", "localhost", "", None)
def spy(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple): host = args[1][0]
    elif event == "socket.getaddrinfo": host = args[0]
    else: return
    if (host.decode() if isinstance(host, bytes) else host) not in HERE:
        with open(os.environ["SPY"], "a") as file: file.write(f"{event} {host}\\n")
sys.addaudithook(spy)
"""
"""Put into every Python process of the lesson: notes each address beyond this machine that it turns to."""

SLOW = 90_000
"""Milliseconds that a part of the page may take on a busy machine."""
LAST = "Real models take some hundreds"
"""Stands in the last cell that takes time; while editing, in its source too."""


@dataclass
class Lesson:
    url: str
    folder: Path
    spied: Path


@contextmanager
def lesson(tmp_path: Path, *options: str) -> Iterator[Lesson]:
    """Run ``firth lesson`` for the block; afterwards see Ctrl-C end it, with nothing left behind."""
    chromium()
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY)
    folder, spied, told = tmp_path / "my-llm", tmp_path / "spied", tmp_path / "told"
    path = [str(tmp_path / "spy"), *([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else [])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path),
        "SPY": str(spied),
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home" / "config"),
    }
    (tmp_path / "home" / "config" / "marimo").mkdir(parents=True)
    (tmp_path / "home" / "config" / "marimo" / "marimo.toml").write_text('[display]\ntheme = "system"\n')
    with (
        told.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "firth", "lesson", str(folder), "--no-browser", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            address = next((url for line in process.stdout if (url := re.search(r"http://\S+", line))), None)
            assert address, told.read_text()
            yield Lesson(address[0], folder, spied)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) in (0, 130)
            assert "Traceback" not in told.read_text()
            assert all_gone(process.pid), "a process of the lesson is left behind"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def all_gone(group: int, seconds: float = 20) -> bool:
    """Wait until no process of a group is left."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds: the parts of a page change one after another."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to hold"
        time.sleep(0.1)


def pair_count(page) -> int:
    return int(page.locator("#pair-count").inner_text().split()[0])


def write(page, number: int, source: str) -> None:
    """Put a text into an exercise's editor and have it checked."""
    form = page.locator("marimo-form").nth(number)
    form.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)
    # No reader is as quick as this: the form learns of the text a moment after the editor.
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 500)))")
    form.get_by_role("button", name="Check my code").click()


@pytest.mark.slow
def test_a_reader_goes_through_the_page(tmp_path) -> None:
    pairs = EXERCISES["pairs"]
    wrong = pairs.solution.replace("j != i", "True")
    assert wrong != pairs.solution
    with lesson(tmp_path, "--read") as served, browsing(tmp_path / "profile") as (page, requests):
        page.goto(served.url)
        page.get_by_text(LAST).first.wait_for(timeout=SLOW)
        eventually(lambda: page.locator("marimo-form").count() == len(EXERCISES))

        count, before = page.locator("#pair-count"), pair_count(page)
        page.get_by_role("slider").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "old => document.querySelector('#pair-count').innerText != old", arg=count.inner_text()
        )
        eventually(lambda: pair_count(page) > before)

        write(page, 0, wrong)
        page.get_by_text("Not right yet.").wait_for(timeout=SLOW)
        eventually(lambda: page.get_by_text("✗").count() == 1)
        write(page, 0, pairs.solution)
        page.get_by_text("Right!").wait_for(timeout=SLOW)
        eventually(lambda: page.get_by_text("✗").count() == 0)
        page.get_by_text("Made with your skipgram_pairs").first.wait_for(timeout=SLOW)
        assert (served.folder / "exercises" / "pairs.py").read_text() == pairs.solution

        nearest = page.locator("#nearest")
        of_woman = nearest.inner_text()
        page.locator("marimo-dropdown select").select_option(label="girl")
        page.get_by_text("Nearest to “girl”").first.wait_for(timeout=SLOW)  # the picture's title
        eventually(lambda: nearest.inner_text() != of_woman)

        page.set_viewport_size({"width": 390, "height": 844})  # a phone: nothing to scroll sideways
        page.wait_for_function("document.documentElement.scrollWidth <= 390")
        pictures = page.locator("marimo-mime-renderer")
        assert pictures.count() > 8
        eventually(
            lambda: all(
                box["x"] + box["width"] <= 390 for one in pictures.all() if (box := one.bounding_box())
            )
        )

        page.reload()  # what was written is still there
        page.get_by_text("Right!").wait_for(timeout=SLOW)
        eventually(lambda: "for j in range" in page.locator("marimo-form .cm-content").first.inner_text())

        assert len(requests) > 100
        assert requests.abroad() == []
        assert not served.spied.exists(), served.spied.read_text()


@pytest.mark.slow
def test_the_chapter_opens_for_editing_with_its_cells_run(tmp_path) -> None:
    with lesson(tmp_path) as served, browsing(tmp_path / "profile") as (page, requests):
        page.goto(served.url)
        page.get_by_text(LAST).first.wait_for(timeout=SLOW)
        step = EXERCISES["step"]
        write(page, 1, step.solution)
        page.get_by_text("Made with your skipgram_step").first.wait_for(timeout=SLOW)
        assert (served.folder / "exercises" / "step.py").read_text() == step.solution
        assert requests.abroad() == []
        assert not served.spied.exists(), served.spied.read_text()

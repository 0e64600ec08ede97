"""The explorer's page in a real browser: main gestures, hostile words, the keyboard, nothing abroad."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Requests, browsing
from explorer_site import HOSTILE

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from firth.embeddings import Embeddings
from firth.formats import load, save

WORDS = ["king", "queen", "man", "woman", "he", "she", "kingdom", "x" * 1000, *HOSTILE]
WORDS += [f"w{number}" for number in range(40)]
SECONDS = 30_000

Browser = tuple[Any, Requests]
"""A browser's context, and the record of its requests."""


def write_model(folder: Path, seed: int) -> str:
    vectors = np.random.default_rng(seed).standard_normal((len(WORDS), 6)).astype(np.float32)
    counts = np.arange(len(WORDS), 0, -1, dtype=np.int64)
    reports = [
        {"words": 100 * n, "seconds": 0.1 * n, "epoch": n / 4, "loss": 3 - n / 8, "alpha": 0.05 / n,
         "words_per_second": 1000.0}
        for n in range(1, 9)
    ]  # fmt: skip
    config = {"options": {"vector_size": 6, "epochs": 2}}
    save(Embeddings(WORDS, vectors, counts=counts, config=config, training=reports), folder)
    return str(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("explored")
    return [write_model(folder / name, seed) for seed, name in enumerate(("one", "other"))]


@pytest.fixture(scope="module")
def address(models: list[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "firth", "explore", *models, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser") / "profile") as (page, requests):
        yield page.context, requests


@contextmanager
def looking(
    browser: Browser, *, width: int = 1280, dark: bool = False, meant: str | None = None
) -> Iterator[Any]:
    """Yield a new page; nothing may leave the machine, nor any error come but one that is ``meant``."""
    context, requests = browser
    before = len(requests)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if dark else "light")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: wrong.append(f"a dialog opened: {dialog.message}"))
    try:
        yield page
    finally:
        page.close()
    assert [error for error in wrong if meant is None or meant not in error] == []
    assert len(requests) > before
    assert requests.abroad() == []


def first_words(page: Any) -> list[str]:
    """Return the words of the first ranking on the page."""
    page.locator("table.ranking tbody tr").first.wait_for()
    texts: list[str] = page.locator("table.ranking").first.locator("tbody a.word").all_inner_texts()
    return texts


def test_searching_walking_and_going_back(browser: Browser, address: str, models: list[str]) -> None:
    truth = [word for word, _ in load(models[0]).most_similar("kingdom", topn=3)]
    with looking(browser) as page:
        page.goto(address)
        page.get_by_role("heading", name="Look at the words").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("kingd")
        page.get_by_role("option", name="kingdom").wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="kingdom", exact=True).wait_for()
        shown = first_words(page)
        assert len(shown) == 10
        page.get_by_text(f"{len(WORDS) - WORDS.index('kingdom')} times").wait_for()
        assert [word for word in truth if word.isalnum() and len(word) < 60] == [
            word for word in shown[:3] if word.isalnum() and len(word) < 60
        ]
        page.locator("table.ranking a.word").first.click()
        page.wait_for_function("() => !location.hash.includes('kingdom')")
        page.go_back()
        page.get_by_role("heading", name="kingdom", exact=True).wait_for()
        assert page.evaluate("location.hash") == "#/neighbors/kingdom"


def test_walking_by_keyboard_starts_at_the_top_and_back_returns_to_the_place(
    browser: Browser, address: str
) -> None:
    with looking(browser) as page:
        page.goto(f"{address}#/neighbors/king?topn=50")
        first_words(page)
        page.evaluate("scrollTo(0, 500)")
        link = page.locator("table.ranking a.word").nth(20)
        word = link.inner_text()
        link.focus()
        place = page.evaluate("scrollY")
        link.press("Enter")
        page.get_by_role("heading", name=word, exact=True).wait_for()
        page.wait_for_function("() => scrollY === 0")
        assert page.evaluate("document.activeElement.id") == "view"
        page.go_back()
        page.get_by_role("heading", name="king", exact=True).wait_for()
        page.wait_for_function("place => scrollY === place", arg=place)


def test_adding_a_word_leaves_the_page_where_it_is(browser: Browser, address: str) -> None:
    with looking(browser, width=390) as page:
        page.goto(f"{address}#/axes?a=he&b=she&b2=man&show=king&show=queen")
        page.get_by_text("The second axis needs a word at both of its poles").wait_for()
        page.evaluate("scrollTo(0, 150)")
        field = page.get_by_role("combobox", name="Words to place: add a word")
        field.fill(" kingdom ")  # as copied out of a text
        field.press("Enter")
        page.get_by_role("button", name="Remove kingdom").wait_for()
        page.locator("table.plain tbody tr").nth(2).wait_for()
        assert page.evaluate("scrollY") == 150


def test_a_typing_error_is_answered_with_the_nearest_spelling(browser: Browser, address: str) -> None:
    with looking(browser, meant="404 (Not Found)") as page:
        page.goto(f"{address}#/neighbors/quen")
        page.get_by_role("link", name="queen").or_(page.get_by_role("button", name="queen")).first.click()
        page.get_by_role("heading", name="queen", exact=True).wait_for()


def test_hostile_words_are_text(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        for word in (*HOSTILE, "x" * 1000):
            page.goto(address + page.evaluate("word => `#/neighbors/${encodeURIComponent(word)}`", word))
            page.locator("table.ranking").wait_for()
            assert page.locator("main script, main img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        script, image = (
            "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "%22%3E%3Cimg%20onerror%3Dalert(1)%20src%3Dx%3E",
        )
        for view in (
            f"map/{image}",
            f"compare/{image}",
            f"analogy?plus={script}&plus={image}&minus=king",
            f"axes?a=he&b=she&show={script}&show={image}",
        ):
            page.goto(f"{address}#/{view}")
            page.locator("main tbody tr").first.wait_for()
            assert page.locator("main script, main img").count() == 0, view
        page.goto(f"{address}#/neighbors/{script}")
        page.get_by_role("heading", name="<script>alert(1)</script>").wait_for()


@pytest.mark.parametrize("renderer", ["webgl", "canvas"])
def test_the_map_shows_its_words_and_how_far_to_trust_them(
    browser: Browser, address: str, renderer: str
) -> None:
    with looking(browser) as page:
        query = "?renderer=canvas" if renderer == "canvas" else ""
        page.goto(f"{address}#/map/king{query}")
        page.locator(f".stage[data-renderer^={renderer}]").wait_for()
        page.get_by_text(re.compile(r"Of king’s 10 true neighbours, \d+ (is|are) near it here")).wait_for()
        assert page.locator(".panel table tbody tr").count() == 10
        page.get_by_text(re.compile("Distances on a map mislead")).wait_for()
        before = page.locator("canvas.points").screenshot()
        page.get_by_label("Trust").check()
        page.wait_for_function("() => location.hash.includes('color=trust')")
        stage = page.get_by_role("application", name="Map of the words")
        stage.focus()
        page.keyboard.press("+")
        page.wait_for_function("() => location.hash.includes('at=')")
        page.wait_for_timeout(400)
        assert page.locator("canvas.points").screenshot() != before


def test_the_map_by_keyboard_alone(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        page.goto(f"{address}#/map?at=0,0,1.5")
        page.get_by_text(re.compile("Distances on a map mislead")).wait_for()
        for _ in range(20):
            if page.evaluate("document.activeElement.classList.contains('stage')"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_function("() => location.hash.startsWith('#/map/')")
        page.locator(".chosen tbody tr").nth(9).wait_for()
        page.keyboard.press("Escape")
        page.wait_for_function("() => location.hash.startsWith('#/map?at=')")
        page.go_back()
        page.locator(".chosen tbody tr").nth(9).wait_for()


def test_going_back_just_when_the_map_comes_to_rest(browser: Browser, address: str) -> None:
    """The map writes where it rests into its address; not into the one that somebody is on the way to."""
    with looking(browser) as page:
        page.goto(f"{address}#/map/woman?at=0,0,1.5")
        page.locator(".chosen tbody tr").nth(9).wait_for()
        page.evaluate("location.hash = '#/map?at=0,0,1.5'")
        page.locator(".chosen tbody tr").nth(9).wait_for(state="hidden")
        back = """() => new Promise((done) => {
            document.querySelector(".stage").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft"}));
            addEventListener("popstate", () => {
                const until = performance.now() + 600;
                while (performance.now() < until);
                done();
            }, {once: true});
            history.back();
        })"""
        page.evaluate(back)
        page.locator(".chosen tbody tr").nth(9).wait_for()


def test_labels_never_overlap_and_the_frequent_come_first(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        page.goto(address)
        points = np.random.default_rng(1).uniform(0, 500, (3000, 2))
        words = [
            {"x": x, "y": y, "width": 20 + 7 * (n % 11), "text": str(n)}
            for n, (x, y) in enumerate(points.tolist())
        ]
        placed = page.evaluate(
            "async words => (await import('/static/labels.js'))"
            ".placeLabels({width: 500, height: 500, candidates: words, most: 90})",
            words,
        )
        assert len(placed) == 90
        assert placed[0]["text"] == "0"
        for place, one in enumerate(placed):
            assert one["left"] >= 0
            assert one["left"] + one["width"] <= 500
            for other in placed[:place]:
                apart = abs(one["top"] - other["top"]) >= one["height"]
                first, second = sorted((one, other), key=lambda label: label["left"])
                assert apart or first["left"] + first["width"] <= second["left"]


def test_an_analogy_shows_the_inputs_and_both_methods(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        page.goto(f"{address}#/analogy")
        for label, word in (
            ("Add: add a word", "king"),
            ("Take away: add a word", "man"),
            ("Add: add a word", "woman"),
        ):
            page.get_by_role("combobox", name=label).fill(word)
            page.get_by_role("combobox", name=label).press("Enter")
            page.get_by_role("button", name=f"Remove {word}").wait_for()
        page.get_by_role("heading", name="king − man + woman").wait_for()
        page.get_by_text("Multiplied, inputs left out (3CosMul)").wait_for()
        assert page.locator("table.ranking").count() == 3
        assert page.locator(".flag", has_text="input").count() >= 2


def test_one_axis_is_a_chart_and_two_are_a_scatter(browser: Browser, address: str) -> None:
    words = "&".join(f"show={word}" for word in ("king", "queen", "w1", "w2"))
    with looking(browser) as page:
        page.goto(f"{address}#/axes?a=he&b=she&{words}")
        page.locator(".figure svg").wait_for()
        assert page.locator("table.plain tbody tr").count() == 4
        page.goto(f"{address}#/axes?a=he&b=she&a2=king&b2=man&{words}")
        page.wait_for_function("() => document.querySelectorAll('table.plain thead th').length === 3")
        assert page.locator(".figure svg text", has_text="queen").count() >= 1


def test_two_models_side_by_side(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        page.goto(f"{address}#/compare/king")
        page.get_by_text(re.compile(r"\d+ of 10 neighbours are the same in both models")).wait_for()
        assert page.locator("table.ranking").count() == 2
        page.get_by_role("heading", name="Words whose neighbours differ most").wait_for()
        page.locator(".differences tbody a.word").first.wait_for()


def test_training_and_exports(browser: Browser, address: str) -> None:
    with looking(browser) as page:
        page.goto(f"{address}#/training")
        page.get_by_text("Loss (nats per pair, mean)").first.wait_for()
        page.get_by_text("Speed (raw words/s)").wait_for()
        assert page.locator("svg").count() >= 2
        page.goto(f"{address}#/neighbors/king")
        first_words(page)
        for kind, begin in (
            ("CSV", b"\xef\xbb\xbfranking,place,word"),
            ("SVG", b"<svg"),
            ("PNG", b"\x89PNG"),
        ):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"Save as {kind}").click()
            assert Path(download.value.path()).read_bytes().startswith(begin)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (2560, False)])
def test_no_view_is_wider_than_the_screen(browser: Browser, address: str, width: int, dark: bool) -> None:
    with looking(browser, width=width, dark=dark) as page:
        for view in (
            "neighbors/king",
            "map/king",
            "analogy?plus=king&plus=woman&minus=man",
            "axes",
            "training",
        ):
            page.goto(f"{address}#/{view}")
            page.locator("main h1").first.wait_for(state="attached")
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


def test_what_the_page_shows_is_what_the_command_prints(models: list[str], address: str) -> None:
    from urllib.request import urlopen

    done = subprocess.run(
        [sys.executable, "-m", "firth", "neighbors", models[0], "king", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    with urlopen(f"{address}api/neighbors?word=king", timeout=20) as reply:
        assert json.load(reply)["results"] == json.loads(done.stdout)["results"]

"""Pictures and pages of maps: labels that keep apart, words that stay text, a page that asks for nothing."""

import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.browser import browsing
from tests.test_projection import clustered

from firth.errors import ConfigError, MissingExtraError
from firth.printable import printable
from firth.projection import WordMap, compute
from firth.projection.labels import Box, LabelSpace
from firth.projection.page import page
from firth.projection.telling import WARNING, sentences

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "<!--<script>",
    "{{data}}",
    "$x_1$",
    "\x1b[31mred",
    "a\u202eb",
    "&lt;b&gt;",
    "東京",
    "",
]


def hostile_map() -> tuple[WordMap, list[str]]:
    found = compute(clustered(counts=None), "pca")
    words = [*HOSTILE, *(f"w{n}" for n in range(len(HOSTILE), len(found)))]
    return found, words


# Labels


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-20, 220), st.floats(-20, 120), st.floats(1, 80), st.floats(1, 30)), max_size=40
    )
)
def test_labels_never_overlap_and_are_never_cut(wanted: list[tuple[float, float, float, float]]) -> None:
    space = LabelSpace(200, 100, edge=4)
    boxes = [box for x, y, w, h in wanted if (box := space.place(x, y, w, h, 3)) is not None]
    for number, box in enumerate(boxes):
        assert box.left >= 4
        assert box.top >= 4
        assert box.right <= 196
        assert box.bottom <= 96
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_who_comes_first_is_served_first() -> None:
    space = LabelSpace(100, 40)
    assert space.place(50, 20, 30, 10, 5) == Box(55, 15, 85, 25)
    assert space.place(50, 20, 30, 10, 5) == Box(15, 15, 45, 25), "to the left, as the right is taken"
    assert space.place(50, 20, 30, 10, 5) == Box(35, 5, 65, 15)
    assert space.place(50, 20, 30, 10, 5) == Box(35, 25, 65, 35)
    assert space.place(50, 20, 30, 10, 5) is None


# Pictures


def drawn(kind: str, **more: Any) -> tuple[bytes, int]:
    pytest.importorskip("matplotlib", reason="the extra [map] is not installed")
    from firth.projection.drawing import draw

    found, words = hostile_map()
    file = io.BytesIO()
    unwritten = draw(found, words, file, kind, name="<model>", **more)
    return file.getvalue(), unwritten


def svg_texts(content: bytes) -> list[str]:
    root = ElementTree.fromstring(content)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {
        *("svg", "metadata", "RDF", "Work", "type", "format", "creator", "Agent", "title", "defs", "style"),
        *("g", "path", "use", "image", "text", "tspan", "clipPath", "rect"),
    }, "nothing but drawing"
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")]


def test_an_svg_holds_words_as_text_and_says_how_far_to_trust_it() -> None:
    content, _ = drawn("svg", chosen=[0, 1], labels=60)
    texts = svg_texts(content)
    assert "</script><script>document.t…" in texts
    assert '"><img src=x onerror="docum…' in svg_texts(drawn("svg", chosen=[1])[0])
    assert "240 words of <model>" in texts
    foot = " ".join(texts)
    assert "of a word's 10 true neighbours so many are near it on this map" in foot
    for sentence in (*sentences(hostile_map()[0]), WARNING):
        assert sentence in foot
    assert "Nearest to </script><script>document.t… in the full space: " in foot
    assert content.count(b"<image") == 1, "points are one image, whatever their number"
    assert len(content) < 400_000
    assert drawn("svg", chosen=[0, 1], labels=60)[0] == content, "the same map gives the same bytes"


def test_labels_come_by_frequency_and_as_many_as_were_asked_for() -> None:
    pattern = re.compile(r"w\d+")
    few, many = (
        [text for text in svg_texts(drawn("svg", labels=most)[0]) if pattern.fullmatch(text)]
        for most in (14, 40)
    )
    assert few == many[: len(few)]
    assert few == sorted(few, key=lambda text: int(text[1:]))
    assert len(few) < len(many)
    assert not [text for text in svg_texts(drawn("svg", labels=0)[0]) if pattern.fullmatch(text)]


@pytest.mark.parametrize(("coloring", "dark"), [("trust", False), ("frequency", True)])
def test_a_png_of_every_look(coloring: str, dark: bool) -> None:
    content, _ = drawn("png", coloring=coloring, dark=dark, chosen=[3])
    assert content.startswith(b"\x89PNG\r\n")
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(content))
    assert pixels.shape[1] == 2000
    assert pixels.shape[0] > 1200
    paper = pixels[0, 0, :3]
    assert (paper < 0.2).all() if dark else (paper > 0.9).all()
    edge = np.concatenate([pixels[:, :8, :3].reshape(-1, 3), pixels[:, -8:, :3].reshape(-1, 3)])
    assert np.abs(edge - paper).max() < 0.01, "nothing is cut at the sides"
    colors = {tuple(color) for color in (pixels[::3, ::3, :3].reshape(-1, 3) * 255).astype(int).tolist()}
    assert len(colors) > 8


def test_letters_that_no_font_has_are_counted_and_not_drawn_as_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="the extra [map] is not installed")
    from firth.projection import drawing

    monkeypatch.setattr(drawing, "families", lambda words, extra: (["DejaVu Sans"], {"東"}))
    content, unwritten = drawn("svg", labels=60)
    assert unwritten == 1
    assert not [text for text in svg_texts(content) if "東" in text]


def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="a picture is one of png, svg"):
        drawn("gif")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    from firth.projection.drawing import require

    with pytest.raises(MissingExtraError, match=r"an \.html file does without.*firth\[map\]"):
        require()


# The page


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts.append(data)


def test_a_page_holds_words_as_data_alone() -> None:
    found, words = hostile_map()
    text = page(found, words, name='"><b>name', chosen=[2])
    plain = page(found, [f"w{n}" for n in range(len(found))], name="plain", chosen=[2])
    elements = Elements(text)
    assert elements.names == Elements(plain).names, "no word became an element"
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    data = json.loads(elements.scripts[0])
    assert data["words"][:6] == [*HOSTILE[:5], "\\x1b[31mred"]
    assert data["words"][8] == "東京"
    assert data["title"] == '240 words of "><b>name'
    assert data["sentences"] == sentences(found)
    assert "http" not in text.replace("http-equiv", ""), "it asks for nothing"


def test_a_page_of_a_large_map_is_small() -> None:
    found, words = hostile_map()
    extra = len(page(found, words, name="m")) - len(page(small := part(found, 40), words[:40], name="m"))
    assert extra / (len(found) - len(small)) < 65, "bytes a word: 10 neighbours, a place, a name"


def part(found: WordMap, words: int) -> WordMap:
    return replace(
        found,
        rows=found.rows[:words],
        positions=found.positions[:words],
        near=found.near[:words],
        neighbors=np.minimum(found.neighbors[:words], words - 1),
    )


TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.slow
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    found, words = hostile_map()
    file = tmp_path / "map.html"
    file.write_text(page(found, words, name="m"), "utf-8")
    with browsing(tmp_path / "profile", dark=True) as (tab, requests):
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(file.as_uri())
        assert tab.locator("html").get_attribute("data-theme") == "dark"
        tab.keyboard.press("/")
        tab.keyboard.type("onerror")
        tab.locator("#found li").first.wait_for()
        tab.keyboard.press("Enter")
        assert tab.locator("#word").text_content() == HOSTILE[1]
        near = tab.locator("#neighbors li").all_text_contents()
        assert near == [printable(words[place]) for place in found.neighbors[1]]
        assert f"{found.near[1]} of its 10 true neighbours" in (tab.locator("#facts").text_content() or "")
        tab.locator("#neighbors button").first.click()
        assert tab.locator("#word").text_content() == near[0]
        tab.go_back()
        assert tab.locator("#word").text_content() == HOSTILE[1], "every state has an address"
        before = tab.evaluate("view.scale")
        tab.mouse.move(800, 400)
        tab.mouse.wheel(0, -300)
        tab.evaluate(TWO_FRAMES)
        assert tab.evaluate("view.scale") > before * 1.2
        tab.keyboard.press("0")
        places = tab.evaluate("Array.from(xs, (x, i) => [x, -ys[i]])")  # on the screen y runs downwards
        np.testing.assert_allclose(places, found.positions, atol=2e-5)
        x, y = tab.evaluate("[across(xs[20]), down(ys[20])]")
        tab.mouse.move(x, y)
        assert tab.locator("#hover").text_content() == f"w20 · {found.near[20]} of 10 near"
        middle = tab.evaluate("view.x")
        tab.mouse.down()
        tab.mouse.move(x + 60, y)
        tab.mouse.up()
        assert tab.evaluate("view.x") == pytest.approx(middle - 60 / tab.evaluate("view.scale"), abs=1e-6)
        tab.select_option("#coloring", "frequency")
        tab.evaluate(TWO_FRAMES)
        assert len(set(tab.evaluate("Array.from(pixels.slice())"))) > 20, "points are on the canvas"
        assert tab.title() == "240 words of m"
        assert said == []
        assert requests == [file.as_uri()]

"""The report: complete, self-contained, and words in it are text, whatever they look like."""

import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.evaluation_cases import numbered_words, random_model

from firth.embeddings import Embeddings
from firth.evaluation.analogies import Question, Section
from firth.evaluation.bootstrap import Estimate
from firth.evaluation.evaluate import Options, differences, evaluate
from firth.evaluation.files import ANALOGIES, SIMILARITY, EvaluationFile
from firth.evaluation.plots import loss_plot, map_plot, principal_plane, strip, ticks
from firth.evaluation.report import Evaluated, render
from firth.evaluation.similarity import Pair
from firth.evaluation.stability import Stability

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style><b>",
    "&lt;&amp;",
    "'quoted'",
    "a\x00b\x1b[31m",
    "]]>-->",
    "a\u202eb",
    "שלום",
    "https://example.org/",
    "",
]
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "b",
        "ul",
        "li",
        "div",
        "span",
    ),
    *("details", "summary", "table", "tr", "th", "td", "bdi", "figure", "footer"),
    *("svg", "line", "circle", "rect", "text", "title", "polyline"),
}
VOID = {"meta", "!doctype"}


class Reader(HTMLParser):
    """Counts tags, and holds that each is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def reports(last: float) -> list[dict[str, object]]:
    return [{"epoch": n / 4, "loss": last + 1 / n, "words": n} for n in range(1, 9)] + [
        {"epoch": None, "loss": 1}
    ]


def hostile_report(names: tuple[str, ...] = ("one",), stability: Stability | None = None) -> str:
    words = [*HOSTILE, *numbered_words(20)]
    config = {
        "options": {"vector_size": 9, "note": HOSTILE[0], "seed": 3},
        "corpus": {"paths": [HOSTILE[1]], "fingerprint": "d0e1f2", "lowercase": True},
    }
    pairs = [
        Pair(a, b, float(n)) for n, (a, b) in enumerate(zip(words, [*words[3:], "<i>", "<u>"], strict=False))
    ]
    questions = [Question(words[n], (words[n + 1],), words[n + 2], ("<em>x</em>",)) for n in range(5)]
    questions += [Question(words[n], (words[n + 3],), words[n + 2], (words[n + 4],)) for n in range(5)]
    files = [
        EvaluationFile(HOSTILE[2] + ".tsv", "p", SIMILARITY, pairs),
        EvaluationFile(
            "questions", "q", ANALOGIES, [Section(HOSTILE[1], questions), Section("s", questions)]
        ),
    ]
    options = Options(draws=100)
    results = []
    for number, name in enumerate(names):
        model = random_model(words, seed=number, config=config, training=reports(2.0 + number))
        results.append(Evaluated(name, "path", model, stability, evaluate(model, files, options)))
    compared = differences(results[0].scores, results[1].scores, options) if len(results) == 2 else []
    return render(results, compared, options)


def two_runs() -> Stability:
    """Return the stability of eleven words of which the first two have noise for neighbours."""
    overlap = np.array([0.0, 0.1, *[0.6] * 9], np.float32)
    summary = {
        "settings": {"topn": 4, "runs": 3, "vocabulary": 31},
        "summary": {"words": 11, "overlap": 0.5, "chance": 0.1, "noise_below": 0.2, "noise_share": 0.18},
        "bands": [{"count_from": 10, "count_to": 29, "words": 11, "overlap": 0.5, "noise_share": 0.18}],
    }
    empty = np.zeros((11, 4), np.int32)
    return Stability(np.arange(11), overlap, empty, empty.astype(np.int16), summary)


def test_words_are_text_never_markup() -> None:
    page = Reader(hostile_report(("<script>a</script>", 'b"'), two_runs()))
    assert page.open == []
    assert set(page.tags) <= TAGS
    assert not [
        name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")
    ]
    shown = " ".join(page.text)
    for word in HOSTILE[:5]:
        assert word in shown
    assert "a\\x00b\\x1b[31m" in shown
    assert "\u202e" not in shown
    assert "a\\u202eb" in shown
    assert page.tags["h1"] == 1


def test_the_report_needs_nothing_from_outside() -> None:
    html = hostile_report()
    assert (
        "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\""
        in html
    )
    assert html.count("http") == html.count("http-equiv") + html.count(
        "https://example.org/"
    )  # that is a word
    assert not re.search(r"@import|url\(|<script|<link|<img", html)
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("names", [("one",), ("one", "other")])
def test_everything_is_there(names: tuple[str, ...]) -> None:
    html = hostile_report(names, two_runs())
    for heading in ("Scores", "Coverage", "Options and corpus", "Loss", "Stability: one", "Map: one"):
        assert f"<h2>{heading}</h2>" in html
    assert ("Is the difference real?" in html) == (len(names) == 2)
    assert "d0e1f2" in html
    assert "Distances on it mislead" in html
    assert "2 words unknown" in html
    assert "100 draws, seed 1" in html
    assert "nan" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL).lower()
    assert "None" not in html
    assert html == hostile_report(names, two_runs())


def test_words_of_noise_are_named() -> None:
    html = hostile_report(stability=two_runs())
    noise = html[html.index("whose neighbours are noise: ") :]
    assert noise[: noise.index("</p>")].count("<bdi>") == 2
    assert "3 runs; of a word's 4 nearest words, 50.0% are the same in another run" in html
    assert "Stability" not in hostile_report()


def test_a_model_of_one_word() -> None:
    model = Embeddings(["<b>"], np.array([[1, 2]], np.float32))
    files = [EvaluationFile("f", "f", SIMILARITY, [Pair("a", "b", 1.0)])]
    page = Reader(render([Evaluated("m", "m", model, None, evaluate(model, files))], [], Options()))
    shown = " ".join(page.text)
    assert "not enough data: 0 of 1 pairs covered" in shown
    assert "Map" not in shown
    assert "Loss" not in shown


def test_the_map_is_the_principal_plane() -> None:
    rng = np.random.default_rng(3)
    flat = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 7)) + 0.01 * rng.standard_normal((40, 7))
    model = Embeddings(numbered_words(40), (flat * 5).astype(np.float32), counts=np.arange(40))
    rows, places, share = principal_plane(model, 15)
    assert rows.tolist() == list(range(39, 24, -1))
    units = flat[rows] / np.linalg.norm(flat[rows], axis=1, keepdims=True)
    centered = units - units.mean(axis=0)
    lengths = np.linalg.svd(centered, compute_uv=False)
    assert share == pytest.approx((lengths[:2] ** 2).sum() / (lengths**2).sum(), rel=1e-4)
    np.testing.assert_allclose((places**2).sum(axis=0), lengths[:2] ** 2, rtol=1e-4)
    drawing, words, labels, _ = map_plot(model, 15)
    assert (words, drawing.count("<circle"), drawing.count("<text")) == (15, 15, labels)
    same = Embeddings(["a", "b", "c"], np.array([[1, 2], [2, 4], [3, 6]], np.float32))
    assert map_plot(same)[0] == ""


def test_strips_stay_within_their_plot() -> None:
    drawn = strip([("first", Estimate(0.5, 0.25, 0.75)), ("second diamond", Estimate(None))], 0.0, 1.0, "<>")
    assert 'x1="25.00%" x2="75.00%"' in drawn
    assert 'cx="50.00%"' in drawn
    assert "second" not in drawn
    assert 'aria-label="&lt;&gt;"' in drawn
    beyond = strip([("first", Estimate(3.0, -1.0, 9.0))], 0.0, 1.0, "")
    assert 'x1="0.00%" x2="100.00%"' in beyond


def test_ticks_are_round_numbers() -> None:
    assert ticks(-0.31, 0.31) == [-0.2, 0.0, 0.2]
    assert ticks(2.1, 2.9) == [2.2, 2.4, 2.6, 2.8]
    assert ticks(0.0, 5.0) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_loss_that_was_not_reported_is_not_drawn() -> None:
    assert (
        loss_plot([("first", [{"epoch": 1.0, "loss": float("nan")}, {"loss": 2.0}, {"epoch": 1, "loss": 2}])])
        == ""
    )
    assert loss_plot([("first", reports(2.0))]).count("<polyline") == 1

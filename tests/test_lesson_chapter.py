"""The chapter runs from top to bottom, whatever the reader has written, and what its prose says is so."""

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from types import MappingProxyType
from typing import Any

import pytest

pytest.importorskip("marimo", reason="marimo is not installed: pip install '.[lesson]'")
alt = pytest.importorskip("altair", reason="altair is not installed: pip install '.[lesson]'")

from firth.errors import MissingExtraError  # noqa: E402
from firth.lesson import book, folder, handover, pictures, placing, toy, work  # noqa: E402
from firth.lesson.checks import Outcome  # noqa: E402
from firth.lesson.exercises import EXERCISES  # noqa: E402
from firth.lesson.notebook import chapter_cells  # noqa: E402

NOTHING: Mapping[str, str] = MappingProxyType({})
OKABE_ITO = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}


@dataclass
class Page:
    names: Mapping[str, Any]
    html: str
    charts: list[Any]

    @property
    def text(self) -> str:
        """What a reader reads, in one line."""
        plain = unescape(self.html)  # widgets hold their text in attributes, as JSON
        for escaped, meant in {"\\u003c": "<", "\\u003e": ">", "\\u0026": "&", "\\n": " "}.items():
            plain = plain.replace(escaped, meant)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", plain)))


def open_chapter(at: Path, answers: Mapping[str, str] = NOTHING) -> Page:
    """Run the chapter in a reader's folder that holds these answers."""
    folder.prepare(at, {folder.MODULE: folder.module_source(), folder.CHAPTER: folder.chapter_source()})
    for name, source in answers.items():
        (at / "exercises").mkdir(exist_ok=True)
        (at / "exercises" / f"{name}.py").write_text(source)
    charts: list[Any] = []
    spec = importlib.util.spec_from_file_location("the_readers_chapter", at / folder.CHAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    finished = pictures._finished

    def seen(*arguments: Any) -> Any:
        charts.append(finished(*arguments))
        return charts[-1]

    pictures._finished = seen
    try:
        outputs, names = module.app.run()
    finally:
        pictures._finished = finished
    return Page(names, "\n".join(getattr(one, "text", "") for one in outputs if one is not None), charts)


@pytest.fixture(scope="module", autouse=True)
def remembered_runs() -> Iterator[None]:
    """Let the pages of this file share the toy's runs, which are functions of their arguments alone."""
    known: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        run = toy.run

        def remembered(kind: Any, **options: Any) -> Any:
            key = f"{kind} {sorted(options.items())}"
            if key not in known:
                known[key] = run(kind, **options)
            return known[key]

        patch.setattr(toy, "run", remembered)
        yield


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    """The chapter as it is opened for the first time."""
    return open_chapter(tmp_path_factory.mktemp("reader"))


@pytest.mark.slow
def test_with_nothing_written_the_page_uses_its_own(page) -> None:
    assert [page.names[f"{name}_work"].outcome for name in EXERCISES] == [None] * 4
    assert page.text.count("Not checked yet.") == 4
    assert page.text.count("until yours is right") >= 5
    assert "Made with your" not in page.text
    for name, exercise in EXERCISES.items():
        assert exercise.title in page.text, name


@pytest.mark.slow
def test_with_the_solutions_the_page_uses_the_readers(tmp_path) -> None:
    page = open_chapter(tmp_path, {name: one.solution for name, one in EXERCISES.items()})
    assert all(page.names[f"{name}_work"].passed for name in EXERCISES)
    assert page.text.count("Right!") == 4
    for exercise in EXERCISES.values():
        assert f"Made with your {exercise.function}" in page.text
    assert "until yours is right" not in page.text


@pytest.mark.slow
def test_wrong_answers_break_nothing_below(tmp_path) -> None:
    answers = {
        "pairs": "def skipgram_pairs(ids, window):\n    return [(1, 2",
        "step": EXERCISES["step"].stub,
        "train": "def train(*arguments):\n    return [[float('nan')]], None",
        "cosine": EXERCISES["cosine"].solution.replace("return 0.0", "raise ValueError"),
    }
    page = open_chapter(tmp_path, answers)
    assert not any(page.names[f"{name}_work"].passed for name in EXERCISES)
    assert page.text.count("Not right yet.") == 4
    assert page.text.count("✗") == 4
    assert "In the next chapter a neuron" in page.text


@pytest.mark.slow
def test_without_the_book_the_rest_goes_on(tmp_path, monkeypatch) -> None:
    def no_book() -> Any:
        raise MissingExtraError("the demo's text is not installed")

    monkeypatch.setattr(book, "learn_book", no_book)
    page = open_chapter(tmp_path)
    assert "This part needs the book: the demo's text is not installed" in page.text
    assert "In the next chapter a neuron" in page.text


# ------------------------------------------------------------------------------------------- its words

SAID = {
    "17": "an id",
    "248": "an id",
    "1957": "the year of Firth's essay",
    "0": "what a one-hot vector, a belief or a dot product is made of",
    "1": "the same",
    "2": "numbers a word, as in the cell's own dims",
    "300": "numbers a word, as in the cell's own table_bytes",
    ".05": "the belief that the cell asks step_at for",
    ".95": "the same",
    "3": "part 3",
}
"""The numbers that stand in the prose as they are; every other one is computed where it stands."""


def prose() -> list[str]:
    """Return what stands literally in the chapter's Markdown."""
    found = []
    for cell in chapter_cells(folder.chapter_source()):
        for node in ast.walk(ast.parse(cell)):
            is_markdown = isinstance(node, ast.Call) and ast.unparse(node.func) == "mo.md"
            is_note = isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr)
            if is_markdown or is_note:
                part = node.args[0] if isinstance(node, ast.Call) else node.value
                pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
                found.append("".join(one.value for one in pieces if isinstance(one, ast.Constant)))
    return found


def test_every_number_in_the_prose_is_computed_beside_it() -> None:
    text = re.sub(r"^ *#+ \d\. ", "", "\n".join(prose()), flags=re.MULTILINE)
    assert len(text.split()) > 900
    assert set(re.findall(r"\.?\d+(?:[.,]\d+)*", text)) <= SAID.keys()


@pytest.mark.slow
def test_no_sentence_turned_into_a_list(page) -> None:
    beside_tasks = page.html
    for name in EXERCISES:
        from marimo import md

        beside_tasks = beside_tasks.replace(md(work.task(name)).text, "")
    assert "<ol" not in beside_tasks
    assert "**" not in page.text


@pytest.mark.slow
def test_the_seed_is_a_median_one_and_twice_as_good_as_chance(page) -> None:
    for rates in (page.names["scatter_rates"], page.names["neighbor_rates"]):
        assert len(rates) == 20
        assert fmean(rates) >= 2 * toy.chance_rate()
        assert rates[toy.SEED] == median(rates) or sorted(rates).index(rates[toy.SEED]) in range(6, 14)
    assert f"You see seed {toy.SEED}, a median one" in page.text


@pytest.mark.slow
def test_what_part_4_says_is_so(page) -> None:
    heap = page.names["long_runs"]["pulling only"].snapshots[-1]
    assert fmean(heap.cosines) > 0.99  # a heap
    assert heap.partner_rate > toy.chance_rate()  # the ranking has not lost everything
    rates = {name: fmean(one.partner_rate for one in runs) for name, runs in page.names["over_seeds"].items()}
    assert rates["one table"] < 2 * toy.chance_rate()  # not far from chance
    assert rates["two tables"] > 0.9
    assert page.names["meetings"] == 0
    shared = page.names["company"]("king") & page.names["company"]("queen")
    assert {"throne", "crown"} <= shared
    assert "never stand that near each other" in page.text


@pytest.mark.slow
def test_what_part_5_says_is_so(page) -> None:
    model = page.names["book"]
    answer = model.analogy(["king", "woman"], ["man"], topn=5)
    best = answer.filtered[0][0]
    assert f"The word nearest to king − man + woman is {answer.raw[0][0]}, and {best}, the usual" in page.text
    for typed in (["king"], ["woman"]):
        assert f"number {model.rank(typed[0], best)}" in page.text
        assert book.place(model, best, typed) == model.rank(typed[0], best)
    assert book.place(model, best, ["king", "woman"], ["man"]) == 1


@pytest.mark.slow
def test_what_part_6_says_is_so(page) -> None:
    assert re.search(r"number \d is shore and number \d is shop", page.text)
    assert "bank(river) is nearest to shore" in page.text
    assert "bank(money) to shop" in page.text
    assert "Sorted, the two lists are the same" in page.text
    assert toy.DIM == 8, "the prose says eight"
    assert "The answers are the same" in page.text
    means = {
        dim: {name: fmean(one[name] for one in scores) for name in scores[0]}
        for dim, scores in page.names["axis_scores"].items()
    }
    assert all(means[toy.DIM][name] >= means[2][name] for name in means[2])
    assert means[toy.DIM]["gender"] > means[2]["gender"] + 0.1


def test_the_hand_over_foretells_what_torch_prints() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    table = toy.run("positives", steps=50).vectors
    assert handover.run_code(table, 3, 5) == handover.foretell(table, 3)


def test_the_hand_over_tells_shapes_and_numbers() -> None:
    assert handover.foretell([[0.0, 1.0, 2.0], [0.1234, -5.0, 7.0]], 1) == (
        "(2, 3) -> (2, 3)\n[0.123, -5.0, 7.0]\n"
    )


# --------------------------------------------------------------------------------------- the reader's work


def test_the_readers_function_is_used_where_it_is_right() -> None:
    done = work.examine("cosine", EXERCISES["cosine"].solution)
    assert done.use(lambda cosine: cosine([1.0, 0.0], [0.0, 2.0])) == (0.0, "Made with **your** `cosine`.")


def test_a_function_that_fails_after_all_is_replaced() -> None:
    def only_short(a: list[float], b: list[float]) -> float:
        raise IndexError(len(a), len(b))

    done = work.Work("cosine", Outcome(True, [], only_short))
    value, said = done.use(lambda cosine: cosine([3.0, 4.0], [3.0, 4.0]))
    assert value == 1.0
    assert said.startswith("Your `cosine` passed its check but fails here (IndexError(2, 2))")


# ------------------------------------------------------------------------------------------- its pictures


def layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the layers that draw, out of however many layers of layers."""
    return [leaf for layer in spec["layer"] for leaf in layers(layer)] if "layer" in spec else [spec]


@pytest.mark.slow
def test_pictures_have_titles_named_axes_and_safe_colours_and_fit_a_phone(page) -> None:
    assert len(page.charts) >= 14
    for chart in page.charts:
        spec = chart.to_dict()
        assert spec["title"]["text"]
        assert spec["width"] <= 335
        for layer in layers(spec):
            for channel in ("x", "y"):
                axis = layer["encoding"].get(channel, {})
                assert (
                    axis.get("axis", 0) is None
                    or axis.get("type") in ("nominal", "ordinal")
                    or axis.get("title", "only a rule")
                ), (spec["title"], channel)
        colors = set(re.findall(r"#[0-9A-Fa-f]{6}\b", str(spec)))
        assert colors <= OKABE_ITO | {"#888888"}


def test_words_of_a_scatter_do_not_cover_each_other() -> None:
    table = toy.run("positives", steps=toy.SCATTER_STEPS).vectors
    words, places = toy.vocabulary(), toy.flatten(table)
    frame = pictures._Frame(places, 280, 290)
    points = [frame.to_pixels(place) for place in places]
    middles = placing.place_labels(points, words, 280, 290)
    boxes = [placing.label_box(middle, word) for middle, word in zip(middles, words, strict=True)]
    covered = [placing.overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert max(covered) < 15  # square pixels: the corner of a letter
    assert all(box[0] >= -1 and box[2] <= 281 for box in boxes)


def test_labels_of_lines_keep_apart() -> None:
    placed = dict(pictures._apart([("a", 0.5), ("b", 0.5), ("c", 1.0), ("d", 1.02)], 0.1))
    heights = sorted(placed.values())
    assert all(high - low > 0.099 for low, high in pairwise(heights))
    assert max(heights) <= 1.06

"""The Jupyter notebook says, asks and checks what the chapter does, and runs from top to bottom."""

import ast
import re
from inspect import cleandoc
from pathlib import Path

import pytest

from firth.lesson import folder, jupyter, notebook, work
from firth.lesson.exercises import EXERCISES

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
STORED = Path(__file__).parent.parent / "docs" / folder.NOTEBOOK

SHORT_RUNS = """
from firth.lesson import toy
run = toy.run
toy.run = lambda kind, **options: run(kind, **options | {"steps": 500})
"""


@pytest.fixture
def fresh():
    made = nbformat.reads(notebook.notebook_source(), as_version=4)
    nbformat.validate(made)
    return made


def sources(made, kind: str) -> list[str]:
    return [cell.source for cell in made.cells if cell.cell_type == kind]


def test_the_stored_notebook_is_the_chapters() -> None:
    assert STORED.read_text(encoding="utf-8") == notebook.notebook_source(), "run make lesson-notebook"


def test_it_has_all_the_prose(fresh) -> None:
    cells = "\n".join(cell.source for cell in fresh.cells)
    shown = re.sub(r"\s+", " ", cells)
    pieces = 0
    for cell in notebook.chapter_cells(folder.chapter_source()):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "mo.md":
                text = node.args[0]
                if isinstance(text, ast.Constant):
                    assert re.sub(r"\s+", " ", cleandoc(text.value)) in shown
                    pieces += 1
                elif isinstance(text, ast.JoinedStr):
                    for part in text.values:
                        if isinstance(part, ast.Constant) and "\n" not in part.value.strip():
                            assert part.value.strip() in cells
                            pieces += 1
    assert pieces > 70


def test_it_has_all_tasks_first_lines_hints_and_solutions(fresh) -> None:
    prose, code = sources(fresh, "markdown"), sources(fresh, "code")
    for name, exercise in EXERCISES.items():
        assert work.task(name).rstrip() in prose
        place = code.index(exercise.stub.rstrip())
        assert code[place + 1].startswith(f'{name}_work = checked("{name}"')
        helps = next(cell for cell in prose if exercise.hint.rstrip() in cell)
        assert exercise.solution.rstrip() in helps


def test_nothing_of_marimo_is_left(fresh) -> None:
    code = "\n".join(sources(fresh, "code"))
    for word in ("marimo", r"mo\.", "bench", "workbench", r"\.value\b"):
        assert not re.search(rf"(?<![a-z]){word}", code), word
    assert 'query = "woman"  # query word: one of words' in code.replace("'", '"')
    assert "window = 1  # window: from 1 to 6" in code
    assert "firth[lesson]" in fresh.cells[0].source
    assert all(not cell.get("outputs") for cell in fresh.cells)


def test_the_readers_cell_is_the_last_one_that_defines_the_function() -> None:
    exercise = EXERCISES["cosine"]
    wrong = "def cosine(a, b):\n    return 2"
    assert jupyter.checked("cosine", inputs=["", wrong, "1 +"]).passed is False
    assert jupyter.checked("cosine", inputs=[wrong, exercise.solution, "cosine"]).passed
    assert jupyter.checked("cosine", inputs=["x = 1"]).outcome is None
    broken = jupyter.checked("cosine", inputs=[exercise.solution, "def cosine(a, b:"])
    assert broken.passed is False  # and not the right one that was there before


@pytest.mark.slow
@pytest.mark.parametrize("solved", [False, True], ids=["as it is", "with the solutions"])
def test_it_runs(fresh, solved, tmp_path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    pytest.importorskip("altair", reason="altair is not installed")
    solutions = {one.stub.rstrip(): one.solution for one in EXERCISES.values()} if solved else {}
    for cell in fresh.cells:
        cell.source = solutions.get(cell.source, cell.source)
    if solved:  # once in full is enough
        fresh.cells.insert(0, nbformat.v4.new_code_cell(SHORT_RUNS))
    nbclient.NotebookClient(fresh, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    said = [
        output.data.get("text/markdown", "")
        for cell in fresh.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum("**Right!**" in text for text in said) == (4 if solved else 0)
    assert sum("**Not right yet.**" in text for text in said) == (0 if solved else 4)
    assert any("Made with **your** `cosine`" in text for text in said) is solved
    pictures = [
        output
        for cell in fresh.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert len(pictures) > 10

"""The chapter as a Jupyter notebook, made from the marimo one: same prose, tasks, checks and solutions.

Sliders become variables, and an exercise becomes a plain cell with its first lines. The file is written
without outputs and is the same each time.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from firth.lesson import work
from firth.lesson.exercises import EXERCISES
from firth.lesson.folder import chapter_source

HOW_TO_GET_FIRTH = """\
This notebook needs **firth** with its lesson part, which brings the pictures and the book:

    pip install "firth[lesson]"

On Colab, run that line in a cell of its own, with a `%` before it. Then run the cells in their order.
Where a cell gives a variable its value, change it and run the cells after it again. At *your turn*, write
your code into the cell below; run it, and then the next one, which checks it.
"""
_MARIMO_ONLY = {"marimo", "firth.lesson.folder", "firth.lesson.workbench"}
_JUPYTER_ONLY = """\
import random

from firth.lesson.jupyter import beside, checked, text, together, verdict"""
_HIDDEN = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"], "cellView": "form"}
"""For cells whose source is not for the learner: how JupyterLab, Jupyter Book and Colab are told."""

_PROSE = re.compile(r"(?<![\w.])mo\.md\(")
_WORK = re.compile(r'bench\.work\(("\w+"), \w+\.value')
_SHOWN = re.compile(r"mo\.show_code\((\w+)[^)]*\)")


def notebook_source() -> str:
    """Return the notebook as JSON (nbformat 4.5)."""
    cells = [{"id": f"cell-{number:03}", **cell} for number, cell in enumerate(_cells())]
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def chapter_cells(source: str) -> list[str]:
    """Return the code of the cells of a marimo notebook."""
    cells = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            body = node.body[:-1] if isinstance(node.body[-1], ast.Return) else node.body
            lines = source.splitlines()[node.body[0].lineno - 1 : body[-1].end_lineno]
            cells.append(textwrap.dedent("\n".join(lines)))
    return cells


def _cells() -> Iterator[dict[str, Any]]:
    yield _markdown(HOW_TO_GET_FIRTH)
    sources = chapter_cells(chapter_source())
    widgets = [name for source in sources for name in _widgets(source)]
    for source in sources:
        yield from _converted(source, widgets)


def _converted(source: str, widgets: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what a cell of the chapter becomes."""
    statements = ast.parse(source).body
    only = statements[0] if len(statements) == 1 else None
    if any(_imports(node) == "marimo" for node in statements):
        yield _code(_imports_for_jupyter(source))
    elif only and (prose := _literal_prose(only)) is not None:
        yield _markdown(cleandoc(prose))
    elif only and (name := _exercise(only, "task")):
        yield _markdown(work.task(name))
    elif only and (name := _exercise(only, "helps")):
        yield _markdown(_to_open(work.helps(name)))
    elif name := _exercise(statements[0], "bench.editor"):
        yield _code(EXERCISES[name].stub.rstrip())
    elif _widgets(source):
        yield _code("\n".join(_variable(node) for node in statements if isinstance(node, ast.Assign)))
    else:
        told = "bench.work" in source or "mo.show_code" in source
        yield _code(_plain(source, widgets), hidden=not told and isinstance(statements[-1], ast.Expr))


def _imports_for_jupyter(source: str) -> str:
    kept = [
        ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if _imports(node) not in {None, *_MARIMO_ONLY}
    ]
    return "\n".join([*kept, "", _JUPYTER_ONLY])


def _imports(node: ast.stmt) -> str | None:
    """Return the module that a statement imports, if it is an import."""
    if isinstance(node, ast.Import):
        return node.names[0].name
    return node.module if isinstance(node, ast.ImportFrom) else None


def _plain(source: str, widgets: list[str]) -> str:
    """Return a cell's code in Jupyter's words."""
    source = _PROSE.sub("text(", _SHOWN.sub(r"\1", _WORK.sub(r"checked(\1", source)))
    for name in widgets:
        source = re.sub(rf"\b{name}\.value\b", name, source)
    return source


def _widgets(source: str) -> list[str]:
    """Return the names that a cell gives to widgets of marimo."""
    return [
        node.targets[0].id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and ast.unparse(node.value).startswith("mo.ui.")
    ]


def _variable(node: ast.Assign) -> str:
    """Return the assignment of its value that a widget becomes, with what the widget offers as a comment."""
    call = node.value
    if not isinstance(call, ast.Call):
        raise TypeError(f"not a widget: {ast.unparse(node)}")
    options = {one.arg: ast.unparse(one.value) for one in call.keywords}
    offered = [ast.unparse(one) for one in call.args]
    if ast.unparse(call.func) == "mo.ui.slider":
        step = f" in steps of {options['step']}" if "step" in options else ""
        choice = f"from {offered[0]} to {offered[1]}{step}"
    else:
        choice = f"one of {offered[0]}"
    label = ast.literal_eval(options["label"])
    return f"{ast.unparse(node.targets[0])} = {options['value']}  # {label}: {choice}"


def _literal_prose(node: ast.stmt) -> str | None:
    """Return the Markdown of a statement that is nothing but prose without computed values."""
    argument = _argument(node, "mo.md")
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def _exercise(node: ast.stmt, function: str) -> str | None:
    """Return the exercise's name in a statement such as ``task("pairs")``."""
    argument = _argument(node, function)
    return str(argument.value) if isinstance(argument, ast.Constant) else None


def _argument(node: ast.stmt, function: str) -> ast.expr | None:
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
        call = node.value
        if ast.unparse(call.func) == function and call.args:
            return call.args[0]
    return None


def _to_open(helps: dict[str, str]) -> str:
    return "\n\n".join(
        f"<details><summary>{title}</summary>\n\n{text.rstrip()}\n\n</details>"
        for title, text in helps.items()
    )


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(source)}


def _code(source: str, *, hidden: bool = False) -> dict[str, Any]:
    metadata = _HIDDEN if hidden else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": _lines(source),
    }


def _lines(source: str) -> list[str]:
    return source.rstrip("\n").splitlines(keepends=True)


if __name__ == "__main__":
    print(notebook_source(), end="")

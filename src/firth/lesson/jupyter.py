"""What the chapter needs in Jupyter, where an exercise is a plain cell and not a widget."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Any

from firth.lesson import work
from firth.lesson.exercises import EXERCISES


def checked(name: str, earlier: Iterable[work.Work] = (), inputs: Sequence[str] | None = None) -> work.Work:
    """Check the cell in which the reader defined exercise ``name``'s function: the last one that was run.

    Args:
        name: the exercise.
        earlier: work whose functions this one may call.
        inputs: the cells that were run; by default those of the notebook.
    """
    cells = _history() if inputs is None else inputs
    function = EXERCISES[name].function
    return work.examine(
        name, next((cell for cell in reversed(cells) if _defines(cell, function)), None), earlier
    )


class Shown(tuple[Any, ...]):
    """Things that Jupyter displays one below the other."""

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for thing in self:
            display(thing)


def together(*things: Any) -> Shown:
    """Return things one below the other."""
    return Shown(things)


beside = together
"""A notebook has one column."""


def text(source: str) -> Any:
    """Return Markdown to be displayed; what indents all its lines goes."""
    from IPython.display import Markdown

    return Markdown(cleandoc(source))


def verdict(done: work.Work) -> Any:
    """Return what the check says, to be displayed."""
    return text(work.verdict(done))


def _history() -> Sequence[str]:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return [] if shell is None else list(shell.user_ns.get("In", []))


def _defines(cell: str, function: str) -> bool:
    """Tell whether a cell holds the function; one that cannot be parsed is judged by its words."""
    try:
        body = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return f"def {function}(" in cell
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in body)

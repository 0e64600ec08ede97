"""The exercises as widgets of the page: an editor with a button, the check's verdict, and help to open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import marimo as mo

from firth.lesson import work
from firth.lesson.exercises import EXERCISES
from firth.lesson.folder import Answers

_LINE = 20
"""Pixels of a line in the editor, rounded up."""


class Workbench:
    """The exercises of one reader at one page."""

    def __init__(self, answers: Answers) -> None:
        """Start with what the reader wrote before."""
        self._answers = answers
        self._loaded: dict[str, str | None] = {}

    def editor(self, name: str) -> Any:
        """Return an editor that starts with what the reader wrote last time, and a button that submits it."""
        self._loaded[name] = self._answers.load(name)
        source = self._loaded[name]
        shown = EXERCISES[name].stub if source is None else source
        return mo.ui.code_editor(
            value=shown,
            language="python",
            min_height=_LINE * (EXERCISES[name].solution.count("\n") + 2),
            show_copy_button=False,
        ).form(submit_button_label="Check my code", submit_button_tooltip="or Ctrl-Enter")

    def work(self, name: str, submitted: str | None, earlier: Iterable[work.Work] = ()) -> work.Work:
        """Check and keep what was submitted, or else what the reader wrote last time."""
        if submitted is None:
            return work.examine(name, self._loaded.get(name), earlier)
        return work.examine(name, submitted, earlier, saved=self._answers.save(name, submitted))


def task(name: str) -> mo.Html:
    """Return what the reader has to do."""
    return mo.md(work.task(name))


def verdict(done: work.Work) -> mo.Html:
    """Return what the check says, in a frame whose colour says it too."""
    kind = "success" if done.passed else "neutral" if done.outcome is None else "warn"
    shown: mo.Html = mo.callout(mo.md(work.verdict(done)), kind=kind)
    return shown


def helps(name: str) -> mo.Html:
    """Return hint and solution, closed."""
    shown: mo.Html = mo.accordion(
        {title: mo.md(text) for title, text in work.helps(name).items()}, multiple=True
    )
    return shown


def together(*things: Any) -> mo.Html:
    """Return things one below the other."""
    return mo.vstack([*things], gap=1)


def beside(*things: Any) -> mo.Html:
    """Return things side by side, on a narrow page one below the other."""
    return mo.hstack([*things], justify="start", align="start", wrap=True, gap=1.5)

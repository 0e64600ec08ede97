"""The reader's answer to an exercise: what the check says, and a function to go on with, whatever it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from firth.lesson.checks import Outcome, check
from firth.lesson.exercises import EXERCISES, reference

T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """An exercise as far as the reader has come with it."""

    name: str
    outcome: Outcome | None = None
    """What the check says; None before the reader has had anything checked."""
    saved: str = ""
    """A sentence on where the reader's code is kept."""

    @property
    def passed(self) -> bool:
        """Whether the reader's own function can be used."""
        return self.outcome is not None and self.outcome.passed

    def use(self, trial: Callable[[Callable[..., Any]], T]) -> tuple[T, str]:
        """Return what ``trial`` makes of the reader's function if it is right, else of the reference.

        The second value is a sentence that says which it was. A function that passed its check and fails in
        ``trial`` all the same is replaced by the reference.
        """
        called = f"`{EXERCISES[self.name].function}`"
        said = f"Made with the chapter's own {called}, until yours is right."
        if self.outcome is not None and self.outcome.function is not None:
            try:
                return trial(self.outcome.function), f"Made with **your** {called}."
            except Exception as error:
                said = (
                    f"Your {called} passed its check but fails here ({error!r}): made with the chapter's own."
                )
        return trial(reference(self.name)), said


def examine(name: str, source: str | None, earlier: Iterable[Work] = (), saved: str = "") -> Work:
    """Return the reader's work on exercise ``name``, which may call functions of ``earlier`` work."""
    if source is None:
        return Work(name)
    own: dict[str, Callable[..., Any]] = {
        EXERCISES[one.name].function: one.outcome.function
        for one in earlier
        if one.outcome is not None and one.outcome.passed and one.outcome.function is not None
    }
    return Work(name, check(name, source, own), saved)


def verdict(work: Work) -> str:
    """Return in Markdown what the check says."""
    function = EXERCISES[work.name].function
    if work.outcome is None:
        return (
            f"**Not checked yet.** Write your `{function}` and have it checked. "
            "Until it is right, the page goes on with the chapter's own, so nothing below depends on you."
        )
    lines = [f"- {'✓' if one.right else '✗'} {_indented(one.text)}" for one in work.outcome.remarks]
    heading = (
        f"**Right!** From here on the page uses your `{function}`."
        if work.passed
        else "**Not right yet.** The page goes on with the chapter's own, so take your time."
    )
    return "\n".join([heading, "", *lines, "", work.saved])


def task(name: str) -> str:
    """Return in Markdown what the reader has to do."""
    exercise = EXERCISES[name]
    number = list(EXERCISES).index(name) + 1
    return f"### Your turn, {number} of {len(EXERCISES)}: {exercise.title}\n\n{exercise.task}"


def helps(name: str) -> dict[str, str]:
    """Return in Markdown, by title, what a reader can open who is stuck."""
    exercise = EXERCISES[name]
    return {
        "A hint": exercise.hint,
        "A solution": _code(exercise.solution),
        "The first lines again, to start over": _code(exercise.stub),
    }


def _code(source: str) -> str:
    return f"```python\n{source.rstrip()}\n```"


def _indented(text: str) -> str:
    """Indent all lines but the first, so that a list item holds them."""
    return text.rstrip().replace("\n", "\n    ")

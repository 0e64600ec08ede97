"""The reader's code on trial, in a process of its own: ``python -m firth.lesson.trial``.

It reads {"name": ..., "source": ...} from standard input and writes what it finds to standard output, one
JSON object a line: {"trying": call}, {"right": sentence}, {"wrong": sentence}, {"printed": text}, and
{"done": true} at the end. A process can be stopped whatever it does: a loop without end (also one inside
a C function), memory without bound and a crash of Python all end here, and not in the page.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import difflib
import faulthandler
import inspect
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from firth.lesson.exercises import EXERCISES, Exercise, defined, reference
from firth.lesson.judges.common import Wrong, call_of, shortened

CODE = "<your code>"
SECONDS = 2.0
"""How long the reader's code may run, all examples together; the right answers take less than a tenth."""
MEMORY = 4 << 30
"""Bytes of address space; NumPy, if the reader imports it, takes a good part for its threads."""

_SHOWN = 300


class _Subject:
    """The reader's function, called with care."""

    def __init__(
        self,
        exercise: Exercise,
        source: str,
        space: dict[str, Any],
        printed: io.StringIO,
        trying: Callable[[str], None],
    ) -> None:
        self.space, self._source, self._printed, self._trying = space, source, printed, trying
        self._name, self._function = exercise.function, space[exercise.function]

    def __call__(self, *args: Any) -> Any:
        call = call_of(self._name, *args)
        self._trying(call)
        before = self._printed.tell()
        try:
            answer = self._function(*args)
        except BaseException as error:
            raise Wrong(f"{call} stops with an error. {in_words(error, self._source, self.space)}") from None
        if answer is None:
            raise Wrong(f"{call} returns nothing. {self._nothing(self._printed.tell() > before)}")
        if inspect.iscoroutine(answer):
            answer.close()
            raise Wrong(f"`{self._name}` is an `async` function: write plain `def`.")
        return answer

    def _nothing(self, has_printed: bool) -> str:
        if _unsolved(self._source):
            return "The `...` in your code still waits for its lines."
        if has_printed:
            return "It prints, but what is printed is only seen; to hand a value back, use `return`."
        return "Does every way through the function end in a `return`?"


def examine(
    name: str, source: str, trying: Callable[[str], None] = lambda call: None
) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of ``source`` as an answer to exercise ``name``: (kind, sentence).

    Args:
        name: of the exercise.
        source: what the reader wrote.
        trying: told of each call before it is made.

    The kinds are "right", "wrong" (at most one, the last but for what was printed) and "printed".
    """
    exercise = EXERCISES[name]
    printed = io.StringIO()
    with _quiet(printed):
        try:
            space = _run(exercise, source)
            _check_arguments(exercise, space[exercise.function])
            subject = _Subject(exercise, source, space, printed, trying)
            for point in exercise.check(subject):
                yield "right", point
        except Wrong as wrong:
            yield "wrong", str(wrong)
        except Exception as error:  # an answer so odd that the judge stumbles over it
            yield "wrong", f"What your function returns cannot be looked at. {in_words(error, source, {})}"
    text = printed.getvalue()
    if text.strip():
        yield "printed", text[:_SHOWN] + (" …" if len(text) > _SHOWN else "")


def in_words(error: BaseException, source: str, space: dict[str, Any]) -> str:
    """Return what an exception in the reader's code means, with its line.

    >>> in_words(ZeroDivisionError("division by zero"), "", {})
    'It divides by zero.'
    """
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == CODE]
    where = ""
    if lines and lines[-1]:
        where = f" (line {lines[-1]}: `{_line(source, lines[-1])}`)"
    return f"{_meaning(error, space)}{where}."


def _meaning(error: BaseException, space: dict[str, Any]) -> str:
    said = shortened(str(error))
    if isinstance(error, UnboundLocalError):
        return f"A name is used before it has a value: {said}"
    if isinstance(error, NameError):
        close = difflib.get_close_matches(str(error.name), [*space, *vars(builtins)], 1)
        guess = f"; did you mean `{close[0]}`?" if close else ""
        return f"It uses the name `{error.name}`, which nothing has defined{guess}"
    if isinstance(error, ZeroDivisionError):
        return "It divides by zero"
    if isinstance(error, OverflowError):
        return f"A number grows too large for Python ({said})"
    if isinstance(error, ValueError) and ("math domain" in said or "positive input" in said):
        return "It takes the logarithm (or the root) of a number that has none, such as `math.log(0)`"
    if isinstance(error, RecursionError):
        return "The function calls itself without end"
    if isinstance(error, MemoryError):
        return "It asks for more memory than there is"
    if isinstance(error, SystemExit):
        return "It ends the program with `exit`: a function ends with `return`"
    if isinstance(error, EOFError):
        return (
            "It asks for something to be typed in, and nobody is there to type: work with the arguments alone"
        )
    if isinstance(error, KeyboardInterrupt):
        return "It interrupts itself"
    if isinstance(error, IndexError) and not said.startswith(("center", "context")):
        return f"It looks for an item beyond the end of a list ({said})"
    if isinstance(error, ModuleNotFoundError):
        return f"There is no module `{error.name}` here; plain Python is enough"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _run(exercise: Exercise, source: str) -> dict[str, Any]:
    """Run the reader's code and return its names, the wanted function among them."""
    try:
        space = defined(exercise.name, source, filename=CODE)
    except SyntaxError as error:
        raise Wrong(_syntax(error, source)) from None
    except BaseException as error:
        raise Wrong(
            f"Your code stops before its function can be tried. {in_words(error, source, {})}"
        ) from None
    if not callable(space.get(exercise.function)):
        given = {*exercise.given, "__builtins__", "__name__"}
        found = "".join(f"; it defines `{name}`" for name in space if name not in given)
        raise Wrong(f"Your code defines no function `{exercise.function}`{found}. Keep the line with `def`.")
    return space


def _syntax(error: SyntaxError, source: str) -> str:
    line = error.lineno or 1
    told = f"Line {line} is not Python yet: {shortened(str(error.msg))}."
    if isinstance(error, IndentationError):
        told = f"The spaces at the start of line {line} are not right: {shortened(str(error.msg))}."
    text = _line(source, line)
    return f"{told} The line is `{text}`." if text else told


def _check_arguments(exercise: Exercise, function: Callable[..., Any]) -> None:
    """Refuse a function that cannot be called as the task says."""
    wanted = inspect.signature(reference(exercise.name))
    try:
        own = inspect.signature(function)
    except (ValueError, TypeError):
        return
    try:
        own.bind(*wanted.parameters)
    except TypeError:
        raise Wrong(
            f"`{exercise.function}` must take the arguments `({', '.join(wanted.parameters)})`; yours takes "
            f"`({', '.join(own.parameters)})`."
        ) from None


def _unsolved(source: str) -> bool:
    """Tell whether a line of the code is still ``...``."""
    return any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
        for node in ast.walk(ast.parse(source))
    )


@contextlib.contextmanager
def _quiet(printed: io.StringIO) -> Iterator[None]:
    """Catch what is printed, and let nothing be typed."""
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        sys.stdin = stdin


def _line(source: str, number: int) -> str:
    lines = source.splitlines()
    return shortened(lines[number - 1].strip()) if 0 < number <= len(lines) else ""


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    """Try the code that standard input holds."""
    request = json.load(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    trouble = os.fdopen(os.dup(2), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(kind: str, text: str | bool) -> None:
        out.write(json.dumps({kind: text}) + "\n")
        out.flush()

    _limit_memory()
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=trouble)
    for kind, text in examine(request["name"], request["source"], lambda call: tell("trying", call)):
        tell(kind, text)
    faulthandler.cancel_dump_traceback_later()
    tell("done", True)
    out.flush()
    os._exit(0)  # threads and exit handlers of the reader's code have no say any more


if __name__ == "__main__":
    main()

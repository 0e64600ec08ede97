"""The automatic checks: what is right about the reader's code, and what is wrong yet, in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from firth.errors import ConfigError
from firth.lesson.exercises import EXERCISES, defined
from firth.lesson.trial import CODE, SECONDS
from firth.printable import quoted

_NOTHING: Mapping[str, Callable[..., Any]] = MappingProxyType({})
_START = 30.0
"""Seconds that a slow machine may take to start Python, on top of the time the reader's code has."""
_LINE = re.compile(rf'File "{re.escape(CODE)}", line (\d+)')


@dataclass(frozen=True)
class Remark:
    """One sentence or two on the reader's code, in Markdown."""

    right: bool
    """False for what keeps the code from passing; True for the rest."""
    text: str


@dataclass(frozen=True)
class Outcome:
    """What a check found."""

    passed: bool
    remarks: list[Remark]
    """What is right in order of the points looked at, then the first thing that is wrong, if any."""
    function: Callable[..., Any] | None
    """The reader's function, if it passed."""


def check(name: str, source: str, own: Mapping[str, Callable[..., Any]] = _NOTHING) -> Outcome:
    """Try the reader's code for exercise ``name`` and say what is right and what is wrong yet.

    Nothing that the code does gets out of here: no exception, no output, no endless loop. It is
    tried in another process, against the reference's functions, for at most two seconds; only code that
    passed there is run here, where it is silent.

    Args:
        name: a key of ``EXERCISES``.
        source: what the reader wrote.
        own: the reader's functions that passed before, by function name; what this code calls them for
            goes to them once it has passed.

    Raises:
        ConfigError: there is no such exercise.
    """
    if name not in EXERCISES:
        raise ConfigError(f"there is no exercise {quoted(name)}: give one of {', '.join(EXERCISES)}")
    remarks = list(_tried(name, source))
    function: Callable[..., Any] | None = None
    if all(remark.right for remark in remarks):
        try:
            function = _function(name, source, own)
        except BaseException as error:  # it passed there: only code that wants to fail here can
            remarks.append(Remark(False, f"Your code works by itself but not in this page: {error!r}."))
    return Outcome(function is not None, remarks, function)


def _function(name: str, source: str, own: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = defined(name, source, own, quiet=True)
    function: Callable[..., Any] = space[EXERCISES[name].function]
    return function


def _tried(name: str, source: str) -> Iterator[Remark]:
    """Yield what a process of its own finds; whatever happens to it, the last remark says."""
    trying, decided = "", False
    output, trouble = _in_other_process(name, source)
    for line in output.split("\n")[
        :-1
    ]:  # what follows the last line end was cut off by the end of the process
        ((kind, text),) = json.loads(line).items()
        if kind == "trying":
            trying = text
        elif kind == "printed":
            printed = _clean(text).rstrip().replace("```", "'''")
            yield Remark(True, f"Your code printed this:\n\n```\n{printed}\n```")
        elif kind != "done":
            yield Remark(kind == "right", _clean(text))
        decided = decided or kind in ("wrong", "done")
    if not decided:
        yield Remark(False, _clean(_ended(trying, trouble)))


def _clean(text: str) -> str:
    """Return ``text`` without lone surrogates, which have no place in a page."""
    return text.encode(errors="replace").decode()


def _in_other_process(name: str, source: str) -> tuple[str, str]:
    """Return what :mod:`firth.lesson.trial` wrote to its standard output and to its standard error."""
    command = [sys.executable or "python3", "-P", "-W", "ignore", "-m", "firth.lesson.trial"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    request = json.dumps({"name": name, "source": source}).encode()
    try:
        done = subprocess.run(
            command,
            input=request,
            capture_output=True,
            timeout=_START + SECONDS,
            env=environment,
            check=False,
        )
        output, trouble = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        output, trouble = late.stdout or b"", late.stderr or b""
    except OSError as error:
        return "", f"Python could not be started to try your code: {error}"
    return output.decode(), trouble.decode(errors="replace")


def _ended(trying: str, trouble: str) -> str:
    """Return the remark on code that did not come to an end, or that ended Python with it."""
    at = f" in {trying}" if trying else ""
    line = _LINE.search(trouble)
    if "Timeout" in trouble:
        where = f"it was in line {line[1]}" if line else "it was outside your lines"
        return (
            f"Your code was still running after {SECONDS:.0f} seconds{at}; {where} when it was stopped. "
            "Does a loop never come to its end?"
        )
    reason = "".join(f": {line}" for line in trouble.strip().splitlines()[-1:])
    return f"Your code ended Python itself{at}{reason}. Does it call `os._exit`, or take very much memory?"

"""A command line and runs as the benchmark keeps them, for tests of its arithmetic."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

import bench.__main__ as command
from bench.plan import Group, Run


def options(*arguments: str) -> Namespace:
    """Parse a command line as the bench does, without looking for files."""
    parsed = command.parser().parse_args(["--corpus", "none.txt", *arguments])
    parsed.similarity, parsed.analogies = {}, None
    return parsed


def record(program: str, group: Group = "timed", round_: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a run as the session keeps it."""
    run = asdict(Run(group, round_, program, 100, 2, 5 if group == "full" else 1, 0.025, 1))
    run |= {name: changes.pop(name) for name in tuple(changes) if name in run}
    scores = changes.pop("scores", None)
    return {"run": run, "result": {"version": "0", **changes}, "scores": scores, "session": "s"}

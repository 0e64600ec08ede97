"""Runs in processes of their own that can be killed, forked from one in which all is compiled already.

As a program it reads jobs from standard input, one JSON object a line, forks a child for each, and answers
"child" and its process id, then "exit" and its exit code: 0, 1 after an error, -9 when it was killed.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OPERATIONS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir")


class Nursery:
    """The process from which children are forked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, **job: Any) -> int:
        """Start a child and return its process id; for the job's fields see :func:`_run`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job, default=str) + "\n")
        self._process.stdin.flush()
        return self._answer("child")

    def wait(self) -> int:
        """Wait for the child's end and return its exit code."""
        return self._answer("exit")

    def run(self, **job: Any) -> int:
        """Start a child, wait for its end and return its exit code."""
        self.start(**job)
        return self.wait()

    def _answer(self, kind: str) -> int:
        assert self._process.stdout is not None
        said, number = self._process.stdout.readline().split()
        assert said == kind
        return int(number)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Open a nursery."""
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Nursery(process)


def _run(corpus: str | None, model: str, cache: str, options: dict[str, Any], die_at: int = 0) -> None:
    """Train (without a corpus: resume) with a checkpoint after every few blocks.

    With ``die_at`` the process is killed just before that operation on a file or folder of the model.
    """
    from firth.training import marching, supervision, trainer

    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in OPERATIONS and model in str(args[0]):
            seen += 1
            if seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if die_at:
        sys.addaudithook(hook)
    supervision.TICK_SECONDS = marching.SECONDS = 0.01
    common = {"cache": cache, "checkpoint_every": 0.02, "threads": 1, **options}
    if corpus is None:
        trainer.resume(model, **common)
    else:
        trainer.train(corpus, output=model, **common)


def main() -> None:
    """Fork a child for each job."""
    from firth.training import trainer

    trainer.train([["a", "b"]] * 9, min_count=1, sample=0, threads=1, cache=False)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                _run(**json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print("child", child, flush=True)
        print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()

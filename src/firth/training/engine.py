"""What does the work of a run: the threads of this process, or a cluster."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from firth.corpus.encoded import Spread
from firth.errors import ConfigError
from firth.training.config import TrainConfig
from firth.training.crew import Crew, make_crew
from firth.training.run import Run


class Engine(Protocol):
    """What the trainer asks of whoever does the work."""

    @property
    def spread(self) -> Spread | None:
        """Who splits the text into words; None: threads of this process."""

    def workers(self, threads: int) -> int:
        """Return how many processes with so many threads train a run."""

    def make_crew(self, run: Run) -> Crew:
        """Return the crew for a run."""


class Threads:
    """The threads of this process."""

    spread: Spread | None = None

    def workers(self, threads: int) -> int:
        """Return 1: this process has all threads."""
        return 1

    def make_crew(self, run: Run) -> Crew:
        """Return the crew that the run's options ask for."""
        return make_crew(run)


def engine_for(ray: bool | str, config: TrainConfig) -> AbstractContextManager[Engine]:
    """Return the threads of this process, or the Ray cluster at an address (True: one on this machine).

    Raises:
        ConfigError: ``ray`` is neither, or a cluster cannot share a run with these options.
    """
    if not isinstance(ray, (bool, str)) or ray == "":
        raise ConfigError(f"ray must be True, False or the address of a cluster, not {ray!r}")
    if not ray:
        return nullcontext(Threads())
    if not config.reproducible:
        raise ConfigError(
            "a cluster shares replicas of the tables, and racing threads have one pair together: leave out "
            "ray (--ray) or reproducible=False (--racing)"
        )
    if config.shards == 1:
        raise ConfigError(
            "a cluster shares the replicas of a run among its workers, and shards=1 has only one: "
            "give more (--shards), or leave out ray (--ray)"
        )
    from firth.distributed.engine import ray_engine

    return ray_engine(None if ray is True else ray, config.threads)

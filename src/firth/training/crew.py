"""The threads that train a run, in one of three ways: in rounds, in rounds of several replicas, or racing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from firth.training.marching import MarchingCrew
from firth.training.racing import RacingCrew
from firth.training.replica_crew import ReplicaCrew
from firth.training.run import Run


class Crew(Protocol):
    """The threads of one run, with their buffers."""

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called several times a second, returns True.

        However it ends, by an error or Ctrl-C too, no thread works any more and no block is half trained.

        Raises:
            TrainingError: the numbers are no longer finite.
        """


def make_crew(run: Run) -> Crew:
    """Return the crew that the run's options ask for."""
    if run.config.shards > 1:
        return ReplicaCrew(run)
    return MarchingCrew(run) if run.config.reproducible else RacingCrew(run)

"""What does a run's work on a cluster: reads the text, makes the crew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firth.corpus.encoded import Spread
from firth.distributed.cluster import cluster, undisturbed
from firth.distributed.crew import RayCrew
from firth.distributed.muster import check_machines, room
from firth.distributed.reading import Reading
from firth.training.run import Run


class RayEngine:
    """The counterpart of :class:`~firth.training.engine.Threads` on a cluster."""

    def __init__(self, ray: Any) -> None:
        """Take the module ``ray``, connected."""
        self._ray = ray
        self._crew: RayCrew | None = None
        self.spread: Spread | None = Reading(ray)

    def workers(self, threads: int) -> int:
        """Return how many workers with so many threads the cluster has room for; 2 if only one."""
        return max(2, room(self._ray, threads))

    def make_crew(self, run: Run) -> RayCrew:
        """Call up the workers for a run."""
        self._crew = RayCrew(run, self._ray)
        return self._crew

    def close(self) -> None:
        """Let the workers go."""
        if self._crew is not None:
            self._crew.close()


@contextmanager
def ray_engine(address: str | None, threads: int) -> Iterator[RayEngine]:
    """Train on the Ray cluster at ``address``, see ``cluster.py``, as long as the block lasts.

    Raises:
        ClusterError: there is none, or none of its machines has processors for a worker of ``threads``.
    """
    with cluster(address) as ray:
        check_machines(ray, threads)
        engine = RayEngine(ray)
        try:
            yield engine
        finally:
            with undisturbed():
                engine.close()

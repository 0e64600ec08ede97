"""A crew of workers on a Ray cluster: the trainer's replicas, shared out; the same bits as threads.

From one full merge to the next, a *stretch*, all calls are handed to Ray at once; which worker does what and
when follows from what each call needs. The conductor, a thread of this process, takes up what comes of them
and keeps the tables of the last full merge. All that a stretch computes follows from these tables alone: so
where a worker is lost, whatever was done of the stretch is dropped, Ray replaces the worker, or others take
its replicas, and the stretch is computed again, to the same bits.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from firth.distributed.losses import is_exhausted, is_loss, own_error
from firth.distributed.muster import Muster
from firth.distributed.worker import Done, Orders, bytes_of
from firth.errors import ClusterError
from firth.training.replica_crew import add_results
from firth.training.replica_group import NewTables, ReplicaGroup
from firth.training.replicas import Leg, Plan
from firth.training.rules import Rules
from firth.training.run import Run, plan_of
from firth.training.supervision import conducted
from firth.training.tables import make_draws

AGAIN = 10
"""How often one stretch is tried, as long as workers are lost in it."""

AHEAD = 2
"""Stretches that are on their way at a time: workers need not wait for the conductor."""

TICK_SECONDS = 0.1
"""How often the conductor looks up while it waits."""

SETTLE_SECONDS = 60.0
"""How long workers may take to end what was given up."""

JOIN_SECONDS = 5.0
"""How often the conductor looks whether there is room for more workers."""


class Sent(NamedTuple):
    """A leg that has been handed to Ray: references to what comes of it."""

    leg: Leg
    done: list[Any]
    brought: list[Any]  # what every worker takes over


class RayCrew:
    """Workers for a run of ``config.shards`` replicas, each with ``config.threads`` threads."""

    def __init__(self, run: Run, ray: Any) -> None:
        """Muster the workers and give each its replicas."""
        self._run, self._ray, self._plan = run, ray, plan_of(run)
        self._pause, self._stop = threading.Event(), threading.Event()
        self._told = run.cluster
        self._told.update(workers=0, machines=0, merges=0, full_merges=0, bytes=0, losses=0)
        self._muster = Muster(run, self._plan, ray)
        self._last: tuple[Leg | None, list[Any]] = (None, [])  # and what came of it: for the next step
        self._orders: Orders
        self._base = bare_group(run, self._plan)
        self._ready, self._mark, self._look = False, 0.0, 0.0
        try:
            self._patiently(self._call_up)
        except BaseException:
            self.close()
            raise

    def train(self, tick: Callable[[], bool]) -> None:
        """Train until the run is finished or ``tick``, called several times a second, returns True.

        It pauses where all replicas are equal. An error or Ctrl-C ends it within a stretch: then the run is
        where the replicas were equal last.

        Raises:
            TrainingError: the numbers are no longer finite.
            ClusterError: workers are lost again and again, or none is left.
        """
        conducted(self._conduct, tick, self._pause, self._stop)

    def close(self) -> None:
        """Let the workers go."""
        self._base.close()
        self._muster.dismiss()

    def _conduct(self) -> None:
        """Train stretch after stretch, the next one handed out before the last one is taken up."""
        coming: deque[list[Sent]] = deque()
        self._mark = time.perf_counter()
        self._look = self._mark + JOIN_SECONDS

        def step() -> None:
            if not coming and not self._ready:
                self._call_up()
            self._hand_out(coming)
            while not (self._stop.is_set() or self._take(coming[0])):
                pass

        while not self._stop.is_set() and (coming or not self._ends()):
            self._patiently(step, lambda: self._drop(coming))
            if not self._stop.is_set():
                coming.popleft()
            self._look_for_more()
        self._drop(coming)

    def _patiently(self, step: Callable[[], None], after_loss: Callable[[], None] = lambda: None) -> None:
        """Take a step, again where a worker is lost meanwhile; other errors, and too many losses, end it."""
        for again in range(1, AGAIN + 1):
            try:
                step()
            except Exception as error:
                if not is_loss(error, self._ray):
                    raise own_error(error) or error from error
                self._told["losses"] += 1
                after_loss()
                if is_exhausted(error):
                    self._muster.restart()
                if again == AGAIN:
                    raise _hopeless(error) from error
            else:
                return

    def _ends(self) -> bool:
        return self._pause.is_set() or self._run.finished

    def _call_up(self) -> None:
        """See that there are workers, each with its replicas as at the run's last full merge."""
        self._orders = self._muster.call_up()
        self._last = None, []
        self._told.update(workers=len(self._muster.workers), machines=self._muster.machines)
        self._ready = True

    def _hand_out(self, coming: deque[list[Sent]]) -> None:
        """Hand stretches to Ray until two are on their way, or none is wanted."""
        while self._ready and len(coming) < AHEAD:
            block = coming[-1][-1].leg.past if coming else self._run.blocks_done
            if block >= self._run.schedule.blocks or (coming and self._pause.is_set()):
                return
            coming.append([self._send(leg) for leg in self._plan.legs(block)])

    def _send(self, leg: Leg) -> Sent:
        """Hand out a leg: every worker takes over what came of the last one, trains, and says what changed.

        After a full leg each worker merges some rows; else every one merges all that are due for itself.
        """
        workers = [worker.actor for worker in self._muster.workers]
        returns = 1 + len(self._orders.rows(leg))
        done, brought = self._last
        made = [worker.step.options(num_returns=returns).remote(done, leg, *brought) for worker in workers]
        first = [of[1] for of in made]
        brought = first
        if leg.full:
            shares = zip(workers, self._orders.shares, strict=True)
            brought = [
                worker.renewed.remote(leg, rows, *first, *(of[2 + part] for of in made))
                for part, (worker, rows) in enumerate(shares)
            ]
        self._last = leg, brought
        return Sent(leg, [of[0] for of in made], brought)

    def _take(self, stretch: list[Sent]) -> bool:
        """Take up a stretch if all of it is done: tables and tally. False: it is not done yet."""
        calls = [call for sent in stretch for call in sent.done] + stretch[-1].brought
        done, waiting = self._ray.wait(calls, num_returns=len(calls), timeout=TICK_SECONDS)
        if waiting:
            for call in done:  # raises what went wrong: nobody waits for what will never come
                if call not in stretch[-1].brought:
                    self._ray.get(call)
            return False
        # All of it is here before the first row is changed: a loss must not leave the tables half merged.
        told = [self._ray.get(sent.done) for sent in stretch]
        brought = self._ray.get(stretch[-1].brought)
        self._base.renew(brought)
        self._count_bytes(told, brought)
        now = time.perf_counter()
        results = [np.concatenate([of.results for of in leg]) for leg in told]
        add_results(self._run, np.concatenate(results, axis=1), now - self._mark)
        self._mark = now
        self._told["merges"] += len(stretch)
        self._told["full_merges"] += 1
        return True

    def _count_bytes(self, told: list[list[Done]], brought: list[NewTables]) -> None:
        """Note how many bytes of rows were handed over, those that every worker takes over once for each."""
        workers = len(self._muster.workers)
        *short, full = told
        hot = sum(of.nbytes for leg in short for of in leg) * workers
        self._told["bytes"] += hot + sum(of.nbytes for of in full) + sum(map(bytes_of, brought)) * workers

    def _drop(self, coming: deque[list[Sent]]) -> None:
        """Give up what is on its way, and wait until no worker is busy with it."""
        calls = [call for stretch in coming for sent in stretch for call in sent.done]
        if calls and not self._stop.is_set():
            self._ray.wait(calls, num_returns=len(calls), timeout=SETTLE_SECONDS)
        coming.clear()
        self._ready = False

    def _look_for_more(self) -> None:
        """Every few seconds, see whether machines have joined; workers then come after the stretches sent."""
        if time.perf_counter() > self._look:
            self._look = time.perf_counter() + JOIN_SECONDS
            self._ready = self._ready and not self._muster.has_room()


def bare_group(run: Run, plan: Plan) -> ReplicaGroup:
    """Return a group without replicas: the run's tables, and how merged changes come into them."""
    vocabulary = run.corpus.vocabulary
    rules = Rules(plan, run.config, vocabulary.counts, run.tables.stride)
    return ReplicaGroup(plan, rules, make_draws(vocabulary, run.config), run.tables, {})


def _hopeless(error: Exception) -> ClusterError:
    reason = " ".join(str(error).split())[:300]
    return ClusterError(
        f"workers were lost {AGAIN} times in the same part of the run ({reason}): if memory is short, lower "
        "vector_size, max_vocab_size or shards, or use larger machines"
    )

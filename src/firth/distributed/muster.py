"""The workers of a run: called up, checked, and each given its replicas. Ray places and replaces them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from firth.distributed.losses import is_loss, own_error
from firth.distributed.worker import Orders, Words, Worker, texts_of
from firth.errors import ClusterError, ConfigError, CorpusError
from firth.training.memory import needed_bytes
from firth.training.replicas import Plan
from firth.training.run import Run, processor, versions

PATIENCE = 30.0
"""Seconds in which the first worker must be there."""

STRAGGLING = 10.0
"""Seconds that the others are waited for, once one is there and no machine is known to have gone."""

LOOK_SECONDS = 0.05

TEXT_SHARE = 0.5
"""Share of the object stores that the text may take where workers do not see it on a disk."""


@dataclass
class Hired:
    """A worker, by its handle, and what is known of it."""

    actor: Any
    numbers: list[int]
    sees: bool = False


def room(ray: Any, threads: int) -> int:
    """Return how many workers with so many threads all machines of a cluster together have room for."""
    return sum(int(count // threads) for count in _processors(ray))


def check_machines(ray: Any, threads: int) -> None:
    """Check that a worker with so many threads finds a place on some machine of a cluster.

    Raises:
        ClusterError: none has so many processors.
    """
    most = max(_processors(ray), default=0)
    if most < threads:
        raise ClusterError(
            f"no machine of the cluster has the {threads} processors that a worker of {threads} threads "
            f"takes (the largest has {most:g}): lower --threads"
        )


def check_belongs(ray: Any) -> None:
    """Check that this machine belongs to the cluster still: if not, Ray ends this process before long.

    Raises:
        ClusterError: the cluster has ended, or this machine has dropped out of it.
    """
    own = ray.get_runtime_context().get_node_id()
    if not any(node["Alive"] for node in ray.nodes() if node["NodeID"] == own):
        raise ClusterError(
            "the Ray cluster has ended, or this machine has dropped out of it: start it anew; then "
            "`firth train --resume MODEL --ray …` goes on from the last checkpoint, if there is one"
        )


def _processors(ray: Any) -> list[float]:
    """Return the processors of each machine of a cluster."""
    return [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]


class Muster:
    """The workers of one run."""

    def __init__(self, run: Run, plan: Plan, ray: Any) -> None:
        """Hire nobody yet."""
        self._run, self._plan, self._ray = run, plan, ray
        corpus = run.corpus
        folder = None if corpus.folder is None else str(corpus.folder.absolute())
        self._words = Words(folder, corpus.fingerprint)
        self._texts: dict[int, Any] = {}
        self._wanted, self._begun = 0, False
        self.workers: list[Hired] = []
        self.machines = 0

    def room(self) -> int:
        """Return how many workers the cluster has room for, no more than there are replicas."""
        return min(self._plan.replicas, room(self._ray, self._run.config.threads))

    def has_room(self) -> bool:
        """Tell whether there is room for more workers than when they were called up last."""
        return self.room() > self._wanted

    def call_up(self) -> Orders:
        """See that there are workers, and that each has its replicas as at the run's last full merge.

        Returns:
            The orders that they have been given.

        Raises:
            ClusterError: no worker comes, or one of another version or kind of processor.
            CorpusError: the workers do not see the encoded corpus.
        """
        answers = self._answering()
        self.machines = len({answer["host"] for answer in answers})
        for answer in answers:
            self._check_kind(answer)
        if not self._begun:  # afterwards those who stay hold theirs already
            self._check_memory(answers)
        run, counts = self._run, self._run.corpus.vocabulary.counts
        orders = Orders(self._plan, run.config, counts, len(self.workers))
        self._give_replicas(orders)
        return orders

    def restart(self) -> None:
        """Let Ray begin all workers anew, so that the memory that they held is free."""
        for worker in self.workers:
            self._ray.kill(worker.actor, no_restart=False)

    def dismiss(self) -> None:
        """Let all workers go."""
        for worker in self.workers:
            self._ray.kill(worker.actor)
        self.workers = []

    # --- who is there --------------------------------------------------------------------------------

    def _answering(self) -> list[dict[str, Any]]:
        """Wait until there are as many workers as there is room for, or some; return what they answer."""
        began, waiting = time.monotonic(), {}
        answers: dict[int, dict[str, Any]] = {}
        while True:
            check_belongs(self._ray)
            self._wanted = self.room()
            while len(self.workers) < self._wanted:
                self.workers.append(self._hire())
            for worker in self.workers:
                key = id(worker)
                if key in answers:
                    continue
                if key not in waiting:
                    waiting[key] = worker.actor.describe.remote(self._words)
                elif self._ray.wait([waiting[key]], timeout=0)[0]:
                    answer = self._answer(waiting.pop(key))
                    if answer is not None:
                        answers[key], worker.sees = answer, answer["sees"]
            passed = time.monotonic() - began
            late = passed > (STRAGGLING if answers else PATIENCE)
            if len(answers) >= max(self._wanted, 1) or late:
                break
            time.sleep(LOOK_SECONDS)
        if not answers:
            raise _nobody()
        for worker in self.workers:
            if id(worker) not in answers:
                self._ray.kill(worker.actor)
        self.workers = [worker for worker in self.workers if id(worker) in answers]
        return [answers[id(worker)] for worker in self.workers]

    def _hire(self) -> Hired:
        threads = self._run.config.threads
        actor = self._ray.remote(
            num_cpus=threads, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
        )(Worker)
        return Hired(actor.remote(), [])

    def _answer(self, call: Any) -> dict[str, Any] | None:
        """Return what a worker says of itself; None where it was lost and is being replaced."""
        try:
            answer: dict[str, Any] = self._ray.get(call)
        except Exception as error:
            if not is_loss(error, self._ray) or "creation task" in str(error):
                reason = " ".join(str(error).split())[-300:]
                raise ClusterError(
                    f"a worker cannot start: install the same firth on every machine ({reason})"
                ) from error
            return None
        return answer

    def _check_kind(self, answer: dict[str, Any]) -> None:
        """Refuse a worker that would not compute the same bits."""
        for what, ours in (("versions", versions()), ("processor", processor())):
            theirs = answer[what]
            differ = [name for name in ours if theirs.get(name) != ours[name]]
            if differ:
                name = differ[0]
                remedy = (
                    "install the same versions on every machine"
                    if what == "versions"
                    else "let the cluster be of one kind of machine, this one too"
                )
                raise ClusterError(
                    f"the worker on {answer['host']} has {name} {_short(theirs.get(name))}, this machine "
                    f"{_short(ours[name])}, so that they would not compute the same bits: {remedy}"
                )

    def _check_memory(self, answers: list[dict[str, Any]]) -> None:
        """Refuse a run whose replicas do not fit into the machines that the workers are on.

        Raises:
            ConfigError: they do not, with the numbers.
        """
        hosts = [answer["host"] for answer in answers]
        free = {answer["host"]: answer["available"] for answer in answers}
        words, size, replicas = self._plan.words, self._run.config.vector_size, self._plan.replicas
        for host, available in free.items():
            there = hosts.count(host)
            share = -(-replicas * there // len(hosts))
            needed = needed_bytes(words, size, share) + (there - 1) * needed_bytes(words, size, 0)
            if available is not None and needed > available:
                raise ConfigError(
                    f"the machine {host} would hold {share} of {replicas} shards of {words:,} words "
                    f"x {size} numbers, {needed / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB are free: give "
                    "more machines or fewer shards, lower vector_size or max_vocab_size, or raise min_count"
                )

    # --- what each one gets --------------------------------------------------------------------------

    def _give_replicas(self, orders: Orders) -> None:
        """Give every worker its share: kept where it has it and stands right, or handed over anew."""
        run, replicas, count = self._run, self._plan.replicas, len(self.workers)
        for place, worker in enumerate(self.workers):
            worker.numbers = list(range(replicas * place // count, replicas * (place + 1) // count))
        self._begun, block = True, run.blocks_done
        places = list(enumerate(self.workers))
        kept = self.get([w.actor.back_to.remote(block, orders, place, w.numbers) for place, w in places])
        fresh = [placed for placed, back in zip(places, kept, strict=True) if not back]
        if not fresh:
            return
        words = run.tables.words * run.tables.stride
        tables = [self._ray.put(flat[:words]) for flat in (run.tables.vectors, run.tables.context_vectors)]
        self.get(
            [
                worker.actor.begin.remote(
                    block, orders, place, worker.numbers, self._words, *tables, *self._texts_for(worker)
                )
                for place, worker in fresh
            ]
        )

    def _texts_for(self, worker: Hired) -> list[Any]:
        """Return references to the texts of a worker's replicas; none where it sees the corpus itself."""
        if worker.sees:
            return []
        corpus = self._run.corpus
        store = self._ray.cluster_resources().get("object_store_memory", 0.0)
        if corpus.ids.nbytes > TEXT_SHARE * store:
            raise CorpusError(
                f"a worker does not see the encoded corpus in {self._words.folder}, and its "
                f"{corpus.ids.nbytes / 1e9:,.1f} GB are too many for the cluster's object stores "
                f"({store / 1e9:,.1f} GB): keep it where every machine sees it under the same path "
                "(--cache DIR, on a shared disk)"
            )
        for number, text in texts_of(corpus, worker.numbers, self._plan).items():
            if number not in self._texts:
                self._texts[number] = self._ray.put(text)
        return [self._texts[number] for number in worker.numbers]

    def get(self, calls: list[Any]) -> Any:
        """Return what calls came to.

        Raises:
            FirthError: what a worker raised.
        """
        try:
            return self._ray.get(calls)
        except Exception as error:
            own = own_error(error)
            if own is not None:
                raise own from error
            raise


def _nobody() -> ClusterError:
    return ClusterError(
        f"no worker was there after {PATIENCE:.0f} s: is the cluster busy (`ray status`)? "
        "Wait for its end, or give --ray another address"
    )


def _short(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)

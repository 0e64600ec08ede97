"""A model of runs on a cluster: constants measured here, a simulator checked here, predictions beyond.

``python -m bench.scaling constants --corpus TEXT`` measures; ``check`` simulates runs at 2, 4 and 8 shards
and trains them too; ``predict`` prints the tables of SCALING.md. Constants are kept in
``bench-out/scaling.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.process import run_json
from firth.corpus.cache import CacheFolder
from firth.corpus.encoded import EncodedCorpus, encode
from firth.corpus.vocabulary import noise_prob
from firth.distributed.cluster import cluster
from firth.distributed.worker import Orders, Words, Worker, bytes_of, texts_of
from firth.training.config import TrainConfig
from firth.training.replicas import AS_GOOD, FULL_LEGS, HOT, LEG_POSITIONS, Leg, Plan
from firth.training.run import make_schedule
from firth.training.tables import new_tables

KEPT = Path("bench-out/scaling.json")
ROW_BYTES = 2 * 448  # of both tables at 100 dimensions
CORES = 2
THREADS = 8
STRETCHES_A_RUN = 1000
STRETCHES = 6


def plan_for(corpus: EncodedCorpus, shards: int, epochs: int) -> Plan:
    """Return how a run of so many shards is shared."""
    config = TrainConfig(shards=shards, epochs=epochs)
    return Plan(len(corpus.ids), len(corpus.vocabulary.words), shards, make_schedule(corpus, config, []))


def measure(corpus: EncodedCorpus) -> dict[str, float]:
    """Return the constants: two workers without Ray between them, and arrays between two actors."""
    config = TrainConfig(shards=2, threads=1)
    plan = plan_for(corpus, 2, 2 + 2 * STRETCHES)  # more than they take: no stretch is cut short
    orders = Orders(plan, config, corpus.vocabulary.counts, 2)
    tables = new_tables(len(corpus.vocabulary.words), 100, 1)
    workers = [Worker(), Worker()]
    block = 2 * plan.schedule.blocks_per_epoch  # legs are of full length from here on
    for number, worker in enumerate(workers):
        texts = texts_of(corpus, [number], plan).values()
        flat = tables.vectors, tables.context_vectors
        worker.begin(block, orders, number, [number], Words(None, ""), *flat, *texts)
    done, brought, moved, positions = None, [], 0, 0
    trained: list[float] = []
    spent: list[float] = []
    for worker in workers:
        _timed_train(worker, trained)
    for stretch in range(STRETCHES):
        for leg in plan.legs(block):
            made = at_once([partial(worker.step, done, leg, *brought) for worker in workers], spent)
            done, brought = leg, _exchange(workers, orders, leg, [of[1:] for of in made], spent)
            block = leg.past
            if stretch:
                positions += (leg.past - leg.first) * plan.block_positions
                moved += sum(of[0].nbytes for of in made)
                moved += sum(map(bytes_of, brought)) if leg.full else 0
            else:  # it compiles, and touches all memory
                trained.clear()
                spent.clear()
    share = corpus.tokens_read / len(corpus.ids)
    return {
        "words_per_second_a_core": positions * share / sum(trained),
        "merge_seconds_a_gigabyte": (sum(spent) - sum(trained)) / (2 * moved / 1e9),
        "megabytes_a_stretch_and_worker": moved / (STRETCHES - 1) / 2 / 1e6,
        **measure_transport(),
    }


def at_once(calls: list[Callable[[], Any]], spent: list[float]) -> list[Any]:
    """Return what calls return that run at once, as on busy cores; note what each took."""

    def timed(call: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = call()
        spent.append(time.perf_counter() - began)
        return result

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(timed, calls))


def _exchange(
    workers: list[Worker], orders: Orders, leg: Leg, parts: list[Any], spent: list[float]
) -> list[Any]:
    """Return what every worker takes over after a leg, as a crew on Ray hands it on."""
    first = [of[0] for of in parts]
    if not leg.full:
        return first
    shares = enumerate(zip(workers, orders.shares, strict=True), 1)
    return at_once(
        [
            partial(worker.renewed, leg, rows, *first, *(of[n] for of in parts))
            for n, (worker, rows) in shares
        ],
        spent,
    )


def _timed_train(worker: Worker, trained: list[float]) -> None:
    group: Any = worker._group
    train = group.train

    def timed(leg: Any) -> Any:
        began = time.perf_counter()
        results = train(leg)
        trained.append(time.perf_counter() - began)
        return results

    group.train = timed


class Echo:
    """An actor that makes and takes arrays."""

    def make(self, size: int, _after: Any) -> Any:
        """Return some bytes."""
        return np.ones(size, np.uint8)

    def take(self, array: Any) -> int:
        """Read them."""
        return int(array.sum())


def measure_transport() -> dict[str, float]:
    """Return seconds from one worker to another: for a call, and for a gigabyte through the object store."""
    with cluster(processors=CORES) as ray:
        one, two = (ray.remote(num_cpus=1)(Echo).remote() for _ in range(2))
        times = {}
        for size in (1 << 17, 1 << 25):
            ray.get(two.take.remote(one.make.remote(size, None)))
            began, last = time.perf_counter(), None
            for _ in range(40):
                last = two.take.remote(one.make.remote(size, last))
            ray.get(last)
            times[size] = (time.perf_counter() - began) / 40
        array = np.ones(1 << 25, np.uint8)
        began = time.perf_counter()
        for _ in range(9):
            np.ones(1 << 25, np.uint8)
            array.sum()
        touch = (time.perf_counter() - began) / 9
    seconds = max(times[1 << 25] - times[1 << 17] - touch, 0.0) / (1 << 25) * 1e9
    return {"call_seconds": times[1 << 17] / 2, "store_seconds_a_gigabyte": seconds}


def simulate(corpus: EncodedCorpus, shards: int, epochs: int, known: dict[str, float]) -> float:
    """Return the seconds of training that two workers on this machine take: leg after leg."""
    plan, total, block = plan_for(corpus, shards, epochs), 0.0, 0
    share = corpus.tokens_read / len(corpus.ids)
    touched = Touched(corpus.vocabulary.counts)
    while block < plan.schedule.blocks:
        for leg in plan.legs(block):
            positions = (leg.past - leg.first) * plan.block_positions
            total += positions * share / known["words_per_second_a_core"] / CORES
            a_replica = (leg.past - leg.since) * plan.block_positions / shards
            # A worker brings the sum over its replicas, whose rows are those that any of them touched.
            brought = CORES * touched.rows(a_replica * shards / CORES, plan.rows(leg)) * ROW_BYTES / 1e9
            # After a full leg all rows go round once more, to the workers and the conductor.
            again = plan.words * ROW_BYTES / 1e9 if leg.full else 0.0
            total += known["call_seconds"] * (2 if leg.full else 1)
            total += (brought + again) / CORES * known["store_seconds_a_gigabyte"]
            total += (2 * (brought + again) + again) / CORES * known["merge_seconds_a_gigabyte"]
            block = leg.past
    return total


class Touched:
    """How many rows are changed by some words of text."""

    def __init__(self, counts: Any) -> None:
        """Take the words' counts, the most frequent first."""
        share = counts / counts.sum()
        self._rate = 0.5 * (share * 6 + share + 5 * noise_prob(counts, 0.75))  # the mean of both tables

    def rows(self, positions: float, most: int) -> float:
        """Return the expected number among the first ``most`` rows."""
        return float(-np.expm1(-0.74 * positions * self._rate[:most]).sum())


def zipf(words: int) -> Any:
    """Return counts of a vocabulary: in proportion to 1 / (rank + 2.7)."""
    return 1e12 / (np.arange(1, words + 1) + 2.7)


def predict(known: dict[str, float]) -> str:
    """Return the tables of SCALING.md."""
    as_now = FULL_LEGS * LEG_POSITIONS // AS_GOOD
    lines = [
        "| text | vocabulary | Gbit/s | nodes | hours, as now | hours, long | GB a node |",
        "|---|---|---|---|---|---|---|",
    ]
    for words in (1_000_000, 100_000_000):
        touched = Touched(zipf(words))
        for tokens in (1e9, 1e11, 1e12):
            long = max(as_now, tokens / STRETCHES_A_RUN)
            rows = {length: touched.rows(length, words) for length in (as_now, long)}
            for gigabits in (10, 100):
                for nodes in (4, 64, 1000):
                    hours = [
                        tokens / length * stretch_seconds(nodes, gigabits, length, rows[length], known) / 3600
                        for length in (as_now, long)
                    ]
                    memory = ((1 + THREADS) * words + rows[long]) * ROW_BYTES / 1e9
                    lines.append(
                        f"| {tokens / 1e9:,.0f} B | {words // 10**6} M | {gigabits} | {nodes:,} "
                        f"| {hours[0]:,.2f} | {hours[1]:,.2f} | {memory:,.0f} |"
                    )
    return "\n".join([*lines, "", *alone(known), "", *pays(known), "", *split()])


def stretch_seconds(
    nodes: int, gigabits: float, positions: float, rows: float, known: dict[str, float]
) -> float:
    """Return the seconds of a stretch of so many positions that touches so many rows, a worker on each node.

    A worker has eight threads, and a replica for each. Merging by parts: a worker sends each row that its
    replicas have changed and takes each merged one, so what anybody touched crosses its wire twice.
    """
    work = positions / nodes / known["words_per_second_a_core"] / THREADS
    merging = 0.0
    for merged, legs in ((min(HOT, rows), FULL_LEGS - 1), (rows, 1)):
        moved = merged * ROW_BYTES / 1e9
        wire = 2 * moved * 8 / gigabits
        local = moved * (known["store_seconds_a_gigabyte"] + 2 * known["merge_seconds_a_gigabyte"] / THREADS)
        merging += legs * (2 * known["call_seconds"] + wire + local)
    return work + merging


def alone(known: dict[str, float]) -> list[str]:
    """Return the hours of one node without any merging."""
    speed = known["words_per_second_a_core"] * THREADS
    return [
        f"One node alone, eight threads: {tokens / 1e9:,.0f} B in {tokens / speed / 3600:,.2f} hours."
        for tokens in (1e9, 1e11, 1e12)
    ]


def pays(known: dict[str, float]) -> list[str]:
    """Return from which length of a stretch on several nodes pay."""
    lines = [
        "| vocabulary | Gbit/s | nodes | as fast as one | half of all nodes' speed |",
        "|---|---|---|---|---|",
    ]
    speed = known["words_per_second_a_core"] * THREADS
    for words in (1_000_000, 100_000_000):
        touched = Touched(zipf(words))
        lengths = [(length, touched.rows(length, words)) for length in 10.0 ** np.arange(6, 13)]
        for gigabits in (10, 100):
            for nodes in (4, 64, 1000):
                found = []
                for wanted in (1, nodes / 2):
                    enough = (
                        length
                        for length, rows in lengths
                        if length / stretch_seconds(nodes, gigabits, length, rows, known) >= wanted * speed
                    )
                    length = next(enough, None)
                    found.append("never" if length is None else f"10^{round(np.log10(length))} words")
                lines.append(f"| {words // 10**6} M | {gigabits} | {nodes:,} | {found[0]} | {found[1]} |")
    return lines


def split() -> list[str]:
    """Return what tables split among the nodes could do, by what crosses the wire for each word of text."""
    contexts, outputs, kept = 6, 6, 0.74
    by_rows = kept * 2 * (1 + outputs) * ROW_BYTES / 2
    by_dimensions = kept * 2 * contexts * outputs * 4
    lines = []
    for gigabits in (10, 100):
        rows, dimensions = (gigabits / 8 * 1e9 / each for each in (by_rows, by_dimensions))
        lines.append(
            f"{gigabits} Gbit/s: by rows {rows / 1e6:.2f} M words/s a node ({by_rows:,.0f} bytes a word), by "
            f"dimensions {dimensions / 1e6:.1f} M words/s in all ({by_dimensions:.0f} bytes a word)"
        )
    return lines


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["constants", "check", "predict"])
    parser.add_argument("--corpus")
    parser.add_argument("--cache", default="bench-out/cache")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--shards", type=int, nargs="+", default=[2, 4, 8])
    options = parser.parse_args()
    if options.part != "predict":
        corpus = encode(options.corpus, cache=CacheFolder(options.cache))
    if options.part == "constants":
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(measure(corpus)))
    known = json.loads(KEPT.read_text())
    if options.part == "constants":
        print(json.dumps(known, indent=1))
    elif options.part == "predict":
        print(predict(known))
    else:
        for shards in options.shards:
            spec = {"corpus": options.corpus, "cache": options.cache, "epochs": options.epochs, "threads": 2}
            run = run_json("bench.run_ray", spec | {"shards": shards, "workers": CORES})
            expected = simulate(corpus, shards, options.epochs, known)
            print(
                f"{shards} shards: simulated {expected:.1f} s, trained in {run['train_seconds']:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()

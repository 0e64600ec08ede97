"""Part ``bits``: the same bits at any number of threads, and what that costs beside racing threads."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from bench.plan import BITS_THREADS
from bench.summary import Record, Spread, by_round, member, ratio, raw_rate, timed


def digests(records: list[Record], options: Namespace) -> dict[int, set[str]]:
    """Return which vectors came out of reproducible runs of one length and seed, by number of threads."""
    found: dict[int, set[str]] = {}
    for threads in {*BITS_THREADS, options.threads}:
        wanted = {**timed(options), "threads": threads, "program": "firth", "seed": options.seeds[0]}
        vectors = set(by_round(records, member("digest"), **wanted).values())
        if vectors:
            found[threads] = {str(digest) for digest in vectors}
    return found


def different(records: list[Record], options: Namespace) -> Spread | None:
    """Return how many different models came out of all numbers of threads; one is as it should be."""
    found = digests(records, options)
    if len(found) < 2:
        return None
    number = float(len(set.union(*found.values())))
    return Spread(number, number, number, len(found))


def to_racing(records: list[Record], options: Namespace, threads: int, shards: int = 1) -> Spread | None:
    """Return the reproducible runs' raw words/s to those of racing threads."""
    wanted = {**timed(options), "program": "firth", "threads": threads}
    ours = by_round(records, raw_rate, **(wanted | {"shards": shards}))
    return ratio(ours, by_round(records, raw_rate, **(wanted | {"reproducible": False})))


def to_gensim(records: list[Record], options: Namespace, **changed: Any) -> Spread | None:
    """Return firth's raw words/s to gensim's, ``changed`` as its runs are: several shards, racing."""
    wanted = timed(options)
    ours = by_round(records, raw_rate, **(wanted | changed), program="firth")
    return ratio(ours, by_round(records, raw_rate, **wanted, program="gensim"))

"""What firth's trained phase makes of the machine: operations and bytes, beside the measured peak."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from bench.curve import word_flops
from bench.plan import FIXED
from bench.summary import Record, Value, by_round, over_rounds, ratio, timed, trained_rate
from bench.trend import contexts_a_word

FLOAT_BYTES = 4


def report(records: list[Record], options: Namespace) -> dict[str, Any] | None:
    """Return, by threads, the machine's peaks and what firth makes of them; None if no peak was measured."""
    found = {}
    for threads in sorted({1, options.threads}):
        flops = over_rounds(records, peak("flops", threads), group="peak")
        if flops is not None:
            read = over_rounds(records, peak("read_bytes_per_second", threads), group="peak")
            found[str(threads)] = {"peak_flops_per_second": flops, "peak_read_bytes_per_second": read}
            found[str(threads)] |= trained(records, options, threads)
    return found or None


def peak(name: str, threads: int) -> Value:
    """Return a function that takes one of the figures of :mod:`bench.peak` out of its result."""
    return lambda result: result.get("peak", {}).get(str(threads), {}).get(name)


def trained(records: list[Record], options: Namespace, threads: int) -> dict[str, Any]:
    """Return what a trained word of the ordinary short runs takes, and firth's operations a second.

    Bytes: the rows of the contexts, the center and the negatives, each read once and written once; most of
    it meets a cache, not memory.
    """
    size, outputs = options.vector_size, 1 + FIXED["negative"]

    def flops(result: dict[str, Any]) -> float | None:
        contexts = contexts_a_word(result)
        return contexts and word_flops(size, FIXED["negative"], contexts)

    def moved(result: dict[str, Any]) -> float | None:
        contexts = contexts_a_word(result)
        return contexts and 2 * (contexts + outputs) * size * FLOAT_BYTES

    def speed(result: dict[str, Any]) -> float | None:
        work, words = flops(result), trained_rate(result)
        return work and words and work * words

    wanted = {**timed(options), "threads": threads, "program": "firth"}
    return {
        "flops_a_word": over_rounds(records, flops, **wanted),
        "bytes_a_word": over_rounds(records, moved, **wanted),
        "flops_per_second": over_rounds(records, speed, **wanted),
        "share_of_peak": ratio(
            by_round(records, speed, **wanted), by_round(records, peak("flops", threads), group="peak")
        ),
    }

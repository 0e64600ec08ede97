"""Loads the explorer's HTTP interface with queries for neighbours: ``python -m bench.service SPEC``.

The spec's members: ``vectors`` (a model folder of firth), ``rounds``. ``firth explore`` is started on it, and
sixteen connections of this machine to itself ask for the ten nearest words of words spread over the
vocabulary, each its next question when it has the answer: first while the map is being made, then in as many
rounds as are asked for. A round ends after ``REQUESTS`` requests or ``SECONDS``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import numpy as np

import firth
from bench.runner import answer

CONNECTIONS, REQUESTS, SECONDS = 16, 6000, 15.0
QUESTIONS, NEAREST = 2000, 10
MAP_SECONDS = 600.0


@contextmanager
def served(vectors: str) -> Iterator[str]:
    """Start the explorer; yield the address that it prints."""
    command = [sys.executable, "-m", "firth", "explore", vectors, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            if not url:
                raise SystemExit(f"firth explore {vectors} did not start")
            yield url
        finally:
            server.terminate()


def targets(vectors: str) -> list[str]:
    """Return what is asked for: neighbours of words that are spread over the vocabulary."""
    words = firth.load(vectors).index_to_key
    asked = words[:: max(1, len(words) // QUESTIONS)][:QUESTIONS]
    return [f"/api/neighbors?word={quote(word, safe='')}&topn={NEAREST}" for word in asked]


async def load(url: str, asked: list[str]) -> dict[str, float]:
    """Send one round's requests; return requests a second and the percentiles of their seconds."""
    questions, took = cycle(asked), list[float]()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_connection(url, questions, took, began))
    elapsed = time.perf_counter() - began
    p50, p99 = np.percentile(took, [50, 99])
    return {"requests_per_second": len(took) / elapsed, "p50_ms": p50 * 1e3, "p99_ms": p99 * 1e3}


async def _connection(url: str, questions: Iterator[str], took: list[float], began: float) -> None:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        while len(took) < REQUESTS and time.perf_counter() - began < SECONDS:
            start = time.perf_counter()
            head = f"GET {next(questions)} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n"
            writer.write(head.encode())
            await _read_answer(reader)
            took.append(time.perf_counter() - start)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    """Return the body of an answer.

    Raises:
        RuntimeError: it is an error.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].split()[0])
    body = await reader.readexactly(length)
    if head.split()[1] != "200":
        raise RuntimeError(f"{head.splitlines()[0]}: {body[:200]!r}")
    return body


def map_state(url: str) -> str:
    """Return where the map stands."""
    with urlopen(f"{url}api/map", timeout=30) as reply:
        state: str = json.load(reply)["state"]
        return state


def measure(vectors: str, rounds: int) -> dict[str, Any]:
    """Return what each round measured, and the one while the map was made (None: it was there at once)."""
    asked = targets(vectors)
    with served(vectors) as url:
        asyncio.run(load(url, asked[:100]))  # not counted: everything is loaded now
        busy = asyncio.run(load(url, asked)) if map_state(url) == "computing" else None
        deadline = time.monotonic() + MAP_SECONDS
        while map_state(url) == "computing" and time.monotonic() < deadline:
            time.sleep(1)
        return {"rounds": [asyncio.run(load(url, asked)) for _ in range(rounds)], "while_mapping": busy}


def main() -> None:
    """Print what was measured."""
    spec = json.loads(sys.argv[1])
    answer({"service": measure(spec["vectors"], spec["rounds"])})


if __name__ == "__main__":
    main()

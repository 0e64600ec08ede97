"""Events as they happen: how the map comes along, and a run that is watched, with the neighbours of words.

They are sent as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): an
``EventSource`` of the browser connects again by itself when the connection breaks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from firth import answers_json
from firth.errors import FirthError
from firth.explorer.payload import dumps
from firth.explorer.site import Site

LOOK_SECONDS = 0.25
TRAINING_SECONDS = 1.0
"""Least time between two events of training: each costs a product for the pinned words."""
ALIVE_SECONDS = 15.0
PINNED_TOPN = 10


async def events(site: Site, pins: Sequence[str], index: int) -> AsyncIterator[bytes]:
    """Yield events until the server closes; first of all how things stand."""
    known_map: Any = None
    known_run: Any = None
    next_training = 0.0
    spoke = time.monotonic()
    yield b"retry: 2000\n\n"
    while not site.closing.is_set():
        now = time.monotonic()
        shown = site.model(index)
        state = None if shown.map_job is None else shown.map_job.describe()
        if state is not None and state != known_map:
            known_map, spoke = state, now
            yield event("map", state)
        mark = None if site.run is None else site.run.mark()
        if mark is not None and mark != known_run and (now >= next_training or site.run.ended):
            known_run, next_training, spoke = mark, now + TRAINING_SECONDS, now
            yield event("training", await _training(site, pins, index))
        if now - spoke > ALIVE_SECONDS:
            spoke = now
            yield b": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def event(name: str, value: Any) -> bytes:
    """Return one event; JSON has no line ends in it."""
    return b"event: " + name.encode() + b"\ndata: " + dumps(value) + b"\n\n"


async def _training(site: Site, pins: Sequence[str], index: int) -> dict[str, Any]:
    """Return how far a run is, and the neighbours of the pinned words that it knows as they are now."""
    shown = site.model(index)
    known = [word for word in pins if shown.knows(word)]
    try:
        answers = await shown.batcher.neighbors(known, PINNED_TOPN) if known else []
    except FirthError:  # the run has just ended, or its numbers are no longer finite: it will say so
        known, answers = [], []
    neighbors = [
        answers_json.neighbors(shown.words, word, answer) for word, answer in zip(known, answers, strict=True)
    ]
    return {**site.run.latest(), "watching": site.watching, "neighbors": neighbors}

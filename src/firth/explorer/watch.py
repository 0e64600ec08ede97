"""A run that trains in this process, watched: it is only looked at, and nothing here can stop or change it.

The vectors are those that the threads are just changing, without a copy. What is asked of them is asked of
a moment: rows may be some steps apart, and the lengths remembered with them are those of a second ago.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firth.checks import row_of_each
from firth.embeddings import Embeddings, Entries
from firth.explorer.opening import shown
from firth.explorer.serving import address, serving
from firth.explorer.site import Shown, Site
from firth.notes import note
from firth.training.progress import Progress, log_lines
from firth.training.run import Run
from firth.training.tables import matrices
from firth.training.trainer import Watchers

LOOK_SECONDS = 1.0
SHARE = 0.04
"""Of a processor's time that looking may take; a large model is therefore looked at less often."""

logger = logging.getLogger("firth")


class LiveModel:
    """The model of a run as it is now: called, it returns what it is at most some seconds ago."""

    def __init__(self, run: Run) -> None:
        """Look at the tables of ``run``, in the order of its word ids."""
        self._vectors, _ = matrices(run.tables, run.config.vector_size)
        vocabulary = run.corpus.vocabulary
        self._entries = Entries(list(vocabulary.words), vocabulary.counts)
        self._rows = row_of_each(self._entries.words)
        self._lock = threading.Lock()
        self._model: Embeddings | None = None
        self._good_until = 0.0

    def __call__(self) -> Embeddings:
        """Return the model."""
        with self._lock:
            now = time.monotonic()
            if self._model is None or now > self._good_until:
                self._model = self._looked_at()
                took = time.monotonic() - now
                self._good_until = now + max(LOOK_SECONDS, took / SHARE)
            return self._model

    def _looked_at(self) -> Embeddings:
        model = Embeddings.lazy(lambda: self._entries, self._vectors, place="the run")
        model.key_to_index = self._rows  # once for all
        model.neighbors(self._entries.words[:1], 1)  # measures the rows
        return model


class WatchedRun:
    """What the page says of a run."""

    def __init__(self, run: Run) -> None:
        """Watch ``run``."""
        self._run: Run | None = run
        self._progress: Progress | None = None
        self._told: dict[str, Any] = {}
        self.ended = False

    def training(self, progress: Progress) -> None:
        """Take note of where the run is; called by the trainer, several times a second."""
        self._progress = progress

    def mark(self) -> tuple[int, bool]:
        """Return something that changes when there is something to tell."""
        return (0 if self._progress is None else self._progress.words, self.ended)

    def latest(self) -> dict[str, Any]:
        """Return where the run is: its progress, how many reports there are, and the newest."""
        run = self._run
        if run is not None:
            reports = run.reports()
            self._told = {
                "progress": self._progress_as_json(),
                "reports": len(reports),
                "report": reports[-1] if reports else None,
            }
        return self._told

    def end(self) -> None:
        """Let the run and its tables go: from now on what was told last is told."""
        self.latest()
        self._run, self.ended = None, True

    def course(self) -> dict[str, Any]:
        """Return the course of the run so far, as that of a finished model."""
        run, progress = self._run, self._progress
        return {
            "reports": [] if run is None else run.reports(),
            "config": {} if run is None else run.describe("training"),
            "words_per_second": None if progress is None else progress.words_per_second,
            "progress": self._progress_as_json(),
        }

    def _progress_as_json(self) -> dict[str, Any] | None:
        if self._progress is None:
            return None
        told = {**dataclasses.asdict(self._progress), "remaining": self._progress.remaining}
        del told["epoch_losses"]
        return told


class WatchPage:
    """The page of a run: it opens as training starts."""

    def __init__(self, listening: socket.socket, host: str, name: str) -> None:
        """Open the page at a socket that listens; ``name`` is what the model is called."""
        self._listening, self._host, self._name = listening, host, name
        self.url = address(listening, host)
        self._served = contextlib.ExitStack()
        self._watched: WatchedRun | None = None
        self._site: Site | None = None

    def joined(self, watchers: Watchers) -> Watchers:
        """Return ``watchers`` with this page among them."""
        told = watchers.training or log_lines()

        def started(run: Run) -> None:
            if watchers.started is not None:
                watchers.started(run)
            self._open(run)

        def training(progress: Progress) -> None:
            if self._watched is not None:
                self._watched.training(progress)
            told(progress)

        return dataclasses.replace(watchers, started=started, training=training)

    def finish(self, model: Embeddings, path: Path) -> bool:
        """Show the finished model from now on, and make its map; return whether there is a page."""
        site, watched = self._site, self._watched
        if site is None or watched is None:
            return False
        try:
            before, site.shown[0] = site.shown[0], shown(model, path)
            watched.end()
            before.close()
            site.start_maps()
        except Exception:
            self._failed()
        return True

    @contextlib.contextmanager
    def open(self) -> Iterator[WatchPage]:
        """Close the page when the block ends."""
        try:
            yield self
        finally:
            self._served.close()
            self._listening.close()

    def _open(self, run: Run) -> None:
        try:
            self._watched = WatchedRun(run)
            site = Site([Shown(self._name, LiveModel(run))])
            site.run = self._watched
            self._served.enter_context(serving(site, self._listening, self._host))
            self._site = site
            note(f"watch it at {self.url}")
        except Exception:
            self._failed()

    def _failed(self) -> None:
        """Say that the page is gone; the run goes on."""
        logger.exception("the page of the run failed")
        note("the page could not be opened; the run goes on without it")

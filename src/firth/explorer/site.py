"""What the page is about: one model or two, and what is kept of each from one request to the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache, partial
from http import HTTPStatus
from typing import Any, TypeVar

from firth.embeddings import Embeddings
from firth.evaluation.agreement import Agreement
from firth.explorer.batching import Batcher
from firth.explorer.completion import Completion
from firth.explorer.jobs import MapJob
from firth.explorer.parameters import RequestError
from firth.printable import quoted

Result = TypeVar("Result")

THREADS = 4
SPELLINGS_KEPT = 512


class Shown:
    """One model of the page."""

    def __init__(
        self,
        name: str,
        current: Callable[[], Embeddings],
        *,
        file_format: str = "firth",
        map_job: MapJob | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        """Show the model that ``current`` returns.

        Args:
            name: what it is called on the page.
            current: returns the model; while it trains, as it is now. Its words are always the same.
            file_format: of the file it comes from.
            map_job: who makes its map; None: there is none.
            agreement: what several runs say of its neighbours, where that was measured.
        """
        self.name, self.file_format, self.map_job, self.agreement = name, file_format, map_job, agreement
        self._current = current
        self.words = current()
        """The model as it was when it was opened: its words and their counts never change."""
        self.batcher = Batcher(current)
        self.spellings = lru_cache(SPELLINGS_KEPT)(self._spellings)

    @property
    def model(self) -> Embeddings:
        """The model as it is now."""
        return self._current()

    @cached_property
    def completion(self) -> Completion:
        """The words in the order in which they are offered."""
        return Completion(self.words)

    def knows(self, word: str) -> bool:
        """Tell whether the model has a vector for a word, listed or made of subwords."""
        model = self.words
        return word in model.key_to_index or (
            model.subwords is not None and model.subwords.vector(word) is not None
        )

    def _spellings(self, word: str) -> list[str]:
        return self.completion.nearest(word)

    def close(self) -> None:
        """End what works for it."""
        self.batcher.close()
        if self.map_job is not None:
            self.map_job.stop()


class Site:
    """The models of the page, and the threads that work for it."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        """Show one model, or two to be compared."""
        self.shown = list(shown)
        self.run: Any = None
        """The run that is being watched, if any."""
        self.closing = threading.Event()
        self.threads = ThreadPoolExecutor(THREADS, "firth-explorer")
        """For what takes long, so that those who ask for neighbours do not wait for it."""
        self._once = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._results: dict[Hashable, Any] = {}
        self._maps = ThreadPoolExecutor(1, "firth-map")

    @property
    def watching(self) -> bool:
        """Whether a run is being watched that has not ended."""
        return self.run is not None and not self.run.ended

    async def in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do work that takes long beside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, partial(work, *arguments))

    def once(self, key: Hashable, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returned when it was first done under this key; others wait for that."""
        with self._once:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._results:
                self._results[key] = work()
            result: Result = self._results[key]
            return result

    def start_maps(self) -> None:
        """Make the maps, one after the other, in the background."""
        for shown in self.shown:
            if shown.map_job is not None:
                self._maps.submit(shown.map_job.run)

    def model(self, index: int) -> Shown:
        """Return a model by its number.

        Raises:
            RequestError: there is no such model.
        """
        if index < len(self.shown):
            return self.shown[index]
        raise RequestError(
            HTTPStatus.NOT_FOUND,
            f"there is no model {index} here: only one was opened (firth explore A B opens two)",
        )

    def close(self) -> None:
        """End all that works in the background."""
        self.closing.set()
        for shown in self.shown:
            shown.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
        self._maps.shutdown(wait=True, cancel_futures=True)


def require(shown: Shown, words: Sequence[str]) -> None:
    """Refuse words that the model does not know, with the nearest spellings of the first one.

    Raises:
        RequestError: 404.
    """
    unknown = next((word for word in words if not shown.knows(word)), None)
    if unknown is not None:
        message = f"the model does not know the word {quoted(unknown)}"
        raise RequestError(HTTPStatus.NOT_FOUND, message, word=unknown, spelling=shown.spellings(unknown))

"""Many queries for neighbours, few products: what arrives while one product runs is answered by the next.

A product of the matrix with sixteen queries takes hardly longer than eight products with one, as the
matrix is then read once from memory. Nobody waits for a batch to fill: the first query starts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import NamedTuple

from firth.embeddings import Embeddings, Neighbor
from firth.explorer.parameters import RequestError

WORDS_AT_ONCE = 64
"""Words of one product, unless a single request asks for more: it bounds how long the next one waits."""
MOST_WAITING = 2048
SIZE_CLASSES = (16, 128)
"""Queries are put together if their ``topn`` are of one class: a long list slows down no short one."""

Answers = list[list[Neighbor]]


class _Query(NamedTuple):
    """Words asked for, and where their neighbours shall go."""

    words: Sequence[str]
    topn: int
    answer: asyncio.Future[Answers]

    @property
    def size_class(self) -> int:
        return sum(self.topn > limit for limit in SIZE_CLASSES)


class Batcher:
    """Answers queries for neighbours, together where several wait. Its methods belong to one event loop."""

    def __init__(self, current: Callable[[], Embeddings]) -> None:
        """Ask the model that ``current`` returns, anew for each product: it may change while it trains."""
        self._current = current
        self._waiting: list[_Query] = []
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "firth-neighbors")
        self.products = 0
        """Products made so far; queries answered by one product count once."""

    async def neighbors(self, words: Sequence[str], topn: int) -> Answers:
        """Return each word's neighbours, as :meth:`Embeddings.neighbors` does.

        Raises:
            UnknownWordError: a word is not in the model.
            RequestError: too many queries wait, or the model is closed.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise RequestError(
                HTTPStatus.TOO_MANY_REQUESTS, "too many requests wait for an answer: ask again later"
            )
        query = _Query(words, topn, asyncio.get_running_loop().create_future())
        self._waiting.append(query)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await query.answer

    def close(self) -> None:
        """Let the thread end once its product is made; whoever still asks is refused."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                try:
                    results = await loop.run_in_executor(self._thread, self._answered, batch)
                except RuntimeError:  # closed
                    gone = RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "the model has just gone: ask again")
                    results = [gone for _ in batch]
                for query, result in zip(batch, results, strict=True):
                    _settle(query.answer, result)
        finally:
            self._working = None

    def _next_batch(self) -> list[_Query]:
        """Take the queries that are answered together with the one that has waited longest."""
        batch: list[_Query] = []
        rest: list[_Query] = []
        words = 0
        for query in self._waiting:
            if query.answer.done():  # the one who asked has gone
                continue
            fits = not batch or (
                query.size_class == batch[0].size_class and words + len(query.words) <= WORDS_AT_ONCE
            )
            if fits:
                batch.append(query)
                words += len(query.words)
            else:
                rest.append(query)
        self._waiting = rest
        return batch

    def _answered(self, batch: list[_Query]) -> list[Answers | Exception]:
        """Return the answer of each query; whatever is wrong with one leaves the others as they are."""
        model = self._current()
        self.products += 1
        try:
            found = iter(
                model.neighbors([word for query in batch for word in query.words], max(q.topn for q in batch))
            )
            return [[next(found)[: query.topn] for _ in query.words] for query in batch]
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [answer for query in batch for answer in self._answered([query])]


def _settle(future: asyncio.Future[Answers], result: Answers | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)

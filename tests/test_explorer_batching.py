"""Queries for neighbours answered together: the same answers as one by one, whatever else is asked."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")

from explorer_site import small_model
from firth.embeddings import Embeddings, Neighbor
from firth.errors import UnknownWordError
from firth.explorer import batching
from firth.explorer.batching import Batcher
from firth.explorer.parameters import RequestError

MODEL = small_model(200)


class Slow(Embeddings):
    """A model whose first product lasts until it is let go."""

    gate = threading.Event()

    def neighbors(self, words: Any, topn: int = 10) -> list[list[Neighbor]]:
        self.gate.wait(10)
        return super().neighbors(words, topn)


@pytest.fixture
def slow() -> Slow:
    model = Slow(MODEL.index_to_key, MODEL.vectors)
    model.gate = threading.Event()
    return model


async def gathered(batcher: Batcher, queries: Sequence[tuple[list[str], int]], gate: threading.Event) -> Any:
    """Ask while the first product lasts, which ends when all have asked."""
    tasks = []
    for words, topn in queries:
        tasks.append(asyncio.create_task(batcher.neighbors(words, topn)))
        await asyncio.sleep(0.002)  # the first product begins, and lasts
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_waits_is_answered_together_and_as_alone(slow: Slow) -> None:
    queries = [([f"w{n}", f"w{n + 1}"], 1 + n % 12) for n in range(25)]
    batcher = Batcher(lambda: slow)
    found = asyncio.run(gathered(batcher, queries, slow.gate))
    batcher.close()
    for (words, topn), answer in zip(queries, found, strict=True):
        assert answer == MODEL.neighbors(words, topn)
    assert batcher.products == 2  # the first at once, alone; all others with the second


def test_long_lists_do_not_slow_down_short_ones(slow: Slow) -> None:
    queries = [(["king"], 5), (["queen"], 100), (["man"], 5), (["woman"], 199), (["kin"], 7)]
    batcher = Batcher(lambda: slow)
    found = asyncio.run(gathered(batcher, queries, slow.gate))
    batcher.close()
    assert found == [MODEL.neighbors(words, topn) for words, topn in queries]
    assert batcher.products == 4  # king; queen; man and kin; woman


def test_a_bad_query_harms_no_other(slow: Slow) -> None:
    queries = [(["king"], 5), (["queen"], 5), (["nobody"], 5), (["man"], 5)]
    batcher = Batcher(lambda: slow)
    found = asyncio.run(gathered(batcher, queries, slow.gate))
    batcher.close()
    assert [type(answer) for answer in found] == [list, list, UnknownWordError, list]
    assert found[3] == MODEL.neighbors(["man"], 5)


def test_a_batch_is_bounded_and_so_is_the_queue(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WORDS_AT_ONCE", 4)
    monkeypatch.setattr(batching, "MOST_WAITING", 9)
    queries = [([f"w{n}"], 3) for n in range(12)]
    batcher = Batcher(lambda: slow)
    found = asyncio.run(gathered(batcher, queries, slow.gate))
    batcher.close()
    refused = [answer for answer in found if isinstance(answer, RequestError)]
    assert (len(refused), refused[0].status) == (2, 429)
    assert batcher.products == 4


def test_whoever_asks_a_model_that_was_closed_is_told() -> None:
    async def scenario() -> Any:
        batcher = Batcher(lambda: MODEL)
        batcher.close()
        return await asyncio.gather(batcher.neighbors(["king"], 3), return_exceptions=True)

    (found,) = asyncio.run(scenario())
    assert isinstance(found, RequestError)
    assert found.status == 503


def test_one_who_has_gone_is_not_waited_for(slow: Slow) -> None:
    async def scenario() -> list[Any]:
        batcher = Batcher(lambda: slow)
        first = asyncio.create_task(batcher.neighbors(["king"], 3))
        gone = asyncio.create_task(batcher.neighbors(["queen"], 3))
        last = asyncio.create_task(batcher.neighbors(["man"], 3))
        await asyncio.sleep(0.05)
        gone.cancel()
        slow.gate.set()
        found = await asyncio.gather(first, last)
        batcher.close()
        return found

    assert asyncio.run(scenario()) == [MODEL.neighbors(["king"], 3), MODEL.neighbors(["man"], 3)]

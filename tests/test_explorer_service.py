"""The benchmark of the explorer: what it asks, what it makes of the answers."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from bench import service
from bench.goals import service_goals
from bench.plan import plan

pytest.importorskip("starlette", reason="starlette is not installed: the extra firth[explorer]")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: the extra firth[explorer]")

from explorer_site import small_model
from firth.embeddings import Embeddings
from firth.explorer.opening import shown
from firth.explorer.serving import address, listen, serving
from firth.explorer.site import Site
from firth.formats import save


def test_a_round_asks_for_all_words_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = small_model()
    save(Embeddings(small.index_to_key, small.vectors), tmp_path / "m")
    monkeypatch.setattr(service, "REQUESTS", 100)
    asked = service.targets(str(tmp_path / "m"))
    assert len(asked) == 60
    listening = listen("127.0.0.1", 0)
    site = Site([shown(small, tmp_path / "none")])
    with serving(site, listening, "127.0.0.1"):
        url = address(listening, "127.0.0.1")
        found = asyncio.run(service.load(url, asked))
        assert service.map_state(url) == "computing"
        with pytest.raises(ExceptionGroup, match="unhandled errors") as caught:
            asyncio.run(service.load(url, ["/api/neighbors?word=nobody"]))
        assert "404" in str(caught.value.exceptions[0])
    assert found["requests_per_second"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert site.shown[0].batcher.products <= 101


def test_goals_of_the_service() -> None:
    rounds = [{"requests_per_second": rate, "p50_ms": 5.0, "p99_ms": 9.0} for rate in (310.0, 290.0, 500.0)]
    busy = {"requests_per_second": 100.0, "p50_ms": 50.0, "p99_ms": 90.0}

    def goals(mapping: Any) -> list[Any]:
        service_result = {"rounds": rounds, "while_mapping": mapping}
        return service_goals([{"run": {"group": "service"}, "result": {"service": service_result}}])

    first, *others = goals(None)
    assert (first.measured.middle, first.target, first.reached) == (310.0, 300.0, True)
    assert len(others) == 2
    assert [goal.target for goal in goals(busy)[3:]] == [None, None, None]
    assert service_goals([]) == []


def test_the_plan_trains_a_model_for_it() -> None:
    options = Namespace(programs=["firth"], parts=["service"], vector_size=100, threads=2, speed_epochs=1)
    options.alphas, options.seeds, options.analogies = [0.05], [1], None
    options.rounds, options.quality_epochs = 1, 1
    assert [run.group for run in plan(options)] == ["service"]

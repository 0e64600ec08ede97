"""A small model and its explorer, for the tests of the explorer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from firth.embeddings import Embeddings

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img onerror=alert(1) src=x>',
    "two\nlines",
    "\x1b[31mred",
    "a&b=c",
    "../../etc/passwd",
    "',",
    "\u202eright",
    "",
]
WORDS = ["king", "queen", "man", "woman", "King", "Königin", "東京", "kin", "kind", "a,b", "never", *HOSTILE]
URL = "http://127.0.0.1:8010"


def small_model(words: int = 60, size: int = 7, seed: int = 3) -> Embeddings:
    """Return a model of some words, hostile ones among them; "never" was never trained."""
    names = WORDS + [f"w{number}" for number in range(words - len(WORDS))]
    vectors = np.random.default_rng(seed).standard_normal((words, size), dtype=np.float32)
    never = names.index("never")
    vectors[never] = 0.0
    trained = np.ones(words, bool)
    trained[never] = False
    reports = [{"words": 10, "seconds": 0.5, "epoch": 1.0, "loss": float("nan"), "alpha": 0.05}]
    return Embeddings(
        names,
        vectors,
        counts=np.arange(words, 0, -1, dtype=np.int64) * 3,
        trained=trained,
        config={"timing": {"words_per_second": 20.0}, "nothing": float("inf")},
        training=reports,
    )


@contextmanager
def client_of(*models: Embeddings, folder: Path, maps: bool = False) -> Iterator[tuple[Any, Any]]:
    """Yield a client of the explorer of some models, in this process, and the site."""
    from starlette.testclient import TestClient

    from firth.explorer.opening import shown
    from firth.explorer.safety import Hosts
    from firth.explorer.server import application
    from firth.explorer.site import Site

    site = Site([shown(model, folder / f"model{number}") for number, model in enumerate(models)])
    if maps:
        site.start_maps()
    try:
        yield TestClient(application(site, Hosts("127.0.0.1")), base_url=URL), site
    finally:
        site.close()

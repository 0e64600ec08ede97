"""Times the store against gensim's, in turns: ``python -m bench.store SPEC``.

The spec's members: ``vectors`` (a model folder of firth), ``rounds``. Loading: the same vectors from one
file, in a process where both libraries are warm; searching: the ten nearest of 100 words, which gensim
answers one after another (it has no call for several). Opening: ``firth.load`` and the first row of a
model folder and a ``.fifu`` file of a million words.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors

import firth
from bench.answers import seconds
from bench.runner import answer
from bench.score import load

QUERIES, NEAREST = 100, 10
FILES = {"word2vec-binary": "vectors.bin", "word2vec": "vectors.txt"}
OPENED = {"firth": "million", "finalfusion": "million.fifu"}
MILLION, MILLION_SIZE = 1_000_000, 100


def loading(vectors: str, folder: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return what loads the same vectors, by format and program."""
    model, works = firth.load(vectors), {}
    for name, file in FILES.items():
        path = str(folder / file)
        firth.save(model, path, format=name)
        gensims = partial(KeyedVectors.load_word2vec_format, path, binary=name == "word2vec-binary")
        works[f"loading {name}"] = {"firth": partial(firth.load, path), "gensim": gensims}
    return works


def searching(vectors: str) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return what finds the neighbours of words that are spread over the vocabulary."""
    model, table = firth.load(vectors), load("firth", vectors)
    words = model.index_to_key[:: max(1, len(model) // QUERIES)][:QUERIES]

    def one_by_one() -> None:
        for word in words:
            table.most_similar(word, topn=NEAREST)

    works = {"firth": partial(model.neighbors, words, NEAREST), "gensim": one_by_one}
    for work in works.values():
        work()  # both remember the norms of the rows
    return {f"neighbours of {QUERIES} words": works}


def opening(folder: Path) -> dict[str, Callable[[], Any]]:
    """Return what opens a model of a million words and looks at its first row, by format."""
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((MILLION, MILLION_SIZE), dtype=np.float32)
    model = firth.Embeddings([f"word{row}" for row in range(MILLION)], vectors)
    works = {}
    for name, file in OPENED.items():
        firth.save(model, folder / file, format=name)
        works[name] = partial(_first_row, folder / file)
    return works


def _first_row(path: Path) -> float:
    return float(firth.load(path, mmap=True).vectors[0].sum())


def main() -> None:
    """Print the seconds of every round, by task and program; and of opening, by format."""
    spec = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        tasks = loading(spec["vectors"], Path(folder)) | searching(spec["vectors"])
        found = {
            task: _columns(
                [{name: seconds(work) for name, work in works.items()} for _ in range(spec["rounds"])]
            )
            for task, works in tasks.items()
        }
        works = opening(Path(folder))
        opened = _columns(
            [{name: seconds(work) for name, work in works.items()} for _ in range(spec["rounds"])]
        )
    answer({"store_seconds": found, "open_seconds": opened})


def _columns(turns: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the rounds' seconds by name."""
    return {name: [turn[name] for turn in turns] for name in turns[0]}


if __name__ == "__main__":
    main()

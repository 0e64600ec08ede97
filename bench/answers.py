"""Times the analogies, firth's evaluation and gensim's in turns: ``python -m bench.answers SPEC``.

The spec's members: ``vectors`` (a model folder of firth), ``analogies`` (path), ``rounds``. firth answers by
3CosAdd and 3CosMul, with and without the question's words, and its interval; gensim by 3CosAdd.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import firth
from bench.plan import ANALOGY_WORDS
from bench.runner import answer
from bench.score import load
from firth.evaluation.analogies import evaluate_analogies
from firth.evaluation.files import read_file


def seconds(work: Callable[[], Any]) -> float:
    """Return how long ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the seconds of every round, by program and number of words."""
    spec = json.loads(sys.argv[1])
    model, table = firth.load(spec["vectors"]), load("firth", spec["vectors"])
    path, found = spec["analogies"], {}
    questions = read_file(path).items
    for words in (ANALOGY_WORDS, 0):
        works = {
            "firth": partial(evaluate_analogies, model, questions, restrict_vocab=words),
            "gensim": partial(table.evaluate_word_analogies, path, restrict_vocab=words or len(model)),
        }
        turns = [{name: seconds(work) for name, work in works.items()} for _ in range(spec["rounds"])]
        found[str(words)] = {name: [turn[name] for turn in turns] for name in works}
    answer({"answer_seconds": found})


if __name__ == "__main__":
    main()

"""The chapter's real text: the demo's book, learnt by the real trainer in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from firth import demo

if TYPE_CHECKING:
    from firth.embeddings import Analogy, Embeddings


@lru_cache(maxsize=1)
def learn_book() -> Embeddings:
    """Train on the demo's book, once a process, with one thread: so that every page shows the same digits.

    Raises:
        MissingExtraError: the package with the text is not installed.
    """
    from firth.training import trainer

    return trainer.train(
        demo.read_text(),
        demo.config(threads=1),
        tokenizer=demo.TOKENIZER,
        lowercase=demo.LOWERCASE,
        cache=False,
    )


def place(model: Embeddings, answer: str, positive: Sequence[str], negative: Sequence[str] = ()) -> int:
    """Return the place of ``answer`` among the words nearest to a sum of words, those left out; 1 is best."""
    cosines = model.most_similar(list(positive), list(negative), topn=None)
    given = {model.key_to_index[word] for word in (*positive, *negative)}
    row = model.key_to_index[answer]
    return 1 + sum(int(other) not in given for other in np.flatnonzero(cosines > cosines[row]))


def ranking_table(answer: Analogy, typed: Sequence[str]) -> str:
    """Return both rankings of an analogy side by side, as a Markdown table."""
    lines = ["| | everything ranked | cosine | typed words left out | cosine |", "|--:|:--|--:|:--|--:|"]
    for number, ((raw, near), (usual, nearly)) in enumerate(zip(answer.raw, answer.filtered, strict=True), 1):
        mark = " *(typed)*" if raw in typed else ""
        lines.append(f"| {number} | {raw}{mark} | {near:.3f} | {usual} | {nearly:.3f} |")
    return "\n".join(lines)

"""Scores saved vectors by gensim's own rules, whatever program made them: ``python -m bench.score SPEC``.

The spec's members: ``program``, ``vectors`` (path), ``similarity`` ({name: path}), ``analogies``
(path or null).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors, Word2Vec

from bench.plan import ANALOGY_WORDS
from bench.runner import answer


def load(program: str, path: str) -> KeyedVectors:
    """Return the saved vectors, words in order of falling count, as each program keeps them."""
    if program == "gensim":
        return Word2Vec.load(path).wv
    words, vectors = load_fasttext(path) if program == "fasttext" else load_firth(path)
    table = KeyedVectors(vectors.shape[1])
    table.add_vectors(words, np.asarray(vectors, dtype=np.float32))
    return table


def load_fasttext(path: str) -> tuple[list[str], Any]:
    """Return fastText's words and vectors, less the mark of a line's end."""
    import fasttext

    model = fasttext.load_model(path)
    rows = [row for row, word in enumerate(model.words) if word != "</s>"]
    return [model.words[row] for row in rows], model.get_input_matrix()[rows]


def load_firth(path: str) -> tuple[list[str], Any]:
    """Return firth's words and vectors."""
    import firth

    model = firth.load(path)
    return list(model.index_to_key), model.vectors


def similarity(table: KeyedVectors, path: str) -> dict[str, Any]:
    """Return Spearman's correlation with the human scores, and how many pairs were covered."""
    pairs = sum(1 for line in Path(path).read_text("utf-8").splitlines() if is_pair(line))
    try:
        _, spearman, missing_percent = table.evaluate_word_pairs(path)
    except ValueError:
        return {"score": None, "covered": 0, "of": pairs}
    covered = round(pairs * (1 - missing_percent / 100))
    return {"score": float(spearman[0]), "covered": covered, "of": pairs}


def is_pair(line: str) -> bool:
    """Tell whether a line is word, word, number, with tabs between: what gensim does not skip."""
    fields = line.split("\t")
    try:
        float(fields[-1])
    except ValueError:
        return False
    return len(fields) == 3 and not line.startswith("#")


def analogies(table: KeyedVectors, path: str) -> dict[str, Any]:
    """Return the share of analogies answered rightly, 0 to 1, and how many questions were covered."""
    lines = Path(path).read_text("utf-8").splitlines()
    questions = sum(1 for line in lines if len(line.split()) == 4 and not line.startswith(": "))
    score, sections = table.evaluate_word_analogies(path, restrict_vocab=ANALOGY_WORDS)
    covered = len(sections[-1]["correct"]) + len(sections[-1]["incorrect"])
    return {"score": float(score) if covered else None, "covered": covered, "of": questions}


def main() -> None:
    """Print the scores, by name."""
    spec = json.loads(sys.argv[1])
    table = load(spec["program"], spec["vectors"])
    scores = {name: similarity(table, path) for name, path in spec["similarity"].items()}
    if spec["analogies"]:
        scores["analogies"] = analogies(table, spec["analogies"])
    answer(scores)


if __name__ == "__main__":
    main()

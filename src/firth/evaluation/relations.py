"""The relations that firth brings along, so that a model can be asked something with no file at all.

Capitals, plurals, comparatives, superlatives, past tenses and gendered pairs of lower-case English: plain
facts, written for this project. They are few and easy; for figures to compare with a paper's, take its files.
"""

from __future__ import annotations

from importlib.resources import files

from firth.evaluation.analogies import Section
from firth.evaluation.files import ANALOGIES, EvaluationFile
from firth.evaluation.parsing import combined

NAME = "built-in relations"


def built_in_pairs() -> dict[str, list[tuple[str, str]]]:
    """Return relation -> pairs of words."""
    text = files("firth.evaluation").joinpath("data", "relations.tsv").read_text("utf-8")
    relations: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            relation, a, b = line.split("\t")
            relations.setdefault(relation, []).append((a, b))
    return relations


def built_in() -> EvaluationFile:
    """Return the relations as analogies: each pair asked by every other pair of its relation."""
    sections = [
        Section(relation, combined([(a, (b,)) for a, b in pairs]))
        for relation, pairs in built_in_pairs().items()
    ]
    return EvaluationFile(NAME, "", ANALOGIES, sections)

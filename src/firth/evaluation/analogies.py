"""Analogies: a is to b as c is to which word? Accuracy by both rules, each with and without the usual help.

The usual help: the three words of the question may not be the answer. It decides most of the score, as
the nearest word to b - a + c is very often b or c itself (Linzen 2016, https://aclanthology.org/W16-2503/;
Rogers, Drozd and Li 2017, https://aclanthology.org/S17-1017/). So both accuracies always stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.embeddings import Embeddings
from firth.evaluation.answers import Answers, nearest_answers
from firth.evaluation.bootstrap import (
    DRAWS,
    ENOUGH_ITEMS,
    SEED,
    Doubles,
    Estimate,
    multiplicities,
    not_enough,
    wilson,
    with_interval,
)
from firth.evaluation.lookup import Lexicon, Places

RESTRICT_VOCAB = 30_000

USUAL, RAW, MUL, MUL_RAW = "3CosAdd", "3CosAdd, inputs allowed", "3CosMul", "3CosMul, inputs allowed"
MEASURES = (USUAL, RAW, MUL, MUL_RAW)
"""Rule, and whether the words of the question may be the answer. The first is what papers print."""


class Question(NamedTuple):
    """``a`` is to ``b`` as ``c`` is to one of ``answers``; of several ``b`` the first known one is asked."""

    a: str
    b: tuple[str, ...]
    c: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Questions of one kind."""

    name: str
    questions: Sequence[Question]


@dataclass(frozen=True)
class SectionScore:
    """The accuracies of one section, or of all together."""

    name: str
    accuracy: Mapping[str, Estimate]
    """Each of ``MEASURES``, over the covered questions: 0 to 1."""
    accuracy_all: float | None
    """3CosAdd over all questions, those not covered counted as wrong; None without a question."""
    input_nearest: float | None
    """Share of the covered questions whose nearest word (3CosAdd) is one of their own three."""
    covered: int
    total: int


@dataclass(frozen=True)
class AnalogyScore:
    """How many analogies a model solves."""

    overall: SectionScore
    sections: tuple[SectionScore, ...]
    restrict_vocab: int
    missing: tuple[str, ...]
    """Words of the file that the model does not know."""
    beyond: tuple[str, ...]
    """Words that it knows, but that are not among the ``restrict_vocab`` most frequent."""
    questions: Sequence[Section] = field(repr=False, compare=False)
    found: NDArray[np.bool_] = field(repr=False, compare=False)
    """(total,) True for the covered questions."""
    right: NDArray[np.bool_] = field(repr=False, compare=False)
    """(4, total) by ``MEASURES``: True for the solved questions; False where not covered."""

    @property
    def covered(self) -> int:
        """Questions whose words are all known and frequent enough."""
        return self.overall.covered

    @property
    def total(self) -> int:
        """Questions of the file."""
        return self.overall.total


def evaluate_analogies(
    model: Embeddings,
    sections: Sequence[Section],
    *,
    restrict_vocab: int = RESTRICT_VOCAB,
    case_insensitive: bool = True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> AnalogyScore:
    """Answer all questions by 3CosAdd and 3CosMul, exactly, with and without their own words.

    gensim's ``evaluate_word_analogies`` gives the same 3CosAdd accuracy with the same ``restrict_vocab``;
    with its ``dummy4unknown=True`` it is ``accuracy_all``. The answer may be the expected word in any case.

    Args:
        model: the model.
        sections: the questions.
        restrict_vocab: questions and answers keep to so many of the most frequent words; 0 for all.
        case_insensitive: see :class:`firth.evaluation.lookup.Lexicon`.
        draws: draws of the bootstrap.
        seed: of the draws.
    """
    lexicon = Lexicon(model, restrict_vocab, case_insensitive=case_insensitive)
    questions = [question for section in sections for question in section.questions]
    asked = np.stack(
        [
            lexicon.find_all(question.a for question in questions),
            _first_known(lexicon, [question.b for question in questions]),
            lexicon.find_all(question.c for question in questions),
        ]
    )
    # A file asks few words many times over: each is looked up once.
    different = {question.answers for question in questions}
    places = {words: tuple(dict.fromkeys(map(lexicon.find, words))) for words in different}
    accepted = [places[question.answers] for question in questions]
    found = (asked >= 0).all(axis=0) & np.array([max(places) >= 0 for places in accepted], bool)
    answers = nearest_answers(lexicon, *asked[:, found])
    chosen = _canonical(lexicon, answers)
    right = np.zeros((len(MEASURES), len(questions)), bool)
    kept = [accepted[number] for number in np.flatnonzero(found).tolist()]
    right[:, found] = np.stack([_is_one_of(answer, kept) for answer in chosen])
    own = np.zeros(len(questions), bool)
    own[found] = (chosen[MEASURES.index(RAW)] == asked[:, found]).any(axis=0)
    missing, beyond = lexicon.missing(_words(questions))
    overall, parts = _scores(sections, found, right, own, draws, seed)
    return AnalogyScore(overall, parts, restrict_vocab, missing, beyond, sections, found, right)


def resampled_sums(
    sections: Sequence[Section], used: NDArray[np.bool_], values: Doubles, draws: int, seed: int
) -> Doubles:
    """Return for each draw and section the sums over its questions: (draws, sections, 1 + k).

    Questions are not independent: Google's 506 on capitals are made of 23 pairs. So the *pairs* are drawn,
    within their section, and a question counts as often as its first pair times its second (the pigeonhole
    bootstrap, Owen 2007, https://arxiv.org/abs/0712.1111); a pair that is in one question only adds nothing
    of its own to that.

    Args:
        sections: the questions.
        used: (Q,) the questions that take part.
        values: (Q, k) what is summed; the first of the sums is the number of questions.
        draws: draws wanted.
        seed: of the draws.
    """
    sums = np.zeros((draws, len(sections), 1 + values.shape[1]))
    summed = np.concatenate([np.ones((len(values), 1)), values], axis=1).astype(np.float32)
    rng = np.random.default_rng(seed)
    for number, (start, section) in enumerate(_starts(sections)):
        mine = np.flatnonzero(used[start : start + len(section.questions)])
        if len(mine) == 0:
            continue
        first, second, clusters = _clusters([section.questions[place] for place in mine.tolist()])
        done = 0
        for drawn in multiplicities(clusters, draws, rng, width=len(mine)):
            # One more column, always 1: the factor of a pair that is in one question only.
            times = np.concatenate([drawn, np.ones((len(drawn), 1), np.int64)], axis=1).astype(np.float32)
            weights = np.take(times, first, axis=1)
            weights *= np.take(times, second, axis=1)
            sums[done : done + len(drawn), number] = weights @ summed[start + mine]
            done += len(drawn)
    return sums


def ratios(sums: Doubles) -> Doubles:
    """Return (draws, k) means from (draws, 1 + k) sums, without draws that hold no question."""
    some = sums[sums[:, 0] > 0]
    means: Doubles = some[:, 1:] / some[:, :1]
    return means


def independent_parts(sections: Sequence[Section], used: NDArray[np.bool_]) -> int:
    """Return of how many pairs (or questions, where no pair is used again) the used questions are made."""
    parts = 0
    for start, section in _starts(sections):
        mine = np.flatnonzero(used[start : start + len(section.questions)])
        if len(mine):
            parts += _clusters([section.questions[place] for place in mine.tolist()])[2]
    return parts


def _clusters(questions: Sequence[Question]) -> tuple[Places, Places, int]:
    """Return each question's two clusters, numbers below n or n for none, and n itself."""
    pairs: dict[tuple[object, ...], int] = {}
    first = np.array([pairs.setdefault((q.a, q.b), len(pairs)) for q in questions], np.intp)
    second = np.array([pairs.setdefault((q.c, q.answers), len(pairs)) for q in questions], np.intp)
    times = np.bincount(np.concatenate([first, second]), minlength=len(pairs))
    again_first, again_second = times[first] > 1, times[second] > 1
    used = np.where(again_first | ~again_second, first, second)
    other = np.where(again_first & again_second & (first != second), second, -1)
    kept, numbers = np.unique(np.concatenate([used, other[other >= 0]]), return_inverse=True)
    one, two = numbers[: len(used)], np.full(len(used), len(kept))
    two[other >= 0] = numbers[len(used) :]
    return one, two, len(kept)


def _scores(
    sections: Sequence[Section],
    found: NDArray[np.bool_],
    right: NDArray[np.bool_],
    own: NDArray[np.bool_],
    draws: int,
    seed: int,
) -> tuple[SectionScore, tuple[SectionScore, ...]]:
    """Return the score of everything, and those of the sections."""
    sums = resampled_sums(sections, found, right.T.astype(np.float64), draws, seed)
    parts = []
    for number, (start, section) in enumerate(_starts(sections)):
        mine = slice(start, start + len(section.questions))
        clusters = independent_parts([section], found[mine])
        parts.append(
            _score(section.name, found[mine], right[:, mine], own[mine], ratios(sums[:, number]), clusters)
        )
    clusters = independent_parts(sections, found)
    return _score("all", found, right, own, ratios(sums.sum(axis=1)), clusters), tuple(parts)


def _score(
    name: str,
    found: NDArray[np.bool_],
    right: NDArray[np.bool_],
    own: NDArray[np.bool_],
    drawn: Doubles,
    clusters: int,
) -> SectionScore:
    """Return the accuracies of some questions; ``drawn``: (draws, 4) accuracies of the draws."""
    covered, total = int(found.sum()), len(found)
    accuracy: dict[str, Estimate] = {}
    for number, measure in enumerate(MEASURES):
        if covered < ENOUGH_ITEMS:
            accuracy[measure] = not_enough(
                f"{covered} of {total} questions covered, at least {ENOUGH_ITEMS} are needed"
            )
            continue
        value = int(right[number].sum()) / covered
        if value in (0.0, 1.0):
            accuracy[measure] = Estimate(value, *wilson(value, clusters))
        elif clusters < ENOUGH_ITEMS:
            accuracy[measure] = Estimate(value, reason="not enough data for an interval")
        else:
            accuracy[measure] = with_interval(value, drawn[:, number])
    usual = int(right[MEASURES.index(USUAL)].sum())
    return SectionScore(
        name,
        accuracy,
        usual / total if total else None,
        float(own[found].mean()) if covered else None,
        covered,
        total,
    )


def _starts(sections: Sequence[Section]) -> Iterable[tuple[int, Section]]:
    """Yield (number of the first question, section)."""
    start = 0
    for section in sections:
        yield start, section
        start += len(section.questions)


def _words(questions: Iterable[Question]) -> Iterable[str]:
    for question in questions:
        yield from (question.a, *question.b, question.c, *question.answers)


def _first_known(lexicon: Lexicon, alternatives: Sequence[tuple[str, ...]]) -> Places:
    """Return the place of the first known word of each, -1 if none is."""
    places = {words: next((p for p in map(lexicon.find, words) if p >= 0), -1) for words in set(alternatives)}
    return np.fromiter((places[words] for words in alternatives), np.intp, len(alternatives))


def _canonical(lexicon: Lexicon, answers: Answers) -> Places:
    """Return (4, Q) answers by ``MEASURES``, each as the first place of the same word in any case."""
    chosen = np.stack([answers.usual[0], answers.raw[0], answers.usual[1], answers.raw[1]])
    known = chosen >= 0
    chosen[known] = lexicon.canon[chosen[known]]
    return chosen


def _is_one_of(answers: Places, accepted: Sequence[tuple[int, ...]]) -> NDArray[np.bool_]:
    """Tell for each answer whether it is one of the accepted places; -1 is none."""
    pairs = zip(answers.tolist(), accepted, strict=True)
    return np.fromiter((answer >= 0 and answer in places for answer, places in pairs), bool, len(answers))

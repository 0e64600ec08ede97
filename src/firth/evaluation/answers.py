"""The nearest word to "b - a + c" for very many questions at once: exact, 3CosAdd and 3CosMul together.

Both rules (Levy and Goldberg 2014, https://aclanthology.org/W14-1618/) need no more of a candidate x than
its cosines with the three words of the question::

    3CosAdd   argmax over x of  cos(x, b) - cos(x, a) + cos(x, c)
    3CosMul   argmax over x of  cos'(x, b) cos'(x, c) / (cos'(x, a) + 0.001),   cos' = (cos + 1) / 2

So the cosines of the few *different* words of all questions with a block of candidates are one matrix
product, and each question takes its rows from it. Questions with the same a and b share the first part.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firth.evaluation.lookup import Lexicon, Places

Floats = NDArray[np.float32]

RULES = ("3CosAdd", "3CosMul")
EPSILON = np.float32(0.001)
CANDIDATES_AT_ONCE = 8192
COSINES_AT_ONCE = 1 << 23  # 32 MB of float32: one block of candidates with all different words
QUESTIONS_AT_ONCE = 64
THREADS = 2


@dataclass(frozen=True)
class Answers:
    """The nearest words of Q questions by both rules: (2, Q) places, -1 where no word is left."""

    usual: Places
    """The words of the question and their variants in another case left out."""
    raw: Places
    """The words of the question allowed."""


@dataclass(frozen=True)
class _Work:
    """Q questions sorted by (a, b), their different words, and what may not be answered."""

    words: Places  # (U,) places
    a: Places  # (Q,) numbers of the words
    b: Places
    c: Places
    groups: list[tuple[int, int]]  # ranges of questions with the same a and b
    own: Places  # (E,) question of each entry, ascending: the places that are its own words
    own_place: Places  # (E,)


def nearest_answers(lexicon: Lexicon, a: Places, b: Places, c: Places) -> Answers:
    """Return the nearest words to b - a + c, by both rules.

    Args:
        lexicon: the candidates.
        a: (Q,) place of each question's a, likewise b and c. Equal scores go to the more frequent word.
        b: (Q,) places.
        c: (Q,) places.
    """
    order = np.lexsort((c, b, a))
    work = _prepare(lexicon, a[order], b[order], c[order])
    vectors = lexicon.units(work.words).astype(np.float32)
    step = max(64, min(CANDIDATES_AT_ONCE, COSINES_AT_ONCE // max(1, len(work.words))))
    best = np.full((2, len(order)), -np.inf, np.float32)
    place = np.full((2, len(order)), -1, np.intp)
    own = np.full((2, len(work.own)), -np.inf, np.float32)

    def one_block(start: int) -> tuple[Floats, Places]:
        cosines = vectors @ lexicon.unit_block(start, min(start + step, len(lexicon))).T
        return _best_of_block(work, cosines, start, own)

    with ThreadPoolExecutor(THREADS) as threads:
        for scores, places in threads.map(one_block, range(0, len(lexicon), step)):
            better = scores > best
            best[better], place[better] = scores[better], places[better]
    raw = np.stack([_with_own(work, best[rule], place[rule], own[rule]) for rule in (0, 1)])
    back = np.argsort(order)
    return Answers(place[:, back], raw[:, back])


def _prepare(lexicon: Lexicon, a: Places, b: Places, c: Places) -> _Work:
    """Number the different words, and list what each question may not be answered with."""
    words, numbers = np.unique(np.stack([a, b, c]), return_inverse=True)
    numbers = numbers.reshape(3, -1)
    new = np.flatnonzero((np.diff(a) != 0) | (np.diff(b) != 0)) + 1
    ends = [0, *new.tolist(), len(a)]
    groups = [
        (low, min(low + QUESTIONS_AT_ONCE, end))
        for start, end in pairwise(ends)
        for low in range(start, end, QUESTIONS_AT_ONCE)
    ]
    own, own_place = _own_places(lexicon, np.stack([a, b, c], axis=1))
    return _Work(words, numbers[0], numbers[1], numbers[2], groups, own, own_place)


def _own_places(lexicon: Lexicon, asked: Places) -> tuple[Places, Places]:
    """Return (question, place) for all words of each of (Q, 3) questions, in any case; ascending."""
    number, place = lexicon.in_any_case(asked.ravel())
    entries = np.unique(number // asked.shape[1] * len(lexicon) + place)
    return entries // max(1, len(lexicon)), entries % max(1, len(lexicon))


def _best_of_block(work: _Work, cosines: Floats, start: int, own: Floats) -> tuple[Floats, Places]:
    """Return (2, Q) best scores and places within a block of candidates, (U, block) ``cosines``.

    The scores of the questions' own words go to ``own``, (2, E), each entry of which one block writes.
    """
    width = cosines.shape[1]
    entries = np.flatnonzero((work.own_place >= start) & (work.own_place < start + width))
    entry_of, column = work.own[entries], work.own_place[entries] - start
    bounds = np.searchsorted(entry_of, np.array(work.groups).T)
    best = np.empty((2, len(work.a)), np.float32)
    place = np.empty((2, len(work.a)), np.intp)
    buffer = np.empty((QUESTIONS_AT_ONCE, width), np.float32)
    for rule, pool in enumerate((cosines, _shifted(cosines))):
        first_part = _added(pool, work) if rule == 0 else _multiplied(pool, work)
        for (low, high), part, first, last in zip(work.groups, first_part, *bounds, strict=True):
            scores = buffer[: high - low]
            np.take(pool, work.c[low:high], axis=0, out=scores, mode="clip")
            if rule == 0:
                scores += part
            else:
                scores *= part
            mine = entry_of[first:last] - low, column[first:last]
            own[rule, entries[first:last]] = scores[mine]
            scores[mine] = -np.inf
            where = scores.argmax(axis=1)
            place[rule, low:high] = start + where
            best[rule, low:high] = scores[np.arange(high - low), where]
    return best, place


def _shifted(cosines: Floats) -> Floats:
    """Return cosines moved to 0 to 1, as a product needs them."""
    shifted: Floats = np.maximum((cosines + np.float32(1)) * np.float32(0.5), np.float32(0))
    return shifted


def _added(cosines: Floats, work: _Work) -> Iterator[Floats]:
    """Yield for each group cos(x, b) - cos(x, a)."""
    for low, _ in work.groups:
        yield cosines[work.b[low]] - cosines[work.a[low]]


def _multiplied(shifted: Floats, work: _Work) -> Iterator[Floats]:
    """Yield for each group cos'(x, b) / (cos'(x, a) + 0.001)."""
    for low, _ in work.groups:
        yield shifted[work.b[low]] / (shifted[work.a[low]] + EPSILON)


def _with_own(work: _Work, best: Floats, place: Places, own: Floats) -> Places:
    """Return the answers when the questions' own words are allowed: (Q,) places."""
    question = np.concatenate([work.own, np.arange(len(place))])
    score, where = np.concatenate([own, best]), np.concatenate([work.own_place, place])
    order = np.lexsort((where, -score, question))
    first = np.searchsorted(question[order], np.arange(len(place)))
    answers: Places = where[order][first]
    return answers

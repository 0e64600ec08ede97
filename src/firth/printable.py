"""Words and paths made safe to show: what a terminal would obey is spelled out instead."""

from __future__ import annotations

import unicodedata

# Marks that Persian, Hindi and emoji words need; they change no one's terminal.
_JOINERS = {"\u200c", "\u200d"}


def printable(text: str) -> str:
    r"""Return ``text`` with every control, format and surrogate character written as an escape.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def quoted(text: str) -> str:
    """Return ``text`` printable and in single quotes, so that an empty or blank word can be seen."""
    return f"'{printable(text)}'"


def one_line(message: str) -> str:
    """Return a message as one printable line."""
    return printable(" ".join(message.splitlines()))


def _escaped(character: str) -> str:
    """Return one character, or its Python escape if a terminal could act on it."""
    category = unicodedata.category(character)
    if character in _JOINERS or (category[0] not in "C" and category not in ("Zl", "Zp")):
        return character
    if category in ("Cn", "Co"):  # newer than this Python's tables, or private: harmless, and maybe a word
        return character
    return character.encode("unicode_escape").decode("ascii")

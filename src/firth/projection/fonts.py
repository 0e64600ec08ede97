"""Which fonts of this machine have the letters of some words (matplotlib's own has no Chinese, say)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from firth.extras import optional

OWN = "DejaVu Sans"
"""The font that matplotlib brings."""
_PLACEHOLDERS = "Last Resort"
"""A font that has all letters, each as a box."""


def families(words: Iterable[str], extra: str) -> tuple[list[str], set[str]]:
    """Choose fonts: matplotlib's own, then others of this machine until all letters are there.

    Returns:
        (names of the families, in the order in which they are to be tried; letters that no font has)
    """
    manager = optional("matplotlib.font_manager", "a picture of a map", extra)
    missing = set().union(*map(set, words)) - _letters(manager, manager.findfont(OWN))
    chosen = [OWN]
    for font in sorted(manager.fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        if not missing:
            break
        plain = font.style == "normal" and font.weight == 400 and font.stretch == "normal"
        if plain and not font.name.startswith(_PLACEHOLDERS):
            found = missing & _letters(manager, font.fname)
            if found:
                chosen.append(font.name)
                missing -= found
    return chosen, missing


def _letters(manager: Any, file: str) -> set[str]:
    """Return what a font has glyphs for."""
    try:
        return {chr(code) for code in manager.get_font(file).get_charmap()}
    except (OSError, RuntimeError):  # a font of coloured pictures, or a broken one
        return set()

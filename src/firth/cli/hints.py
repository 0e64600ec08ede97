"""Other programs' names for firth's options, for whoever types them out of habit."""

from __future__ import annotations

import re

from firth.training.config import FOREIGN_NAMES

_SINGLE_DASH = re.compile(r"-[A-Za-z]\w+")


def foreign_option_hint(token: str, arguments: list[str] | None = None) -> str | None:
    """Return what firth calls the option ``token``, or None if no other program's name is known.

    Args:
        token: the option that was refused; of ``-size`` the parser only sees ``-s``.
        arguments: the whole command line, in which such an option is looked up.
    """
    for typed in [token, *(one for one in arguments or [] if _SINGLE_DASH.match(one) and one[:2] == token)]:
        name = typed.lstrip("-").partition("=")[0].replace("-", "_")
        ours = FOREIGN_NAMES.get(name)
        if ours:
            return f"firth calls it --{ours.replace('_', '-')}"
        if name in FOREIGN_NAMES:
            return "firth trains skip-gram with negative sampling only: leave it out"
        if name in FOREIGN_NAMES.values() and typed.startswith("-") and not typed.startswith("--"):
            return f"with two dashes: --{name.replace('_', '-')}"
        if name in FOREIGN_NAMES.values() and "_" in typed:
            return f"firth writes it --{name.replace('_', '-')}"
    return None

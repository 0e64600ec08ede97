"""Optional packages: asked for when they are needed, with a clear word where one is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from firth.errors import MissingExtraError


def optional(module: str, purpose: str, extra: str, package: str | None = None) -> Any:
    """Return an optional module.

    Args:
        module: its name, as for ``import``.
        purpose: what needs it, for the message: "an approximate index".
        extra: the extra of firth that brings it.
        package: the name that pip knows, where it is not the module's first part.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        name = package or module.partition(".")[0]
        raise MissingExtraError(
            f'{purpose} needs the package {name}: pip install {name} (the extra "firth[{extra}]")'
        ) from None

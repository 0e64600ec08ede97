"""Compiled kernels kept on disk, and thrown away when *any* source of theirs has changed.

Numba's own cache looks only at the file of the cached function: with an instruction of ``simd.py`` edited
and ``kernels.py`` as before, it would go on running the old machine code. The locators here answer with a
digest of every source of this folder, and of the checked build's switch, instead.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import CacheImpl, InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

from firth.training.simd import CHECKED

HERE = Path(__file__).parent


@functools.cache
def sources_digest() -> str:
    """Return a digest of every source file that a kernel is made from."""
    digest = hashlib.blake2b(f"checked={CHECKED}".encode(), digest_size=16)
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


class _AllSources:
    """Mixed into Numba's locators: only for functions of this folder, stamped with all of its sources."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """Return a locator for a function of this folder; None for any other, or if it cannot write."""
        if Path(py_file).parent != HERE:
            return None
        return super().from_function(py_func, py_file)  # type: ignore[misc]

    def get_source_stamp(self) -> str:
        """Return what a cached kernel must have been made from to be used again."""
        return sources_digest()


class _Provided(_AllSources, UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder in ``NUMBA_CACHE_DIR``."""


class _InTree(_AllSources, InTreeCacheLocator):  # type: ignore[misc]
    """``__pycache__`` beside the source."""


class _UserWide(_AllSources, UserWideCacheLocator):  # type: ignore[misc]
    """The user's cache folder."""


_LOCATORS = [_Provided, _InTree, _UserWide]
CacheImpl._locator_classes = _LOCATORS + [c for c in CacheImpl._locator_classes if c not in _LOCATORS]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile an entry point of the kernels: without the GIL, without reference counting, kept on disk.

    ``_nrt=False``: Numba would count references to every array of a NamedTuple at every call, with atomic
    operations that the threads share; a kernel only borrows its arrays. Where no cache folder can be
    written the kernel is compiled anew in each process.
    """
    source = function.__code__.co_filename
    cache = any(locator.from_function(function, source) is not None for locator in _LOCATORS)
    return njit(nogil=True, _nrt=False, cache=cache)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel into its callers; a call would pass some hundred words of array headers."""
    return njit(nogil=True, _nrt=False, forceinline=True)(function)


def spliced(function: Callable[..., Any]) -> Any:
    """Paste a part of a kernel into its caller before anything is compiled: right for long parts.

    What is ``inlined`` is optimised by itself, and again within every caller around it: a third of the time
    that compiling takes. (Short parts with many callers would take longer this way.)
    """
    return njit(nogil=True, _nrt=False, inline="always")(function)

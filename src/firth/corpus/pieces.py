"""What passes from the sources to the tokenizers: a piece of the corpus, a few megabytes at a time.

A piece is cheap to make (the reading thread makes it) and dear to load (a worker thread loads it), so
that checking UTF-8, parsing JSON and splitting run in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from firth.errors import CorpusError

PIECE_BYTES = 4 << 20
"""How much text a piece holds, about. It bounds the memory (LOG.md), and never changes the result."""

MAX_ID = 2**31 - 1


@dataclass(frozen=True)
class Texts:
    """Texts yet to be split: every line of every text is a sentence."""

    array: Any  # pyarrow.LargeStringArray without nulls


@dataclass(frozen=True)
class TokenLists:
    """Sentences that are split already: all tokens in a row, and how many belong to each sentence."""

    tokens: Any  # pyarrow.LargeStringArray without nulls
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class IdLists:
    """Sentences of ids: all ids in a row, and how many belong to each sentence."""

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]


Content = Texts | TokenLists | IdLists


@dataclass(frozen=True)
class Piece:
    """A part of the corpus, to be loaded by any thread but merged in order."""

    load: Callable[[], Content]
    bytes_read: int
    """How many bytes of the source were read when this piece was made."""
    continues: bool = False
    """Whether the first sentence goes on with the last one of the piece before."""


def checked_ids(values: NDArray[Any], where: str, first: int = 0) -> NDArray[np.int32]:
    """Return ``values`` as int32 ids, or say which one cannot be an id.

    ``first`` is the position of ``values[0]`` in ``where``, for the message.

    Raises:
        CorpusError: the dtype is not an integer's, or an id is negative or above 2**31 - 1.
    """
    if values.dtype.kind not in "iu":
        raise CorpusError(
            f"{where}: ids must be whole numbers, not {values.dtype}; convert them with .astype('int32')"
        )
    if len(values):
        for bad, rule in ((values < 0, "negative"), (values > MAX_ID, "above 2**31 - 1")):
            if bad.any():
                at = int(bad.argmax())
                raise CorpusError(
                    f"{where}: the id {int(values[at])} at position {first + at} is {rule}; "
                    "number the items 0, 1, 2, … or pass them as strings"
                )
    return values.astype(np.int32, copy=False)


def without_surrogates(text: str) -> str:
    """Return ``text`` with every lone surrogate, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def string_array(strings: Sequence[str], *, replace: bool) -> Any:
    """Return ``strings`` as a ``pyarrow.LargeStringArray``; lone surrogates become U+FFFD if asked.

    Raises:
        UnicodeEncodeError: a string holds a lone surrogate and ``replace`` is False.
    """
    try:
        return pa.array(strings, pa.large_string())
    except UnicodeEncodeError:
        if not replace:
            raise
        return pa.array([without_surrogates(string) for string in strings], pa.large_string())

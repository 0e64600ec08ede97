"""Sentences from Python: any iterable of strings, of token lists or of id lists, and arrays of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.pieces import (
    MAX_ID,
    Content,
    IdLists,
    Piece,
    Texts,
    TokenLists,
    checked_ids,
    string_array,
)
from firth.errors import CorpusError

_WANTED = "a sentence is a string, a list of string tokens, or a list or array of integer ids"
_UTF8 = "it holds half of a surrogate pair, which is no character; pass encoding_errors='replace'"


def item_pieces(corpus: Iterable[Any], piece_bytes: int, *, replace: bool) -> Iterator[Piece]:
    """Yield the sentences of an iterable, which is read once and only once.

    Messages count sentences and tokens from 0, as Python does.

    Raises:
        CorpusError: an item is not a sentence, or the items are of several kinds.
    """
    kind: str | None = None
    batch = _Batch(0, "")
    bytes_read = 0
    for number, item in enumerate(corpus):
        item, this = _sentence(item, number)
        if this is None:
            continue
        if kind is not None and this != kind:
            raise CorpusError(
                f"sentence {number} holds {this}, but those before it hold {kind}; keep to one kind"
            )
        if kind is None:
            kind = this
            batch = _Batch(number, this)
        batch.add(item, number)
        if batch.size >= piece_bytes:
            bytes_read += batch.size
            yield Piece(batch.loader(replace), bytes_read)
            batch = _Batch(number + 1, this)
    if kind is not None and batch.items:
        yield Piece(batch.loader(replace), bytes_read + batch.size)


class _Batch:
    """Sentences of one kind, gathered until they make a piece."""

    def __init__(self, first: int, kind: str) -> None:
        self.first, self.kind = first, kind
        self.items: list[Any] = []
        self.numbers: list[int] = []
        self.size = (
            0  # bytes of text, about; four for each id; six for a token and what parts it from the next
        )

    def add(self, item: Any, number: int) -> None:
        self.items.append(item)
        self.numbers.append(number)
        self.size += {"a text": 1, "tokens": 6, "ids": 4}[self.kind] * len(item) + 1

    def loader(self, replace: bool) -> Callable[[], Content]:
        loaders: dict[str, Callable[[Any, list[int], bool], Content]] = {
            "a text": _load_texts,
            "tokens": _load_tokens,
            "ids": _load_ids,
        }
        return partial(loaders[self.kind], self.items, self.numbers, replace)


def _sentence(item: Any, number: int) -> tuple[Any, str | None]:
    """Return the sentence as something with a length, and its kind; None for an empty sentence."""
    if isinstance(item, str):
        return item, "a text"
    if isinstance(item, np.ndarray) and item.ndim == 1:
        if item.dtype.kind in "OUT":
            item = item.tolist()
        else:
            return item, "ids" if len(item) else None
    if isinstance(item, (bytes, bytearray, Mapping, set, frozenset)) or not isinstance(item, Iterable):
        remedy = "; decode the bytes first" if isinstance(item, (bytes, bytearray)) else ""
        if isinstance(item, Mapping):
            remedy = "; take one field of it, for example (row['text'] for row in rows)"
        raise CorpusError(
            f"sentence {number} is {_short(item)}, of type {type(item).__name__}: {_WANTED}{remedy}"
        )
    if not isinstance(item, (list, tuple)):
        if getattr(item, "ndim", 1) != 1:
            raise CorpusError(f"sentence {number} is {_short(item)}, not one-dimensional: {_WANTED}")
        item = list(item)
    if not item:
        return item, None
    return item, "tokens" if isinstance(item[0], str) else "ids" if _is_number(item[0]) else _odd(
        item[0], number
    )


def _is_number(value: Any) -> bool:
    return hasattr(value, "__index__") or isinstance(value, (float, np.floating))


def _odd(value: Any, number: int) -> str:
    raise CorpusError(
        f"sentence {number}, token 0 is {_short(value)}, of type {type(value).__name__}: {_WANTED}; "
        "convert the tokens with str(…) or leave it out"
    )


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _load_texts(texts: list[str], numbers: list[int], replace: bool) -> Content:
    try:
        return Texts(string_array(texts, replace=replace))
    except UnicodeEncodeError as error:
        number = next(n for n, text in zip(numbers, texts, strict=True) if not _encodable(text))
        raise CorpusError(f"sentence {number} cannot be written as UTF-8: {_UTF8}") from error


def _load_tokens(sentences: list[list[str]], numbers: list[int], replace: bool) -> Content:
    tokens = list(chain.from_iterable(sentences))
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    if not all(issubclass(kind, str) for kind in set(map(type, tokens))):
        at, sentence, position = _place(tokens, sentences, lambda token: isinstance(token, str))
        raise CorpusError(
            f"sentence {numbers[sentence]}, token {position} is {_short(tokens[at])}, "
            f"of type {type(tokens[at]).__name__}: a token must be a string; "
            "convert it with str(…) or leave it out"
        )
    try:
        return TokenLists(string_array(tokens, replace=replace), lengths)
    except UnicodeEncodeError as error:
        at, sentence, position = _place(tokens, sentences, _encodable)
        raise CorpusError(
            f"sentence {numbers[sentence]}, token {position}, {tokens[at]!r}, cannot be written as UTF-8: "
            + _UTF8
        ) from error


def _place(
    tokens: list[Any], sentences: list[list[Any]], good: Callable[[Any], bool]
) -> tuple[int, int, int]:
    """Return where the first token that is not good stands: in all, its sentence, its position there."""
    at = next(index for index, token in enumerate(tokens) if not good(token))
    ends = np.cumsum([len(sentence) for sentence in sentences])
    sentence = int(np.searchsorted(ends, at, side="right"))
    return at, sentence, at - int(ends[sentence]) + len(sentences[sentence])


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _load_ids(sentences: list[Any], numbers: list[int], _replace: bool) -> Content:
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    if all(type(sentence) is list for sentence in sentences):
        values = list(chain.from_iterable(sentences))
        if set(map(type, values)) == {int}:
            try:
                ids = np.array(values, np.int64)
            except OverflowError:  # the plain way below finds the id
                ids = np.array([-1])
            if ids.min() >= 0 and ids.max() <= MAX_ID:
                return IdLists(ids.astype(np.int32), lengths)
    arrays = [
        checked_ids(_number_array(sentence, number), f"sentence {number}")
        for sentence, number in zip(sentences, numbers, strict=True)
    ]
    return IdLists(np.concatenate(arrays), lengths)


def _number_array(sentence: Any, number: int) -> NDArray[Any]:
    if isinstance(sentence, np.ndarray):
        return sentence
    for position, value in enumerate(sentence):
        if not hasattr(value, "__index__") or isinstance(value, bool):
            raise CorpusError(
                f"sentence {number}, id {position} is {_short(value)}, of type {type(value).__name__}: "
                "ids must be whole numbers; keep to one kind of token in the whole corpus"
            )
        if not -(2**63) <= value.__index__() < 2**63:
            raise CorpusError(
                f"sentence {number}: the id {value} at position {position} is above 2**31 - 1; "
                "number the items 0, 1, 2, … or pass them as strings"
            )
    return np.asarray([value.__index__() for value in sentence], np.int64)


def id_array_pieces(
    ids: NDArray[Any], sentence_starts: Any, piece_bytes: int
) -> tuple[NDArray[Any], Callable[[], Iterator[Piece]]]:
    """Return a 1-D array of ids, checked, and a function that yields it in pieces.

    ``sentence_starts`` holds the position of each sentence's first id, rising from 0; a last entry equal to
    ``len(ids)`` may close it. None: all ids are one sentence.

    Raises:
        CorpusError: the array is not 1-D or not of integers, or the starts do not fit it.
    """
    if ids.ndim != 1:
        raise CorpusError(f"an array of ids must have one dimension, not the shape {ids.shape}; use .ravel()")
    if ids.dtype.kind not in "iu":
        checked_ids(ids, "the array of ids")
    ends = _sentence_ends(sentence_starts, len(ids))
    return ids, partial(_slices, ids, ends, max(1, piece_bytes // 4))


def _sentence_ends(sentence_starts: Any, total: int) -> NDArray[np.int64]:
    """Return the position after each sentence's last id; see :func:`id_array_pieces`."""
    if sentence_starts is None:
        return np.array([total], np.int64)
    starts = np.asarray(sentence_starts)
    if starts.ndim != 1 or not len(starts) or starts.dtype.kind not in "iu":
        raise CorpusError(
            "sentence_starts must be a 1-D array of whole numbers that begins with 0, "
            f"not {_short(sentence_starts)}"
        )
    starts = starts.astype(np.int64)
    falls = np.flatnonzero(starts[1:] < starts[:-1])
    if len(falls):
        at = int(falls[0]) + 1
        raise CorpusError(
            f"sentence_starts must rise: entry {at} is {starts[at]}, after {starts[at - 1]}; sort the starts"
        )
    if starts[0] != 0 or starts[-1] > total:
        raise CorpusError(
            f"sentence_starts must begin with 0 and stay within the {total} ids, "
            f"but goes from {starts[0]} to {starts[-1]}; check that it belongs to these ids"
        )
    return np.append(starts[1:], total)


def _slices(ids: NDArray[Any], ends: NDArray[np.int64], step: int) -> Iterator[Piece]:
    for begin in range(0, len(ids), step):
        end = min(begin + step, len(ids))
        # The sentences that end within this slice, and what is left over for the next one.
        inner = ends[np.searchsorted(ends, begin, side="right") : np.searchsorted(ends, end, side="left")]
        bounds = np.concatenate(([begin], inner, [end]))
        continues = begin > 0 and not _holds(ends, begin)
        yield Piece(partial(_load_slice, ids, begin, end, np.diff(bounds)), end * ids.itemsize, continues)


def _holds(sorted_values: NDArray[np.int64], value: int) -> bool:
    at = int(np.searchsorted(sorted_values, value))
    return at < len(sorted_values) and int(sorted_values[at]) == value


def _load_slice(ids: NDArray[Any], begin: int, end: int, lengths: NDArray[np.int64]) -> Content:
    return IdLists(checked_ids(np.asarray(ids[begin:end]), "the array of ids", begin), lengths)

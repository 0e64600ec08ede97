"""The words of documents as rows of a model: texts split as its corpus was split, or lists of words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firth.checks import is_row_number
from firth.corpus.pieces import Texts
from firth.corpus.tokenize import Tokenizer, make_tokenizer, tokenize
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.handover.text_tokenizer import text_options

UNKNOWN = -1


@dataclass(frozen=True)
class FoundWords:
    """The words of n documents."""

    rows: NDArray[np.int64]
    """One for each word of all documents; ``UNKNOWN`` where the model has none; from V on, of ``made``."""
    lengths: NDArray[np.int64]
    """(n,) how many of them belong to each document."""
    made: NDArray[np.float32]
    """(m, D) vectors of unknown words, made of subwords."""


class DocumentWords:
    """Finds the words of documents in a model."""

    def __init__(
        self,
        model: Embeddings,
        tokenizer: str | os.PathLike[str] | Callable[[str], Iterable[str]] | None = None,
        lowercase: bool | None = None,
    ) -> None:
        """Choose how texts are split: as the model's corpus was, where the options do not say otherwise.

        Raises:
            ConfigError: they do not go together, or the ``tokenizer.json`` is not the model's.
        """
        self._model = model
        if callable(tokenizer):
            if lowercase is not None:
                raise ConfigError("lowercase cannot go with a function as tokenizer: lower the words in it")
            self._splitter: Callable[[str], Iterable[str]] | Tokenizer = tokenizer
            return
        self._options = text_options(model.config, tokenizer, lowercase, model.index_to_key)
        self._splitter = make_tokenizer(self._options)
        if self._options.uses_ids and self._splitter.keys() != model.index_to_key:
            raise ConfigError(
                f"{self._options.tokenizer}: its tokens are not the words of the model: "
                "name the tokenizer.json that the model was trained with"
            )

    def find(self, documents: list[Any], first: int = 0) -> FoundWords:
        """Return the words of documents; ``first`` is the number of the first one, for messages.

        Raises:
            ConfigError: a document is neither a text nor a list of words or rows, or there are both kinds.
        """
        texts = sum(isinstance(document, str) for document in documents)
        if not texts:
            return self._in_lists(documents, first)
        if texts < len(documents):
            raise ConfigError("some documents are texts and some are not: give all in one form")
        if callable(self._splitter):
            return self._in_lists([list(self._splitter(text)) for text in documents], first)
        return self._in_texts(documents, first, self._splitter)

    def _in_texts(self, texts: list[str], first: int, tokenizer: Tokenizer) -> FoundWords:
        """Split texts as corpora are split; each of their lines is a sentence."""
        try:
            array = pa.array([str(text) for text in texts], pa.large_string())
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"a document of {first} to {first + len(texts) - 1} has no UTF-8 form: "
                f"{error.object[error.start : error.end]!r}"
            ) from None
        block = tokenize(Texts(array), tokenizer, self._options)
        lines = pc.count_substring(array, "\n").to_numpy() + 1
        lengths = np.add.reduceat(block.lengths, np.cumsum(lines) - lines)
        words = range(len(self._model)) if block.words is None else block.words
        return self._found(words, block.ids, lengths)

    def _in_lists(self, documents: list[Any], first: int) -> FoundWords:
        """Take lists of words or row numbers as they are."""
        words: list[str | int] = []
        lengths = np.zeros(len(documents), np.int64)
        for number, document in enumerate(documents):
            before = len(words)
            try:
                words += [_word(item) for item in _list(document)]
            except TypeError as error:
                raise ConfigError(
                    f"document {first + number} is no text and no list of words ({error})"
                ) from None
            lengths[number] = len(words) - before
        return self._found(words, np.arange(len(words)), lengths)

    def _found(
        self, words: Sequence[str | int], ids: NDArray[np.integer[Any]], lengths: NDArray[np.int64]
    ) -> FoundWords:
        """Return the rows of words that are numbers into a list of them."""
        model = self._model
        rows = np.array([self._row(word) for word in words], np.int64)
        if model.trained is not None:
            rows[~model.trained[rows]] = UNKNOWN  # which row -1 is already
        made: list[NDArray[np.float32]] = []
        for place in np.flatnonzero(rows == UNKNOWN).tolist():
            vector = self._made_of_parts(words[place])
            if vector is not None:
                rows[place] = len(model) + len(made)
                made.append(vector)
        return FoundWords(rows[ids], lengths, np.array(made, np.float32).reshape(-1, model.vector_size))

    def _row(self, word: str | int) -> int:
        """Return the row of a word, or of a number that is one."""
        if isinstance(word, str):
            return self._model.key_to_index.get(word, UNKNOWN)
        return word if 0 <= word < len(self._model) else UNKNOWN

    def _made_of_parts(self, word: str | int) -> NDArray[np.float32] | None:
        """Return the vector that the model's subwords give to an unknown word."""
        if self._model.subwords is None or not isinstance(word, str):
            return None
        return self._model.subwords.vector(word)


def _list(document: Any) -> Any:
    """Refuse bytes, which would pass for a list of row numbers."""
    if isinstance(document, (bytes, bytearray, memoryview)):
        raise TypeError("bytes: decode them")
    return document


def _word(item: Any) -> str | int:
    """Check one item of a list."""
    if isinstance(item, str):
        return item
    if isinstance(item, (bool, np.bool_)) or not is_row_number(item):
        raise TypeError(f"{item!r} is neither a word nor a row number")
    return item.__index__()

"""Text to tokens: split at whitespace, into words, or with a Hugging Face ``tokenizer.json``.

A tokenizer gets a piece of the corpus and returns it as numbers into the piece's own short list of words;
the global numbering is not its business, so that pieces can be tokenised by many threads.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firth.corpus.pieces import Content, IdLists, Texts, TokenLists
from firth.errors import ConfigError
from firth.extras import optional

WHITESPACE = "whitespace"
WORDS = "words"
SEGMENT_BYTES = 1 << 17
"""A ``tokenizer.json`` gets lines longer than this in parts, cut at the first blank after so many bytes."""
_BATCH_BYTES = 1 << 19  # text per call of a tokenizer.json: what it returns is much larger than the text

# Python's str.isspace and Arrow's kernels agree on these. The ASCII kernel does not know 0x1C to 0x1F.
_ASCII_SPACES = (b" ", b"\t", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_UNICODE_SPACES = tuple(chr(code).encode() for code in range(0x80, 0x3001) if chr(code).isspace())
_BLANK_AFTER_TEXT = re.compile(rb"[^ \t\r](?=[ \t\r])")
_GUARD = pa.array(["."], pa.large_string())
_NOT_A_WORD = r"[^\p{L}\p{M}\p{N}\n]+"
_ASCII_WORDS = bytes(byte if chr(byte).isalnum() or byte == 10 else 32 for byte in range(128)) + bytes(128)


@dataclass(frozen=True)
class TextOptions:
    """How text becomes tokens.

    Attributes:
        tokenizer: ``"whitespace"``, ``"words"`` (runs of letters, marks and digits of any script) or the
            path of a Hugging Face ``tokenizer.json``, which makes the corpus one of token ids.
        lowercase: turn every token into lower case.
        column: the column of Parquet files, JSON Lines files or a data set that holds the text.
        encoding_errors: ``"strict"`` stops at bytes that are not UTF-8, ``"replace"`` puts U+FFFD for them.

    Raises:
        ConfigError: an option is of the wrong type or unknown.
    """

    tokenizer: str | os.PathLike[str] = WHITESPACE
    lowercase: bool = False
    column: str | None = None
    encoding_errors: str = "strict"

    def __post_init__(self) -> None:
        """Check every option; a path becomes a ``str``."""
        if not isinstance(self.tokenizer, (str, os.PathLike)):
            raise ConfigError(f"tokenizer must be {_TOKENIZERS}, not {self.tokenizer!r}")
        object.__setattr__(self, "tokenizer", str(os.fspath(self.tokenizer)))
        if not isinstance(self.lowercase, bool):
            raise ConfigError(f"lowercase must be True or False, not {self.lowercase!r}")
        if self.column is not None and not (isinstance(self.column, str) and self.column):
            raise ConfigError(f"column must be the name of a column, not {self.column!r}")
        if self.encoding_errors not in ("strict", "replace"):
            raise ConfigError(f"encoding_errors must be 'strict' or 'replace', not {self.encoding_errors!r}")
        if self.uses_ids and self.lowercase:
            raise ConfigError(
                "lowercase=True cannot go with a tokenizer.json, which has its own rules; leave it out"
            )

    @property
    def uses_ids(self) -> bool:
        """Whether a ``tokenizer.json`` makes the tokens."""
        return self.tokenizer not in (WHITESPACE, WORDS)


_TOKENIZERS = f"{WHITESPACE!r}, {WORDS!r} or the path of a tokenizer.json"


@dataclass(frozen=True)
class TokenBlock:
    """A tokenised piece: ``ids`` are numbers into ``words``, or token ids where ``words`` is None.

    ``lengths`` holds the number of tokens of each sentence, empty sentences included. A word may stand in
    ``words`` more than once, but none that does not occur.
    """

    words: list[str] | None
    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]


class Tokenizer(Protocol):
    """What splits texts; see :func:`make_tokenizer`."""

    def cut(self, data: bytes) -> int:
        """Return where a line that is longer than ``data`` may be cut; 0 where it may not be cut yet."""

    def split(self, texts: Any) -> TokenBlock:
        """Tokenise an Arrow array of texts; each of their lines is a sentence."""

    def keys(self) -> list[str] | None:
        """Return the names of all token ids, or None for a tokenizer of words."""

    def identity(self) -> list[str]:
        """Return what tells this tokenizer from any other that would split differently."""


def make_tokenizer(options: TextOptions) -> Tokenizer:
    """Return the tokenizer that the options ask for.

    Raises:
        ConfigError: the ``tokenizer.json`` cannot be read.
        MissingExtraError: the package ``tokenizers`` is not installed.
    """
    if options.uses_ids:
        return JsonTokenizer(Path(options.tokenizer))
    return WordTokenizer(words_only=options.tokenizer == WORDS)


def tokenize(content: Content, tokenizer: Tokenizer, options: TextOptions) -> TokenBlock:
    """Return a piece's content as a :class:`TokenBlock`.

    Raises:
        ConfigError: the options ask to split what is split already.
    """
    if isinstance(content, Texts):
        block = tokenizer.split(content.array)
    else:
        if options.tokenizer != WHITESPACE:
            raise ConfigError(
                f"tokenizer={options.tokenizer!r} needs text, but the corpus is split already; leave it out"
            )
        if isinstance(content, IdLists):
            if options.lowercase:
                raise ConfigError("lowercase=True needs words, but the corpus holds ids; leave it out")
            return TokenBlock(None, content.ids, content.lengths)
        block = _numbered(content)
    if options.lowercase and block.words is not None:
        return TokenBlock([word.lower() for word in block.words], block.ids, block.lengths)
    return block


def _numbered(content: TokenLists) -> TokenBlock:
    encoded = content.tokens.dictionary_encode()
    return TokenBlock(encoded.dictionary.to_pylist(), encoded.indices.to_numpy(), content.lengths)


class WordTokenizer:
    """Split at Unicode whitespace, or keep the runs of letters, marks and numbers only."""

    def __init__(self, *, words_only: bool = False) -> None:
        """Split at whitespace, or at all that belongs to no word."""
        self.words_only = words_only

    def cut(self, data: bytes) -> int:
        """Return the position of the last whitespace, before which a word ends."""
        return _last(data, _ASCII_SPACES) or _last(data, _UNICODE_SPACES)

    def split(self, texts: Any) -> TokenBlock:
        """Tokenise an Arrow array of texts."""
        plain = _is_plain(texts)
        if self.words_only:
            texts = _blank_ascii(texts) if plain else pc.replace_substring_regex(texts, _NOT_A_WORD, " ")
        lists = _split_ascii(texts) if plain else _split_unicode(texts)
        encoded = lists.flatten().dictionary_encode()
        words, ids = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        return _without_empty(words, ids, lists.offsets.to_numpy())

    def keys(self) -> None:
        """Return None: words name themselves."""

    def identity(self) -> list[str]:
        """Return the version of the library whose Unicode tables decide what a word is."""
        return [f"pyarrow {pa.__version__}"]


def _split_ascii(texts: Any) -> Any:
    return pc.ascii_split_whitespace(pc.split_pattern(texts, "\n").flatten())


def _split_unicode(texts: Any) -> Any:
    """Split every line at Unicode whitespace.

    Arrow 26's kernel decodes one character past a line that ends with whitespace, and splits nothing there
    if that is not UTF-8. Behind the last line lies memory that was never written: hence a line more, cut
    off again before the kernel runs.
    """
    lines = pc.split_pattern(pa.concat_arrays([texts, _GUARD]), "\n").flatten()
    return pc.utf8_split_whitespace(lines[: len(lines) - 1])


def _last(data: bytes, spaces: tuple[bytes, ...]) -> int:
    """Return where the last of these spaces begins; 0 if there is none after the first byte."""
    at = 0
    for space in spaces:
        at = max(at, data.rfind(space, max(at, 1)))
    return at


def _data_of(texts: Any) -> bytes:
    """Return the bytes of all texts in a row, from the first one's first to the last one's last."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    first, last = (int(offsets[0]), int(offsets[-1])) if len(texts) else (0, 0)
    data = texts.buffers()[2]
    return b"" if data is None else bytes(data.slice(first, last - first))


def _is_plain(texts: Any) -> bool:
    """Return whether the fast ASCII kernels give the same result as those for Unicode."""
    data = _data_of(texts)
    return data.isascii() and not any(space in data for space in _ASCII_SPACES[5:])


def _blank_ascii(texts: Any) -> Any:
    """Return ASCII texts with a blank for every byte that belongs to no word."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = _data_of(texts).translate(_ASCII_WORDS)
    moved = pa.py_buffer(offsets - offsets[0])
    return pa.Array.from_buffers(pa.large_string(), len(texts), [None, moved, pa.py_buffer(data)])


def _without_empty(words: list[str], ids: NDArray[np.int32], offsets: NDArray[np.integer[Any]]) -> TokenBlock:
    """Leave out the empty tokens that Arrow's split gives at a line's edges."""
    try:
        empty = words.index("")
    except ValueError:
        return TokenBlock(words, ids, np.diff(offsets).astype(np.int64))
    kept = ids != empty
    before = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    ids = ids[kept]
    ids -= ids > empty
    del words[empty]
    return TokenBlock(words, ids, np.diff(before[offsets]))


class JsonTokenizer:
    """A Hugging Face ``tokenizer.json``: tokens are its ids, without special tokens, never cut short."""

    def __init__(self, path: Path) -> None:
        """Read the file; see :func:`make_tokenizer` for the errors."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"tokenizer must be {_TOKENIZERS}, but {str(path)!r} cannot be read ({error.strerror})"
            ) from error
        tokenizers = optional("tokenizers", f"{path}: a tokenizer.json", "tokenizers")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises bare Exceptions
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"{path}: not a tokenizer.json that the package tokenizers reads ({reason})"
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._digest = hashlib.blake2b(content, digest_size=16).hexdigest()

    def cut(self, data: bytes) -> int:
        """Return the end of the last whole segment, so that segments never depend on the pieces."""
        ends = _segment_ends(data)
        return ends[-1] if ends else 0

    def split(self, texts: Any) -> TokenBlock:
        """Tokenise an Arrow array of texts."""
        lines = pc.split_pattern(texts, "\n").flatten().to_pylist()
        ids: list[NDArray[np.int32]] = []
        lengths = np.zeros(len(lines), np.int64)
        for batch in _batches(lines):
            encodings = self._tokenizer.encode_batch_fast(
                [segment for _, segment in batch], add_special_tokens=False
            )
            for (line, _), encoding in zip(batch, encodings, strict=True):
                ids.append(np.asarray(encoding.ids, np.int32))
                lengths[line] += len(ids[-1])
        joined = np.concatenate(ids) if ids else np.zeros(0, np.int32)
        return TokenBlock(None, joined, lengths)

    def keys(self) -> list[str]:
        """Return the token of every id from 0 to the highest; see :func:`unique_keys`."""
        size = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        return unique_keys([self._tokenizer.id_to_token(number) for number in range(size)])

    def identity(self) -> list[str]:
        """Return the library's version and the digest of the file."""
        import tokenizers

        return [f"tokenizers {tokenizers.__version__}", self._digest]


def unique_keys(tokens: list[str | None]) -> list[str]:
    """Return a unique key for every id: its token, or ``<id 17>`` where 17 has none or a token seen before.

    >>> unique_keys(["a", None, "a"])
    ['a', '<id 1>', '<id 2>']
    """
    taken = {token for token in tokens if token is not None}
    seen: set[str] = set()
    keys = []
    for number, token in enumerate(tokens):
        if token is None or token in seen:
            token = f"<id {number}>"
            while token in taken:
                token = f"<{token}>"
            taken.add(token)
        seen.add(token)
        keys.append(token)
    return keys


def _segment_ends(line: bytes) -> list[int]:
    """Return where a long line is cut: after the first text that a blank follows, past each SEGMENT_BYTES."""
    ends = [0]
    while found := _BLANK_AFTER_TEXT.search(line, ends[-1] + SEGMENT_BYTES):
        ends.append(found.end())
    return ends[1:]


def _batches(lines: list[str]) -> list[list[tuple[int, str]]]:
    """Return (line number, text) of all segments of all lines, in batches of bounded size."""
    batches: list[list[tuple[int, str]]] = [[]]
    size = 0
    for number, line in enumerate(lines):
        for segment in _segments(line.removesuffix("\r")):
            if size >= _BATCH_BYTES:
                batches.append([])
                size = 0
            batches[-1].append((number, segment))
            size += len(segment) + 1
    return batches


def _segments(line: str) -> list[str]:
    if len(line) * 4 <= SEGMENT_BYTES:
        return [line] if line else []
    data = line.encode()
    ends = [0, *_segment_ends(data), len(data)]
    return [data[begin:end].decode() for begin, end in pairwise(ends) if begin < end]

"""A ``tokenizer.json`` (Hugging Face) that splits text as firth does, and knows just the words of a model.

The library's model of whole words, WordLevel, gives unknown words a token of their own, and programs that
average vectors then average that token's too. Its BPE drops characters that it does not know. So here
each word is one symbol of a BPE without merges: a known word is found whole (``ignore_merges``); of an
unknown one nothing is found, as every symbol begins with a mark, a blank, which is no symbol itself.
Row i of a model is token id i, and no row has to be added.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firth.corpus.tokenize import WHITESPACE, WORDS, TextOptions, unique_keys
from firth.errors import ConfigError
from firth.printable import quoted

MARK = " "
_SPACES = "[\t\n\x0b\x0c\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
_IGNORED = r"\p{Case_Ignorable}"
# str.lower() turns a sigma at a word's end into another letter than the library's rule for single letters.
_FINAL_SIGMA = (
    rf"(?<=\p{{Cased}}|\p{{Cased}}{_IGNORED}|\p{{Cased}}{_IGNORED}{{2}})Σ(?!{_IGNORED}*\p{{Cased}})"
)
_PRE_TOKENIZER = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False},
        {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": False},
    ],
}
_PLAIN_BPE: dict[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": True,
    "merges": [],
}


def text_options(
    config: Mapping[str, Any],
    tokenizer: str | os.PathLike[str] | None = None,
    lowercase: bool | None = None,
    words: Sequence[str] = (),
) -> TextOptions:
    """Return how a model's corpus was split, where ``tokenizer`` and ``lowercase`` do not say otherwise.

    Of vectors out of a file of another program nobody knows. Their texts are split into ``words``, so that
    "king," finds *king*, and in lower case if no word of the model has a capital.

    Raises:
        ConfigError: the options do not go together.
    """
    corpus = config.get("corpus") or {}
    if not corpus and "source" in config:
        corpus = {"tokenizer": WORDS, "lowercase": not any(word != word.lower() for word in words)}
    chosen = corpus.get("tokenizer", WHITESPACE) if tokenizer is None else tokenizer
    kept = corpus.get("lowercase", False) and str(os.fspath(chosen)) in (WHITESPACE, WORDS)
    return TextOptions(tokenizer=chosen, lowercase=kept if lowercase is None else lowercase)


def tokenizer_json(words: Sequence[str], options: TextOptions) -> str:
    """Return the text of a ``tokenizer.json`` in which the word of row i is the token with id i.

    For a model of a ``tokenizer.json`` it is that file, which must still be there; its rules for cutting
    and filling up texts are left out, as in training.

    Raises:
        ConfigError: a word is empty, or cannot be written; or the file is missing or not this model's.
    """
    spec = _own_file(Path(options.tokenizer), words) if options.uses_ids else _of_words(words, options)
    text = json.dumps(spec, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        word = next(word for word in words if not _is_text(word))
        raise ConfigError(f"the word {quoted(word)} has no UTF-8 form; leave it out") from None
    return text


def tokens_of(spec: Any) -> list[str | None]:
    """Return the tokens of a parsed ``tokenizer.json`` by id: None where an id has none.

    Pieces of words keep the name that they have there ("##ing", "▁the"), since "ing" and "the" may be tokens
    too; whole words written by :func:`tokenizer_json` lose their mark.

    Raises:
        ConfigError: it has no vocabulary that could be read.
    """
    try:
        vocabulary = spec["model"]["vocab"]
        if isinstance(vocabulary, list):  # Unigram: [piece, score] by id
            pairs: list[tuple[Any, Any]] = [(piece, number) for number, (piece, _) in enumerate(vocabulary)]
        else:
            pairs = [*vocabulary.items()]
        pairs += [(entry["content"], entry["id"]) for entry in spec.get("added_tokens") or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        pairs = [("", "")]
    if not all(isinstance(token, str) and type(number) is int for token, number in pairs):
        raise ConfigError("it has no vocabulary of tokens and ids")
    size = max((number for _, number in pairs), default=-1) + 1
    if min((number for _, number in pairs), default=0) < 0 or size > 2 * len(pairs) + 1_000_000:
        raise ConfigError(f"its {len(pairs):,} tokens have ids up to {size - 1:,}")
    tokens: list[str | None] = [None] * size
    marked = spec.get("pre_tokenizer") == _PRE_TOKENIZER
    for token, number in pairs:
        tokens[number] = token.removeprefix(MARK) if marked else token
    return tokens


def _of_words(words: Sequence[str], options: TextOptions) -> dict[str, Any]:
    """Return a tokenizer that splits at whitespace, or keeps letters, marks and digits."""
    if "" in words:
        raise ConfigError(
            f"row {words.index('')} is the empty word, which no text can hold: leave it out, "
            "or write a format that keeps any word (firth, parquet)"
        )
    pattern = _NO_WORD if options.tokenizer == WORDS else _SPACES
    normalizers: list[dict[str, Any]] = [{"type": "Replace", "pattern": {"Regex": pattern}, "content": " "}]
    if options.lowercase:
        normalizers += [
            {"type": "Replace", "pattern": {"Regex": _FINAL_SIGMA}, "content": "ς"},
            {"type": "Lowercase"},
        ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": _PRE_TOKENIZER,
        "post_processor": None,
        "decoder": None,
        "model": _PLAIN_BPE | {"vocab": {MARK + word: row for row, word in enumerate(words)}},
    }


def _own_file(path: Path, words: Sequence[str]) -> dict[str, Any]:
    """Return the ``tokenizer.json`` that a model was trained with."""
    try:
        spec = json.loads(path.read_bytes())
        tokens = tokens_of(spec)
    except OSError as error:
        raise ConfigError(
            f"{path}: the model's tokenizer cannot be read ({error.strerror}): put it back, "
            "or name it with tokenizer=…"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ConfigError) else "it is not JSON"
        raise ConfigError(f"{path}: not a tokenizer.json: {reason}") from None
    if unique_keys(tokens) != list(words):
        raise ConfigError(
            f"{path}: its {len(tokens):,} tokens are not the {len(words):,} words of the model: "
            "name the tokenizer.json that the model was trained with"
        )
    return {**spec, "truncation": None, "padding": None}


def _is_text(word: str) -> bool:
    """Tell whether a word can be written as UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True

"""The tokenizer.json of a model splits text as firth does, and knows the model's words and no others."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firth.corpus.pieces import Texts
from firth.corpus.tokenize import TextOptions, make_tokenizer, tokenize
from firth.errors import ConfigError
from firth.handover.text_tokenizer import text_options, tokenizer_json, tokens_of

tokenizers = pytest.importorskip("tokenizers")

WORDS = [
    "the",
    "cat",
    "sat",
    "köln",
    "ΣΑΣ",
    "σας",
    "東京",
    "a",
    "cat,",
    "it's",
    "b c",
    " x",
    "\u2028",
    "▁",
    "Ġ",
]
WAYS = [("whitespace", False), ("whitespace", True), ("words", False), ("words", True)]
# Letters that this Python does not know yet may be letters to one library and none to another.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]) | st.sampled_from(" \n\t\x1cΣσς'.aΑ\u0301"))


def ids(spec: str, text: str) -> list[int]:
    found: list[int] = tokenizers.Tokenizer.from_str(spec).encode(text, add_special_tokens=False).ids
    return found


def split(text: str, options: TextOptions) -> list[str]:
    block = tokenize(Texts(pa.array([text], pa.large_string())), make_tokenizer(options), options)
    assert block.words is not None
    return [block.words[number] for number in block.ids]


def test_known_words_get_their_rows_and_unknown_ones_nothing() -> None:
    spec = tokenizer_json(WORDS, text_options({}))
    assert ids(spec, "the cat, zzz\tköln\n\n東京  a aa cats xa ▁ Ġ") == [0, 8, 3, 6, 7, 13, 14]
    assert ids(spec, "") == ids(spec, "  \n") == ids(spec, "tthe \u2028 x") == []
    spec = tokenizer_json(WORDS, TextOptions(tokenizer="words", lowercase=True))
    assert ids(spec, "The CAT, KÖLN! it's ΣΑΣ (ΣΑΣ)") == [0, 1, 3, 5, 5]


@pytest.mark.parametrize(("tokenizer", "lowercase"), WAYS)
@example("ΑΣ ΑΣ' Α'Σ ΑΣΑ Σ ΑΣ. İstanbul ǅ ß")
@given(TEXT)
def test_any_text_is_split_as_the_corpus_was(tokenizer: str, lowercase: bool, text: str) -> None:
    options = TextOptions(tokenizer=tokenizer, lowercase=lowercase)
    words = split(text, options)
    for known in (sorted(set(words))[::2], sorted(set(words))[1::2]):
        spec = tokenizer_json(known, options)
        assert [known[number] for number in ids(spec, text)] == [word for word in words if word in set(known)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, max_size=9))
def test_the_words_come_back(words: list[str]) -> None:
    spec = tokenizer_json(words, TextOptions())
    assert tokens_of(json.loads(spec)) == words
    assert tokens_of(json.loads(tokenizers.Tokenizer.from_str(spec).to_str())) == words


def test_tokens_by_id() -> None:
    pieces = {"model": {"vocab": [["<unk>", 0.0], ["▁a", -1.0], ["▁a", -2]]}}
    assert tokens_of(pieces) == ["<unk>", "▁a", "▁a"]
    added = {"model": {"vocab": {"##s": 1, " x": 0}}, "added_tokens": [{"content": "[PAD]", "id": 3}]}
    assert tokens_of(added) == [" x", "##s", None, "[PAD]"]


def test_words_that_no_text_holds_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"the word '\\udc80' has no UTF-8 form"):
        tokenizer_json(["a", "\udc80"], TextOptions())
    with pytest.raises(ConfigError, match=r"row 1 is the empty word.*\(firth, parquet\)"):
        tokenizer_json(["a", ""], TextOptions())


def test_options_of_the_corpus_hold_until_others_are_given(tmp_path: Path) -> None:
    config = {"corpus": {"tokenizer": "words", "lowercase": True}}
    assert text_options({}) == TextOptions()
    foreign = {"source": {"format": "glove"}}
    assert text_options(foreign, words=["king", "."]) == TextOptions(tokenizer="words", lowercase=True)
    assert text_options(foreign, words=["king", "Bonn"]) == TextOptions(tokenizer="words")
    assert text_options(config) == TextOptions(tokenizer="words", lowercase=True)
    assert text_options(config, "whitespace") == TextOptions(lowercase=True)
    assert text_options(config, lowercase=False) == TextOptions(tokenizer="words")
    assert text_options(config, tmp_path / "t.json").lowercase is False


def piece_file(path: Path, **more: Any) -> Path:
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({"[UNK]": 0, "cat": 1, "##s": 3}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))
    return path


def test_a_model_of_a_tokenizer_json_gets_that_file(tmp_path: Path) -> None:
    path = piece_file(tmp_path / "t.json")
    words = ["[UNK]", "cat", "<id 2>", "##s"]
    spec = tokenizer_json(words, TextOptions(tokenizer=path))
    assert ids(spec, "cats cat dog cats") == [1, 3, 1, 0, 1, 3], "neither cut nor filled up, as in training"
    with pytest.raises(ConfigError, match=r"its 4 tokens are not the 2 words of the model"):
        tokenizer_json(["a", "b"], TextOptions(tokenizer=path))
    path.unlink()
    with pytest.raises(ConfigError, match=r"t\.json: .*cannot be read .*put it back"):
        tokenizer_json(words, TextOptions(tokenizer=path))


@pytest.mark.parametrize(
    "spec",
    [
        [],
        {},
        {"model": {}},
        {"model": {"vocab": 3}},
        {"model": {"vocab": {"a": "b"}}},
        {"model": {"vocab": [1]}},
        {"model": {"vocab": {"a": -1}}},
        {"model": {"vocab": {"a": 10**15}}},
        {"model": {"vocab": {"a": True}}},
    ],
)
def test_what_has_no_vocabulary(spec: Any) -> None:
    with pytest.raises(ConfigError, match=r"it has no vocabulary|have ids up to"):
        tokens_of(spec)


PLAIN = st.none() | st.booleans() | st.integers(-3, 10**18) | st.floats() | st.text(max_size=2)
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner)
)


@given(st.fixed_dictionaries({"model": st.fixed_dictionaries({"vocab": ANYTHING}), "added_tokens": ANYTHING}))
def test_any_json_is_read_or_refused(spec: Any) -> None:
    try:
        tokens = tokens_of(spec)
    except ConfigError:
        return
    assert all(token is None or isinstance(token, str) for token in tokens)

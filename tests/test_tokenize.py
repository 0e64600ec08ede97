"""Tokenizers against plain Python twins, and a tokenizer.json whose ids, positions and counts all differ."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.corpus import tokenize as module
from firth.corpus.pieces import IdLists, Texts, TokenLists
from firth.corpus.tokenize import (
    JsonTokenizer,
    TextOptions,
    TokenBlock,
    WordTokenizer,
    make_tokenizer,
    tokenize,
    unique_keys,
)
from firth.errors import ConfigError, MissingExtraError

# All the whitespace there is, letters of several scripts, marks, digits, signs, a letter beyond the BMP.
SPACES = "".join(chr(code) for code in range(1, 0x3001) if chr(code).isspace() and chr(code) != "\n")
SIGNS = "aZßœİΣς日本ก็é́️न्123٣½²'-_.,—€😀\u200b\u00ad\u2060𝔘"
TEXTS = st.lists(
    st.text(
        st.sampled_from(SIGNS + SPACES + "\n\n  ")
        | st.characters(max_codepoint=0x2FF, exclude_characters="\0")
    ),
    max_size=5,
)


def sentences(block: TokenBlock) -> list[list[str]]:
    assert block.words is not None
    assert block.ids.dtype == np.int32
    assert set(block.ids.tolist()) == set(range(len(block.words))), "a word of the piece that does not occur"
    words = [block.words[number] for number in block.ids]
    ends = np.cumsum(block.lengths)
    assert (ends[-1] if len(ends) else 0) == len(words)
    return [words[end - length : end] for end, length in zip(ends, block.lengths, strict=True)]


def lines_of(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.split("\n")]


def words_of(line: str) -> list[str]:
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in line)
    return kept.split(" ")


def array(texts: list[str]) -> object:
    return pa.array(texts, pa.large_string())


@given(TEXTS)
def test_whitespace_splits_as_python_does(texts: list[str]) -> None:
    found = sentences(WordTokenizer().split(array(texts)))
    assert found == [line.split() for line in lines_of(texts)]


@given(TEXTS)
def test_words_are_runs_of_letters_marks_and_numbers(texts: list[str]) -> None:
    found = sentences(WordTokenizer(words_only=True).split(array(texts)))
    assert found == [[word for word in words_of(line) if word] for line in lines_of(texts)]


@given(st.lists(st.text(st.characters(max_codepoint=127, exclude_characters="\0")), min_size=1, max_size=4))
def test_ascii_kernels_agree_with_those_for_unicode(texts: list[str]) -> None:
    for words_only in (False, True):
        tokenizer = WordTokenizer(words_only=words_only)
        plain = sentences(tokenizer.split(array(texts)))
        other = sentences(tokenizer.split(array([*texts, "œ"])))
        assert [*plain, ["œ"]] == other


def test_the_last_blank_is_seen_whatever_lies_behind_it_in_memory() -> None:
    """Arrow's kernel looks one character too far: past a full buffer of 64 bytes lies other memory."""
    for blocks in (1, 2, 4):
        for _ in range(40):
            neighbours = [pa.array([b"\xff" * (64 * blocks)]) for _ in range(9)]
            del neighbours[1::2]
            word = "é" + "a" * (64 * blocks - 4)
            assert sentences(WordTokenizer().split(array([word + "\u00a0", ""]))) == [[word], []]


def test_a_slice_of_a_column_is_split_alone() -> None:
    column = array(["never", "b a", "", "c b c", "never"])
    for words_only in (False, True):
        found = sentences(WordTokenizer(words_only=words_only).split(column[1:4]))  # type: ignore[index]
        assert found == [["b", "a"], [], ["c", "b", "c"]]


def test_words_of_french_thai_and_combining_marks() -> None:
    text = "L'œuvre—l’été, e\u0301te\u0301; ภาษาไทย 3½ m² «naïve»"
    found = sentences(WordTokenizer(words_only=True).split(array([text])))
    expected = ["L", "œuvre", "l", "été", "e\u0301te\u0301", "ภาษาไทย", "3½", "m²", "naïve"]
    assert found == [expected]


@pytest.mark.parametrize("tokenizer", ["whitespace", "words"])
def test_lowercase_is_that_of_unicode(tokenizer: str) -> None:
    options = TextOptions(tokenizer=tokenizer, lowercase=True)
    content = Texts(array(["ΟΔΟΣ İl STRASSE Straße ÉTÉ été"]))
    found = sentences_with_duplicates(tokenize(content, make_tokenizer(options), options))
    assert found == ["οδος", "i\u0307l", "strasse", "straße", "été", "été"]


def sentences_with_duplicates(block: TokenBlock) -> list[str]:
    assert block.words is not None
    return [block.words[number] for number in block.ids]


def test_token_lists_stay_as_they_are() -> None:
    content = TokenLists(array(["two words", "", "Ab", "Ab"]), np.array([3, 0, 1]))
    block = tokenize(content, WordTokenizer(), TextOptions())
    assert sentences(block) == [["two words", "", "Ab"], [], ["Ab"]]
    lowered = tokenize(content, WordTokenizer(), TextOptions(lowercase=True))
    assert sentences(lowered) == [["two words", "", "ab"], [], ["ab"]]


def test_what_is_split_already_takes_no_tokenizer() -> None:
    tokens = TokenLists(array(["a"]), np.array([1]))
    ids = IdLists(np.array([3], np.int32), np.array([1]))
    words = TextOptions(tokenizer="words")
    for content in (tokens, ids):
        with pytest.raises(ConfigError, match=r"tokenizer='words' needs text.*leave it out"):
            tokenize(content, make_tokenizer(words), words)
    lower = TextOptions(lowercase=True)
    with pytest.raises(ConfigError, match="lowercase=True needs words"):
        tokenize(ids, make_tokenizer(lower), lower)


@given(st.text(st.sampled_from("abœ日 \t\u3000\u00a0\x1c"), min_size=1))
def test_a_line_is_cut_between_words_only(text: str) -> None:
    data = text.encode()
    at = WordTokenizer().cut(data)
    left, right = data[:at].decode(), data[at:].decode()
    assert left.split() + right.split() == text.split()
    if at == 0:
        assert len(text.split()) <= 1 or text.startswith(tuple(" \t\u3000\u00a0\x1c"))
    else:
        assert right[0].isspace()


def test_a_unicode_space_is_a_place_to_cut() -> None:
    data = "日本\u3000語".encode()
    assert WordTokenizer().cut(data) == len("日本".encode())
    assert WordTokenizer().cut("日本語".encode()) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": 3}, "tokenizer must be 'whitespace', 'words' or the path of a tokenizer.json, not 3"),
        ({"lowercase": "yes"}, "lowercase must be True or False, not 'yes'"),
        ({"column": ""}, "column must be the name of a column, not ''"),
        ({"encoding_errors": "ignore"}, "encoding_errors must be 'strict' or 'replace', not 'ignore'"),
        ({"tokenizer": "t.json", "lowercase": True}, "lowercase=True cannot go with a tokenizer.json"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextOptions(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_options_hold_a_path_as_text(tmp_path: Path) -> None:
    assert TextOptions(tokenizer=tmp_path / "t.json").tokenizer == str(tmp_path / "t.json")


# --- tokenizer.json --------------------------------------------------------------------------------

VOCABULARY = {"[UNK]": 2, "moss": 11, "fern": 7, "oak": 5, "<id 6>": 3, "elm": 9}


def write_tokenizer(path: Path, **more: object) -> Path:
    """Write a tokenizer whose ids have holes: 0, 1, 4, 6, 8 and 10 name nothing."""
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"},
    }
    path.write_text(json.dumps({**content, **more}))
    return path


def split_ids(path: Path, texts: list[str]) -> tuple[list[int], list[int]]:
    block = JsonTokenizer(path).split(array(texts))
    assert block.words is None
    return block.ids.tolist(), block.lengths.tolist()


def test_a_tokenizer_json_gives_its_own_ids(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = write_tokenizer(tmp_path / "tokenizer.json")
    assert split_ids(path, ["oak moss\r\n\nfern nothing", "elm"]) == ([5, 11, 7, 2, 9], [2, 0, 2, 1])


def test_rows_without_a_token_get_a_key_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    keys = JsonTokenizer(write_tokenizer(tmp_path / "tokenizer.json")).keys()
    assert len(keys) == 12 == len(set(keys))
    assert {token: keys[number] for token, number in VOCABULARY.items()} == {t: t for t in VOCABULARY}
    assert keys[4] == "<id 4>"
    assert keys[6] == "<<id 6>>", "the token of row 3 is the string '<id 6>' already"


def test_unique_keys_of_repeated_tokens() -> None:
    assert unique_keys(["a", "a", None, "<id 2>"]) == ["a", "<id 1>", "<<id 2>>", "<id 2>"]


def test_text_is_never_cut_short_nor_padded_nor_framed(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 8},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[UNK]",
    }
    frame = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[UNK]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"[UNK]": {"id": "[UNK]", "ids": [2], "tokens": ["[UNK]"]}},
    }
    path = write_tokenizer(
        tmp_path / "tokenizer.json", truncation=truncation, padding=padding, post_processor=frame
    )
    assert split_ids(path, ["oak elm oak fern moss"]) == ([5, 9, 5, 7, 11], [5])


def test_long_lines_are_tokenised_in_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    monkeypatch.setattr(module, "SEGMENT_BYTES", 10)
    monkeypatch.setattr(module, "_BATCH_BYTES", 16)
    tokenizer = JsonTokenizer(write_tokenizer(tmp_path / "tokenizer.json"))
    line = "oak fern  moss elm oak oak moss"
    assert module._segment_ends(line.encode()) == [14, 26]
    assert line[:14] == "oak fern  moss"
    whole = tokenizer.split(array([line, "elm"]))
    assert whole.ids.tolist() == [5, 7, 11, 9, 5, 5, 11, 9]
    assert whole.lengths.tolist() == [7, 1]
    assert tokenizer.cut(line.encode()) == 26
    assert tokenizer.cut(b"oakoakoakoakoakoak") == 0


def test_a_missing_tokenizers_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tokenizer(tmp_path / "tokenizer.json")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match="pip install tokenizers"):
        make_tokenizer(TextOptions(tokenizer=path))


def test_a_tokenizer_that_is_no_tokenizer(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    with pytest.raises(ConfigError, match=r"'whitespace', 'words' or the path.*'word' cannot be read"):
        make_tokenizer(TextOptions(tokenizer="word"))
    (tmp_path / "broken.json").write_text('{"model": 1')
    with pytest.raises(ConfigError, match=r"broken.json: not a tokenizer.json"):
        make_tokenizer(TextOptions(tokenizer=tmp_path / "broken.json"))


def test_identity_follows_the_content(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    first = JsonTokenizer(write_tokenizer(tmp_path / "a.json")).identity()
    assert first == JsonTokenizer(write_tokenizer(tmp_path / "b.json")).identity()
    assert first != JsonTokenizer(write_tokenizer(tmp_path / "c.json", normalizer={"type": "NFC"})).identity()

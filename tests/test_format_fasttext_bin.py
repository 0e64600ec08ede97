"""fastText's .bin: the vectors that fastText gives, files that it opens, and all ways a file can be wrong."""

import json
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import ANY_WORD, STRICT, assert_same, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import fasttext_bin
from firth.formats.stream import ReadOptions, checked, collect, stream_of
from firth.subwords import FINALFUSION, Subwords

GOLDEN = Path(__file__).parent / "golden" / "fasttext"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text("utf-8"))
DICTIONARY = 8 + 56  # the byte at which it begins


def with_subwords(words: list[str], **more: Any) -> Embeddings:
    buckets = np.random.default_rng(5).standard_normal((50, 3)).astype(np.float32)
    return model(words, subwords=Subwords(buckets, 2, 4), **more)


def written(embeddings: Embeddings, path: Path) -> bytes:
    fasttext_bin.write(stream_of(embeddings), path)
    return path.read_bytes()


# what fastText wrote


@pytest.mark.parametrize("name", EXPECTED)
def test_words_have_the_very_bits_that_fasttext_gives(name: str) -> None:
    found, expected = fasttext_bin.read(GOLDEN / name, STRICT), EXPECTED[name]
    assert found.index_to_key == list(expected["known"])
    np.testing.assert_array_equal(found.vectors, np.array(list(expected["known"].values()), np.float32))
    assert found.counts.tolist() == expected["counts"]
    assert (found.context_vectors is not None) == (name in ("skipgram.bin", "words.bin"))


@pytest.mark.parametrize("name", ["skipgram.bin", "letters.bin", "supervised.bin"])
def test_unknown_words_too(name: str) -> None:
    found = fasttext_bin.read(GOLDEN / name, STRICT)
    unknown = {word: vector for word, vector in EXPECTED[name]["unknown"].items() if "__label__" not in word}
    for word, vector in unknown.items():
        assert word not in found
        np.testing.assert_array_equal(found[word], np.array(vector, np.float32))


def test_labels_are_left_out_and_a_model_of_words_has_no_subwords(capsys: pytest.CaptureFixture[str]) -> None:
    fasttext_bin.read(GOLDEN / "supervised.bin", STRICT)
    assert "its 2 labels are left out" in capsys.readouterr().err
    assert fasttext_bin.read(GOLDEN / "words.bin", STRICT).subwords is None


def test_a_quantised_model_is_refused_with_a_way_out() -> None:
    with pytest.raises(FormatError, match=r"product-quantised .* fasttext print-word-vectors quantised.ftz"):
        fasttext_bin.read(GOLDEN / "quantised.ftz", STRICT)


def test_buckets_stay_on_disk_unless_asked_not_to() -> None:
    mapped = fasttext_bin.read(GOLDEN / "skipgram.bin", STRICT).subwords
    in_memory = fasttext_bin.read(GOLDEN / "skipgram.bin", STRICT, mmap=False).subwords
    assert isinstance(mapped.buckets, np.memmap)
    assert not isinstance(in_memory.buckets, np.memmap)


def test_version_11_did_not_use_ngrams_for_labels(tmp_path: Path) -> None:
    data = bytearray((GOLDEN / "supervised.bin").read_bytes())
    data[4] = 11
    file = tmp_path / "old.bin"
    file.write_bytes(data)
    assert fasttext_bin.read(file, STRICT).subwords is None


# round trips


@settings(deadline=None, max_examples=50)
@given(models(ANY_WORD.filter(lambda word: "\0" not in word)), st.booleans())
def test_any_words_round_trip(tmp_path_factory: Any, embeddings: Embeddings, blocks: bool) -> None:
    file = tmp_path_factory.mktemp("t") / "x.bin"
    fasttext_bin.write(streamed(embeddings) if blocks else stream_of(embeddings), file)
    assert fasttext_bin.sniff(file)
    back = fasttext_bin.read(file, STRICT)
    assert_same(back, embeddings)
    assert back.subwords is None
    assert back.context_vectors is None


@settings(deadline=None, max_examples=30)
@given(st.lists(ANY_WORD.filter(lambda word: "\0" not in word), min_size=1, unique=True))
def test_subwords_round_trip_and_the_words_with_them_to_rounding(
    tmp_path_factory: Any, words: list[str]
) -> None:
    file = tmp_path_factory.mktemp("t") / "x.bin"
    embeddings = with_subwords(words)
    written(embeddings, file)
    back = fasttext_bin.read(file, STRICT)
    np.testing.assert_allclose(back.vectors, embeddings.vectors, atol=3e-6)
    np.testing.assert_array_equal(back.subwords.buckets, embeddings.subwords.buckets)
    assert (back.subwords.min_n, back.subwords.max_n) == (2, 4)


def test_counts_context_and_options_travel(tmp_path: Path) -> None:
    context = np.random.default_rng(6).standard_normal((3, 3)).astype(np.float32)
    config = {"options": {"window": 7, "epochs": 2, "negative": "odd", "sample": 0.01}}
    embeddings = model(["a", "köln", "c"], counts=np.array([9, 0, 1]), context_vectors=context, config=config)
    written(embeddings, tmp_path / "x.bin")
    back = fasttext_bin.read(tmp_path / "x.bin", STRICT)
    assert back.counts.tolist() == [9, 1, 1]
    np.testing.assert_array_equal(back.context_vectors, context)
    found = back.config["fasttext"]
    assert (found["ws"], found["epoch"], found["neg"], found["t"]) == (7, 2, 5, 0.01)


def test_words_of_latin_1_are_hashed_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    embeddings = with_subwords(["naïve", "b"])
    embeddings.subwords.encoding = "latin-1"
    assert "naïve".encode("latin-1") in written(embeddings, file)
    back = fasttext_bin.read(file, ReadOptions(encoding="latin-1"))
    np.testing.assert_allclose(back.vectors, embeddings.vectors, atol=3e-6)
    np.testing.assert_array_equal(back["naïf"], embeddings["naïf"])


def test_ngrams_of_another_hash_are_left_out_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = model(["a"], subwords=Subwords(np.ones((8, 3), np.float32), 3, 6, hashing=FINALFUSION))
    written(embeddings, tmp_path / "x.bin")
    assert "left out" in capsys.readouterr().err
    assert_same(fasttext_bin.read(tmp_path / "x.bin", STRICT), embeddings)


@pytest.mark.parametrize("word", ["zero\0byte", "lone \ud800", "x" * (1 << 16)])
def test_a_word_that_does_not_fit_is_named_and_nothing_is_written(tmp_path: Path, word: str) -> None:
    with pytest.raises(FormatError, match=r"\(row 2\)"):
        fasttext_bin.write(stream_of(model(["fine", word])), tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        fasttext_bin.write(stream_of(model(["a"])), file)
    assert file.read_bytes() == b"mine"
    fasttext_bin.write(stream_of(model(["a"])), file, force=True)
    assert fasttext_bin.sniff(file)


# the real programs

ASK = """
import sys, json
import numpy as np
if sys.argv[1] == "fasttext":
    import fasttext
    model = fasttext.load_model(sys.argv[2])
    get = model.get_word_vector
else:
    from gensim.models.fasttext import load_facebook_model
    model = load_facebook_model(sys.argv[2]).wv
    get = model.__getitem__
print(json.dumps([np.asarray(get(word)).tolist() for word in json.loads(sys.argv[3])]))
"""


@pytest.mark.parametrize("program", ["fasttext", "gensim"])
@pytest.mark.parametrize("subwords", [False, True])
def test_the_real_programs_open_what_is_written(tmp_path: Path, program: str, subwords: bool) -> None:
    pytest.importorskip(program)
    file = tmp_path / "x.bin"
    words = ["köln", "a", "猫の喫茶店", "two words"]
    embeddings = (with_subwords if subwords else model)(words, counts=np.array([1, 0, 30, 7]))
    written(embeddings, file)
    asked = [*words, "kölner", "猫"] if subwords else words
    # a program of its own: neither is needed by anything else here, and both are large
    run = [sys.executable, "-c", ASK, program, str(file), json.dumps(asked)]
    answer = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    found = np.array(json.loads(answer.splitlines()[-1]), np.float32)
    np.testing.assert_allclose(found, embeddings[asked], atol=3e-6)


# what can be wrong


def damaged(tmp_path: Path, at: int, layout: str, *values: Any) -> Path:
    data = bytearray(written(with_subwords(["a", "köln"]), tmp_path / "x.bin"))
    struct.pack_into("<" + layout, data, at, *values)
    file = tmp_path / "damaged.bin"
    file.write_bytes(data)
    return file


WORDS_END = DICTIONARY + 28 + (1 + 1 + 9) + (5 + 1 + 9)


@pytest.mark.parametrize(
    ("at", "layout", "value", "message"),
    [
        (0, "i", 1, "byte 0: begins with 1, not with fastText's 793712314"),
        (4, "i", 13, "version 13, but firth reads 11 and 12"),
        (8, "i", 0, "byte 8: its options cannot be: 0 dimensions"),
        (8 + 4 * 10, "i", 2**31 - 1, "n-grams of 2 to 2147483647 characters"),
        (DICTIONARY, "i", 3, "3 entries, but 2 words and 0 labels"),
        (
            DICTIONARY,
            "2i",
            2**31 - 1,
            "2,147,483,647 words and labels, at least, would take 21,474,836,470 bytes, but",
        ),
        (DICTIONARY + 4, "2i", (3, -1), "2 entries, but 3 words and -1 labels"),
        (
            DICTIONARY + 20,
            "q",
            10**12,
            "list of its 1,000,000,000,000 kept n-grams would take 8,000,000,000,000 bytes",
        ),
        (DICTIONARY + 20, "q", 0, "n-grams are pruned, though its vectors are not quantised"),
        (DICTIONARY + 28 + 2 + 8, "b", 7, "entry 1 is of the type 7"),
        (WORDS_END, "b", 1, "product-quantised"),
        (
            WORDS_END + 1,
            "q",
            10**9,
            r"shape \(1,000,000,000, 3\), but 2 words and 50 buckets of 3 dimensions",
        ),
        (
            WORDS_END + 17 + 4 * 52 * 3 + 1,
            "q",
            10**9,
            "its output vectors, 1,000,000,000 rows of 3 numbers, would",
        ),
    ],
)
def test_lying_files_are_refused(tmp_path: Path, at: int, layout: str, value: Any, message: str) -> None:
    values = (value,) if not isinstance(value, tuple) else value
    if layout == "2i" and len(values) == 1:
        values *= 2
    file = damaged(tmp_path, at, layout, *values)
    with pytest.raises(FormatError, match=message) as caught:
        fasttext_bin.read(file, STRICT)
    assert str(file) in str(caught.value)


def test_a_side_of_no_numbers_may_not_be_endless(tmp_path: Path) -> None:
    file = damaged(tmp_path, WORDS_END + 17 + 4 * 52 * 3 + 1, "2q", 2**62, 0)
    with pytest.raises(
        FormatError, match="its output vectors would have 4,611,686,018,427,387,904 rows of 0 numbers"
    ):
        fasttext_bin.read(file, STRICT)


def test_ten_gigabytes_declared_in_a_small_file(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    data = bytearray(written(model(["a"]), file))
    struct.pack_into("<i", data, 8, 10**9)
    struct.pack_into("<q", data, DICTIONARY + 28 + 11 + 1 + 8, 10**9)
    file.write_bytes(data)
    with pytest.raises(FormatError, match=r"would take 4,000,000,000 bytes, but \d+ are left"):
        fasttext_bin.read(file, STRICT)


@pytest.mark.parametrize("name", ["skipgram.bin", "supervised.bin"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    data = (GOLDEN / name).read_bytes()
    file = tmp_path / "cut.bin"
    for end in [0, 3, 7, 20, 70, 100, 130, 1000, len(data) // 2, len(data) - 1]:
        file.write_bytes(data[:end])
        with pytest.raises(FormatError):
            fasttext_bin.read(file, STRICT)


def test_without_its_output_side_a_model_is_read_if_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (GOLDEN / "skipgram.bin").read_bytes()
    file = tmp_path / "cut.bin"
    file.write_bytes(data[:-5])
    found = fasttext_bin.read(file, ReadOptions(skip_bad=True))
    assert len(found) == len(EXPECTED["skipgram.bin"]["known"])
    assert found.context_vectors is None
    assert "its output vectors" in capsys.readouterr().err
    file.write_bytes(data + b"more")
    with pytest.raises(FormatError, match="4 bytes follow the end"):
        fasttext_bin.read(file, STRICT)


def test_broken_words_are_named_or_left_out(tmp_path: Path) -> None:
    data = written(model(["a", "köln", "c"]), tmp_path / "x.bin")
    file = tmp_path / "broken.bin"
    file.write_bytes(data.replace("köln".encode(), b"k\xff\xfeln"))
    with pytest.raises(FormatError, match=r"byte 103: the word b'k\\xff\\xfeln' is not utf-8; is it latin-1"):
        fasttext_bin.read(file, STRICT)
    found = fasttext_bin.read(file, ReadOptions(skip_bad=True))
    assert found.index_to_key == ["a", "c"]
    np.testing.assert_array_equal(found.vectors, model(["a", "köln", "c"]).vectors[[0, 2]])
    assert fasttext_bin.read(file, ReadOptions(encoding="latin-1")).index_to_key[1] == "kÿþln"


def test_doubles_and_nan_are_named_with_their_byte(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    data = written(model(["a", "b", "c"]), file)
    for changed, message in (
        (data.replace(b"b\0", b"a\0"), "byte 103: the word 'a' is there for the second time"),
        (
            data.replace(
                model(["a", "b", "c"]).vectors[1].tobytes(), np.full(3, np.nan, np.float32).tobytes()
            ),
            "of 'b' holds NaN",
        ),
    ):
        file.write_bytes(changed)
        with pytest.raises(FormatError, match=message):
            collect(checked(fasttext_bin.stream(file, STRICT), file, STRICT))
        assert len(fasttext_bin.read(file, ReadOptions(skip_bad=True))) == 2


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_damage_raises_anything_else(tmp_path_factory: Any, data: st.DataObject) -> None:
    content = bytearray((GOLDEN / "words.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("t") / "x.bin"
    file.write_bytes(content)
    for skip_bad in (False, True):
        with suppress(FormatError):
            fasttext_bin.read(file, ReadOptions(skip_bad=skip_bad))

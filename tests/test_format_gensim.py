"""gensim's files: read without unpickling, written without gensim, refused when they hold anything else."""

import json
import pickle
import shutil
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
from firth.formats import gensim_file
from firth.formats.stream import ReadOptions, stream_of

GOLDEN = Path(__file__).parent / "golden" / "gensim"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text("utf-8"))


# what gensim wrote


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("mmap", [True, False])
def test_words_vectors_and_counts_are_found(name: str, mmap: bool) -> None:
    found, expected = gensim_file.read(GOLDEN / name, STRICT, mmap=mmap), EXPECTED[name]
    assert found.index_to_key == list(expected["vectors"])
    vectors = np.array(list(expected["vectors"].values()), np.float32)
    np.testing.assert_array_equal(np.asarray(found.vectors), vectors)
    assert (None if found.counts is None else found.counts.tolist()) == expected["counts"]
    if name == "word2vec.model":
        context = np.array(expected["context_vectors"], np.float32)
        np.testing.assert_array_equal(found.context_vectors, context)
    assert gensim_file.sniff(GOLDEN / name)


def test_vectors_beside_stay_on_disk() -> None:
    assert isinstance(gensim_file.read(GOLDEN / "beside.kv", STRICT).vectors.base, np.memmap)


def test_vectors_that_are_not_beside_it_are_missed(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "beside.kv", tmp_path)
    with pytest.raises(
        FormatError, match=r"its vectors are in beside.kv.vectors.npy, which is not beside it"
    ):
        gensim_file.read(tmp_path / "beside.kv", STRICT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an array that can be mapped"),
        (b"\x93NUMPY\1\0\x0a\0no header\n", "not an array that can be mapped"),
        (b"PK\3\4" + bytes(99), "not an array that can be mapped"),
    ],
)
def test_a_damaged_array_beside_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    shutil.copy(GOLDEN / "beside.kv", tmp_path)
    (tmp_path / "beside.kv.vectors.npy").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        gensim_file.read(tmp_path / "beside.kv", STRICT)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((3, 5), np.float32), "7 words, but 3 vectors"),
        (np.ones((7, 5), object), "not an array that can be mapped"),
        (np.ones((7, 5), np.int32), "no list of words with a matrix"),
        (np.ones(7, np.float32), "no list of words with a matrix"),
        (np.ones((7, 0), np.float32), "vectors must have the shape"),
    ],
)
def test_another_array_beside_is_refused(tmp_path: Path, array: Any, message: str) -> None:
    shutil.copy(GOLDEN / "beside.kv", tmp_path)
    np.save(tmp_path / "beside.kv.vectors.npy", array)
    with pytest.raises(FormatError, match=message):
        gensim_file.read(tmp_path / "beside.kv", STRICT)


def test_an_array_that_declares_more_than_it_has(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "beside.kv", tmp_path)
    data = (GOLDEN / "beside.kv.vectors.npy").read_bytes()
    assert b"(7, 5), }         " in data
    (tmp_path / "beside.kv.vectors.npy").write_bytes(
        data.replace(b"(7, 5), }         ", b"(7, 5999999999), }")
    )
    with pytest.raises(FormatError, match="not an array that can be mapped"):
        gensim_file.read(tmp_path / "beside.kv", STRICT)


def test_what_is_not_read_says_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(
        FormatError, match=r"save_facebook_model\(FastText.load\('fasttext.model'\), 'model.bin'\)"
    ):
        gensim_file.read(GOLDEN / "fasttext.model", STRICT)
    with pytest.raises(FormatError, match=r"holds no words: give beside.kv, which was saved with it"):
        gensim_file.read(GOLDEN / "beside.kv.vectors.npy", STRICT)
    file = tmp_path / "x.pkl"
    file.write_bytes(pickle.dumps({"a": [1.0]}))
    assert gensim_file.sniff(file)
    with pytest.raises(FormatError, match="a pickle of dict, which firth never unpickles"):
        gensim_file.read(file, STRICT)
    file.write_bytes(b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)\x81}b.")
    with pytest.raises(
        FormatError, match=r"KeyedVectors.load\('x.pkl'\).save_word2vec_format\('vectors.bin', binary=True\)"
    ):
        gensim_file.read(file, STRICT)


# nothing is executed


class Trap:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_program_in_the_pickle_does_not_run(tmp_path: Path, protocol: int) -> None:
    trap = tmp_path / "sprung"
    data = pickle.dumps(Trap(trap), protocol)
    pickle.loads(data)
    trap.unlink()  # it works
    file = tmp_path / "x.kv"
    # gensim's class, whose words are the trap
    body = data[2:-1]
    file.write_bytes(
        data[:2]
        + b"cgensim.models.keyedvectors\nKeyedVectors\n)\x81}(X\x0c\0\0\0index_to_key"
        + body
        + b"ub."
    )
    for content in (file.read_bytes(), data):
        file.write_bytes(content)
        with pytest.raises(FormatError):
            gensim_file.read(file, STRICT)
        assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04", "not a pickle that firth can read"),
        (b"\x80\x04.", "not a pickle that firth can read"),
        (b"\x80\x04K\1", "not a pickle that firth can read"),
        (b"\x80\x04u.", "an empty stack"),
        (b"\x80\x04h\7.", "not a pickle that firth can read"),
        (b"\x80\x04K\1Qx.", "the instruction BINPERSID"),
        (b"\x80\x04K\1K\2a.", "items for something that is no list"),
        (b"\x80\x04K\1K\2K\3s.", "entries for something that is no dictionary"),
        (b"\x80\x04K\1K\2b.", "a state for something that is no object"),
        (b"\x80\x04K\1K\2\x93.", "a name that is no text"),
        (b"\x80\x04\x8e" + (10**10).to_bytes(8, "little") + b"x.", "expected 10000000000 bytes"),
        (b"\x80\x04}(K\1K\2K\3u.", "not a pickle that firth can read"),
    ],
)
def test_damaged_pickles_are_refused_with_the_byte(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.kv"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=f"byte .*{message}"):
        gensim_file.read(file, STRICT)


def test_an_array_nested_in_itself_many_times_is_not_unfolded(tmp_path: Path) -> None:
    # a pair of twice the same pair, fifty deep: as an array it would have 2**50 numbers
    nest = b"K\1" + b"q\x000h\0h\0\x86" * 50
    head = b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)\x81}(X\7\0\0\0vectors"
    file = tmp_path / "x.kv"
    file.write_bytes(head + b"cnumpy\narray\n" + nest + b"X\5\0\0\0int64\x86Rub.")
    with pytest.raises(FormatError, match="no list of words with a matrix"):
        gensim_file.read(file, STRICT)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([*EXPECTED]), st.data())
def test_no_damage_raises_anything_else(tmp_path_factory: Any, name: str, data: st.DataObject) -> None:
    content = bytearray((GOLDEN / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("t") / "x.kv"
    file.write_bytes(content)
    for skip_bad in (False, True):
        with suppress(FormatError):
            gensim_file.read(file, ReadOptions(skip_bad=skip_bad))


def test_keys_that_are_no_words_are_refused_or_left_out(tmp_path: Path) -> None:
    file = tmp_path / "x.kv"
    gensim_file.write(stream_of(model(["a", "b", "c"])), file)
    data = file.read_bytes()
    file.write_bytes(data.replace(b"X\1\0\0\0b", b"K\7", 1))
    with pytest.raises(FormatError, match="row 2: its key is no text but int"):
        gensim_file.read(file, STRICT)
    assert gensim_file.read(file, ReadOptions(skip_bad=True)).index_to_key == ["a", "c"]
    file.write_bytes(data.replace(b"X\1\0\0\0b", b"X\1\0\0\0a", 1))
    with pytest.raises(FormatError, match=r"the key 'a' is there twice|'a' is there for the second time"):
        gensim_file.read(file, STRICT)


# what firth writes


@settings(deadline=None, max_examples=50)
@given(models(ANY_WORD, counts=True), st.booleans())
def test_any_words_round_trip(tmp_path_factory: Any, embeddings: Embeddings, blocks: bool) -> None:
    file = tmp_path_factory.mktemp("t") / "x.kv"
    gensim_file.write(streamed(embeddings) if blocks else stream_of(embeddings), file)
    assert gensim_file.sniff(file)
    assert_same(gensim_file.read(file, STRICT), embeddings)


def test_gensim_opens_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    from gensim.models import KeyedVectors

    for counts in (np.array([3, 0, 9]), None):
        embeddings = model(["a", "two words", "猫"], counts=counts)
        file = tmp_path / "x.kv"
        gensim_file.write(stream_of(embeddings), file, force=True)
        for mmap in (None, "r"):
            theirs = KeyedVectors.load(str(file), mmap=mmap)
            assert theirs.index_to_key == embeddings.index_to_key
            assert theirs.key_to_index == embeddings.key_to_index
            np.testing.assert_array_equal(np.asarray(theirs.vectors), embeddings.vectors)
            assert theirs.most_similar("a")[0][0] == embeddings.most_similar("a")[0][0]
        if counts is not None:
            assert [theirs.get_vecattr(word, "count") for word in theirs.index_to_key] == [3, 0, 9]
        theirs.save(str(tmp_path / "again.kv"))
        assert_same(gensim_file.read(tmp_path / "again.kv", STRICT), embeddings)


def test_both_files_are_there_or_none(tmp_path: Path) -> None:
    file = tmp_path / "x.kv"
    beside = tmp_path / "x.kv.vectors.npy"
    beside.write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match=r"x\.kv\.vectors\.npy"):
        gensim_file.write(stream_of(model(["a"])), file)
    assert [path.name for path in tmp_path.iterdir()] == ["x.kv.vectors.npy"]
    gensim_file.write(stream_of(model(["a"])), file, force=True)
    assert gensim_file.read(file, STRICT).index_to_key == ["a"]

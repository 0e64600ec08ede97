"""NumPy archives: arrays that NumPy opens without a pickle, and every way an archive can be a trap."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vector_cases import ANY_WORD, STRICT, assert_same, bits, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import npz
from firth.formats.stream import ReadOptions, checked, collect, stream_of

WORDS = np.array(["a", "köln", "c"])
VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)


def read(path: Path, options: ReadOptions = STRICT, *, mmap: bool = True) -> Embeddings:
    """Read in both ways, which must agree."""
    streamed_in = collect(checked(npz.stream(path, options), path, options))
    found = npz.read(path, options, mmap=mmap)
    assert_same(found, streamed_in)
    return found


def archive(folder: Path, *, packed: bool = False, **arrays: Any) -> Path:
    (np.savez_compressed if packed else np.savez)(folder / "x.npz", **arrays)
    return folder / "x.npz"


def members(path: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def npy(array: Any, **header: Any) -> bytes:
    """Return an array as NumPy writes it, its header changed."""
    memory = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        memory, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **header}
    )
    return memory.getvalue() + array.tobytes()


GOOD = {"words.npy": npy(WORDS), "vectors.npy": npy(VECTORS)}


@settings(deadline=None)  # the machine may be busy
@given(models(ANY_WORD) | models(ANY_WORD, counts=True), st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, one: Embeddings, mmap: bool) -> None:
    path = tmp_path_factory.mktemp("t") / "x.npz"
    npz.write(streamed(one), path)
    assert npz.sniff(path)
    found = read(path, mmap=mmap)
    assert_same(found, one)
    assert bits(found.vectors) == bits(one.vectors)


def test_numpy_opens_what_is_written(tmp_path: Path) -> None:
    one = model(["a", "köln", ""], counts=np.array([3, 2, 1]), context_vectors=np.ones((3, 3), np.float32))
    npz.write(stream_of(one), tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as theirs:
        assert sorted(theirs) == ["context_vectors", "counts", "vectors", "words"]
        assert theirs["words"].tolist() == ["a", "köln", ""]
        assert theirs["counts"].tolist() == [3, 2, 1]
        np.testing.assert_array_equal(theirs["vectors"], one.vectors)
    for mmap in (True, False):
        found = npz.read(tmp_path / "x.npz", STRICT, mmap=mmap)
        assert found.context_vectors is not None
        np.testing.assert_array_equal(found.context_vectors, one.context_vectors)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize("words", [["a", "ends with\0"], ["b" * 300_000, "köln", ""]], ids=["nul", "long"])
def test_words_that_an_array_of_text_does_not_suit(tmp_path: Path, words: list[str]) -> None:
    one = model(words)
    npz.write(stream_of(one), tmp_path / "x.npz")
    assert (tmp_path / "x.npz").stat().st_size < 400_000
    assert_same(read(tmp_path / "x.npz"), one)
    with np.load(tmp_path / "x.npz") as theirs:
        text, ends = theirs["words_utf8"].tobytes(), theirs["words_end"].tolist()
    assert [text[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)] == words


def test_vectors_are_mapped_where_they_lie(tmp_path: Path) -> None:
    npz.write(stream_of(model([f"w{n}" for n in range(100)], 16)), tmp_path / "ours.npz")
    mapped = npz.read(tmp_path / "ours.npz", STRICT, mmap=True).vectors
    assert isinstance(mapped.base, np.memmap)
    assert mapped.ctypes.data % 64 == 0
    assert not isinstance(npz.read(tmp_path / "ours.npz", STRICT, mmap=False).vectors.base, np.memmap)
    for packed in (False, True):
        theirs = read(archive(tmp_path, packed=packed, words=WORDS, vectors=VECTORS))
        assert isinstance(theirs.vectors.base, np.memmap) is not packed
        assert theirs.most_similar("a", topn=1) == npz.read(
            tmp_path / "x.npz", STRICT, mmap=False
        ).most_similar("a", topn=1)


@pytest.mark.parametrize(
    "vectors",
    [
        VECTORS.astype(np.float64),
        VECTORS.astype(np.float16),
        VECTORS.astype(">f4"),
        np.asfortranarray(VECTORS),
    ],
    ids=["float64", "float16", "big-endian", "by columns"],
)
@pytest.mark.parametrize(
    "words", [WORDS, WORDS.astype(">U4"), np.char.encode(WORDS, "utf-8")], ids=["U", ">U", "S"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_arrays_of_others(tmp_path: Path, words: Any, vectors: Any, packed: bool) -> None:
    path = archive(
        tmp_path, packed=packed, counts=np.array([9, 8, 7], np.uint16), words=words, vectors=vectors
    )
    found = read(path)
    assert found.index_to_key == ["a", "köln", "c"]
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.counts is not None
    assert found.counts.tolist() == [9, 8, 7]


def test_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model([f"w{number}" for number in range(50)], counts=np.arange(50))
    npz.write(streamed(one, 20), tmp_path / "ours.npz")
    np.savez_compressed(
        tmp_path / "theirs.npz",
        words=one.index_to_key,
        vectors=np.asfortranarray(one.vectors),
        counts=one.counts,
    )
    nul = model([f"w{number}\0" for number in range(50)])
    npz.write(stream_of(nul), tmp_path / "nul.npz")
    monkeypatch.setattr(npz, "BLOCK_BYTES", 7 * 12)
    for name, expected in (("ours", one), ("theirs", one), ("nul", nul)):
        path = tmp_path / f"{name}.npz"
        assert max(len(block.words) for block in npz.stream(path, STRICT).blocks) <= 7
        assert_same(read(path), expected)


@pytest.mark.parametrize(
    ("words", "vectors", "message", "left"),
    [
        (["a", "a", "c"], VECTORS, "row 2: the word 'a' is there for the second time", ["a", "c"]),
        (["a", "b", "c"], VECTORS * [[1], [np.nan], [1]], "row 2: the vector of 'b' holds NaN", ["a", "c"]),
        ([b"a", b"\xf6", b"c"], VECTORS, r"row 2: the word b'\\xf6' is not utf-8", ["a", "c"]),
    ],
)
def test_damaged_rows(tmp_path: Path, words: list[Any], vectors: Any, message: str, left: list[str]) -> None:
    path = archive(tmp_path, words=np.array(words), vectors=vectors.astype(np.float32))
    with pytest.raises(FormatError, match=message):
        npz.read(path, STRICT, mmap=False)
    lenient = ReadOptions(skip_bad=True)
    assert npz.read(path, lenient).index_to_key == left
    assert lenient.skipped
    if "twice" in message or "second" in message:
        with pytest.raises(FormatError, match="'a' is there twice"):
            len(npz.read(path, STRICT, mmap=True).key_to_index)


def test_latin_1(tmp_path: Path) -> None:
    path = archive(tmp_path, words=np.array([b"k\xf6ln"]), vectors=np.ones((1, 2), np.float32))
    assert read(path, ReadOptions(encoding="latin-1")).index_to_key == ["köln"]


class Trap:
    """Its pickle would leave a file behind."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("sprung"),)


def test_a_pickle_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, vectors in (
        (np.array([Trap(), 1], object), VECTORS[:2]),
        (WORDS, np.array([[Trap()]] * 3, object)),
    ):
        np.savez("x.npz", words=words, vectors=vectors, allow_pickle=True)
        with pytest.raises(
            FormatError, match=r"is a pickle .* never opens, .* np.savez\(file, words=np.array"
        ):
            read(Path("x.npz"))
    members(Path("x.npz"), {"words.npy": b"\x80\x04\x95pickle", "vectors.npy": npy(VECTORS)})
    with pytest.raises(FormatError, match="damaged one"):
        read(Path("x.npz"))
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            {**GOOD, "../../etc/cron.d/x.npy": b""},
            r"has the member '../../etc/cron.d/x.npy', a path that leads out",
        ),
        ({**GOOD, "/x.npy": b""}, "a path that leads out of the archive"),
        ({**GOOD, "a\\..\\..\\x.npy": b""}, "a path that leads out of the archive"),
        ({**GOOD, "c:x.npy": b""}, "a path that leads out of the archive"),
        (
            {"words.npy": npy(WORDS)},
            "has the arrays words, but vectors and words are needed: write it with np.savez",
        ),
        ({}, "has the arrays none, but"),
        ({"words_utf8.npy": npy(WORDS), "vectors.npy": npy(VECTORS)}, "words are needed"),
        (
            {**GOOD, "words.npy": npy(WORDS[:2])},
            r"words are <U4 of shape \(2,\), beside vectors of shape \(3, 2\)",
        ),
        ({**GOOD, "vectors.npy": npy(VECTORS.astype(int))}, "vectors are int64 of shape"),
        ({**GOOD, "vectors.npy": npy(VECTORS[:, 0])}, "vectors are float32 of shape"),
        ({**GOOD, "context_vectors.npy": npy(VECTORS[:, :1])}, "context_vectors are float32 of shape"),
        ({**GOOD, "counts.npy": npy(VECTORS[:, 0])}, "counts are float32"),
        ({**GOOD, "words.npy": npy(np.arange(3))}, "words are int64"),
        ({**GOOD, "vectors.npy": npy(VECTORS)[:-1]}, "has the shape .* 24 bytes, but 23 are there"),
        (
            {**GOOD, "vectors.npy": npy(VECTORS, shape=(25_000_000, 100))},
            "10,000,000,000 bytes, but 24 are there",
        ),
        ({**GOOD, "vectors.npy": npy(VECTORS, shape=(-3, -2))}, "damaged"),
        ({**GOOD, "vectors.npy": npy(VECTORS, shape="x")}, "damaged"),
        ({**GOOD, "vectors.npy": npy(VECTORS, descr="|O")}, "is a pickle"),
        ({**GOOD, "vectors.npy": b"\x93NUMPY\x09\x00" + npy(VECTORS)[8:]}, "damaged|version"),
        ({**GOOD, "vectors.npy": b"no array"}, "damaged"),
        (
            {**GOOD, "words.npy": npy(np.full(3, 0x7FFFFFFF, np.int32), descr="<U1")},
            "words hold numbers that are no characters",
        ),
        ({"words.npy": npy(WORDS[:0]), "vectors.npy": npy(VECTORS[:0])}, "holds no words"),
        ({"words.npy": npy(WORDS), "vectors.npy": npy(VECTORS[:, :0])}, "have 0 dimensions"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_that_lie(tmp_path: Path, contents: dict[str, bytes], message: str, method: int) -> None:
    path = members(tmp_path / "x.npz", contents, method)
    for mmap in (True, False):
        with pytest.raises(FormatError, match=message) as caught:
            len(npz.read(path, STRICT, mmap=mmap).index_to_key)
        assert str(path) in str(caught.value)


def test_more_traps(tmp_path: Path) -> None:
    whole = members(tmp_path / "x.npz", GOOD, zipfile.ZIP_DEFLATED).read_bytes()
    path = tmp_path / "y.npz"
    at = whole.rindex(b"PK\x01\x02") + 24  # the size that the directory gives for the last member
    path.write_bytes(whole[:at] + (2**31).to_bytes(4, "little") + whole[at + 4 :])
    with pytest.raises(FormatError, match=r"declares 2,147,\d+,\d+ bytes of arrays, but the file has"):
        read(path)
    members(path, GOOD, zipfile.ZIP_BZIP2)
    with pytest.raises(FormatError, match=r"compressed in a way \(12\) that NumPy's archives do not know"):
        read(path)
    for size in (0, 4, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match="damaged one"):
            read(path)
    changed = bytearray(members(path, GOOD).read_bytes())
    changed[changed.index(VECTORS.tobytes()) + 5] ^= 1
    path.write_bytes(changed)
    with pytest.raises(FormatError, match=r"damaged one \(Bad CRC"):
        npz.read(path, STRICT, mmap=False)
    members(path, {**GOOD, "words.npy": npy(WORDS, shape=(3,), descr="<U4")})
    with pytest.raises(FormatError, match="no archive of NumPy"):
        read(tmp_path / "nothing")


def test_ends_that_lie(tmp_path: Path) -> None:
    for ends in ([1, 5, 999], [2, 1, 3], [-1, 1, 2]):
        contents = {
            "vectors.npy": npy(VECTORS),
            "words_utf8.npy": npy(np.frombuffer(b"abcdef", np.uint8)),
            "words_end.npy": npy(np.array(ends)),
        }
        path = members(tmp_path / "x.npz", contents)
        with pytest.raises(FormatError, match="words_end does not go up to the end of words_utf8"):
            npz.read(path, STRICT, mmap=False)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 700), st.integers(0, 255), st.booleans())
def test_no_byte_whatever_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, mmap: bool
) -> None:
    path = members(tmp_path_factory.mktemp("t") / "x.npz", GOOD, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    assert npz.sniff(path) in (True, False)
    with suppress(FormatError):
        len(npz.read(path, STRICT, mmap=mmap).index_to_key)


def test_what_is_told_apart(tmp_path: Path) -> None:
    members(tmp_path / "report.docx", {"[Content_Types].xml": b""})
    (tmp_path / "text").write_text("PK is a name")
    for name in ("report.docx", "text", "nothing", "."):
        assert not npz.sniff(tmp_path / name)


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "x.npz").touch()
    with pytest.raises(OutputExistsError, match="--force"):
        npz.write(stream_of(model(["a"])), tmp_path / "x.npz")
    npz.write(stream_of(model(["a"])), tmp_path / "x.npz", force=True)
    assert read(tmp_path / "x.npz").index_to_key == ["a"]

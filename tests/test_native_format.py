"""Models on disk: round trips, files that other programs can read, and every way a file can be wrong."""

import errno
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import load_file

import firth
from firth.embeddings import Embeddings
from firth.errors import ConfigError, FormatError, OutputExistsError
from firth.formats import load, model_files, native, save
from firth.formats.safetensors_file import map_tensors, write_tensors

WORDS = ["", "tab\there", "two\nlines", "köln", "\x1b[31mred", "東京", "nul\x00", "a\u200db", "--json", " "]


def small(words: int = 10, size: int = 3, **more: Any) -> Embeddings:
    vectors = np.random.default_rng(4).standard_normal((words, size)).astype(np.float32)
    names = [*WORDS, *(f"w{n}" for n in range(words))][:words]
    return Embeddings(names, vectors, **more)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# safetensors_file


def test_the_safetensors_library_opens_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    odd, even = (
        np.arange(21, dtype=np.float32).reshape(7, 3),
        np.arange(32, dtype=np.float32).reshape(4, 8) / 3,
    )
    write_tensors(
        file,
        {"odd": ((7, 3), [odd[:2], odd[2:2], odd[2:]]), "even": ((4, 8), iter([even])), "none": ((0, 5), [])},
        {"who": "firth", "naïve": "œuvre"},
    )
    theirs = load_file(file)
    np.testing.assert_array_equal(theirs["odd"], odd)
    np.testing.assert_array_equal(theirs["even"], even)
    assert theirs["none"].shape == (0, 5)
    with safe_open(file, framework="numpy") as opened:
        assert opened.metadata() == {"who": "firth", "naïve": "œuvre"}
    ours, metadata = map_tensors(file)
    assert metadata == {"who": "firth", "naïve": "œuvre"}
    assert ours["none"].shape == (0, 5)
    np.testing.assert_array_equal(ours["odd"], odd)
    np.testing.assert_array_equal(ours["even"], even)
    assert isinstance(ours["odd"], np.memmap)
    assert not ours["odd"].flags.writeable
    assert ours["even"].offset % 64 == 0
    assert ours["odd"].offset % 64 == 0
    assert names_in(tmp_path) == ["x.safetensors"]
    plain = tmp_path / "plain"
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode, "readable by whoever may read the user's other files"


@settings(deadline=None)  # the machine may be busy
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9)), st.text())
def test_any_tensor_and_metadata_round_trip(tmp_path_factory: Any, array: Any, text: str) -> None:
    file = tmp_path_factory.mktemp("t") / "x"
    write_tensors(file, {"a": (array.shape, [array])}, {"text": text})
    tensors, metadata = map_tensors(file)
    assert tensors["a"].tobytes() == array.tobytes()
    assert tensors["a"].shape == array.shape
    assert metadata == {"text": text}
    assert load_file(file)["a"].tobytes() == array.tobytes()


def test_other_types_of_number_are_mapped_or_named(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(raw(b'{"a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}', np.arange(2).tobytes()))
    assert map_tensors(file)[0]["a"].tolist() == [0, 1]
    file.write_bytes(raw(b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', b"abcd"))
    with pytest.raises(FormatError, match="'a' has the type BF16, but firth reads F64"):
        map_tensors(file)


def raw(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


GOOD = b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes long"),
        (b"abc", "3 bytes long"),
        (raw(GOOD)[:30], "30 bytes long, and its header would be 57"),
        (raw(GOOD, b"x" * 15), "promises 81 bytes, but it is 80 bytes long"),
        (raw(GOOD, b"x" * 17), "promises 81 bytes, but it is 82 bytes long"),
        ((10**17).to_bytes(8, "little") + GOOD, "its header would be 100,000,000,000,000,000"),
        (raw(b"\x80\x04pickle!"), "header is damaged"),
        (raw(b"[]"), "header is damaged"),
        (raw(b'{"a":7}'), "header is damaged"),
        (
            raw(b'{"a":{"dtype":"F32","shape":[3,2],"data_offsets":[0,16]}}', b"x" * 16),
            "not a valid safetensors",
        ),
        (
            raw(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}', b"x" * 16),
            "not a valid safetensors",
        ),
        (
            raw(b'{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}', b"x" * 16),
            "not a valid safetensors",
        ),
        (
            raw(b'{"a":{"dtype":"XX","shape":[4],"data_offsets":[0,16]}}', b"x" * 16),
            "not a valid safetensors",
        ),
    ],
)
def test_lying_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        map_tensors(file)
    assert str(file) in str(caught.value)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=200) | st.binary(max_size=60).map(raw))
def test_no_bytes_whatever_raise_anything_else(tmp_path_factory: Any, content: bytes) -> None:
    file = tmp_path_factory.mktemp("t") / "x"
    file.write_bytes(content)
    try:
        tensors, _ = map_tensors(file)
    except FormatError:
        return
    assert not any(tensor.size for tensor in tensors.values())


def test_a_missing_file_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        map_tensors(tmp_path / "x")


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([np.ones((3, 2), np.float32)], r"hold 3 rows, but its shape is \(4, 2\)"),
        ([np.ones((4, 3), np.float32)], r"a block is float32 \(4, 3\)"),
        ([np.ones((4, 2))], r"a block is float64 \(4, 2\)"),
    ],
)
def test_blocks_that_do_not_fill_the_shape(tmp_path: Path, blocks: Any, message: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    with pytest.raises(ConfigError, match=message):
        write_tensors(file, {"a": ((4, 2), blocks)})
    assert files_below(tmp_path) == {"x": b"old"}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(FormatError, match=r"x: no room to write it .*: 400,128 bytes are needed"):
            write_tensors(file, {"a": ((1000, 100), [np.ones((100, 100), np.float32)] * 10)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_below(tmp_path) == {"x": b"old"}


def test_an_error_of_the_caller_leaves_the_old_file(tmp_path: Path) -> None:
    def blocks() -> Any:
        yield np.ones((1, 2), np.float32)
        raise KeyboardInterrupt

    file = tmp_path / "x"
    file.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_tensors(file, {"a": ((4, 2), blocks())})
    assert files_below(tmp_path) == {"x": b"old"}


# native


def test_a_model_round_trips(tmp_path: Path) -> None:
    model = small(
        counts=np.arange(100, 90, -1),
        context_vectors=np.random.default_rng(9).standard_normal((10, 3)).astype(np.float32),
        trained=np.arange(10) != 7,
        config={
            "options": {"alpha": 0.05, "max_vocab_size": None, "seed": np.int64(3)},
            "corpus": {"path": tmp_path},
        },
        training=[{"words": 10, "loss": 2.5}, {"words": np.int64(20), "loss": float("nan")}],
    )
    save(model, tmp_path / "m")
    for mmap in (True, False):
        again = native.read(tmp_path / "m", mmap=mmap)
        assert again.index_to_key == WORDS
        np.testing.assert_array_equal(again.vectors, model.vectors)
        np.testing.assert_array_equal(again.context_vectors, model.context_vectors)
        np.testing.assert_array_equal(again.counts, model.counts)
        np.testing.assert_array_equal(again.trained, model.trained)
        assert again.config["options"] == {"alpha": 0.05, "max_vocab_size": None, "seed": 3}
        assert again.config["corpus"] == {"path": str(tmp_path)}
        assert again.training == [{"words": 10, "loss": 2.5}, {"words": 20, "loss": None}]
        assert again.most_similar("köln") == model.most_similar("köln")
        assert not again.vectors.flags.writeable
    assert names_in(tmp_path) == ["m"]
    assert names_in(tmp_path / "m") == [
        "config.json",
        "model.safetensors",
        "training.jsonl",
        "vocabulary.parquet",
    ]


def test_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    firth.save(small(), tmp_path / "deep" / "er" / "m")
    again = firth.load(str(tmp_path / "deep" / "er" / "m"))
    assert (again.counts, again.context_vectors, again.trained, again.training) == (None, None, None, [])
    assert again.config == {"format": "firth", "format_version": 1, "reports": 0}


def test_other_programs_can_read_the_parts(tmp_path: Path) -> None:
    save(small(counts=np.arange(10), config={"corpus": "œuvre"}), tmp_path / "m")
    table = pq.read_table(tmp_path / "m" / "vocabulary.parquet")
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("word", "string"),
        ("count", "int64"),
        ("trained", "bool"),
    ]
    assert table.column("word").to_pylist() == WORDS
    assert load_file(tmp_path / "m" / "model.safetensors")["vectors"].shape == (10, 3)
    text = (tmp_path / "m" / "config.json").read_text("utf-8")
    assert list(json.loads(text)) == ["format", "format_version", "corpus", "reports"]
    assert "œuvre" in text


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.text(), unique=True), st.data())
def test_any_words_round_trip(tmp_path_factory: Any, words: list[str], data: st.DataObject) -> None:
    rows = len(words)
    counts = data.draw(st.none() | hnp.arrays(np.int64, rows))
    trained = data.draw(st.none() | hnp.arrays(np.bool_, rows))
    file = tmp_path_factory.mktemp("v") / "vocabulary.parquet"
    model_files.write_vocabulary(file, words, counts, trained)
    words_again, counts_again, trained_again = model_files.read_vocabulary(file)
    assert words_again == words
    if rows:
        assert (counts_again is None) == (counts is None)
        assert counts is None or counts_again.tolist() == counts.tolist()
        expected = [True] * rows if trained is None else trained.tolist()
        assert ([True] * rows if trained_again is None else trained_again.tolist()) == expected


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8")),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda children: st.lists(children) | st.dictionaries(st.text(), children),
            max_leaves=8,
        ),
    )
)
def test_any_config_round_trips(tmp_path_factory: Any, config: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("c") / "config.json"
    model_files.write_config(file, config)
    kept = {name: value for name, value in config.items() if name not in ("format", "format_version")}
    assert model_files.read_config(file) == {"format": "firth", "format_version": 1, **kept}


def test_a_file_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    model_files.write_config(tmp_path / "c", {"path": "\udcff.txt"})
    assert model_files.read_config(tmp_path / "c")["path"] == "\udcff.txt"


def test_what_json_and_parquet_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="does not fit into JSON"):
        model_files.write_config(tmp_path / "c", {"loss": float("nan")})
    with pytest.raises(FormatError, match=r"does not fit into JSON: .*object"):
        model_files.write_config(tmp_path / "c", {"loss": object()})
    with pytest.raises(FormatError, match=r"the word '\\udcff' has no UTF-8 form"):
        model_files.write_vocabulary(tmp_path / "v", ["a", "\udcff"])
    assert files_below(tmp_path) == {}


def test_an_existing_folder_is_not_replaced_unasked(tmp_path: Path) -> None:
    save(small(), tmp_path / "m")
    before = files_below(tmp_path)
    with pytest.raises(OutputExistsError, match=r"m exists: .*--force"):
        save(small(words=4), tmp_path / "m")
    assert files_below(tmp_path) == before
    save(small(words=4), tmp_path / "m", force=True)
    assert len(load(tmp_path / "m")) == 4
    assert names_in(tmp_path) == ["m"]


def test_a_model_can_replace_itself(tmp_path: Path) -> None:
    save(small(), tmp_path / "m")
    model = load(tmp_path / "m")
    save(model, tmp_path / "m", force=True)
    np.testing.assert_array_equal(load(tmp_path / "m").vectors, small().vectors)


def test_force_replaces_nothing_but_models(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "letters").mkdir(parents=True)
    (home / "letters" / "love.txt").write_text("dear")
    file = tmp_path / "file"
    file.write_text("text")
    for place in (home, file):
        with pytest.raises(OutputExistsError, match="is not a model of firth"):
            save(small(), place, force=True)
    save(small(), tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"holds more than a model of firth.*'notes.txt'"):
        save(small(), tmp_path / "m", force=True)
    (tmp_path / "empty").mkdir()
    save(small(), tmp_path / "empty", force=True)
    assert len(load(tmp_path / "empty")) == 10
    assert (home / "letters" / "love.txt").read_text() == "dear"


def test_a_finished_run_takes_the_place_of_its_checkpoint(tmp_path: Path) -> None:
    save(small(config={"state": "training"}), tmp_path / "m" / "checkpoint")
    save(small(), tmp_path / "m", force=True)
    assert names_in(tmp_path / "m") == sorted(
        [native.CONFIG, native.TENSORS, native.TRAINING, native.VOCABULARY]
    )


def test_a_link_to_a_model_keeps_pointing_to_it(tmp_path: Path) -> None:
    save(small(), tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(small(words=4), tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert len(load(tmp_path / "real")) == 4


@pytest.mark.parametrize("call", ["rename_new", "parts"])
def test_a_failure_on_the_way_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    save(small(), tmp_path / "m")
    before = files_below(tmp_path)
    rename = Path.rename

    def failing_rename(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    def full(*_: object) -> None:
        raise FormatError(f"{_[1]}/vocabulary.parquet: no room")

    if call == "rename_new":
        monkeypatch.setattr(Path, "rename", failing_rename)
    else:
        monkeypatch.setattr(native, "_write_parts", full)
    with pytest.raises(FormatError, match=f"{tmp_path}/m"):
        save(small(words=4), tmp_path / "m", force=True)
    assert files_below(tmp_path) == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(FormatError, match="cannot be written"):
        save(small(), tmp_path / "file" / "m")


@pytest.mark.parametrize("name", [native.TENSORS, native.VOCABULARY, native.CONFIG, native.TRAINING])
def test_a_missing_part_is_named(tmp_path: Path, name: str) -> None:
    save(small(training=[{"loss": 1.0}]), tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    with pytest.raises(
        FormatError, match=rf"{name}: missing from the model folder; copy .* or train it again"
    ):
        load(tmp_path / "m")


@pytest.mark.parametrize("name", [native.TENSORS, native.VOCABULARY, native.CONFIG, native.TRAINING])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_part_cut_short_is_named(tmp_path: Path, name: str, keep: float) -> None:
    save(small(training=[{"loss": 1.0}, {"loss": 0.5}]), tmp_path / "m")
    file = tmp_path / "m" / name
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    if name in (native.CONFIG, native.TRAINING) and keep == 0.99:
        assert content.endswith(b"\n")  # only the last line's end is gone
        assert len(load(tmp_path / "m").training) == 2
    else:
        with pytest.raises(FormatError, match=name):
            load(tmp_path / "m")


def test_a_changed_byte_of_the_vocabulary_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "v"
    model_files.write_vocabulary(file, [f"word{n * 7919 % 1000}" for n in range(1000)])
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content)
    with pytest.raises(FormatError, match="damaged"):
        model_files.read_vocabulary(file)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"format": "spam", "format_version": 1}', 'not a model of firth: "format" is "spam"'),
        ('{"model_type": "bert"}', 'not a model of firth: "format" is null'),
        ("[1]", "not a model of firth"),
        (
            '{"format": "firth", "format_version": 2}',
            "newer firth .*format version 2.*reads up to 1.*update firth",
        ),
        ('{"format": "firth", "format_version": "1"}', "not a whole number"),
        ('{"format": "firth"}', '"format_version" is null'),
        ('{"format": "firth", "format_version": 1, "x": NaN}', "NaN is not a JSON number"),
        ("\xff", "damaged, not JSON"),
        ("[" * 100_000, "damaged, not JSON"),
    ],
)
def test_a_config_of_something_else(tmp_path: Path, config: str, message: str) -> None:
    save(small(), tmp_path / "m")
    (tmp_path / "m" / native.CONFIG).write_text(config, "latin-1")
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "m")


def test_parts_of_different_models_show_both_sizes(tmp_path: Path) -> None:
    save(small(), tmp_path / "m")
    model_files.write_vocabulary(tmp_path / "m" / native.VOCABULARY, WORDS[:6])
    with pytest.raises(
        FormatError, match=r"'vectors' of shape \(10, 3\), but vocabulary.parquet has 6 words"
    ):
        load(tmp_path / "m")
    model_files.write_vocabulary(tmp_path / "m" / native.VOCABULARY, ["same"] * 10)
    for ask in (lambda model: "same" in model, lambda model: model.most_similar("same")):
        with pytest.raises(FormatError, match="m: the key 'same' is there twice, in rows 0 and 1; copy"):
            ask(load(tmp_path / "m"))
    write_tensors(tmp_path / "m" / native.TENSORS, {"weights": ((10, 1), [np.ones((10, 1), np.float32)])})
    with pytest.raises(FormatError, match="no tensor 'vectors', only \\['weights'\\]"):
        load(tmp_path / "m")


def test_a_vocabulary_with_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "v"
    pq.write_table(pa.table({"word": ["a"], "n": [1]}), file)
    with pytest.raises(
        FormatError, match=r"has the columns .*'n': 'int64'.*but a vocabulary has .*'trained': 'bool'"
    ):
        model_files.read_vocabulary(file)
    columns = {"word": ["a", None], "count": pa.array([1, 2]), "trained": [True, True]}
    pq.write_table(pa.table(columns), file)
    with pytest.raises(FormatError, match="rows without a word"):
        model_files.read_vocabulary(file)


@pytest.mark.parametrize(
    ("line", "message"),
    [(b'{"loss": 1.0', r"training.jsonl:2: damaged"), (b"[3]", r"report 2 is not an object but \[3\]")],
)
def test_a_damaged_report_is_named_by_its_line(tmp_path: Path, line: bytes, message: str) -> None:
    save(small(training=[{"loss": 2.0}]), tmp_path / "m")
    with (tmp_path / "m" / native.TRAINING).open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(FormatError, match=message):
        load(tmp_path / "m")


def test_a_run_in_progress_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save(small(config={"state": "training"}), folder / "checkpoint")
    with pytest.raises(FormatError) as caught:
        load(folder)
    assert f"`firth train --resume {folder}`" in str(caught.value)
    assert f"`firth neighbors {folder}/checkpoint WORD`" in str(caught.value)
    assert load(folder / "checkpoint").config["state"] == "training"
    (folder / "checkpoint" / native.TENSORS).unlink()
    with pytest.raises(FormatError, match="has not saved anything yet: wait"):
        load(folder)


def test_a_place_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.bin").write_bytes(b"\x01\x02\x03 what is this?")
    for name, message in [
        ("nowhere", "there is no such model"),
        ("empty", "not a model folder, it has no config.json"),
        ("file.bin", "of no format that firth knows by its content"),
    ]:
        with pytest.raises(FormatError, match=message):
            load(tmp_path / name)
    assert not native.is_model_folder(tmp_path / "nowhere")
    assert not native.is_model_folder(tmp_path / "empty")
    save(small(), tmp_path / "m")
    assert native.is_model_folder(tmp_path / "m")

"""Folders of sentence-transformers and model2vec: written and read without these libraries.

What the libraries make of them is in test_handover_sentence_transformers.py and test_handover_model2vec.py.
"""

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tests.vector_cases import STRICT, assert_same, model, models, streamed

from firth.embeddings import Embeddings
from firth.errors import FormatError, OutputExistsError
from firth.formats import model2vec, sentence_transformers
from firth.formats.stream import checked, collect, stream_of

GOLDEN = Path(__file__).parent / "golden"
BOTH = pytest.mark.parametrize("format_", [sentence_transformers, model2vec])
WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def opened(format_: ModuleType, path: Path) -> Embeddings:
    return collect(checked(format_.stream(path, STRICT), path, STRICT))


@BOTH
@settings(max_examples=40, deadline=None)  # each writes, and syncs, a folder
@given(given_model=models(WORD))
def test_any_model_round_trips(
    format_: ModuleType, given_model: Embeddings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("m") / "out"
    format_.write(streamed(given_model), path)
    assert [one.sniff(path) for one in (sentence_transformers, model2vec)] == [
        one is format_ for one in (sentence_transformers, model2vec)
    ]
    assert_same(opened(format_, path), given_model, counts=False)
    assert [entry.name for entry in path.parent.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        (sentence_transformers, "sentence-transformers/pieces"),
        (model2vec, "model2vec/words"),
        (model2vec, "model2vec/int8"),
        (model2vec, "model2vec/mapped"),
    ],
)
def test_folders_that_the_libraries_wrote(
    format_: ModuleType, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    assert [one.sniff(GOLDEN / name) for one in (model2vec, sentence_transformers)].count(True) == 1
    assert format_.sniff(GOLDEN / name)
    found = opened(format_, GOLDEN / name)
    assert found.index_to_key == expected["words"]
    np.testing.assert_allclose(found.vectors, np.array(expected["vectors"], np.float32), rtol=1e-6)
    assert capsys.readouterr().err == "", "a module Normalize changes no word"


@BOTH
def test_only_a_folder_of_its_own_kind_is_replaced(format_: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "m"
    format_.write(stream_of(model(["a"])), path)
    with pytest.raises(OutputExistsError, match="--force"):
        format_.write(stream_of(model(["b"])), path)
    format_.write(stream_of(model(["b"])), path, force=True)
    assert opened(format_, path).index_to_key == ["b"]
    (path / "thesis.tex").touch()
    with pytest.raises(OutputExistsError, match=r"holds something else \('thesis\.tex'\)"):
        format_.write(stream_of(model(["c"])), path, force=True)


@BOTH
def test_the_empty_word_has_no_place(format_: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"m: row 1 is the empty word"):
        format_.write(stream_of(model(["a", ""])), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A folder of sentence-transformers to damage."""
    sentence_transformers.write(stream_of(model(["a", "b"])), tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def distilled(tmp_path: Path) -> Path:
    """A folder of model2vec to damage."""
    model2vec.write(stream_of(model(["a", "b"])), tmp_path / "m")
    return tmp_path / "m"


def set_modules(folder: Path, *modules: Any) -> None:
    (folder / "modules.json").write_text(json.dumps(modules))


def module(kind: str, path: str = "") -> dict[str, Any]:
    return {"idx": 0, "name": "0", "path": path, "type": f"sentence_transformers.models.{kind}"}


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (
            [module("Transformer")],
            "begins with a module 'Transformer', whose vectors depend on the whole text",
        ),
        ([module("StaticEmbedding", "../x")], r"first module lies outside the folder, at '\.\./x'"),
        ([module("StaticEmbedding", "/etc")], "lies outside the folder, at '/etc'"),
        ([module("StaticEmbedding", "a\0b")], "no list of modules"),
        ([module("StaticEmbedding", "0")], r"0.model\.safetensors: cannot be read"),
        ([], "no list of modules"),
        ([3], "no list of modules"),
    ],
)
def test_other_lists_of_modules(modules: list[Any], message: str, static: Path) -> None:
    set_modules(static, *modules)
    assert sentence_transformers.sniff(static)
    with pytest.raises(FormatError, match=message):
        opened(sentence_transformers, static)


def test_a_module_that_would_change_the_space_is_told(
    static: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_modules(static, module("StaticEmbedding"), module("Normalize"), module("Dense", "2_Dense"))
    assert len(opened(sentence_transformers, static)) == 2
    assert "Dense left out" in capsys.readouterr().err


def test_a_pickle_is_explained_and_never_opened(static: Path) -> None:
    (static / "model.safetensors").rename(static / "pytorch_model.bin")
    with pytest.raises(FormatError, match=r"a pickle \(pytorch_model\.bin\).*save it again"):
        opened(sentence_transformers, static)


def test_the_module_may_have_a_folder_of_its_own(static: Path) -> None:
    (static / "0_StaticEmbedding").mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (static / name).rename(static / "0_StaticEmbedding" / name)
    set_modules(static, module("StaticEmbedding", "0_StaticEmbedding"))
    assert opened(sentence_transformers, static).index_to_key == ["a", "b"]


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[" * 100_000, b"null", b'{"model":{"vocab":{"a":0,"b":"x"}}}']
)
def test_a_damaged_tokenizer(damage: bytes, distilled: Path) -> None:
    (distilled / "tokenizer.json").write_bytes(damage)
    with pytest.raises(
        FormatError, match=r"tokenizer\.json: not a tokenizer\.json: .*; copy or make it again"
    ):
        opened(model2vec, distilled)
    (distilled / "tokenizer.json").unlink()
    with pytest.raises(FormatError, match=r"tokenizer\.json: cannot be read"):
        opened(model2vec, distilled)


def tensors(folder: Path, **more: Any) -> None:
    held = load_file(folder / "model.safetensors")
    save_file(
        {**held, **{name: np.ascontiguousarray(value) for name, value in more.items()}},
        folder / "model.safetensors",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"embeddings": np.ones((1, 3), np.float32)}, "has 1 rows, but tokenizer.json has ids up to 1"),
        (
            {"embeddings": np.ones(3, np.float32)},
            r"'embeddings' is float32 of shape \(3,\), but word vectors",
        ),
        ({"embeddings": np.ones((2, 3), np.int64)}, "'embeddings' is int64"),
        ({"mapping": np.array([0, 2])}, "'mapping' is of no rows, or of rows beyond the 2"),
        ({"mapping": np.array([0, -1])}, "'mapping' is of no rows"),
        ({"mapping": np.array([0.0, 1.0])}, "'mapping' is of no rows"),
        ({"mapping": np.ones((2, 2), np.int64)}, r"'mapping' has the shape \(2, 2\)"),
        ({"weights": np.ones(3)}, "has 3 weights for 2 tokens"),
        ({"weights": np.array([1.0, 1e300])}, "the vector of 'b' holds NaN or infinity"),
    ],
)
def test_tensors_that_do_not_fit(more: dict[str, Any], message: str, distilled: Path) -> None:
    tensors(distilled, **more)
    with pytest.raises(FormatError, match=message):
        opened(model2vec, distilled)


def test_rows_without_a_token_are_numbered(distilled: Path) -> None:
    tensors(distilled, embeddings=np.arange(12, dtype=np.float32).reshape(4, 3))
    assert opened(model2vec, distilled).index_to_key == ["a", "b", "<id 2>", "<id 3>"]


def test_a_folder_of_the_other_kind_names_its_tensors(distilled: Path) -> None:
    with pytest.raises(FormatError, match=r"has no tensor 'embedding\.weight', only \['embeddings'\]"):
        opened(sentence_transformers, distilled)


@BOTH
def test_sniffing_never_raises(format_: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[" * 100_000)
    (tmp_path / "model.safetensors").mkdir()
    assert not format_.sniff(tmp_path)
    assert not format_.sniff(tmp_path / "modules.json")
    assert not format_.sniff(tmp_path / "nothing")
    shutil.rmtree(tmp_path / "model.safetensors")
    (tmp_path / "modules.json").write_bytes(b" " * (2 << 20))
    assert not format_.sniff(tmp_path)

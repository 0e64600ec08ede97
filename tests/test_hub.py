"""Models on the Hugging Face Hub: a stub of it on loopback, and local folders in its place."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.stub_hub import COMMIT, StubHub, stub_hub
from tests.vector_cases import assert_same, model

import firth
from firth.embeddings import Embeddings
from firth.errors import FirthError, FormatError, OutputExistsError
from firth.formats import load, native, sentence_transformers
from firth.formats.stream import stream_of
from firth.hub import from_pretrained, push_to_hub
from firth.model_card import model_card

WORDS = ["the", "a", "castle", "köln"]
CONFIG: dict[str, Any] = {
    "options": {"vector_size": 3, "window": 5, "epochs": 2, "threads": 8, "max_vocab_size": None},
    "corpus": {
        "paths": ["/home/me/secret plans/corpus|1.txt"],
        "tokenizer": "words",
        "lowercase": True,
        "tokens": 1234567,
        "fingerprint": "abc",
    },
    "loss": 2.21987,
}


def small(**more: Any) -> Embeddings:
    return model(WORDS, counts=np.arange(4), config=CONFIG, **more)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StubHub]:
    """A hub of our own, for the real client."""
    constants = pytest.importorskip("huggingface_hub.constants")
    with stub_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


def test_there_and_back(hub: StubHub, tmp_path: Path) -> None:
    url = push_to_hub(
        small(), "me/castles", private=True, token="right", commit_message="Hello", language="en"
    )
    assert url == f"{hub.url}/me/castles"
    assert hub.messages == ["Hello"]
    assert hub.private == {"me/castles": "private"}
    files = hub.files["me/castles"]
    assert sorted(files) == sorted(
        ["README.md", "config.json", "model.safetensors", "training.jsonl", "vocabulary.parquet"]
    )
    assert b"secret plans" not in b"".join(files.values())
    assert json.loads(files["config.json"])["corpus"]["paths"] == ["corpus|1.txt"]
    back = from_pretrained("me/castles", cache_dir=tmp_path / "cache")
    assert_same(back, small())
    assert back.config["corpus"]["lowercase"] is True
    assert (tmp_path / "cache" / "models--me--castles" / "snapshots" / COMMIT).is_dir()


def test_only_what_a_model_is_made_of_is_downloaded(hub: StubHub, tmp_path: Path) -> None:
    push_to_hub(small(), "me/m", token="right")
    evil = {"data.pkl": pickle.dumps(3), "hubconf.py": b"raise SystemExit", "sub/config.json": b"{}"}
    hub.files["me/m"] |= evil
    from_pretrained("me/m")
    assert set(hub.downloaded).isdisjoint(evil)
    assert "model.safetensors" in hub.downloaded


def test_static_models_of_other_libraries_and_no_others(hub: StubHub, tmp_path: Path) -> None:
    sentence_transformers.write(stream_of(small()), tmp_path / "static")
    hub.files["them/static"] = {file.name: file.read_bytes() for file in (tmp_path / "static").iterdir()}
    assert_same(from_pretrained("them/static"), small(), counts=False)
    kind = "sentence_transformers.models.Transformer"
    modules = json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]).encode()
    hub.files["them/bert"] = {"modules.json": modules, "config.json": b"{}", "model.safetensors": b"large"}
    hub.downloaded.clear()
    with pytest.raises(FormatError, match="begins with a module 'Transformer'"):
        from_pretrained("them/bert")
    assert "model.safetensors" not in hub.downloaded


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: from_pretrained("me/nothing"),
            r"me/nothing: could not be downloaded \(.*Not Found.*check the name",
        ),
        (lambda: from_pretrained("a//b"), "a//b: could not be downloaded"),
        (
            lambda: push_to_hub(small(), "me/m", token="wrong"),
            r"me/m: could not be uploaded \(.*401.*your token",
        ),
    ],
)
def test_refusals_are_one_line(hub: StubHub, call: Any, message: str) -> None:
    with pytest.raises(FirthError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_a_hub_that_is_not_there(hub: StubHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(FirthError, match="me/m: could not be downloaded"):
        from_pretrained("me/m")


def test_a_local_folder_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert push_to_hub(small(), "./out/m") == "out/m"
    assert_same(from_pretrained("out/m"), small())
    assert_same(from_pretrained(tmp_path / "out" / "m"), small())
    assert 'library_name: "firth"' in Path("out/m/README.md").read_text("utf-8")
    assert [entry.name for entry in Path("out").iterdir()] == ["m"]
    with pytest.raises(OutputExistsError, match="out/m exists"):
        push_to_hub(small(), Path("out/m"))
    with pytest.raises(FormatError, match="there is no such model"):
        from_pretrained("./nowhere")


def test_a_model_folder_is_published_as_it_is(tmp_path: Path) -> None:
    native.write(small(), tmp_path / "m", quantized="int8")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    push_to_hub(tmp_path / "m", tmp_path / "public")
    assert sorted(entry.name for entry in (tmp_path / "public").iterdir()) == sorted(
        ["README.md", "config.json", "model.safetensors", "training.jsonl", "vocabulary.parquet"]
    )
    for name in ("model.safetensors", "vocabulary.parquet"):
        assert (tmp_path / "public" / name).read_bytes() == (tmp_path / "m" / name).read_bytes()
    assert_same(load(tmp_path / "public"), load(tmp_path / "m"))


def test_the_card_says_what_the_model_is() -> None:
    card = model_card(small(), "me/castles", ["en", "no"])
    head, _, body = card.removeprefix("---\n").partition("---\n")
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(head) == {
        "library_name": "firth",
        "tags": ["word-embeddings", "word2vec", "skip-gram", "firth"],
        "language": ["en", "no"],
    }
    for line in (
        "# castles",
        "| words | 4 |",
        "| words of text | 1,234,567 |",
        "| corpus | corpus\\|1.txt |",
    ):
        assert f"\n{line}\n" in body
    for line in ("| lower case | yes |", "| epochs | 2 |", "| loss per pair | 2.220 |"):
        assert f"\n{line}\n" in body
    assert 'from_pretrained("me/castles")' in body.replace("'", '"')
    assert 'most_similar("castle")' in body.replace("'", '"')
    assert "threads" not in card
    assert "secret" not in card
    assert "language" not in model_card(small(), "m")


def test_the_card_of_vectors_from_elsewhere() -> None:
    foreign = model(WORDS, config={"source": {"format": "glove", "file": "<b>.txt"}})
    assert "converted by firth from &lt;b>.txt (glove)" in model_card(foreign, "m")
    assert "written with firth" in model_card(model(WORDS), "m")


def test_a_trained_model_has_a_card() -> None:
    trained = firth.train([["a", "b"]] * 9, min_count=1, sample=0, vector_size=2, threads=1)
    assert "trained with firth: skip-gram" in model_card(trained, "m")

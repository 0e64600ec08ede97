"""The folder of a static model of sentence-transformers (``StaticEmbedding``).

``modules.json`` names the modules, ``model.safetensors`` has *embedding.weight*, ``tokenizer.json`` the
words. A model of another kind (BERT and the like) is refused: its vectors depend on the whole text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firth.errors import FormatError
from firth.formats.safetensors_file import map_tensors
from firth.formats.static_model import (
    MODULE,
    MODULES,
    TENSORS,
    TOKENIZER,
    as_float32,
    matrix_named,
    read_json,
    rows_stream,
    seems_to_hold,
    write_static,
)
from firth.formats.stream import ReadOptions, Stream
from firth.notes import note
from firth.printable import quoted

NAME = "sentence-transformers"
CONFIG = "config_sentence_transformers.json"
WEIGHTS = "embedding.weight"
HARMLESS = ("Normalize",)
"""Modules after the first that leave the words' own vectors as they are."""


def sniff(path: Path) -> bool:
    """Tell whether a folder is a model of sentence-transformers, and not one of model2vec."""
    try:
        return isinstance(read_json(path / MODULES), list) and not seems_to_hold(path, "embeddings")
    except FormatError:
        return False


def stream(path: Path, options: ReadOptions) -> Stream:
    """Open a folder as a stream of its tokens and their vectors.

    Raises:
        FormatError: its model is not static, or a part is missing or damaged.
    """
    folder = static_folder(path)
    if not (folder / TENSORS).exists() and (folder / "pytorch_model.bin").exists():
        raise FormatError(
            f"{folder}: its weights are a pickle (pytorch_model.bin), which can run code: not opened; "
            "load it where you trust it, and save it again (save_pretrained writes safetensors)"
        )
    tensors, _ = map_tensors(folder / TENSORS)
    weights = matrix_named(folder, tensors, WEIGHTS)
    rows, size = weights.shape
    return rows_stream(folder, size, rows, lambda part: as_float32(weights[part]))


def write(stream: Stream, path: Path, *, force: bool = False) -> None:
    """Write a folder that ``SentenceTransformer(path)`` loads: texts are the means of their words.

    Raises:
        OutputExistsError: ``path`` is taken, and ``force`` is False or it holds something else.
        FormatError: a word is empty or has no UTF-8 form, or the folder cannot be written.
    """
    files = {
        MODULES: [{"idx": 0, "name": "0", "path": "", "type": MODULE}],
        CONFIG: {
            "model_type": "SentenceTransformer",
            "prompts": {"query": "", "document": ""},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
    write_static(stream, path, WEIGHTS, files, force=force)


def static_folder(path: Path) -> Path:
    """Return the folder of the static module; say what the others would have done."""
    modules = read_json(path / MODULES)
    if modules is None:
        if (path / TENSORS).is_file() and (path / TOKENIZER).is_file():
            return path
        raise FormatError(f"{path}: not a model of sentence-transformers, it has no {MODULES}")
    try:
        kinds = [module["type"].rpartition(".")[2] for module in modules]
        place = modules[0]["path"]
        folder: Path = path / place
        inside = folder.resolve().is_relative_to(path.resolve())
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise FormatError(f"{path / MODULES}: damaged, no list of modules; copy or make it again") from None
    if kinds[0] != "StaticEmbedding":
        raise FormatError(
            f"{path}: begins with a module {quoted(str(kinds[0]))}, whose vectors depend on the whole text: "
            "only static models (StaticEmbedding) have a vector a word"
        )
    if not inside:
        raise FormatError(f"{path / MODULES}: its first module lies outside the folder, at {quoted(place)}")
    _tell(path, [kind for kind in kinds[1:] if kind not in HARMLESS])
    return folder


def _tell(path: Path, left_out: list[Any]) -> None:
    if left_out:
        note(f"{path}: {', '.join(left_out)} left out: the vectors are those of the words alone")

"""What a model says of itself in its ``README.md``, in the form that the Hugging Face Hub reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firth.embeddings import Embeddings

TAGS = ("word-embeddings", "word2vec", "skip-gram", "firth")


def model_card(model: Embeddings, name: str, language: str | Iterable[str] | None = None) -> str:
    """Return the text of a model's ``README.md`` on the Hub: its metadata (YAML), then what the model is.

    Args:
        model: the model.
        name: ``user/name``.
        language: code or codes of the words' language.
    """
    metadata: dict[str, Any] = {"library_name": "firth", "tags": list(TAGS)}
    if language is not None:
        metadata["language"] = [language] if isinstance(language, str) else list(language)
    facts = [("words", f"{len(model):,}"), ("dimensions", str(model.vector_size)), *_facts(model.config)]
    table = "".join(f"| {_cell(key)} | {_cell(value)} |\n" for key, value in facts)
    return (
        f"---\n{_yaml(metadata)}---\n\n# {_cell(name.rpartition('/')[2])}\n\n{_origin(model.config)}\n\n"
        f"| | |\n|---|---|\n{table}\n"
        "```python\n"
        "from firth.hub import from_pretrained\n\n"
        f"model = from_pretrained({name!r})\n"
        f"model.most_similar({_example(model)!r})\n"
        "```\n\n"
        "Needed: `pip install firth huggingface_hub`. The files are safetensors, Parquet and JSON.\n"
    )


def _origin(config: dict[str, Any]) -> str:
    """Say in a sentence where the vectors come from."""
    source = config.get("source")
    if source:
        file, kind = _cell(source.get("file")), _cell(source.get("format"))
        return f"Word vectors, converted by firth from {file} ({kind})."
    if "options" in config:
        return "Word vectors, trained with firth: skip-gram with negative sampling (word2vec)."
    return "Word vectors, written with firth."


def _facts(config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is worth telling of the corpus and the options."""
    corpus, options = config.get("corpus") or {}, config.get("options") or {}
    told = {
        "corpus": ", ".join(Path(path).name for path in corpus.get("paths", [])),
        "words of text": _number(corpus.get("tokens")),
        "tokenizer": Path(str(corpus.get("tokenizer", ""))).name,
        "lower case": "yes" if corpus.get("lowercase") else "",
        "corpus fingerprint": str(corpus.get("fingerprint", "")),
    }
    told |= {name: str(value) for name, value in options.items() if name not in ("vector_size", "threads")}
    told |= {"loss per pair": f"{config['loss']:.3f}"} if isinstance(config.get("loss"), float) else {}
    return [(name, value) for name, value in told.items() if value not in ("", "None")]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _example(model: Embeddings) -> str:
    """Return a word to look up, longer than most function words are."""
    return next(
        (word for word in model.index_to_key if len(word) > 4 and word.isalpha()), model.index_to_key[0]
    )


def _cell(text: object) -> str:
    """Return text that Markdown leaves as it is in a line of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _yaml(metadata: dict[str, Any]) -> str:
    """Write texts and lists of texts as YAML, in which a text in JSON's quotes is one."""
    lines = []
    for key, value in metadata.items():
        if isinstance(value, str):
            lines.append(f"{key}: {json.dumps(value)}\n")
        else:
            lines += [f"{key}:\n", *(f"- {json.dumps(item)}\n" for item in value)]
    return "".join(lines)

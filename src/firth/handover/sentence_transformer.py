"""Vectors as a model of sentence-transformers: a text is the mean of its words."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.extras import optional
from firth.handover.table import EXTRA, WordTable
from firth.handover.text_tokenizer import text_options, tokenizer_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

NEW_PLACE, OLD_PLACE = "sentence_transformers.sentence_transformer.modules", "sentence_transformers.models"
"""Where ``StaticEmbedding`` lives: in newer releases, and in older ones."""


def to_sentence_transformers(
    table: WordTable,
    *,
    tokenizer: str | os.PathLike[str] | None = None,
    lowercase: bool | None = None,
    device: str | None = "cpu",
) -> SentenceTransformer:
    """Return a ``SentenceTransformer`` of one ``StaticEmbedding``: a text becomes the mean of its words.

    Its tokenizer splits as the model's corpus was split. A word that the model does not know is no part of
    the mean, and a text without any known word is a vector of zeros. Row i stays word i, with no row added.
    The weights are a copy (4 V D bytes), since they may be trained.

    Args:
        table: the model.
        tokenizer: as in training: "whitespace", "words" or a ``tokenizer.json``; None: as the model was
            trained; "words" for a file of another program.
        lowercase: turn texts into lower case; None: as the model was trained, and for a file of another
            program if none of its words has a capital.
        device: where the model computes; None: what sentence-transformers picks.

    Raises:
        ConfigError: ``tokenizer`` is not the model's own ``tokenizer.json``, or a word of the model is empty.
        MissingExtraError: sentence-transformers is not installed.
    """
    purpose = "to_sentence_transformers()"
    parent = optional("sentence_transformers", purpose, EXTRA, "sentence-transformers")
    tokenizers = optional("tokenizers", purpose, EXTRA)
    options = text_options(table.config, tokenizer, lowercase, table.index_to_key)
    text = tokenizer_json(table.index_to_key, options)
    static = _modules().StaticEmbedding(
        tokenizers.Tokenizer.from_str(text), embedding_weights=np.array(table.vectors, np.float32)
    )
    model: SentenceTransformer = parent.SentenceTransformer(modules=[static], device=device)
    return model


def _modules() -> Any:
    """Import the modules that a ``SentenceTransformer`` is made of."""
    try:
        return import_module(NEW_PLACE)
    except ImportError:
        return import_module(OLD_PLACE)

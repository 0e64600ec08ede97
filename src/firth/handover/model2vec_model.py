"""Vectors as a static model of model2vec: a text is the mean of its words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.extras import optional
from firth.handover.table import EXTRA, WordTable
from firth.handover.text_tokenizer import text_options, tokenizer_json

if TYPE_CHECKING:
    from model2vec import StaticModel

STATIC_MODEL: dict[str, Any] = {"model_type": "model2vec", "architectures": ["StaticModel"]}
"""What model2vec's ``config.json`` begins with."""


def to_model2vec(
    table: WordTable,
    *,
    normalize: bool = False,
    tokenizer: str | os.PathLike[str] | None = None,
    lowercase: bool | None = None,
) -> StaticModel:
    """Return a ``StaticModel``: a text, however long, becomes the mean of its words.

    Unknown words are no part of the mean; a text without any known word is a vector of zeros. No weights
    (Zipf, SIF) are put on the words: the vectors are the model's own, shared with it and read-only.

    Args:
        table: the model.
        normalize: scale each text's vector to length 1.
        tokenizer: as in training: "whitespace", "words" or a ``tokenizer.json``; None: as the model was
            trained; "words" for a file of another program.
        lowercase: turn texts into lower case; None: as the model was trained, and for a file of another
            program if none of its words has a capital.

    Raises:
        ConfigError: ``tokenizer`` is not the model's own ``tokenizer.json``, or a word of the model is empty.
        MissingExtraError: model2vec is not installed.
    """
    model2vec = optional("model2vec", "to_model2vec()", EXTRA)
    tokenizers = optional("tokenizers", "to_model2vec()", EXTRA)
    options = text_options(table.config, tokenizer, lowercase, table.index_to_key)
    text = tokenizer_json(table.index_to_key, options)
    made = tokenizers.Tokenizer.from_str(text)
    rows = len(table.index_to_key)
    model: StaticModel = model2vec.StaticModel(
        np.asarray(table.vectors),
        made,
        config=STATIC_MODEL,
        normalize=normalize,
        max_length=None,
        # ids that no token of a tokenizer.json has: model2vec wants to be told that rows are ids all the same
        token_mapping=np.arange(rows) if made.get_vocab_size() != rows else None,
    )
    return model

"""Vectors in a blank pipeline of spaCy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firth.errors import ConfigError
from firth.extras import optional
from firth.handover.table import EXTRA, WordTable
from firth.handover.text_tokenizer import text_options

if TYPE_CHECKING:
    from spacy.language import Language


def to_spacy(table: WordTable, language: str = "xx", *, lowercase: bool | None = None) -> Language:
    """Return a blank pipeline whose ``doc.vector``, ``token.similarity`` and ``vocab`` use the model.

    spaCy splits text by its own rules for ``language``, not by those of the model's corpus, and counts a
    token without a vector as zeros in ``doc.vector``, which makes that mean shorter but does not turn it.
    The vectors are shared with the model and read-only. Rows that training never touched get no key: for
    them ``has_vector`` is False.

    Args:
        table: the model.
        language: spaCy's code; "xx" for several or any.
        lowercase: look tokens up in lower case (spaCy's attribute LOWER); None: as the model was trained.
            spaCy 3.8 does not save this choice: after ``to_disk`` and ``load``, set it again or lower texts.

    Raises:
        ConfigError: spaCy does not know the language.
        MissingExtraError: spaCy is not installed.
    """
    spacy = optional("spacy", "to_spacy()", EXTRA)
    vectors = optional("spacy.vectors", "to_spacy()", EXTRA)
    try:
        pipeline: Language = spacy.blank(language)
    except ImportError as error:
        raise ConfigError(f"spaCy has no language {language!r} ({' '.join(str(error).split())})") from None
    strings = pipeline.vocab.strings
    made = vectors.Vectors(
        strings=strings,
        data=np.asarray(table.vectors),
        name="firth",
        attr="LOWER" if text_options(table.config, None, lowercase, table.index_to_key).lowercase else "ORTH",
    )
    trained = np.ones(len(table.vectors), bool) if table.trained is None else table.trained
    for row, word in enumerate(table.index_to_key):
        if trained[row]:
            made.add(strings.add(word), row=row)
    pipeline.vocab.vectors = made
    return pipeline

"""Vectors as gensim's ``KeyedVectors``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firth.extras import optional
from firth.handover.table import EXTRA, WordTable

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def to_gensim(table: WordTable) -> KeyedVectors:
    """Return gensim's ``KeyedVectors`` with the same words, order, vectors and counts (attribute "count").

    The vectors are shared with the model and read-only: whoever wants to change them copies them first
    (``kv.vectors = kv.vectors.copy()``). A row of zeros, which has no direction, gets the length 1 in
    gensim's table of lengths, so that its cosines are 0 and not NaN.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    gensim = optional("gensim.models", "to_gensim()", EXTRA)
    vectors = gensim.KeyedVectors(table.vector_size)
    vectors.index_to_key = list(table.index_to_key)
    vectors.key_to_index = {word: row for row, word in enumerate(vectors.index_to_key)}
    vectors.vectors = np.asarray(table.vectors)
    if table.counts is not None:
        vectors.allocate_vecattrs(attrs=["count"], types=[np.int64])
        vectors.expandos["count"][:] = table.counts
    vectors.fill_norms()
    vectors.norms[vectors.norms == 0] = 1
    return vectors

"""The hand-overs as methods: ``model.to_torch()``. Each imports its library when it is called."""

from __future__ import annotations

from typing import Any

from firth.handover.table import WordTable


class HandsOver:
    """A table of words that can be handed over to other libraries."""

    def to_torch(
        self: WordTable, *, context: bool = False, freeze: bool = True, padding_idx: int | None = None
    ) -> Any:
        """Return the vectors as a layer of PyTorch; see :func:`firth.handover.torch_embedding.to_torch`."""
        from firth.handover.torch_embedding import to_torch

        return to_torch(self, context=context, freeze=freeze, padding_idx=padding_idx)

    def to_gensim(self: WordTable) -> Any:
        """Return gensim's ``KeyedVectors``; see :func:`firth.handover.gensim_vectors.to_gensim`."""
        from firth.handover.gensim_vectors import to_gensim

        return to_gensim(self)

    def to_sentence_transformers(self: WordTable, **options: Any) -> Any:
        """Return a ``SentenceTransformer`` that averages the words of a text.

        See :func:`firth.handover.sentence_transformer.to_sentence_transformers` for the options.
        """
        from firth.handover.sentence_transformer import to_sentence_transformers

        return to_sentence_transformers(self, **options)

    def to_model2vec(self: WordTable, **options: Any) -> Any:
        """Return a ``StaticModel``; see :func:`firth.handover.model2vec_model.to_model2vec`."""
        from firth.handover.model2vec_model import to_model2vec

        return to_model2vec(self, **options)

    def to_spacy(self: WordTable, language: str = "xx", **options: Any) -> Any:
        """Return a blank pipeline of spaCy; see :func:`firth.handover.spacy_vocab.to_spacy`."""
        from firth.handover.spacy_vocab import to_spacy

        return to_spacy(self, language, **options)

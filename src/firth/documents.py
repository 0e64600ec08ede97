"""Documents as vectors, for scikit-learn: the mean of a document's words, or that mean weighted (SIF).

SIF is Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings" (ICLR): the mean
of a / (a + p(w)) v(w) over the known words w of a document, less its projection on the first principal
component (not centred, as in the paper) of all documents seen in ``fit``; p(w) is the word's share of the
model's corpus.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checks import at_least
from firth.document_words import UNKNOWN, DocumentWords, FoundWords
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.extras import optional
from firth.formats import load
from firth.handover.table import EXTRA

optional("sklearn", "DocumentVectors", EXTRA, "scikit-learn")  # or say what to install
from scipy.sparse import csr_array  # noqa: E402
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

MEAN, SIF = "mean", "sif"
METHODS = (MEAN, SIF)
BATCH = 4096  # documents at a time, so that their words, spelled out, never lie in memory all together
NEGLIGIBLE = 1e-12  # share of the largest eigenvalue; below, a direction is rounding

Matrix = NDArray[np.float32]


class DocumentVectors(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn documents into an (n, D) float32 matrix.

    A document is a text, or a list of words (or of row numbers, which are token ids in a model of ids). Words
    that the model does not know are left out, unless it has subwords for them; a document without any known
    word is a row of zeros.

    Args:
        model: an ``Embeddings``, shared and never copied, or the path of a model in any format.
        method: "mean", or "sif" (needs a model with counts).
        sif_a: SIF's a: words much rarer than this share of the corpus count fully.
        components: how many principal components SIF removes; 0 to 3 are usual.
        normalize: scale each document's vector to length 1.
        tokenizer: how texts are split: "whitespace", "words", a ``tokenizer.json``, or a function from a
            text to its words; None: as the model's corpus was, "whitespace" for vectors of other programs.
        lowercase: turn texts into lower case; None: as the model's corpus was.

    Attributes:
        embeddings_: the model.
        weights_: (V,) float32, a / (a + p) for each word; None for "mean".
        components_: (k, D) float32, the directions that are removed; k is 0 for "mean".
    """

    def __init__(
        self,
        model: Embeddings | str | os.PathLike[str] | None = None,
        method: str = MEAN,
        sif_a: float = 1e-3,
        components: int = 1,
        normalize: bool = False,
        tokenizer: str | os.PathLike[str] | Callable[[str], Iterable[str]] | None = None,
        lowercase: bool | None = None,
    ) -> None:
        """Remember the options; they are checked in :meth:`fit`, as scikit-learn asks for."""
        self.model = model
        self.method = method
        self.sif_a = sif_a
        self.components = components
        self.normalize = normalize
        self.tokenizer = tokenizer
        self.lowercase = lowercase

    def fit(self, X: Iterable[Any], y: object = None) -> DocumentVectors:
        """Load the model and, for SIF, find the components to remove.

        Raises:
            ConfigError: an option is wrong, the model has no counts, or ``X`` is not a list of documents.
            FormatError: there is no model at the path.
        """
        documents = _documents(X)
        self._prepare()
        if self.method == SIF:
            size = self.embeddings_.vector_size
            total = np.zeros((size, size))
            for means in self._means(documents):
                total += _products(means)
            self.components_ = _principal(total, self.components)
        return self

    def fit_transform(self, X: Iterable[Any], y: object = None, **_options: object) -> Matrix:
        """Return ``fit(X).transform(X)``, splitting the documents once."""
        documents = _documents(X)
        self._prepare()
        means = self._all_means(documents)
        if self.method == SIF:
            self.components_ = _principal(_products(means), self.components)
        return self._finished(means)

    def transform(self, X: Iterable[Any]) -> Matrix:
        """Return the (n, D) float32 vectors of n documents.

        Raises:
            NotFittedError: :meth:`fit` was not called.
            ConfigError: a document is neither a text nor a list of words.
        """
        check_is_fitted(self)
        return self._finished(self._all_means(_documents(X)))

    @property
    def _n_features_out(self) -> int:
        """Columns of the result, for ``get_feature_names_out``."""
        return int(self.embeddings_.vector_size)

    def __sklearn_tags__(self) -> Any:
        """Say that the input are texts, not a matrix, and that the result is always float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_clone__(self) -> DocumentVectors:
        """Return an unfitted twin that shares the model: a grid search copies no vectors."""
        twin = type(self)(**self.get_params(deep=False))
        for name in ("_metadata_request", "_sklearn_output_config"):
            if name in vars(self):
                setattr(twin, name, copy.deepcopy(getattr(self, name)))
        return twin

    def _prepare(self) -> None:
        """Check the options and set what a document's mean needs."""
        if self.method not in METHODS:
            raise ConfigError(f"method must be {' or '.join(map(repr, METHODS))}, not {self.method!r}")
        at_least(0, "components", self.components)
        if self.model is None:
            raise ConfigError("DocumentVectors needs a model: give model=…, an Embeddings or the path of one")
        model = self.model if isinstance(self.model, Embeddings) else load(self.model)
        self.embeddings_, self._words = model, DocumentWords(model, self.tokenizer, self.lowercase)
        self.weights_ = _sif_weights(model, self.sif_a) if self.method == SIF else None
        self.components_ = np.zeros((0, model.vector_size), np.float32)

    def _all_means(self, documents: list[Any]) -> Matrix:
        """Return the (weighted) mean of each document's known words."""
        none = np.zeros((0, self.embeddings_.vector_size), np.float32)
        return np.concatenate([none, *self._means(documents)])

    def _means(self, documents: list[Any]) -> Iterator[Matrix]:
        """Yield the means, a batch of documents at a time."""
        for start in range(0, len(documents), BATCH):
            found = self._words.find(documents[start : start + BATCH], start)
            yield _mean_rows(self.embeddings_, self.weights_, found)

    def _finished(self, means: Matrix) -> Matrix:
        """Remove the components and scale, as asked for."""
        if len(self.components_):
            means -= (means @ self.components_.T) @ self.components_
        if self.normalize:
            lengths = np.linalg.norm(means, axis=1, keepdims=True)
            means /= np.where(lengths > 0, lengths, 1)
        return means


def _documents(given: Any) -> list[Any]:
    """Return documents as a list, once they look like some."""
    if isinstance(given, (str, bytes)):
        raise ConfigError("a list of documents is needed, not one text: put it into a list")
    if hasattr(given, "to_pylist"):
        given = given.to_pylist()
    if getattr(given, "ndim", 1) != 1 and not isinstance(given, np.ndarray):
        raise ConfigError(
            f"a column of documents is needed, not a table ({type(given).__name__}): choose one"
        )
    try:
        return list(given)
    except TypeError:
        raise ConfigError(f"a list of documents is needed, not {type(given).__name__}") from None


def _sif_weights(model: Embeddings, a: float) -> Matrix:
    """Return a / (a + p) for each row, p being its share of all counts."""
    if isinstance(a, bool) or not isinstance(a, (int, float, np.number)) or not 0 < a < np.inf:
        raise ConfigError(f"sif_a must be a number above 0, not {a!r}")
    if model.counts is None or not model.counts.sum():
        raise ConfigError(
            "method='sif' needs to know how often words occur, and the model has no counts: "
            "use method='mean', or a model of a format that keeps counts (firth, parquet)"
        )
    shares = model.counts / model.counts.sum()
    return np.asarray(a / (a + shares), np.float32)


def _mean_rows(model: Embeddings, weights: Matrix | None, found: FoundWords) -> Matrix:
    """Return each document's sum of weighted known words over their number: (n, D)."""
    known = found.rows != UNKNOWN
    rows = found.rows[known]
    documents = np.repeat(np.arange(len(found.lengths)), found.lengths)[known]
    total = np.zeros((len(found.lengths), model.vector_size), np.float32)
    for first, matrix in ((0, np.asarray(model.vectors)), (len(model), found.made)):
        here = (rows >= first) & (rows < first + len(matrix))
        share = weights[rows[here]] if weights is not None and first == 0 else np.ones(here.sum(), np.float32)
        shape = (len(total), len(matrix))
        total += csr_array((share, (documents[here], rows[here] - first)), shape=shape) @ matrix
    sizes = np.bincount(documents, minlength=len(total))[:, None]
    total /= np.maximum(sizes, 1)
    return total


def _products(means: Matrix) -> NDArray[np.float64]:
    """Return the (D, D) products of all pairs of columns."""
    exact = means.astype(np.float64)
    return exact.T @ exact


def _principal(products: NDArray[np.float64], wanted: int) -> Matrix:
    """Return the ``wanted`` directions in which most lies, largest first; fewer if the rest is rounding."""
    sizes, directions = np.linalg.eigh(products)
    some = (sizes > NEGLIGIBLE * sizes[-1])[::-1][:wanted]
    return np.ascontiguousarray(directions.T[::-1][:wanted][some], np.float32)

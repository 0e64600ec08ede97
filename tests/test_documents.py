"""Documents as vectors, in scikit-learn's pipelines and by its own checks."""

import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vector_cases import model

from firth.errors import ConfigError
from firth.formats import save

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError, SkipTestWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

from firth.documents import BATCH, DocumentVectors  # noqa: E402

WORDS = ["the", "cat", "sat", "köln", "dog", "ran"]
COUNTS = np.array([60, 10, 8, 1, 11, 10])
AS_TRAINED: dict[str, Any] = {"corpus": {"tokenizer": "words", "lowercase": True}}
MODEL = model(WORDS, 5, counts=COUNTS, config=AS_TRAINED)
TEXTS = ["The cat sat.", "zebra", "", "KÖLN\nthe; zebra the", "dog ran\n\n"]
ROWS = [[0, 1, 2], [], [], [3, 0, 0], [4, 5]]


def means(rows: list[list[int]], weights: Any = None) -> Any:
    scaled = MODEL.vectors.astype(float) * (1 if weights is None else weights[:, None])
    return np.array([scaled[row].mean(axis=0) if row else np.zeros(5) for row in rows])


def test_a_document_is_the_mean_of_its_known_words() -> None:
    found = DocumentVectors(MODEL).fit_transform(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, means(ROWS), atol=1e-6)
    lists = [[WORDS[row] for row in rows] for rows in ROWS]
    for documents in (lists, ROWS, np.array(TEXTS), np.array(TEXTS, object), iter(TEXTS)):
        np.testing.assert_array_equal(DocumentVectors(MODEL).fit(TEXTS).transform(documents), found)
    assert DocumentVectors(MODEL).fit([]).transform([]).shape == (0, 5)


def test_batches_do_not_show() -> None:
    texts = TEXTS * (BATCH // 5 + 3)
    found = DocumentVectors(MODEL, method="sif").fit(texts).transform(texts)
    np.testing.assert_allclose(found[-5:], found[:5], atol=1e-6)
    assert len(found) == len(texts)


def test_sif_is_arora_liang_and_ma() -> None:
    given, a = [*TEXTS, "the dog", "ran köln cat"], 1e-2
    weighted = means([*ROWS, [0, 4], [5, 3, 1]], a / (a + COUNTS / COUNTS.sum()))
    first = np.linalg.svd(weighted, full_matrices=False)[2][:1]
    vectors = DocumentVectors(MODEL, method="sif", sif_a=a)
    np.testing.assert_allclose(vectors.fit_transform(given), weighted - weighted @ first.T @ first, atol=1e-6)
    new = means([[1, 4]], a / (a + COUNTS / COUNTS.sum()))
    np.testing.assert_allclose(vectors.transform(["cat dog"]), new - new @ first.T @ first, atol=1e-6)
    assert vectors.set_params(components=0).fit(given).components_.shape == (0, 5)
    np.testing.assert_allclose(vectors.transform(given), weighted, atol=1e-6)
    assert vectors.set_params(components=99).fit(given).components_.shape == (5, 5)
    assert vectors.fit(["the cat", "the cat"]).components_.shape == (1, 5), "the rest would be rounding"
    np.testing.assert_allclose(vectors.transform(["the cat"]), np.zeros((1, 5)), atol=1e-6)


def test_length_one_but_for_documents_without_known_words() -> None:
    lengths = np.linalg.norm(DocumentVectors(MODEL, normalize=True).fit_transform(TEXTS), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 0, 1, 1], atol=1e-6)


def test_texts_are_split_as_asked() -> None:
    def found(**options: Any) -> Any:
        return DocumentVectors(MODEL, **options).fit_transform(["The cat,dog"])[0]

    np.testing.assert_allclose(found(), MODEL[["the", "cat", "dog"]].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found(lowercase=False), MODEL[["cat", "dog"]].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found(tokenizer="whitespace"), MODEL["the"], atol=1e-6)
    np.testing.assert_allclose(found(tokenizer=lambda text: text.split(",")), MODEL["dog"], atol=1e-6)


def test_ids_of_a_tokenizer_json(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[UNK]": 0, "cat": 1, "dog": 2}, unk_token="[UNK]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "t.json"))
    given = model(["[UNK]", "cat", "dog"], trained=np.array([False, True, True]))
    found = DocumentVectors(given, tokenizer=tmp_path / "t.json").fit_transform(["cat zebra\ndog", "zebra"])
    np.testing.assert_allclose(found, [given.vectors[1:].mean(axis=0), [0, 0, 0]], atol=1e-6)
    with pytest.raises(ConfigError, match="its tokens are not the words of the model"):
        DocumentVectors(MODEL, tokenizer=tmp_path / "t.json").fit(TEXTS)


def test_subwords_make_vectors_of_unknown_words() -> None:
    class Ones:
        def vector(self, word: str) -> Any:
            return np.ones(3, np.float32) if word.startswith("z") else None

    given = model(WORDS, counts=COUNTS, subwords=Ones())
    found = DocumentVectors(given).fit_transform(["zebra cat yak zoo", "cat"])
    np.testing.assert_allclose(found, [(given["cat"] + 2) / 3, given["cat"]], atol=1e-6)
    weighted = DocumentVectors(given, method="sif", components=0).fit_transform([["zebra"]])
    np.testing.assert_allclose(weighted, np.ones((1, 3)), atol=1e-6)


def test_a_path_will_do(tmp_path: Path) -> None:
    save(MODEL, tmp_path / "m")
    np.testing.assert_allclose(
        DocumentVectors(str(tmp_path / "m")).fit_transform(TEXTS), means(ROWS), atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "documents", "message"),
    [
        ({"model": None}, TEXTS, "needs a model: give model="),
        ({"method": "max"}, TEXTS, "method must be 'mean' or 'sif', not 'max'"),
        ({"method": "sif", "sif_a": 0}, TEXTS, "sif_a must be a number above 0, not 0"),
        ({"method": "sif", "components": -1}, TEXTS, "components must be at least 0, not -1"),
        ({"method": "sif", "model": model(["a"])}, TEXTS, "the model has no counts: use method='mean'"),
        ({"lowercase": True, "tokenizer": str.split}, TEXTS, "lowercase cannot go with a function"),
        ({}, "one text", "not one text: put it into a list"),
        ({}, 3, "a list of documents is needed, not int"),
        ({}, ["a", ["b"]], "some documents are texts and some are not"),
        ({}, [["a"], [1.5]], r"document 1 is no text and no list of words \(1.5 is neither"),
        ({}, [b"the cat"], r"document 0 is no text and no list of words \(bytes: decode them\)"),
        ({}, [["a"], None], "document 1 is no text and no list of words"),
        ({}, ["a", "\udc80"], r"a document of 0 to 1 has no UTF-8 form: '\\udc80'"),
    ],
)
def test_what_cannot_be_done_is_said(options: dict[str, Any], documents: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DocumentVectors(**{"model": MODEL, **options}).fit_transform(documents)


def test_a_table_is_not_a_column() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"text": TEXTS})
    np.testing.assert_allclose(DocumentVectors(MODEL).fit_transform(table["text"]), means(ROWS), atol=1e-6)
    with pytest.raises(ConfigError, match=r"not a table \(DataFrame\): choose one"):
        DocumentVectors(MODEL).fit_transform(table)


def test_in_a_grid_search_over_a_pipeline() -> None:
    texts, labels = ["the cat", "cat sat", "cat", "dog ran", "the dog", "dog"] * 4, [0, 0, 0, 1, 1, 1] * 4
    search = GridSearchCV(
        make_pipeline(DocumentVectors(MODEL), LogisticRegression()),
        {"documentvectors__method": ["mean", "sif"], "documentvectors__normalize": [True, False]},
        cv=2,
    )
    assert search.fit(texts, labels).best_score_ == 1
    names = search.best_estimator_[0].get_feature_names_out()
    assert names.tolist() == [f"documentvectors{number}" for number in range(5)]


def test_a_clone_shares_the_model_and_keeps_the_options() -> None:
    pytest.importorskip("pandas")
    vectors = DocumentVectors(MODEL, method="sif", sif_a=0.1).set_output(transform="pandas").fit(TEXTS)
    twin = clone(vectors)
    assert twin.model is MODEL
    assert twin.get_params() == vectors.get_params()
    with pytest.raises(NotFittedError):
        twin.transform(TEXTS)
    assert list(twin.fit_transform(TEXTS).columns) == [f"documentvectors{number}" for number in range(5)]


def test_a_fitted_one_can_be_pickled(tmp_path: Path) -> None:
    save(MODEL, tmp_path / "m")
    vectors = DocumentVectors(tmp_path / "m", method="sif").fit(TEXTS)
    again = pickle.loads(pickle.dumps(vectors))
    np.testing.assert_array_equal(again.transform(TEXTS), vectors.transform(TEXTS))


# The checks of scikit-learn give tables of numbers, which an honest transformer of texts does not take: all
# they check of DocumentVectors is that it can be cloned. So they get a twin that spells numbers as words.

SPELLED = [f"{column}:{number}" for column in range(60) for number in range(-3, 4)]
OF_NUMBERS = model(SPELLED, 4, counts=np.arange(1, len(SPELLED) + 1))


class OfNumbers(DocumentVectors):  # type: ignore[misc]
    """Takes a table; each of its numbers, rounded, is a word of the row's document."""

    def fit(self, X: Any, y: object = None) -> "OfNumbers":
        super().fit(self._spelled(X, reset=True))
        return self

    def fit_transform(self, X: Any, y: object = None, **options: object) -> Any:
        return super().fit_transform(self._spelled(X, reset=True))

    def transform(self, X: Any) -> Any:
        check_is_fitted(self)
        return super().transform(self._spelled(X, reset=False))

    def _spelled(self, X: Any, *, reset: bool) -> list[list[str]]:
        numbers = np.clip(np.rint(validate_data(self, X, reset=reset)), -3, 3).astype(int)
        return [[f"{column}:{number}" for column, number in enumerate(row)] for row in numbers.tolist()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags


def test_it_says_honestly_that_it_takes_texts() -> None:
    with pytest.warns(SkipTestWarning, match="requires input"):
        check_estimator(DocumentVectors(MODEL))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("options", [{}, {"method": "sif", "components": 2}, {"normalize": True}])
def test_scikit_learns_own_checks(options: dict[str, Any]) -> None:
    results = check_estimator(OfNumbers(OF_NUMBERS, **options), on_skip=None)
    counted = Counter(result["status"] for result in results)
    assert counted["passed"] > 40
    skipped = [result["check_name"] for result in results if result["status"] != "passed"]
    assert skipped == ["check_array_api_input"], "NumPy arrays only"


def test_firth_itself_imports_no_scikit_learn() -> None:
    code = "import sys, firth, firth.embeddings, firth.formats; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

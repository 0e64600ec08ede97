"""Vectors as a layer of PyTorch."""

from typing import Any

import numpy as np
import pytest
from tests.vector_cases import model

from firth.errors import ConfigError, MissingExtraError

WORDS = ["the", "cat", "dog", "köln", "東京"]


def test_rows_are_token_ids_and_the_weights_are_torchs_own() -> None:
    torch = pytest.importorskip("torch")
    given = model(WORDS, context_vectors=np.arange(15, dtype=np.float32).reshape(5, 3))
    layer = given.to_torch()
    np.testing.assert_array_equal(layer(torch.tensor([3, 0])).numpy(), given.vectors[[3, 0]])
    np.testing.assert_array_equal(given.to_torch(context=True).weight.numpy(), given.context_vectors)
    before = given.vectors.copy()
    layer.weight[0] = 7
    np.testing.assert_array_equal(given.vectors, before)
    assert not layer.weight.requires_grad


def test_it_can_be_trained_and_padded() -> None:
    torch = pytest.importorskip("torch")
    given = model(WORDS)
    layer = given.to_torch(freeze=False, padding_idx=1)
    layer(torch.tensor([0, 1])).sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [1, 0, 0, 0, 0]
    np.testing.assert_array_equal(layer.weight[1].detach().numpy(), given.vectors[1])


def test_what_is_not_there_is_said() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ConfigError, match="has no context vectors"):
        model(WORDS).to_torch(context=True)
    with pytest.raises(ConfigError, match="padding_idx must be a row of the 5, not 5"):
        model(WORDS).to_torch(padding_idx=5)


@pytest.mark.parametrize(
    ("method", "package"),
    [
        ("to_torch", "torch"),
        ("to_gensim", "gensim"),
        ("to_sentence_transformers", "sentence-transformers"),
        ("to_model2vec", "model2vec"),
        ("to_spacy", "spacy"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    method: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str, *args: Any, **more: Any) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("firth.extras.import_module", without)
    with pytest.raises(MissingExtraError, match=rf'pip install {package} \(the extra "firth\[ecosystem\]"\)'):
        getattr(model(WORDS), method)()

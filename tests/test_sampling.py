import numpy as np
import pytest

from firth.corpus.vocabulary import noise_prob
from firth.training.sampling import alias_table, keep_threshold


def chance(table: np.ndarray) -> np.ndarray:
    """The probability of each word that an alias table really has, counted over all its slots."""
    accept, other = table >> np.uint64(32), (table & np.uint64(0xFFFFFFFF)).astype(int)
    own = (accept.astype(float) + 1) / 2**32
    found = own.copy()
    np.add.at(found, other, 1 - own)
    return found / len(table)


@pytest.mark.parametrize("words", [1, 2, 3, 1000, 4099])
def test_the_alias_table_is_the_noise_distribution(words) -> None:
    counts = (1e6 / np.arange(1, words + 1) ** 1.1).astype(np.int64) + 1
    prob = noise_prob(counts, 0.75)
    np.testing.assert_allclose(chance(alias_table(prob)), prob, rtol=1e-5, atol=1e-12)


def test_rare_words_are_not_rounded_away() -> None:
    counts = np.array([10**9] + [1] * 100_000)
    prob = noise_prob(counts, 1.0)
    assert chance(alias_table(prob))[1:].min() > 0.99 * prob[1]


def test_keep_threshold() -> None:
    threshold = keep_threshold(np.array([1.0, 0.5, 0.25, 0.0]))
    assert threshold.tolist() == [2**32 - 1, 2**31 - 1, 2**30 - 1, 0]

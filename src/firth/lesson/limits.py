"""What one vector a word cannot do, each shown by something that runs; and what more dimensions are good for.

The corpora are of the same kind as that of :mod:`firth.lesson.toy`, and so are the runs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from firth.errors import ConfigError
from firth.lesson import toy
from firth.lesson.embeddings import Matrix, Vector, dot, sigmoid
from firth.lesson.exercises import reference
from firth.printable import quoted

# ------------------------------------------------------------------------------------------- one-hot

FLOAT_BYTES = 4
"""Bytes of a number in single precision, in which large tables are kept."""


def one_hot(word_id: int, vocab_size: int) -> Vector:
    """Return ``vocab_size`` numbers, all 0 but for a 1 at ``word_id``.

    >>> one_hot(2, 4)
    [0.0, 0.0, 1.0, 0.0]

    Raises:
        ConfigError: the id is not one of the vocabulary.
    """
    if not 0 <= word_id < vocab_size:
        raise ConfigError(
            f"the id {word_id} is not among {vocab_size} words: give one from 0 to {vocab_size - 1}"
        )
    return [float(place == word_id) for place in range(vocab_size)]


def one_hot_dots(vocab_size: int) -> set[float]:
    """Return every dot product that occurs between the one-hot vectors of two different words."""
    rows = [one_hot(word, vocab_size) for word in range(vocab_size)]
    return {dot(a, b) for place, a in enumerate(rows) for b in rows[:place]}


def table_bytes(vocab_size: int, dim: int) -> int:
    """Return the bytes of a table of ``vocab_size`` vectors of ``dim`` numbers; one-hot, dim is vocab_size.

    >>> table_bytes(50_000, 50_000) // table_bytes(50_000, 300)
    166
    """
    return vocab_size * dim * FLOAT_BYTES


# ---------------------------------------------------------------------------- one vector for two banks

BANK_SPLIT = (
    "ducks sleep near bank(river)",
    "thief robs bank(money) tonight",
    "clerk opens rich shop",
    "grass covers shore slowly",
    "owner sells large bank(money)",
    "boat leaves muddy bank(river)",
    "ducks sleep near shore",
    "thief robs shop tonight",
    "clerk opens rich bank(money)",
    "grass covers bank(river) slowly",
    "owner sells large shop",
    "boat leaves muddy shore",
)
"""The bank of a river keeps the company of a shore, the bank with money that of a shop."""

BANK = tuple(sentence.replace("(river)", "").replace("(money)", "") for sentence in BANK_SPLIT)
"""The same text as people write it."""

BANK_STEPS, BANK_TOPN = 12_000, 4


def bank_neighbors(
    corpus: Sequence[str], word: str, seed: int = toy.SEED, topn: int = BANK_TOPN
) -> list[tuple[str, float]]:
    """Train two tables on ``corpus`` and return the ``topn`` nearest words of ``word``, with cosines."""
    words = toy.vocabulary(corpus)
    vectors = toy.run("two tables", steps=BANK_STEPS, seed=seed, corpus=corpus).vectors
    return [(words[row], value) for row, value in toy.nearest(vectors, _row(words, word), topn)]


class Banks(NamedTuple):
    """What the neighbours of *bank* tell, with one seed."""

    mixed: bool
    """Before the split, both *shore* and *shop* are among the nearest of *bank*."""
    parted: bool
    """After it, the one bank is nearer to *shore* than to *shop*, and the other the other way round."""


def banks(seed: int) -> Banks:
    """Train on both texts and say what the neighbours tell."""
    nearest = [word for word, _ in bank_neighbors(BANK, "bank", seed)]
    river, money = (
        dict(bank_neighbors(BANK_SPLIT, f"bank({sense})", seed, topn=len(toy.vocabulary(BANK_SPLIT))))
        for sense in ("river", "money")
    )
    parted = river["shore"] > river["shop"] and money["shop"] > money["shore"]
    return Banks("shore" in nearest and "shop" in nearest, parted)


# ------------------------------------------------------------------------------------- no word order


def word_pairs(sentence: str, window: int = toy.WINDOW) -> Counter[tuple[str, str]]:
    """Return the (center, context) pairs of a sentence, and how often each comes.

    >>> word_pairs("dog bit man") == word_pairs("man bit dog")
    True
    """
    return Counter(reference("pairs")(sentence.split(), window))


# -------------------------------------------------------------------------------------- no prediction


def guesses(
    run: toy.Run, context: Sequence[str], corpus: Sequence[str] = toy.CORPUS
) -> list[tuple[str, float]]:
    """Return every word with how well it goes with all of ``context``, the best first.

    Two tables know of a word and a neighbour the belief sigmoid(W[word] . C[neighbour]) that they belong
    together. That is all there is to guess from: the mean belief over the given words. It is the same in
    whatever order they stand, and whether the guess stands before, between or after them.

    Raises:
        ConfigError: the run has one table only, or a word is not in the corpus.
    """
    if run.contexts is None:
        raise ConfigError("guesses need a second table: give a run of the kind 'two tables'")
    words = toy.vocabulary(corpus)
    rows = [run.contexts[_row(words, word)] for word in context]
    if not rows:
        raise ConfigError("guesses need at least one word of context")
    scores = [math.fsum(sigmoid(dot(vector, row)) for row in rows) / len(rows) for vector in run.vectors]
    return sorted(zip(words, scores, strict=True), key=lambda one: -one[1])


# --------------------------------------------------------------------------------- 2 against 8 dimensions

AXES_CORPUS = (
    "man lost his hat",
    "wise queen rules land",
    "she is girl",
    "old woman builds house",
    "he is king",
    "rich queen wears crown",
    "small boy leaves house",
    "woman lost her hat",
    "young girl throws ball",
    "old king guards throne",
    "he is boy",
    "strong man ploughs land",
    "queen lost her hat",
    "tired woman bakes bread",
    "young boy climbs tree",
    "she is woman",
    "rich king wears crown",
    "girl lost her hat",
    "old man builds house",
    "young boy throws ball",
    "king lost his hat",
    "strong woman ploughs land",
    "she is queen",
    "small girl leaves house",
    "wise king rules land",
    "boy lost his hat",
    "tired man bakes bread",
    "young girl climbs tree",
    "he is man",
    "old queen guards throne",
)
"""The toy text, and twelve sentences that tell *him* from *her*."""

AXES: dict[str, tuple[tuple[str, str], ...]] = {
    "gender": (("king", "queen"), ("man", "woman"), ("boy", "girl")),
    "age": (("man", "boy"), ("woman", "girl")),
    "rank": (("king", "man"), ("queen", "woman")),
}
"""Pairs that differ in one respect each."""


def axis_score(
    vectors: Matrix, pairs: Sequence[tuple[str, str]], corpus: Sequence[str] = AXES_CORPUS
) -> float:
    """Return how many of ``pairs`` lie the right way round on the axis that the others span, 0 to 1.

    The axis is the sum of the others' differences, words as unit vectors: does *king* lie further than
    *queen* in the direction from *woman* to *man* and from *girl* to *boy*? By chance half of them would.
    (Two pairs, as for age, are each the other's axis and give one answer twice: 0 or 1.)
    """
    words = toy.vocabulary(corpus)
    differences = [_difference(vectors, _row(words, a), _row(words, b)) for a, b in pairs]
    right = 0
    for place, left_out in enumerate(differences):
        others = differences[:place] + differences[place + 1 :]
        axis = [math.fsum(column) for column in zip(*others, strict=True)]
        right += dot(axis, left_out) > 0
    return right / len(pairs)


def _difference(vectors: Matrix, a: int, b: int) -> Vector:
    unit_a, unit_b = ([x / math.hypot(*vectors[row]) for x in vectors[row]] for row in (a, b))
    return [x - y for x, y in zip(unit_a, unit_b, strict=True)]


def _row(words: list[str], word: str) -> int:
    if word not in words:
        raise ConfigError(f"the word {quoted(word)} is not in the text: its words are {', '.join(words)}")
    return words.index(word)

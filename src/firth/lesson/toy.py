"""The toy world of the chapter: eighteen sentences, three ways to train on them, and how well they do.

The text is written like headlines, without *the* and *a*: in so small a text a window of two places would
reach little else. Its sentences stand in a mixed order, because windows run on from one to the next.

Everything here depends on its arguments alone (a run seeds the ``random`` module, as the reader's does). The
runs are plain Python, and the positive-only one does what the reader writes, number for number. What was
chosen, and how it does over twenty seeds, is printed by ``python -m firth.lesson.evidence``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import mul
from statistics import fmean
from typing import Literal, get_args

from firth.errors import ConfigError
from firth.lesson.embeddings import Matrix, Vector, cosine, init_embeddings, sigmoid, skipgram_step
from firth.lesson.exercises import reference

Kind = Literal["positives", "one table", "two tables"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CORPUS = (
    "tired man bakes bread",
    "rich queen wears crown",
    "strong man ploughs land",
    "old queen guards throne",
    "small girl leaves house",
    "young boy climbs tree",
    "rich king wears crown",
    "young boy throws ball",
    "wise king rules land",
    "wise queen rules land",
    "young girl throws ball",
    "old man builds house",
    "young girl climbs tree",
    "tired woman bakes bread",
    "small boy leaves house",
    "old woman builds house",
    "old king guards throne",
    "strong woman ploughs land",
)
"""Three walks of life; in each, two people of whom the same is told."""

PARTNERS: list[tuple[str, str]] = [("king", "queen"), ("man", "woman"), ("boy", "girl")]
"""Words that keep the same company here, and never each other's."""

TOPN = 3
"""Partners are looked for among so many nearest words."""

SEED = 6
"""A median one of the twenty seeds, not the best: see ``evidence.median_seed``."""

DIM, WINDOW, LR, SCALE = 8, 2, 0.1, 0.3
"""The module's learning rate, but thirty times its start: from a small one all words soon point one way."""
SCATTER_STEPS = 3_000
NEIGHBOR_STEPS = 4_000
COLLAPSE_STEPS, COLLAPSE_SCALE = 20_000, 0.01
"""Where positives alone lead in the end, from the module's own small start."""
NEGATIVE_STEPS, NEGATIVES = 12_000, 5


@dataclass(frozen=True)
class Snapshot:
    """The table at one moment of a run."""

    step: int
    vectors: Matrix
    cosines: list[float]
    """Of every two different words, the smallest first."""
    partner_rate: float
    loss: float
    """The mean over the steps since the last snapshot; nan at step 0."""


@dataclass(frozen=True)
class Run:
    """What a run leaves."""

    vectors: Matrix
    contexts: Matrix | None
    """The second table, if there is one."""
    losses: list[float]
    """The loss of the positive pair, -log p, before each step."""
    snapshots: list[Snapshot] = field(default_factory=list)


def tokens(corpus: Iterable[str] = CORPUS) -> list[str]:
    """Return the words of the text, one sentence after the other."""
    return [word for sentence in corpus for word in sentence.split()]


def vocabulary(corpus: Iterable[str] = CORPUS) -> list[str]:
    """Return the different words in order of appearance: word i has id i."""
    return list(dict.fromkeys(tokens(corpus)))


def ids(corpus: Iterable[str] = CORPUS) -> list[int]:
    """Return the text as ids."""
    words = tokens(corpus)
    id_of = {word: number for number, word in enumerate(dict.fromkeys(words))}
    return [id_of[word] for word in words]


def run(
    kind: Kind,
    *,
    dim: int = DIM,
    steps: int = NEIGHBOR_STEPS,
    window: int = WINDOW,
    lr: float = LR,
    scale: float = SCALE,
    seed: int = SEED,
    snapshots_every: int = 0,
    corpus: Sequence[str] = CORPUS,
) -> Run:
    """Train on the toy text.

    Args:
        kind: "positives" (the reader's own step, nothing else), or each pair with ``NEGATIVES`` words drawn
            from the text, pushed away: as rows of the "one table" that holds the words too, or of the second
            of "two tables".
        dim: numbers in a vector.
        steps: random pairs to train on, one after the other.
        window: places to either side.
        lr: learning rate.
        scale: the vectors start uniform between -scale and scale.
        seed: for the start and the draws. With "positives" the vectors are those of the reference ``train``.
        snapshots_every: keep a snapshot at the start and every so many steps; 0 for none.
        corpus: the sentences.

    Raises:
        ConfigError: there is no such kind of run.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of run {kind!r}: give one of {', '.join(KINDS)}")
    text, size = ids(corpus), len(vocabulary(corpus))
    pairs = reference("pairs")(text, window)
    random.seed(seed)
    table = init_embeddings(size, dim, scale)
    contexts = init_embeddings(size, dim, scale) if kind == "two tables" else table
    losses: list[float] = []
    snapshots: list[Snapshot] = []
    if snapshots_every:
        snapshots.append(_snapshot(0, table, [], corpus))
    for step in range(1, steps + 1):
        center, context = random.choice(pairs)
        if kind == "positives":
            losses.append(skipgram_step(table, center, context, lr))
        else:
            drawn = random.choices(text, k=NEGATIVES)
            negatives = [word for word in drawn if word not in (center, context)]
            losses.append(step_with_negatives(table, contexts, center, context, negatives, lr))
        if snapshots_every and (step % snapshots_every == 0 or step == steps):
            snapshots.append(_snapshot(step, table, losses[snapshots[-1].step :], corpus))
    return Run(table, contexts if contexts is not table else None, losses, snapshots)


def step_with_negatives(
    W: Matrix, C: Matrix, center: int, context: int, negatives: Sequence[int], lr: float
) -> float:
    """Do one step on a pair and its negatives in place; return the loss of the pair before it.

    The row u = W[center] should score high with C[context] and low with C[n] for every n of ``negatives``:
    g is p - 1 for the one and p for the others. All changes are computed at the values before the step, and
    those of a row that is met several times (as in one table, W is C) add up.
    """
    u = list(W[center])
    pull = [0.0] * len(u)
    changes: list[tuple[int, float]] = []
    loss = 0.0
    for row, target in [(context, 1.0), *((n, 0.0) for n in negatives)]:
        v = C[row]
        p = sigmoid(sum(map(mul, u, v)))
        if target:
            loss = -math.log(max(p, 1e-9))
        g = lr * (p - target)
        changes.append((row, g))
        pull = [x + g * y for x, y in zip(pull, v, strict=True)]
    for row, g in changes:
        C[row] = [x - g * y for x, y in zip(C[row], u, strict=True)]
    W[center] = [x - y for x, y in zip(W[center], pull, strict=True)]
    return loss


def cosines(vectors: Matrix) -> list[float]:
    """Return the cosines of every two different rows, the smallest first."""
    return sorted(cosine(a, b) for place, a in enumerate(vectors) for b in vectors[:place])


def nearest(
    vectors: Matrix, row: int, topn: int = TOPN, similarity: Callable[[Vector, Vector], float] = cosine
) -> list[tuple[int, float]]:
    """Return the ``topn`` rows most similar to ``row`` and how similar they are, itself left out."""
    scored = [
        (other, similarity(vectors[row], vectors[other])) for other in range(len(vectors)) if other != row
    ]
    return sorted(scored, key=lambda one: -one[1])[:topn]


def partner_rate(
    vectors: Matrix,
    topn: int = TOPN,
    *,
    corpus: Sequence[str] = CORPUS,
    partners: Sequence[tuple[str, str]] = tuple(PARTNERS),
) -> float:
    """Return the share of words, 0 to 1, whose partner is among their ``topn`` nearest, by cosine.

    Each pair is asked in both directions. Vectors that know nothing reach :func:`chance_rate` on average.
    """
    row_of = {word: row for row, word in enumerate(vocabulary(corpus))}
    both = [*partners, *((b, a) for a, b in partners)]
    found = [row_of[b] in [row for row, _ in nearest(vectors, row_of[a], topn)] for a, b in both]
    return fmean(found)


def chance_rate(topn: int = TOPN, corpus: Sequence[str] = CORPUS) -> float:
    """Return the :func:`partner_rate` to expect if the nearest words were drawn by lot."""
    return topn / (len(vocabulary(corpus)) - 1)


def flatten(vectors: Matrix) -> list[tuple[float, float]]:
    """Return each row's place in the plane in which the rows spread most (their two principal components)."""
    import numpy as np

    centered = np.array(vectors) - np.mean(vectors, axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    for axis in axes:  # a component has no sign of its own: let its largest entry be positive
        axis *= np.sign(axis[np.argmax(np.abs(axis))])
    places = np.zeros((len(vectors), 2))
    places[:, : len(axes[:2])] = centered @ axes[:2].T  # one dimension makes no plane: y stays 0
    return [(float(x), float(y)) for x, y in places]


def _snapshot(step: int, table: Matrix, losses: list[float], corpus: Sequence[str]) -> Snapshot:
    copied = [list(row) for row in table]
    mean = fmean(losses) if losses else math.nan
    return Snapshot(step, copied, cosines(copied), partner_rate(copied, corpus=corpus), mean)

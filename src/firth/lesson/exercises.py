"""The four things that the reader writes: task, start, hint, solution and judge of each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import dedent
from types import MappingProxyType
from typing import Any

from firth.lesson import embeddings
from firth.lesson.judges.common import Subject
from firth.lesson.judges.cosine import judge_cosine
from firth.lesson.judges.pairs import judge_pairs
from firth.lesson.judges.step import judge_step
from firth.lesson.judges.train import judge_train


@dataclass(frozen=True)
class Exercise:
    """One task of the chapter. ``stub`` and ``solution`` are Python source; the other texts are Markdown."""

    name: str
    title: str
    task: str
    stub: str
    hint: str
    solution: str
    function: str
    """The name that the reader's code must define."""
    given: tuple[str, ...]
    """Names that the code may use without an import."""
    check: Callable[[Subject], Iterator[str]]
    """Yields what is right, point by point, and raises :class:`~firth.lesson.judges.common.Wrong`."""


_GIVEN: dict[str, Any] = {
    "math": math,
    "random": random,
    "init_embeddings": embeddings.init_embeddings,
    "dot": embeddings.dot,
    "sigmoid": embeddings.sigmoid,
}

_NOTHING: Mapping[str, Callable[..., Any]] = MappingProxyType({})

_PAIRS = Exercise(
    name="pairs",
    title="Who keeps company with whom?",
    function="skipgram_pairs",
    given=(),
    check=judge_pairs,
    task=dedent(
        """\
        Walk through the text, a list of ids. At every position look at the neighbours at most `window`
        places away, first those on the left, then those on the right, and note a pair
        `(center_id, context_id)` for each.

        With the ids `[17, 5, 80]` and a window of 1, the answer is `[(17, 5), (5, 17), (5, 80), (80, 5)]`.

        - A position is never its own neighbour. But if the same *word* stands next to itself, as in "very
          very", that is a pair like any other.
        - At both ends of the text there are simply fewer neighbours.
        """
    ),
    stub=dedent(
        """\
        def skipgram_pairs(ids, window):
            \"\"\"Return the pairs (center_id, context_id), in order.\"\"\"
            pairs = []
            ...  # your code: a loop over positions, and one inside it
            return pairs
        """
    ),
    hint=dedent(
        """\
        Two counters help: `i` is the position of the center, `j` that of the neighbour. `j` runs from
        `i - window` to `i + window`, but not below 0 and not beyond the last position, so `max` and `min`
        are your friends. Remember that `range` stops *before* its end. Skip `j == i`; what goes into the
        pair are `ids[i]` and `ids[j]`, not `i` and `j`.
        """
    ),
    solution=dedent(
        """\
        def skipgram_pairs(ids, window):
            \"\"\"Return the pairs (center_id, context_id), in order.\"\"\"
            pairs = []
            for i, center in enumerate(ids):
                first = max(0, i - window)
                last = min(len(ids) - 1, i + window)
                for j in range(first, last + 1):
                    if j != i:
                        pairs.append((center, ids[j]))
            return pairs
        """
    ),
)

_STEP = Exercise(
    name="step",
    title="One step of learning",
    function="skipgram_step",
    given=("math", "dot", "sigmoid"),
    check=judge_step,
    task=dedent(
        """\
        Teach the table `E` one pair. With `u = E[center]` and `v = E[context]`:

        1. The model's belief that the two belong together is `p = sigmoid(dot(u, v))`. It should be 1.
        2. `g = p - 1` says how far short of 1 it is.
        3. Move both rows: `u ← u − lr·g·v` and `v ← v − lr·g·u`, each with the values that the *other* had
           **before** the step.
        4. Return the loss as it was before the step, `-math.log(max(p, 1e-9))`.

        Change the two rows of `E` and no others. `dot`, `sigmoid` and `math` are there for you to use.
        """
    ),
    stub=dedent(
        """\
        def skipgram_step(E, center, context, lr=0.1):
            \"\"\"Move two rows of E closer; return the loss before it.\"\"\"
            u, v = list(E[center]), list(E[context])  # copies
            ...  # your code: p, g, the two rows of E, the loss
        """
    ),
    hint=dedent(
        """\
        The trap is the word *before*. If the new `u` is already in use when you compute the new `v`, then
        `v` is pulled by a `u` that has moved. That is why the first line copies both rows: go through the
        places `k` of a row and change `E[center][k]` by `v[k]`, and `E[context][k]` by `u[k]`, while `u` and
        `v` stay what they were. Since `g` is negative or zero, *minus* `lr * g * v[k]` adds a bit of `v`:
        the rows turn towards each other.
        """
    ),
    solution=dedent(
        """\
        def skipgram_step(E, center, context, lr=0.1):
            \"\"\"Move two rows of E closer; return the loss before it.\"\"\"
            u, v = list(E[center]), list(E[context])  # copies
            p = sigmoid(dot(u, v))
            g = p - 1
            for k in range(len(u)):
                E[center][k] -= lr * g * v[k]
                E[context][k] -= lr * g * u[k]
            return -math.log(max(p, 1e-9))
        """
    ),
)

_TRAIN = Exercise(
    name="train",
    title="Train, and look",
    function="train",
    given=("random", "init_embeddings", "skipgram_pairs", "skipgram_step"),
    check=judge_train,
    task=dedent(
        """\
        Put the pieces together:

        1. `random.seed(seed)`, so that the same seed gives the same vectors.
        2. Make the table with `init_embeddings(vocab_size, dim, scale)`, and the list of pairs with
           `skipgram_pairs`.
        3. `steps` times: draw a pair at random, take one `skipgram_step` on it with learning rate `lr`, and
           keep the loss that it returns.
        4. Return two things: the table, and the list of the losses.
        """
    ),
    stub=dedent(
        """\
        def train(ids, vocab_size, dim, steps, window, lr, scale, seed):
            \"\"\"Return the table after the last step, and each step's loss.\"\"\"
            random.seed(seed)
            losses = []
            ...  # your code: the table E, the pairs, and the loop
            return E, losses
        """
    ),
    hint=dedent(
        """\
        `random.choice(pairs)` draws one pair, and `center, context = random.choice(pairs)` takes it apart
        at once. `skipgram_step` changes `E` itself, so there is nothing to put back: only its loss is to be
        kept, with `losses.append(...)`. Make `E` and the pairs once, before the loop, not inside it.
        """
    ),
    solution=dedent(
        """\
        def train(ids, vocab_size, dim, steps, window, lr, scale, seed):
            \"\"\"Return the table after the last step, and each step's loss.\"\"\"
            random.seed(seed)
            E = init_embeddings(vocab_size, dim, scale)
            pairs = skipgram_pairs(ids, window)
            losses = []
            for _ in range(steps):
                center, context = random.choice(pairs)
                losses.append(skipgram_step(E, center, context, lr))
            return E, losses
        """
    ),
)

_COSINE = Exercise(
    name="cosine",
    title="How alike are two words?",
    function="cosine",
    given=("math", "dot"),
    check=judge_cosine,
    task=dedent(
        """\
        Compare two vectors by their direction alone: the dot product divided by both lengths,
        `cos(a, b) = a·b / (‖a‖ ‖b‖)`, where `‖a‖` is the square root of `a·a`.

        1 means the same direction, 0 a right angle, −1 opposite directions. A vector of zeros has no
        direction: return `0.0` if either is one.
        """
    ),
    stub=dedent(
        """\
        def cosine(a, b):
            \"\"\"Return the cosine of two vectors; 0.0 if one is all zeros.\"\"\"
            ...  # your code
        """
    ),
    hint=dedent(
        """\
        `math.sqrt(dot(a, a))` is the length of `a`. Compute both lengths first, look whether one of them is
        0, and only then divide: the order matters, because dividing by zero is an error in Python.
        """
    ),
    solution=dedent(
        """\
        def cosine(a, b):
            \"\"\"Return the cosine of two vectors; 0.0 if one is all zeros.\"\"\"
            length_a = math.sqrt(dot(a, a))
            length_b = math.sqrt(dot(b, b))
            if length_a == 0 or length_b == 0:
                return 0.0
            return dot(a, b) / (length_a * length_b)
        """
    ),
)

EXERCISES: dict[str, Exercise] = {one.name: one for one in (_PAIRS, _STEP, _TRAIN, _COSINE)}
"""By name, in the order of the chapter."""


def defined(
    name: str,
    source: str,
    own: Mapping[str, Callable[..., Any]] = _NOTHING,
    *,
    filename: str = "<solution>",
    quiet: bool = False,
) -> dict[str, Any]:
    """Run ``source`` as the code of exercise ``name`` and return the names that it leaves.

    Args:
        name: a key of ``EXERCISES``.
        source: the code.
        own: functions to hand it under the exercise's given names; the reference's stand in for the others.
        filename: what tracebacks call the code.
        quiet: let its ``print`` do nothing.
    """
    space: dict[str, Any] = {"__name__": "your_code"}
    for given in EXERCISES[name].given:
        space[given] = own.get(given) or _GIVEN.get(given) or _reference_of(given)
    if quiet:
        space["print"] = lambda *args, **named: None
    exec(compile(source, filename, "exec", dont_inherit=True), space)
    return space


def reference(name: str) -> Callable[..., Any]:
    """Return the function that the solution of exercise ``name`` defines."""
    exercise = EXERCISES[name]
    function: Callable[..., Any] = defined(name, exercise.solution)[exercise.function]
    return function


def _reference_of(function: str) -> Callable[..., Any]:
    """Return the reference of the exercise that asks for ``function``."""
    return reference(next(one.name for one in EXERCISES.values() if one.function == function))

"""The judge of ``train``."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import fmean
from typing import Any

from firth.lesson import embeddings
from firth.lesson.embeddings import Matrix
from firth.lesson.judges.common import Subject, Wrong, is_number, is_table, pairs_of, short

_TEXT = [2, 5, 1, 5, 2, 0, 4, 0, 1]
_VOCAB, _NEVER = 7, (3, 6)
"""Words 3 and 6 are in the vocabulary and not in the text."""
_DIM, _STEPS, _LR, _SCALE = 3, 400, 0.2, 0.05
_PART = 50
"""Steps at the start and at the end over which the loss is averaged."""


class _Steps:
    """Stands in the place of ``skipgram_step``, and remembers what it was asked and what it answered."""

    _signature = inspect.signature(embeddings.skipgram_step)

    def __init__(self, function: Callable[..., Any]) -> None:
        """Pass calls on to ``function``."""
        self._function = function
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Any] = []

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Do the step; a call with wrong arguments fails as it would without the stand-in."""
        answer = self._function(*args, **named)
        bound = self._signature.bind(*args, **named)
        bound.apply_defaults()
        self.asked.append(bound.arguments)
        self.answers.append(answer)
        return answer

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return the pairs on which steps were taken."""
        return [(one["center"], one["context"]) for one in self.asked]


class _Count:
    """Stands in the place of a function, and counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Pass calls on to ``function``."""
        self._function, self.calls = function, 0

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Count, and call."""
        self.calls += 1
        return self._function(*args, **named)


def judge_train(ask: Subject) -> Iterator[str]:
    """Judge ``train(ids, vocab_size, dim, steps, window, lr, scale, seed)`` by what all right answers share.

    Which random numbers it draws, and in which order, is the reader's choice: its vectors are not compared
    with the reference's. Its calls of ``skipgram_step`` are looked at, where it makes any.
    """
    space = ask.space
    step = space["skipgram_step"] = _Steps(space["skipgram_step"])
    tables = space["init_embeddings"] = _Count(space["init_embeddings"])
    lists = space["skipgram_pairs"] = _Count(space["skipgram_pairs"])
    vectors, losses = _trained(ask, steps=_STEPS)
    yield f"It returns a table of {_VOCAB} rows of {_DIM} numbers, and {_STEPS} losses for {_STEPS} steps."
    if tables.calls > 1:
        raise Wrong(f"In one training, {tables.calls} tables are made: make `E` once, before the loop.")
    _judge_losses(step, losses)
    _judge_movement(vectors)
    yield "Every word of the text has learnt something, and words that never occur are where they were."
    yield f"The loss falls, from {fmean(losses[:_PART]):.2f} to {fmean(losses[-_PART:]):.2f}."
    _judge_draws(step)
    yield "The pairs are drawn at random, from all of them."
    remark = (
        ""
        if lists.calls < _STEPS
        else " (The list of pairs never changes: once, before the loop, is enough.)"
    )
    _judge_options(ask, step)
    yield f"It follows `scale`, `window` and `lr`.{remark}"
    _judge_seed(ask)
    yield "The same seed gives the same vectors, another seed gives others."


def _trained(
    ask: Subject, *, steps: int = 40, window: int = 1, scale: float = _SCALE, seed: int = 11
) -> tuple[Matrix, list[float]]:
    """Call the reader's function, and judge the form of what it returns."""
    text = list(_TEXT)
    got = ask(text, _VOCAB, _DIM, steps, window, _LR, scale, seed)
    if text != _TEXT:
        raise Wrong("Your function changes the list of ids that it is given.")
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong(f"It should return two things, `E, losses`; yours returns `{short(got)}`.")
    vectors, losses = got
    if not is_table(vectors, _VOCAB, _DIM):
        wanted = f"{_VOCAB} rows (`vocab_size`) of {_DIM} numbers (`dim`)"
        raise Wrong(f"The first thing returned should be the table, {wanted}; yours is `{short(vectors)}`.")
    if not isinstance(losses, list) or not all(map(is_number, losses)):
        raise Wrong(f"The second thing returned should be the list of losses; yours is `{short(losses)}`.")
    if len(losses) != steps:
        raise Wrong(f"After {steps} steps there should be {steps} losses; yours are {len(losses)}.")
    return vectors, losses


def _judge_losses(step: _Steps, losses: list[float]) -> None:
    """Are they what the steps returned, and do they fall?"""
    if step.asked and len(step.asked) != _STEPS:
        raise Wrong(f"For `steps={_STEPS}`, `skipgram_step` is called {len(step.asked)} times.")
    if step.asked and losses != step.answers:
        at = next(i for i, (a, b) in enumerate(zip(losses, step.answers, strict=True)) if a != b)
        told = f"{step.answers[at]:.4f}; yours is {losses[at]:.4f}"
        raise Wrong(f"`losses[{at}]` should be what step number {at + 1} returned, {told}.")
    first, last = fmean(losses[:_PART]), fmean(losses[-_PART:])
    if not last < first - 0.1:
        raise Wrong(
            f"The loss does not fall: its mean is {first:.3f} over the first {_PART} steps and {last:.3f} "
            f"over the last {_PART}. Does every step work on the same table, and is its own loss kept?"
        )


def _judge_movement(vectors: Matrix) -> None:
    """Rows of the text must have left the range in which they started, and the others must not."""
    moved = [row for row, vector in enumerate(vectors) if max(map(abs, vector)) > 2 * _SCALE]
    if not moved:
        raise Wrong(
            f"After {_STEPS} steps all numbers of the table are as small as at the start (`scale` was "
            f"{_SCALE}): is it the table that the steps have worked on?"
        )
    idle = next((row for row in sorted(set(_TEXT)) if row not in moved), None)
    if idle is not None:
        raise Wrong(f"Word {idle} is in the text, but its row has hardly moved: draw from *all* pairs.")
    strange = next((row for row in _NEVER if row in moved), None)
    if strange is not None:
        raise Wrong(f"Word {strange} is not in the text, but its row has moved.")


def _judge_draws(step: _Steps) -> None:
    """Are all pairs of the text drawn, no others, and at random?"""
    if not step.asked:
        return
    drawn, all_pairs = step.pairs(), pairs_of(_TEXT, 1)
    strange = next((pair for pair in drawn if pair not in all_pairs), None)
    if strange is not None:
        raise Wrong(
            f"A step is taken on `{short(strange)}`, no pair of the text `{_TEXT}` with a window of 1."
        )
    missing = next((pair for pair in all_pairs if pair not in drawn), None)
    if missing is not None:
        raise Wrong(
            f"In {_STEPS} steps the pair `{missing}` is never drawn: choose among all, each time anew."
        )
    if len(set(pairwise(drawn))) <= 2 * len(all_pairs):  # at random, most of the possible ones occur
        raise Wrong("The pairs come in a fixed order: draw each at random, with `random.choice(pairs)`.")


def _judge_options(ask: Subject, step: _Steps) -> None:
    """Do scale, window and learning rate reach the functions that they are for?"""
    vectors, _ = _trained(ask, steps=1, scale=2.0)
    largest = max(abs(x) for row in _NEVER for x in vectors[row])
    if not 0.2 < largest <= 2.0:
        raise Wrong(
            f"With `scale=2.0` numbers up to 2 are expected in the table; the largest of yours is "
            f"{largest:.3f}: hand `scale` on to `init_embeddings`."
        )
    if not step.asked:
        return
    before = len(step.asked)
    _trained(ask, steps=200, window=3)
    if set(step.pairs()[before:]) <= set(pairs_of(_TEXT, 1)):
        raise Wrong(
            "With `window=3` no pair lies farther apart than 1: hand `window` on to `skipgram_pairs`."
        )
    other = next((one["lr"] for one in step.asked if one["lr"] != _LR), None)
    if other is not None:
        raise Wrong(f"With `lr={_LR}` a step is taken at {short(other)}: hand `lr` on to `skipgram_step`.")


def _judge_seed(ask: Subject) -> None:
    """Does the seed, and nothing else, decide?"""
    runs = []
    for before, seed in ((1, 11), (2, 11), (3, 12)):
        random.seed(before)
        runs.append(_trained(ask, seed=seed)[0])
    if runs[0] != runs[1]:
        raise Wrong("Two runs with the same seed give different vectors: call `random.seed(seed)` first.")
    if runs[0] == runs[2]:
        raise Wrong("Two runs with different seeds give the same vectors: use the argument `seed`.")

"""The judge of ``skipgram_step``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from firth.lesson.embeddings import Matrix, Vector, dot, sigmoid, skipgram_step
from firth.lesson.judges.common import Subject, Wrong, close, close_rows, is_number, is_table, short

Rows = tuple[Vector, Vector]

_TABLE: Matrix = [[0.9, -0.4, 0.2], [0.3, 0.3, 0.3], [0.5, 1.0, -0.7], [-0.1, 0.6, 0.8]]


def judge_step(ask: Subject) -> Iterator[str]:
    """Judge ``skipgram_step(E, center, context, lr=0.1)``."""
    table, loss = _step(ask, 2, 0, 0.4)
    before, after = dot(_TABLE[2], _TABLE[0]), dot(table[2], table[0])
    yield f"Both rows move as they should: their dot product grows from {before:.3f} to {after:.3f}."
    yield "The other rows stay as they are."
    _judge_loss(2, 0, 0.4, loss)
    yield "It returns the loss, and the loss from before the step."
    for center, context, lr in ((1, 3, 0.02), (3, 2, 1.0)):
        _judge_loss(center, context, lr, _step(ask, center, context, lr)[1])
    yield "It follows the learning rate that it is given, and works for other rows."
    table = [list(row) for row in _TABLE]
    ask(table, 0, 3)
    if not close_rows(table, _stepped(0, 3, 0.1)):
        raise Wrong("Called without `lr`, the step should use 0.1: write `lr=0.1` among the arguments.")
    yield "Without `lr` it uses 0.1."
    _judge_extremes(ask)
    yield "It stays calm where the belief is all but 0 or 1."
    yield from _remark_on_a_word_with_itself(ask)


def _stepped(center: int, context: int, lr: float) -> Matrix:
    """Return the table as it should be after one step."""
    table = [list(row) for row in _TABLE]
    skipgram_step(table, center, context, lr)
    return table


def _step(ask: Subject, center: int, context: int, lr: float) -> tuple[Matrix, Any]:
    """Let the reader's function take one step, judge the rows, and return table and loss."""
    table = [list(row) for row in _TABLE]
    loss = ask(table, center, context, lr)
    call = f"`skipgram_step(E, {center}, {context}, lr={lr})`"
    if not is_table(table, len(_TABLE), len(_TABLE[0])):
        shape = f"{len(_TABLE)} rows of {len(_TABLE[0])} numbers"
        raise Wrong(f"After {call}, `E` is no longer {shape}: it is `{short(table)}`.")
    for row, (now, then) in enumerate(zip(table, _TABLE, strict=True)):
        if row not in (center, context) and now != then:
            raise Wrong(f"{call} changes row {row} of `E`, which is neither the center nor the context.")
    right = _stepped(center, context, lr)
    got, wanted = (table[center], table[context]), (right[center], right[context])
    if not close_rows(got, wanted):
        u, v = _TABLE[center], _TABLE[context]
        raise Wrong(
            f"After {call} with `u = {u}` and `v = {v}`, the two rows should be `{_numbers(wanted[0])}` and "
            f"`{_numbers(wanted[1])}`; yours are `{_numbers(got[0])}` and `{_numbers(got[1])}`. "
            f"{_mistake(u, v, lr, got)}"
        )
    return table, loss


def _moved(u: Vector, v: Vector, lr: float, g: float) -> Rows:
    """Return both rows after a step with this ``g``."""
    return (
        [x - lr * g * y for x, y in zip(u, v, strict=True)],
        [y - lr * g * x for x, y in zip(u, v, strict=True)],
    )


def _mistake(u: Vector, v: Vector, lr: float, got: Rows) -> str:
    """Return a sentence on what went wrong with the two rows."""
    p = sigmoid(dot(u, v))
    g = p - 1
    new_u, new_v = _moved(u, v, lr, g)
    mistakes: tuple[tuple[Rows, str], ...] = (
        ((u, v), "Nothing has moved: put the new rows into the table, `E[center] = new_u` and its twin."),
        (
            (new_u, _moved(new_u, v, lr, g)[1]),
            "`u` is changed before `v` is computed, so that `v` is pulled by a `u` that has moved already: "
            "compute both new rows first.",
        ),
        (
            (_moved(u, new_v, lr, g)[0], new_v),
            "`v` is changed before `u` is computed, so that `u` is pulled by a `v` that has moved already: "
            "compute both new rows first.",
        ),
        (
            _moved(u, v, lr, -g),
            "The rows have moved apart: since `g = p - 1` is negative, it must be *minus* `lr * g`.",
        ),
        (_moved(u, v, lr, dot(u, v) - 1), "The sigmoid is missing: `p` is `sigmoid(dot(u, v))`."),
        (_moved(u, v, lr, p), "`g` should be `p - 1`, how far short of 1 the belief falls, not `p`."),
        (_moved(u, v, 1.0, g), "The learning rate is not used: multiply the change by `lr`."),
        (_moved(u, v, 0.1, g), "It moves by 0.1, whatever `lr` says: use the argument."),
        ((new_u, v), "Only the center's row has moved; the context's must move too."),
        ((u, new_v), "Only the context's row has moved; the center's must move too."),
        (
            (_moved(u, u, lr, g)[0], _moved(v, v, lr, g)[1]),
            "Each row is moved along itself: `u` must move along `v`, and `v` along `u`.",
        ),
        ((new_v, new_u), "The two new rows are in each other's place."),
        (_moved(u, v, lr * 2, g), "Both rows move twice as far as they should."),
    )
    sum_in_numbers = f"{u[0]} − {lr} · ({g:.4f}) · {v[0]}"
    fitting = (sentence for mistaken, sentence in mistakes if close_rows(mistaken, got))
    return next(
        fitting, f"Here `p` is {p:.4f} and `g` is {g:.4f}; the first number of `u` becomes {sum_in_numbers}."
    )


def _judge_loss(center: int, context: int, lr: float, loss: Any) -> None:
    u, v = _TABLE[center], _TABLE[context]
    p = sigmoid(dot(u, v))
    wanted = -math.log(p)
    if is_number(loss) and close(loss, wanted):
        return
    after = _stepped(center, context, lr)
    mistakes = (
        (-math.log(sigmoid(dot(after[center], after[context]))), "That is the loss *after* the step."),
        (math.log(p), "The minus sign is missing: the logarithm of a number below 1 is negative."),
        (p, "That is `p` itself: the loss is `-math.log(p)`."),
        (1 - p, "That is `1 - p`: the loss is `-math.log(p)`."),
        (p - 1, "That is `g`: the loss is `-math.log(p)`."),
        (-math.log2(p), "That is the logarithm to base 2: use `math.log`."),
        (-math.log10(p), "That is the logarithm to base 10: use `math.log`."),
        (-math.log(1 - p), "That is the loss of a pair that should *not* belong together."),
    )
    told = "It must be one number."
    if is_number(loss):
        told = next((sentence for mistaken, sentence in mistakes if close(loss, mistaken)), "")
    raise Wrong(
        f"The rows are right, but with `p` = {p:.4f} the loss of that step is {wanted:.6f}, and yours is "
        f"`{short(loss)}`. {told}".rstrip()
    )


def _judge_extremes(ask: Subject) -> None:
    """A pair that the model is wholly wrong about (log 0 lurks there), and one that it is sure of."""
    for u, v, wanted in (([100.0, 0.0], [-10.0, 5.0], -math.log(1e-9)), ([30.0, 1.0], [30.0, 0.0], 0.0)):
        loss = ask([v, [1.0, 1.0], u], 2, 0, 0.001)
        if not is_number(loss) or not close(loss, wanted):
            raise Wrong(
                f"With `u = {u}` and `v = {v}` the dot product is {dot(u, v):.0f} and the loss should be "
                f"{wanted:.4f}; yours is `{short(loss)}`. Keep `p` away from 0 with `max(p, 1e-9)`."
            )


def _remark_on_a_word_with_itself(ask: Subject) -> Iterator[str]:
    """Of two changes of one row, is only the second kept? The task is silent on it, so that it passes."""
    table = [list(row) for row in _TABLE]
    ask(table, 1, 1, 0.4)
    if close_rows(table, _stepped(1, 1, 0.4)):
        yield "Where a word is paired with itself, its row gets both changes."
    else:
        yield (
            "(One thing: where a word is paired with itself, `u` and `v` are one row, which should get both "
            "changes; yours does not. The text of this chapter has no such pair.)"
        )


def _numbers(vector: Vector) -> str:
    return "[" + ", ".join(f"{x:.4f}" for x in vector) + "]"

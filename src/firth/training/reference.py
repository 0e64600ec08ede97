"""The mathematics of skip-gram with negative sampling in plain NumPy float64: the judge of every kernel.

One *step* trains one center word with the words around it (Mikolov et al. 2013, arXiv:1310.4546, eq. 4,
in word2vec's direction: the vectors of the context words are taught to predict the center).

    W   (V, D)  vectors, the published table        x_i = W[contexts[i]]
    C   (V, D)  context vectors, the second table   o_j = C[outputs[j]],  outputs = [center, negatives ...]

    loss of pair i  =  - log s(x_i . o_0)  -  sum over j >= 1 of log s(- x_i . o_j),    s(z) = 1 / (1 + e^-z)

With y_0 = +1, y_j = -1 and likelihood q_ij = s(y_j x_i . o_j), the loss is - sum of log q_ij and

    d loss / d (x_i . o_j)  =  - y_j (1 - q_ij)

A step moves every row against its gradient, all gradients taken at the values before the step, and
all changes of a row that stands several times among the contexts or the outputs added up. The
negatives are shared by the contexts of the window (Ji et al. 2016, arXiv:1604.04661). A negative that
equals the center is left out, as in word2vec: it would push apart what the step pulls together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def sigmoid(x: Matrix) -> Matrix:
    """Return 1 / (1 + e^-x) for any finite x without overflow: 0.0 -> 0.5, -1000.0 -> 0.0."""
    x = np.asarray(x, np.float64)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def log_sigmoid(x: Matrix) -> Matrix:
    """Return log(sigmoid(x)) for any finite x: 0.0 -> -0.693..., -1000.0 -> -1000.0."""
    x = np.asarray(x, np.float64)
    return np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))


def labels(outputs: Sequence[int]) -> Matrix:
    """Return y, (len(outputs),): +1 for the center ``outputs[0]``, -1 for a negative, 0 for a left-out one.

    ``[7, 3, 7, 3]`` -> ``[1, -1, 0, -1]``: the third equals the center.
    """
    ids = np.asarray(outputs)
    y = np.where(ids == ids[0], 0.0, -1.0)
    y[0] = 1.0
    return y


def step_loss(W: Matrix, C: Matrix, contexts: Sequence[int], outputs: Sequence[int]) -> float:
    """Return the loss of one step, the sum over its ``len(contexts)`` pairs.

    With all-zero tables each pair costs log 2 for its positive and for each of its negatives.
    """
    y = labels(outputs)
    scores = W[list(contexts)] @ C[list(outputs)].T
    return float(-(log_sigmoid(y * scores) * np.abs(y)).sum())


def step_gradients(
    W: Matrix, C: Matrix, contexts: Sequence[int], outputs: Sequence[int]
) -> tuple[Matrix, Matrix]:
    """Return the gradients of :func:`step_loss` with respect to all of ``W`` and all of ``C``."""
    y = labels(outputs)
    x, o = W[list(contexts)], C[list(outputs)]
    slope = -y * (1.0 - sigmoid(y * (x @ o.T)))
    grad_W, grad_C = np.zeros_like(W), np.zeros_like(C)
    np.add.at(grad_W, list(contexts), slope @ o)
    np.add.at(grad_C, list(outputs), slope.T @ x)
    return grad_W, grad_C


def train_step(W: Matrix, C: Matrix, contexts: Sequence[int], outputs: Sequence[int], alpha: float) -> float:
    """Do one step in place at learning rate ``alpha``; return its loss before the step."""
    loss = step_loss(W, C, contexts, outputs)
    grad_W, grad_C = step_gradients(W, C, contexts, outputs)
    W -= alpha * grad_W
    C -= alpha * grad_C
    return loss

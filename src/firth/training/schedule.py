"""Which positions are trained when, at which learning rate, and with which random key: pure arithmetic.

A run is a row of *blocks*, numbered through all epochs. Whoever trains them - threads, a resumed run,
later a cluster - asks for block number i and gets the same answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_POSITIONS = 1 << 14
"""Positions in a block of a racing thread: about 3 ms of work, so that threads share evenly."""

REPORTS = 100
"""Reports in a run, about: each epoch is reported in equal parts, at least one."""


@dataclass(frozen=True)
class Block:
    """A unit of training: the centers at positions ``begin`` ... ``end`` of one epoch."""

    epoch: int
    begin: int
    end: int
    alpha: float
    key: int
    report: int


@dataclass(frozen=True)
class Schedule:
    """The blocks of a run over ``positions`` positions, the learning rate falling linearly over all epochs.

    ``first_epoch`` is the number of epochs trained before, so that further epochs draw anew. A block is what
    a racing thread takes at once, or a reproducible round.
    """

    positions: int
    epochs: int
    alpha: float
    min_alpha: float
    seed: int
    first_epoch: int = 0
    block_positions: int = BLOCK_POSITIONS

    @property
    def blocks_per_epoch(self) -> int:
        """How many blocks an epoch has."""
        return -(-self.positions // self.block_positions)

    @property
    def blocks(self) -> int:
        """How many blocks the run has."""
        return self.blocks_per_epoch * self.epochs

    @property
    def reports_per_epoch(self) -> int:
        """In how many parts an epoch is reported."""
        return max(1, min(self.blocks_per_epoch, round(REPORTS / self.epochs)))

    @property
    def reports(self) -> int:
        """How many reports the run makes."""
        return self.reports_per_epoch * self.epochs

    def block(self, number: int) -> Block:
        """Return block ``number``, counted from 0 through all epochs."""
        epoch, index = divmod(number, self.blocks_per_epoch)
        begin = index * self.block_positions
        end = min(begin + self.block_positions, self.positions)
        return Block(epoch, begin, end, self.alpha_at(number), self.key(epoch), self.report_of(number))

    def alpha_at(self, number: int) -> float:
        """Return the learning rate at the start of block ``number``."""
        return self.alpha - (self.alpha - self.min_alpha) * self.positions_before(number) / (
            self.positions * self.epochs
        )

    def alphas(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the learning rates at the start of some blocks."""
        epochs, indices = np.divmod(numbers, self.blocks_per_epoch)
        before = epochs * self.positions + np.minimum(indices * self.block_positions, self.positions)
        fallen: NDArray[np.float64] = before / (self.positions * self.epochs)
        return self.alpha - (self.alpha - self.min_alpha) * fallen

    def positions_before(self, number: int) -> int:
        """Return how many positions are trained before block ``number``."""
        epoch, index = divmod(number, self.blocks_per_epoch)
        return epoch * self.positions + min(index * self.block_positions, self.positions)

    def report_of(self, number: int) -> int:
        """Return the number of the report that block ``number`` belongs to."""
        epoch, index = divmod(number, self.blocks_per_epoch)
        return epoch * self.reports_per_epoch + index * self.reports_per_epoch // self.blocks_per_epoch

    def blocks_before_report(self, report: int) -> int:
        """Return the number of the first block that belongs to ``report`` or a later one."""
        epoch, part = divmod(report, self.reports_per_epoch)
        return epoch * self.blocks_per_epoch + -(-part * self.blocks_per_epoch // self.reports_per_epoch)

    def key(self, epoch: int) -> int:
        """Return the 64-bit key of an epoch's draws, a pure function of the seed and the epoch."""
        text = f"firth {self.seed} {self.first_epoch + epoch}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")

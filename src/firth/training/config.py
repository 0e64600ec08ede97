"""Every option of a training run, with its default, its unit and its check.

The names are gensim 4's, because this field's users already type them. A ``TrainConfig`` is frozen
and checked once, when it is made; whoever holds one may rely on it.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firth.errors import ConfigError

# What users of other programs type for the same thing: gensim 3, fastText, word2vec.c, GloVe, Keras.
FOREIGN_NAMES = {
    "size": "vector_size",
    "dim": "vector_size",
    "dims": "vector_size",
    "dimensions": "vector_size",
    "embedding_dim": "vector_size",
    "iter": "epochs",
    "iterations": "epochs",
    "epoch": "epochs",
    "n_epochs": "epochs",
    "ws": "window",
    "window_size": "window",
    "lr": "alpha",
    "learning_rate": "alpha",
    "start_alpha": "alpha",
    "end_alpha": "min_alpha",
    "workers": "threads",
    "thread": "threads",
    "n_jobs": "threads",
    "neg": "negative",
    "negatives": "negative",
    "negative_samples": "negative",
    "minCount": "min_count",
    "mincount": "min_count",
    "vocab_min_count": "min_count",
    "max_vocab": "max_vocab_size",
    "max_final_vocab": "max_vocab_size",
    "subsample": "sample",
    "t": "sample",
    "exponent": "ns_exponent",
    "random_state": "seed",
    "sg": "",
    "hs": "",
    "cbow_mean": "",
}

MAX_VECTOR_SIZE = 1024
MAX_NEGATIVE = 50
MAX_EPOCHS = 100_000
MAX_SHARDS = 64


class _Auto(int):
    """A number that is told from the 0 somebody gives."""


AUTO = _Auto(0)
"""Stands for ``shards="auto"`` until the corpus is known."""


def available_cores() -> int:
    """Return the number of processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The options of skip-gram with negative sampling (Mikolov et al. 2013, arXiv:1310.4546).

    Attributes:
        vector_size: numbers in a word's vector, 2 to 1024.
        window: farthest context word on either side, counted after subsampling; 1 to 10,000.
        min_count: words that occur less often than this are left out; at least 1.
        max_vocab_size: keep at most this many words, the most frequent ones; None keeps all.
        negative: negatives drawn for each center, 1 to 50; the contexts of one window share them.
        epochs: passes over the corpus, 1 to 100,000.
        alpha: learning rate at the start of the run, above 0 (gensim's default is 0.025; LOG.md has both).
        min_alpha: learning rate at the end of the run; in between it falls linearly.
        sample: words that make up more than this share of the corpus are thinned out; 0 keeps all.
        ns_exponent: negatives are drawn in proportion to count ** ns_exponent; -2 to 2.
        shrink_windows: draw each center's window from 1 ... window, so that nearer words count more.
        seed: seed of every random draw, 0 to 2**63 - 1.
        threads: threads that train; by default one for each core this process may use.
        reproducible: train in fixed shards: the same corpus, options and seed then give the same bits with
            any number of threads, on one kind of processor and one version of numba. If False, several
            threads race (Hogwild): faster, and never the same twice.
        shards: replicas of the tables, 1 to 64, each trained by one thread on a part of the corpus and
            merged with the others again and again. They are part of what is computed, as the seed is: a
            cluster that shares them among its machines gets the same bits as threads do. 1: one pair of
            tables, trained in rounds of eight pieces. "auto": 1, or one for each worker of a cluster.

    Raises:
        ConfigError: an option is unknown, of the wrong type or out of its range.
    """

    vector_size: int = 100
    window: int = 5
    min_count: int = 5
    max_vocab_size: int | None = None
    negative: int = 5
    epochs: int = 5
    alpha: float = 0.05
    min_alpha: float = 0.0001
    sample: float = 1e-3
    ns_exponent: float = 0.75
    shrink_windows: bool = True
    seed: int = 1
    threads: int = dataclasses.field(default_factory=available_cores)
    reproducible: bool = True
    shards: int = 1

    def __new__(cls, *_args: object, **options: object) -> TrainConfig:
        """Answer a name of another program with ours, before ``__init__`` says only *unexpected*."""
        known = {field.name for field in dataclasses.fields(cls)}
        for name in options.keys() - known:
            raise ConfigError(unknown_option(name, known))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        """Check every option; see the class for the ranges."""
        _whole(self, "vector_size", 2, MAX_VECTOR_SIZE)
        _whole(self, "window", 1, 10_000)
        _whole(self, "min_count", 1, None)
        if self.max_vocab_size is not None:
            _whole(self, "max_vocab_size", 1, None)
        _whole(self, "negative", 1, MAX_NEGATIVE)
        _whole(self, "epochs", 1, MAX_EPOCHS)
        _number(self, "alpha", 0.0, 10.0, above=True)
        _number(self, "min_alpha", 0.0, 10.0)
        _number(self, "sample", 0.0, 1.0)
        _number(self, "ns_exponent", -2.0, 2.0)
        _whole(self, "seed", 0, 2**63 - 1)
        _whole(self, "threads", 1, 1024)
        _shards(self)
        for name in ("shrink_windows", "reproducible"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigError(f"{name} must be True or False, not {value!r}")
        if self.shards > 1 and not self.reproducible:
            raise ConfigError(
                "shards (--shards) and racing threads (reproducible=False, --racing) exclude each other: "
                "leave one of them out"
            )
        if self.min_alpha > self.alpha:
            raise ConfigError(
                f"min_alpha ({self.min_alpha}) is above alpha ({self.alpha}): "
                "the learning rate falls from alpha to min_alpha; swap them or lower min_alpha"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the options as a plain dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> TrainConfig:
        """Make a config from :meth:`as_dict`'s dictionary, or any mapping of option names to values."""
        return cls(**dict(options))


def unknown_option(name: str, known: set[str]) -> str:
    """Return the message for an option that firth does not have: the name that it has, or all of them."""
    ours = FOREIGN_NAMES.get(name)
    if ours:
        return f"unknown option {name!r}: firth calls it {ours!r}"
    if ours == "":
        return f"unknown option {name!r}: firth trains skip-gram with negative sampling only; leave it out"
    return f"unknown option {name!r}: the options are {', '.join(sorted(known))}"


def _whole(config: TrainConfig, name: str, low: int, high: int | None) -> None:
    """Check that option ``name`` is a whole number from ``low`` to ``high`` and store it as an int."""
    value = getattr(config, name)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ConfigError(f"{name} must be a whole number, not {value!r}")
    number = value.__index__()
    if number < low or (high is not None and number > high):
        limits = f"from {low} to {high}" if high is not None else f"at least {low}"
        raise ConfigError(f"{name} must be {limits}, not {number}")
    object.__setattr__(config, name, number)


def _shards(config: TrainConfig) -> None:
    """Check the number of shards; store AUTO for "auto"."""
    value: object = config.shards
    if value == "auto":
        object.__setattr__(config, "shards", AUTO)
    elif isinstance(value, str):
        raise ConfigError(f"shards must be a whole number or 'auto', not {value!r}")
    elif value is not AUTO:
        _whole(config, "shards", 1, MAX_SHARDS)


def _number(config: TrainConfig, name: str, low: float, high: float, *, above: bool = False) -> None:
    """Check that option ``name`` is a finite number in [low, high] (above ``low`` if asked), as a float."""
    value = getattr(config, name)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a number, not {value!r}") from None
    if isinstance(value, (bool, str)) or not math.isfinite(number):
        raise ConfigError(f"{name} must be a finite number, not {value!r}")
    if number > high or number < low or (above and number == low):
        span = f"above {low:g} and at most {high:g}" if above else f"from {low:g} to {high:g}"
        raise ConfigError(f"{name} must be {span}, not {number:g}")
    object.__setattr__(config, name, number)

"""A run: its corpus, options and tables, and how far it has come. Everything a checkpoint must hold."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import llvmlite.binding
import numpy as np
from numpy.typing import NDArray

from firth._version import __version__
from firth.corpus.encoded import EncodedCorpus
from firth.embeddings import Embeddings
from firth.training.arrays import Tables
from firth.training.config import TrainConfig
from firth.training.replicas import Plan, replica_block
from firth.training.schedule import BLOCK_POSITIONS, Schedule
from firth.training.shards import Split
from firth.training.tables import matrices, published, published_counts, published_words

PHASE_OPTIONS = ("epochs", "alpha", "min_alpha", "threads")
"""The options that may differ when a finished model is trained further."""

VECTOR_FEATURES = ("avx512f", "avx2", "fma", "avx", "sse2", "neon", "sve")


class Tally:
    """What the blocks of each report added up to. Sums are float64, whatever the number of threads."""

    def __init__(self, reports: int) -> None:
        """Start with nothing."""
        self.loss: NDArray[np.float64] = np.zeros(reports)  # nats
        self.pairs: NDArray[np.int64] = np.zeros(reports, np.int64)
        self.centers: NDArray[np.int64] = np.zeros(reports, np.int64)
        self.seconds: NDArray[np.float64] = np.zeros(reports)  # of training, when its last block was done

    def add(self, report: int, loss: float, pairs: int, centers: int, seconds: float) -> None:
        """Add one block."""
        self.loss[report] += loss
        self.pairs[report] += pairs
        self.centers[report] += centers
        self.seconds[report] = seconds

    def as_dict(self) -> dict[str, list[float]]:
        """Return all sums, ready for JSON, which keeps every bit of them."""
        return {name: values.tolist() for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, sums: dict[str, list[float]]) -> Tally:
        """Return the tally that :meth:`as_dict` was made from."""
        tally = cls(len(sums["loss"]))
        for name, values in vars(tally).items():
            values[:] = sums[name]
        return tally


@dataclass
class Run:
    """One run, or one further phase of a run: mutable, changed by the trainer alone."""

    corpus: EncodedCorpus
    config: TrainConfig
    tables: Tables
    tally: Tally
    blocks_done: int = 0
    """All blocks before this one are trained."""
    seconds: float = 0.0
    """Seconds of training so far."""
    encode_seconds: float = 0.0
    cache: str | None = None
    """The folder for encoded corpora that the user has named."""
    phases: list[dict[str, Any]] = field(default_factory=list)
    """The options of the phases before this one (see PHASE_OPTIONS)."""
    reports_before: list[dict[str, Any]] = field(default_factory=list)
    """The reports of the phases before this one."""
    cluster: dict[str, int] = field(default_factory=dict)
    """What a cluster that trains the run has to tell of its work; empty in threads."""

    @cached_property
    def schedule(self) -> Schedule:
        """The blocks of this phase."""
        return make_schedule(self.corpus, self.config, self.phases)

    @property
    def finished(self) -> bool:
        """Whether every block is trained."""
        return self.blocks_done >= self.schedule.blocks

    @property
    def words_total(self) -> int:
        """Raw words of this phase: every word of the corpus, once an epoch."""
        return self.corpus.tokens_read * self.config.epochs

    def words_before(self, block: int) -> int:
        """Return the raw words passed when all blocks before ``block`` are trained."""
        share = self.schedule.positions_before(block) / (self.schedule.positions * self.config.epochs)
        return round(share * self.words_total)

    def mark(self) -> tuple[int, dict[str, list[float]]]:
        """Return what :meth:`go_back` needs: where the run is, and what its blocks have added up to."""
        return self.blocks_done, self.tally.as_dict()

    def go_back(self, mark: tuple[int, dict[str, list[float]]]) -> None:
        """Forget the blocks trained since :meth:`mark`; the tables are somebody else's to put back."""
        self.blocks_done, sums = mark
        self.tally = Tally.from_dict(sums)

    def reports(self) -> list[dict[str, Any]]:
        """Return the lines of ``training.jsonl``: one for each part of an epoch that is done, all phases."""
        lines = list(self.reports_before)
        last = lines[-1] if lines else {"words": 0, "seconds": 0.0, "epoch": 0.0}
        schedule, tally = self.schedule, self.tally
        previous, began = 0, 0.0
        # With several threads a block may be done before one of the report before.
        until = np.maximum.accumulate(tally.seconds).tolist()
        for report in range(schedule.reports):
            end = schedule.blocks_before_report(report + 1)
            if end > self.blocks_done:
                break
            words, took = self.words_before(end), until[report] - began
            lines.append(
                {
                    "words": last["words"] + words,
                    "seconds": round(last["seconds"] + until[report], 6),
                    "epoch": round(last["epoch"] + (report + 1) / schedule.reports_per_epoch, 6),
                    "alpha": schedule.alpha_at(schedule.blocks_before_report(report)),
                    "loss": mean_loss(tally, report, report + 1),
                    "pairs": int(tally.pairs[report]),
                    "trained_words": int(tally.centers[report]),
                    "words_per_second": round((words - previous) / took, 1) if took > 0 else None,
                }
            )
            previous, began = words, until[report]
        return lines

    def epoch_losses(self) -> list[float | None]:
        """Return the mean loss per pair of each epoch of this phase that is done."""
        done = self.blocks_done // self.schedule.blocks_per_epoch
        sums = (
            of.reshape(self.config.epochs, -1)[:done].sum(axis=1)
            for of in (self.tally.loss, self.tally.pairs)
        )
        return [
            loss / pairs if pairs else None for loss, pairs in zip(*map(np.ndarray.tolist, sums), strict=True)
        ]

    def describe(self, state: str) -> dict[str, Any]:
        """Return what ``config.json`` says of the run; ``state`` is "training" or "finished"."""
        options = self.config.as_dict()
        corpus, vocabulary = self.corpus, self.corpus.vocabulary
        return {
            "state": state,
            "options": options | {"epochs": self.schedule.first_epoch + self.config.epochs},
            "phases": [*self.phases, {name: options[name] for name in PHASE_OPTIONS}],
            "corpus": {
                **corpus.source,
                "tokens": corpus.tokens_read,
                "tokens_in_vocabulary": len(corpus.ids),
                "distinct_words": corpus.distinct_words,
                "vocabulary": len(vocabulary.words),
                "table_size": vocabulary.table_size,
                "of_ids": vocabulary.token_ids is not None,
                "sentences": len(corpus.sentence_starts) - 1,
                "fingerprint": corpus.fingerprint,
                **({"cache": self.cache} if self.cache else {}),
            },
            "timing": self._timing(),
            **({"cluster": self.cluster} if self.cluster else {}),
            "loss": mean_loss(self.tally, 0, self.schedule.reports),
            "epoch_losses": self.epoch_losses(),
            "versions": versions(),
            "processor": processor(),
        }

    def _timing(self) -> dict[str, float | None]:
        words = self.words_before(self.blocks_done)
        return {
            "encode_seconds": round(self.encode_seconds, 6),
            "train_seconds": round(self.seconds, 6),
            "words_per_second": round(words / self.seconds, 1) if self.seconds > 0 else None,
            "trained_words": int(self.tally.centers.sum()),
        }

    def embeddings(self) -> Embeddings:
        """Return the finished model; for text it shares the memory of the run's tables."""
        vocabulary = self.corpus.vocabulary
        counts, trained = published_counts(vocabulary)
        vectors, context_vectors = (
            published(table, vocabulary) for table in matrices(self.tables, self.config.vector_size)
        )
        return Embeddings(
            published_words(vocabulary),
            vectors,
            context_vectors=context_vectors,
            counts=counts,
            trained=trained,
            config=self.describe("finished"),
            training=self.reports(),
        )


def make_schedule(corpus: EncodedCorpus, config: TrainConfig, phases: list[dict[str, Any]]) -> Schedule:
    """Return the blocks of a phase that follows ``phases``."""
    return Schedule(
        positions=len(corpus.ids),
        epochs=config.epochs,
        alpha=config.alpha,
        min_alpha=config.min_alpha,
        seed=config.seed,
        first_epoch=sum(phase["epochs"] for phase in phases),
        block_positions=block_positions(corpus, config),
    )


def block_positions(corpus: EncodedCorpus, config: TrainConfig) -> int:
    """Return the positions of a block: of all replicas, a round, or what a racing thread takes at once."""
    if not config.reproducible:
        return BLOCK_POSITIONS
    if config.shards == 1:
        return split_of(corpus, config).round_positions
    return config.shards * replica_block(len(corpus.ids), config.shards)


def split_of(corpus: EncodedCorpus, config: TrainConfig) -> Split:
    """Return how reproducible training splits the corpus."""
    return Split(len(corpus.ids), len(corpus.vocabulary.words), config.window)


def plan_of(run: Run) -> Plan:
    """Return how a run is shared among its replicas."""
    corpus = run.corpus
    return Plan(len(corpus.ids), len(corpus.vocabulary.words), run.config.shards, run.schedule)


def room_of(corpus: EncodedCorpus, config: TrainConfig) -> int:
    """Return the rows that a run needs behind the words' rows of its tables; replicas have their own."""
    if not config.reproducible:
        return config.threads  # a spare row each
    return split_of(corpus, config).room if config.shards == 1 else 0


def mean_loss(tally: Tally, first: int, past: int) -> float | None:
    """Return the mean loss per pair of some reports, in nats; None where no pair was trained."""
    pairs = int(tally.pairs[first:past].sum())
    return float(tally.loss[first:past].sum()) / pairs if pairs else None


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a model depend."""
    packages = {name: version(name) for name in ("numpy", "numba", "llvmlite", "pyarrow")}
    return {"firth": __version__, "python": platform.python_version(), **packages}


def processor() -> dict[str, Any]:
    """Return the kind of processor, and which of the features it has that the kernels are compiled for."""
    features = llvmlite.binding.get_host_cpu_features()
    return {
        "name": llvmlite.binding.get_host_cpu_name(),
        "architecture": platform.machine(),
        "features": [name for name in VECTOR_FEATURES if features.get(name)],
    }

"""Several runs over one corpus, of which the first is the model and the others say how far to trust it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from firth.checks import at_least
from firth.corpus.encoded import EncodedCorpus
from firth.embeddings import Embeddings
from firth.errors import CorpusError, Interrupted
from firth.evaluation.nearest import nearest_rows
from firth.evaluation.resample import check_resamplable, resampled
from firth.evaluation.stability import Neighbors, Stability, compare
from firth.evaluation.stability_file import remove_stability, write_stability
from firth.training import checkpoint, trainer
from firth.training.config import TrainConfig
from firth.training.crew import make_crew
from firth.training.progress import Ticker, Watcher, log_lines
from firth.training.run import Run, Tally, make_schedule, room_of
from firth.training.tables import matrices, new_tables
from firth.training.trainer import Watchers

RUNS = 5
TOPN = 10
WORDS = 20_000
"""Words that are measured, the most frequent ones: the neighbours of each are sought among all words."""

OnRun = Callable[[int, int], None]
"""Called with the number of a run, from 1, and its seed, as it begins."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many runs of what kind, and what of them is compared.

    Raises:
        ConfigError: a number is out of its range.
    """

    runs: int = RUNS
    resample: bool = False
    """False: the runs differ by their seeds. True: all but the first also by the sentences they read."""
    topn: int = TOPN
    words: int = WORDS
    """Words measured, the most frequent ones; 0: all."""

    def __post_init__(self) -> None:
        """Check the numbers; one run alone has nothing to be compared with."""
        at_least(2, "runs", self.runs)
        at_least(1, "topn", self.topn)
        at_least(0, "words", self.words)


def train_runs(
    corpus: Any,
    config: TrainConfig | None = None,
    *,
    plan: Plan | None = None,
    output: str | os.PathLike[str] | None = None,
    progress: Watcher | Watchers | None = None,
    on_run: OnRun | None = None,
    **options: Any,
) -> tuple[Embeddings, Stability]:
    """Train a model, then train it again with other seeds, and compare the neighbours.

    The corpus is encoded once. Only one run's tables are in memory at a time, and of each run only the
    nearest words are kept.

    Args:
        corpus: as for :func:`firth.training.trainer.train`.
        config: the options of the first run, whose model is the result. Run n has the seed ``seed + n - 1``.
        plan: how many runs of what kind.
        output: the model folder; the stability is written there too.
        progress: told of each run's progress, one after the other.
        on_run: called as a run begins.
        **options: what else :func:`~firth.training.trainer.train` takes: ``force``, ``text``, ``cache`` ...

    Returns:
        The model of the first run, and the stability of its neighbours.

    Raises:
        ConfigError, CorpusError, OutputExistsError, TrainingError: as for ``train``; fewer than two runs.
        Interrupted: Ctrl-C. In the first run as for ``train``; later the model stands and is not measured.
    """
    plan = plan or Plan()
    told = progress if isinstance(progress, Watchers) else Watchers(training=progress)
    began: list[Run] = []

    def started(run: Run) -> None:
        _check_enough(run.corpus, plan)
        began.append(run)
        if told.started is not None:
            told.started(run)

    if on_run is not None:
        on_run(1, config.seed if config is not None else options.get("seed", TrainConfig().seed))
    watchers = dataclasses.replace(told, started=started)
    model = trainer.train(corpus, config, output=output, progress=watchers, **options)
    encoded, config = began[0].corpus, began[0].config
    folder = None if output is None else Path(output)
    with _held(folder):
        if folder is not None:
            remove_stability(folder)
        nearest = _nearest_of_all(began, plan, folder, told.training or log_lines(), on_run)
        stability = _compared(encoded, config, plan, nearest)
        if folder is not None:
            write_stability(stability, folder, model)
    return model, stability


def _check_enough(corpus: EncodedCorpus, plan: Plan) -> None:
    """Refuse, before anything is trained, a corpus that cannot be measured."""
    words = len(corpus.vocabulary.words)
    if words <= plan.topn + 1:
        raise CorpusError(
            f"not enough data: of {words:,} words each has all the others among its {plan.topn} nearest in "
            "any run; give more text, lower min_count or lower topn"
        )
    if plan.resample:
        check_resamplable(corpus)


def _held(folder: Path | None) -> AbstractContextManager[None]:
    return nullcontext() if folder is None else checkpoint.held(folder)


def _nearest_of_all(
    began: list[Run], plan: Plan, folder: Path | None, watcher: Watcher, on_run: OnRun | None
) -> list[Neighbors]:
    """Return the nearest words of the first run, and train the others to find theirs.

    The first run is taken out of its list, so that its tables make room for the next run's.
    """
    corpus, config = began[0].corpus, began[0].config
    found: list[Neighbors] = []
    try:
        found.append(_nearest(began.pop(), plan))
        for number in range(2, plan.runs + 1):
            own = dataclasses.replace(config, seed=seed_of(config.seed, number))
            if on_run is not None:
                on_run(number, own.seed)
            found.append(_nearest(_trained(corpus, own, plan, watcher), plan))
    except KeyboardInterrupt:
        kept = "nothing is kept" if folder is None else f"the model in {folder} is whole"
        raise Interrupted(
            f"stopped in run {min(len(found) + 1, plan.runs)} of {plan.runs}; {kept}, "
            "but its stability is not measured"
        ) from None
    return found


def seed_of(first: int, number: int) -> int:
    """Return the seed of run ``number``, counted from 1."""
    return (first + number - 1) % 2**63


def _trained(corpus: EncodedCorpus, config: TrainConfig, plan: Plan, watcher: Watcher) -> Run:
    """Train one run in memory."""
    text = resampled(corpus, config.seed) if plan.resample else corpus
    tables = new_tables(len(text.vocabulary.words), config.vector_size, config.seed, room_of(text, config))
    run = Run(text, config, tables, Tally(make_schedule(text, config, []).reports))
    ticker = Ticker(run, watcher)
    make_crew(run).train(ticker)
    ticker()
    return run


def _measured(corpus: EncodedCorpus, plan: Plan) -> int:
    """Return how many words are measured."""
    words = len(corpus.vocabulary.words)
    return min(words, plan.words or words)


def _nearest(run: Run, plan: Plan) -> Neighbors:
    """Return the nearest words of the most frequent ones, as word ids."""
    vectors, _ = matrices(run.tables, run.config.vector_size)
    return nearest_rows(vectors, np.arange(_measured(run.corpus, plan)), plan.topn)


def _compared(corpus: EncodedCorpus, config: TrainConfig, plan: Plan, nearest: list[Neighbors]) -> Stability:
    vocabulary = corpus.vocabulary
    words, measured = len(vocabulary.words), _measured(corpus, plan)
    row_of = np.arange(words) if vocabulary.token_ids is None else vocabulary.token_ids.astype(np.int64)
    settings = {
        "runs": plan.runs,
        "kind": "resample" if plan.resample else "seeds",
        "seeds": [seed_of(config.seed, number) for number in range(1, plan.runs + 1)],
        "topn": plan.topn,
        "measured": measured,
        "vocabulary": words,
        "fingerprint": corpus.fingerprint,
    }
    return compare(nearest, vocabulary.counts[:measured], row_of[:measured], row_of, settings)

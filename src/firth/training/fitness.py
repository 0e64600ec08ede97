"""Whether a corpus is fit to be trained on, and with how many replicas of the tables."""

from __future__ import annotations

import dataclasses

from firth.corpus.encoded import EncodedCorpus
from firth.errors import ConfigError, CorpusError
from firth.training.config import AUTO, TrainConfig
from firth.training.replicas import SPAN_POSITIONS, auto_replicas, most_replicas
from firth.training.run import Run


def check_learnable(corpus: EncodedCorpus, config: TrainConfig) -> None:
    """Check that some word stands beside another one.

    Raises:
        CorpusError: none ever does.
    """
    words = corpus.vocabulary.words
    if len(words) == 1:
        raise CorpusError(
            f"only one word, {words[0]!r}, occurs min_count={config.min_count} times, and one word alone "
            "cannot be told from others: lower min_count, or give more text"
        )
    if len(corpus.sentence_starts) - 1 == len(corpus.ids):
        raise CorpusError(
            f"each of the {len(corpus.ids):,} sentences has only one word that occurs min_count="
            f"{config.min_count} times, so that no word has a context: put the words that belong together "
            "on one line, lower min_count, or give more text"
        )


def settled(corpus: EncodedCorpus, config: TrainConfig, workers: int = 1) -> TrainConfig:
    """Return the options with a number of shards: "auto" is one for each of ``workers`` processes.

    Raises:
        ConfigError: the corpus is too small for so many shards.
    """
    positions = len(corpus.ids)
    if config.shards == AUTO:
        shards = auto_replicas(positions, workers)
        if shards < 2 <= workers:
            raise ConfigError(
                f"{positions:,} words of text feed one shard only, and a cluster shares several: train "
                "without ray (--ray)"
            )
        return dataclasses.replace(config, shards=shards)
    most = most_replicas(positions)
    if config.shards > most:
        most_of_all = f"{most} shard" if most == 1 else f"{most} shards"
        raise ConfigError(
            f"{positions:,} words of text feed {most_of_all} at most, {SPAN_POSITIONS:,} words each, not "
            f"{config.shards}: lower shards (--shards {most}), or give more text"
        )
    return config


def check_trained(run: Run) -> None:
    """Check that a finished run has trained anything.

    Raises:
        CorpusError: not one pair.
    """
    if not run.tally.pairs.any():
        raise CorpusError(
            f"not one pair of words was trained: sample={run.config.sample:g} left no two words side by side "
            f"in so small a corpus ({len(run.corpus.ids):,} words); sample=0 (--sample 0) keeps them all"
        )

"""Evaluate models on files: the right function for each kind, and every score as rows of figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firth.checks import at_least
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation.analogies import MEASURES, RESTRICT_VOCAB, AnalogyScore, evaluate_analogies
from firth.evaluation.bootstrap import DRAWS, SEED, Estimate
from firth.evaluation.categories import CategoryScore, evaluate_categories
from firth.evaluation.compare import Difference, Score, compare
from firth.evaluation.files import ANALOGIES, ODDITY, SIMILARITY, EvaluationFile
from firth.evaluation.oddity import OddityScore, evaluate_oddity
from firth.evaluation.similarity import SimilarityScore, evaluate_similarity

ALL = "all"
"""The name of what is not one section but all of a file."""


@dataclass(frozen=True)
class Options:
    """How models are evaluated."""

    restrict_vocab: int = RESTRICT_VOCAB
    """Analogies keep to so many of the most frequent words; 0 for all. Other files use all words."""
    case_insensitive: bool = True
    draws: int = DRAWS
    """Draws of the bootstrap, at least 100."""
    seed: int = SEED

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: one is out of range.
        """
        at_least(0, "restrict_vocab", self.restrict_vocab)
        at_least(0, "seed", self.seed)
        if not 100 <= at_least(1, "draws", self.draws) <= 100_000:
            raise ConfigError(f"draws must be 100 to 100000, not {self.draws}: 2000 is usual")


@dataclass(frozen=True)
class FileScore:
    """What one model scores on one file."""

    file: EvaluationFile
    score: Score


@dataclass(frozen=True)
class Figure:
    """One figure of a score."""

    section: str
    measure: str
    estimate: Estimate
    covered: int
    total: int


def evaluate(
    model: Embeddings, files: Sequence[EvaluationFile], options: Options | None = None
) -> list[FileScore]:
    """Evaluate a model on each file."""
    options = options or Options()
    return [FileScore(file, _score(model, file, options)) for file in files]


def differences(
    a: Sequence[FileScore], b: Sequence[FileScore], options: Options | None = None
) -> list[tuple[EvaluationFile, Difference]]:
    """Compare two models' scores of the same files."""
    options = options or Options()
    return [
        (one.file, difference)
        for one, other in zip(a, b, strict=True)
        for difference in compare(one.score, other.score, draws=options.draws, seed=options.seed)
    ]


def figures(score: Score) -> Iterator[Figure]:
    """Yield all figures of a score; the first one is the score that is usually quoted."""
    covered, total = score.covered, score.total
    if isinstance(score, SimilarityScore):
        yield Figure(ALL, "Spearman's ρ", score.rho, covered, total)
        yield Figure(ALL, "Spearman's ρ, missing as mean", score.rho_all, total, total)
        reason = score.rho.reason if score.pearson is None else ""
        yield Figure(ALL, "Pearson's r", Estimate(score.pearson, reason=reason), covered, total)
    elif isinstance(score, AnalogyScore):
        for part in (score.overall, *score.sections):
            name = ALL if part is score.overall else part.name
            for measure in MEASURES:
                yield Figure(name, measure, part.accuracy[measure], part.covered, part.total)
            yield Figure(name, "3CosAdd, missing as wrong", _plain(part.accuracy_all), part.total, part.total)
            nearest = _plain(part.input_nearest)
            yield Figure(name, "nearest word is an input", nearest, part.covered, part.total)
    elif isinstance(score, OddityScore):
        yield Figure(ALL, "accuracy", score.accuracy, covered, total)
        yield Figure(ALL, "accuracy, missing as wrong", _plain(score.accuracy_all), total, total)
        yield Figure(ALL, "accuracy of guessing", _plain(score.chance), covered, total)
    else:
        yield Figure(ALL, "purity", score.purity, covered, total)
        yield Figure(ALL, "purity of shuffled categories", _plain(score.chance), covered, total)


def _plain(value: float | None) -> Estimate:
    """Return a figure that has no interval."""
    return Estimate(value, reason="" if value is not None else "not enough data")


def _score(model: Embeddings, file: EvaluationFile, options: Options) -> Score:
    case, draws, seed = options.case_insensitive, options.draws, options.seed
    if file.kind == SIMILARITY:
        return evaluate_similarity(model, file.items, case_insensitive=case, draws=draws, seed=seed)
    if file.kind == ANALOGIES:
        return evaluate_analogies(
            model,
            file.items,
            restrict_vocab=options.restrict_vocab,
            case_insensitive=case,
            draws=draws,
            seed=seed,
        )
    if file.kind == ODDITY:
        return evaluate_oddity(model, file.items, case_insensitive=case, draws=draws, seed=seed)
    score: CategoryScore = evaluate_categories(
        model, file.items, case_insensitive=case, draws=draws, seed=seed
    )
    return score

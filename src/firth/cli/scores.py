"""Scores as tables for people: what is printed by ``firth evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firth.cli.output import Column, print_line, print_table, speaks_unicode

if TYPE_CHECKING:
    from firth.evaluation.analogies import AnalogyScore, SectionScore
    from firth.evaluation.bootstrap import Estimate
    from firth.evaluation.categories import CategoryScore
    from firth.evaluation.compare import Difference
    from firth.evaluation.evaluate import FileScore
    from firth.evaluation.files import EvaluationFile
    from firth.evaluation.oddity import OddityScore
    from firth.evaluation.similarity import SimilarityScore

_LISTED = 10
_SCORE, _INTERVAL, _DIM = "green", "dim", "dim"
_VERDICTS = {"the first model is better": "A is better", "the second model is better": "B is better"}


def print_scores(model: str, scores: Sequence[FileScore]) -> None:
    """Print all scores of one model; ``model`` is its name, empty if there is but one."""
    from firth.evaluation.analogies import AnalogyScore
    from firth.evaluation.categories import CategoryScore
    from firth.evaluation.oddity import OddityScore
    from firth.evaluation.similarity import SimilarityScore

    prefix = f"{model}: " if model else ""
    tables = 0
    similar = [(one.file, one.score) for one in scores if isinstance(one.score, SimilarityScore)]
    odd = [(one.file, one.score) for one in scores if isinstance(one.score, OddityScore)]
    categories = [(one.file, one.score) for one in scores if isinstance(one.score, CategoryScore)]
    if similar:
        tables = _between(tables)
        _print_similarity(prefix, similar)
    for one in scores:
        if isinstance(one.score, AnalogyScore):
            tables = _between(tables)
            _print_analogies(prefix, one.file, one.score)
    if odd:
        tables = _between(tables)
        _print_oddity(prefix, odd)
    if categories:
        tables = _between(tables)
        _print_categories(prefix, categories)


def print_differences(models: Sequence[str], compared: Sequence[tuple[EvaluationFile, Difference]]) -> None:
    """Print how two models differ on each file, and whether one could rely on it."""
    print_line(f"A = {models[0]}, B = {models[1]}, on the items that both cover")
    columns = [Column("measure", style="cyan")]
    columns += [Column(title, right=True, style=_SCORE) for title in ("A", "B", "B - A")]
    columns += [Column("95 %", style=_INTERVAL), Column("p", right=True, style=_DIM), Column("better")]
    for file in dict.fromkeys(file.name for file, _ in compared):
        mine = [one for place, one in compared if place.name == file]
        rows = []
        for one in mine:
            better = ("B" if (one.value or 0) > 0 else "A") if one.reliable else "?"
            numbers = [_signed(one.value), _interval(one.low, one.high, signed=True), _p(one.p)]
            name = one.measure.replace(", inputs allowed", " raw")
            rows.append([_ascii(name), _number(one.a), _number(one.b), *numbers, better])
        print_line("")
        print_table(f"{file}: {mine[0].items:,} items", columns, rows)
        print_line(f"{_ascii(mine[0].measure)}: {_VERDICTS.get(mine[0].verdict, mine[0].verdict)}.")
    print_line("")
    print_line("The draws are of items; another seed of the training is not in them (firth stability).")


def _between(tables: int) -> int:
    """Print an empty line between tables."""
    if tables:
        print_line("")
    return tables + 1


def _print_similarity(prefix: str, scores: Sequence[tuple[EvaluationFile, SimilarityScore]]) -> None:
    rows = [
        [file.name, _coverage(score), *_cells(score.rho), *_cells(score.rho_all)] for file, score in scores
    ]
    columns = [Column("file", style="cyan"), Column("pairs", right=True)]
    columns += [Column(_ascii("ρ"), right=True, style=_SCORE), Column("95 %", style=_INTERVAL)]
    columns += [Column("all pairs", right=True, style=_SCORE), Column("95 %", style=_INTERVAL)]
    title = _ascii("similarity, Spearman's ρ with what people say")
    print_table(prefix + title, columns, rows)
    if any(score.covered < score.total for _, score in scores):
        print_line("All pairs: those with an unknown word count as the mean cosine of the others.")
    for file, score in scores:
        _print_reason(file, score.rho)
        _print_missing(file.name, score)


def _print_analogies(prefix: str, file: EvaluationFile, score: AnalogyScore) -> None:
    parts: list[SectionScore] = list(score.sections)
    parts = [*parts, score.overall] if len(parts) > 1 else [score.overall]
    columns = [Column("section", style="cyan"), Column("questions", right=True)]
    for rule in ("3CosAdd", "3CosMul"):
        columns += [Column(rule, right=True, style=_SCORE), Column("95 %", style=_INTERVAL)]
        columns += [Column("raw", right=True, style="yellow")]
    rows = []
    for part in parts:
        estimates = list(part.accuracy.values())
        usual, raw, mul, mul_raw = ([_percent(one.value), _percents(one)] for one in estimates)
        rows.append([part.name, _coverage(part), *usual, raw[0], *mul, mul_raw[0]])
    limit = f" among the {score.restrict_vocab:,} most frequent words" if score.restrict_vocab else ""
    print_table(f"{prefix}{file.name}: analogies solved, in %{limit}", columns, rows)
    for line in _analogy_sentences(score):
        print_line(line)
    _print_reason(file, score.overall.accuracy["3CosAdd"])
    _print_missing(file.name, score)


def _analogy_sentences(score: AnalogyScore) -> list[str]:
    """Say what the two kinds of figures mean."""
    from firth.evaluation.analogies import RAW, USUAL

    overall = score.overall
    usual, raw = overall.accuracy[USUAL].value, overall.accuracy[RAW].value
    if usual is None or raw is None or overall.input_nearest is None:
        return []
    lines = [
        f"{_percent(usual)} % is reached by leaving out the question's own words; with them (raw) it is "
        f"{_percent(raw)} %: in {_percent(overall.input_nearest)} % of the questions the nearest word is "
        "one of them."
    ]
    if overall.covered < overall.total:
        lines.append(f"Counting questions that are not covered as wrong: {_percent(overall.accuracy_all)} %.")
    return lines


def _print_oddity(prefix: str, scores: Sequence[tuple[EvaluationFile, OddityScore]]) -> None:
    columns = [Column("file", style="cyan"), Column("groups", right=True)]
    columns += [Column("accuracy", right=True, style=_SCORE), Column("95 %", style=_INTERVAL)]
    columns += [
        Column("missing as wrong", right=True, style=_SCORE),
        Column("guessing", right=True, style=_DIM),
    ]
    rows = [
        [
            file.name,
            _coverage(score),
            *_cells(score.accuracy),
            _number(score.accuracy_all),
            _number(score.chance),
        ]
        for file, score in scores
    ]
    print_table(f"{prefix}odd one out, share found", columns, rows)
    for file, score in scores:
        _print_reason(file, score.accuracy)
        _print_missing(file.name, score)


def _print_categories(prefix: str, scores: Sequence[tuple[EvaluationFile, CategoryScore]]) -> None:
    columns = [Column("file", style="cyan"), Column("words", right=True), Column("categories", right=True)]
    columns += [Column("purity", right=True, style=_SCORE), Column("95 %", style=_INTERVAL)]
    columns += [Column("by chance", right=True, style=_DIM)]
    rows = [
        [file.name, _coverage(score), str(score.categories), *_cells(score.purity), _number(score.chance)]
        for file, score in scores
    ]
    print_table(f"{prefix}categories, purity of clusters", columns, rows)
    for file, score in scores:
        _print_reason(file, score.purity)
        _print_missing(file.name, score)


def _print_reason(file: EvaluationFile, estimate: Estimate) -> None:
    """Say why there is no score."""
    if estimate.value is None:
        print_line(f"{file.name}: {estimate.reason}.")


def _print_missing(name: str, score: SimilarityScore | AnalogyScore | OddityScore | CategoryScore) -> None:
    """Name the words that are missing."""
    from firth.evaluation.lookup import listed

    if score.missing:
        print_line(f"{name}: {_words(score.missing)} unknown: {listed(score.missing, _LISTED)}")
    beyond: tuple[str, ...] = getattr(score, "beyond", ())
    if beyond:
        print_line(f"{name}: {_words(beyond)} not frequent enough: {listed(beyond, _LISTED)}")


def _words(words: Sequence[str]) -> str:
    return f"{len(words):,} word" + ("s" if len(words) != 1 else "")


def _coverage(score: SimilarityScore | SectionScore | OddityScore | CategoryScore) -> str:
    return f"{score.covered:,}/{score.total:,}"


def _cells(estimate: Estimate) -> list[str]:
    return [_number(estimate.value), _interval(estimate.low, estimate.high)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    if low is None or high is None:
        return ""
    return f"{low:+.3f}..{high:+.3f}" if signed else f"{low:.3f}{_dash()}{high:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _percents(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{100 * estimate.low:.0f}{_dash()}{100 * estimate.high:.0f}"


def _p(p: float | None) -> str:
    return "-" if p is None else f"{p:.3f}" if p >= 0.001 else "<0.001"


def _dash() -> str:
    """Return what stands between the ends of an interval: no spaces, so that tables keep it whole."""
    return "–" if speaks_unicode() else ".."


def _ascii(text: str) -> str:
    """Spell out the Greek letter where the terminal has none."""
    return text if speaks_unicode() else text.replace("ρ", "rho")

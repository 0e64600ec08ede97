"""The report: one HTML file with everything a reader needs to judge the scores; no script, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from firth._version import __version__
from firth.embeddings import Embeddings
from firth.evaluation.analogies import MEASURES, MUL, RAW, USUAL, AnalogyScore, SectionScore
from firth.evaluation.bootstrap import Estimate
from firth.evaluation.compare import Difference
from firth.evaluation.evaluate import FileScore, Options, figures
from firth.evaluation.files import EvaluationFile
from firth.evaluation.markup import listed_words, mark, plain, strips, table, written
from firth.evaluation.plots import loss_plot, map_plot, text
from firth.evaluation.similarity import SimilarityScore
from firth.evaluation.stability import Stability

KINDS = ("first", "second diamond")
"""The classes of the two models' points."""

_NOISE_SHOWN = 60


@dataclass(frozen=True)
class Evaluated:
    """A model with its scores."""

    name: str
    path: str
    model: Embeddings
    stability: Stability | None = None
    scores: list[FileScore] = field(default_factory=list)

    @property
    def fingerprint(self) -> str | None:
        """The corpus that the model learned from, as ``config.json`` identifies it."""
        found = _part(self.model.config, "corpus").get("fingerprint")
        return found if isinstance(found, str) else None


def render(
    results: Sequence[Evaluated],
    compared: Sequence[tuple[EvaluationFile, Difference]],
    options: Options,
) -> str:
    """Return the report as HTML.

    Args:
        results: one model or two, evaluated on the same files.
        compared: what :func:`firth.evaluation.evaluate.differences` gave for two.
        options: how they were evaluated.
    """
    title = f"Evaluation of {' and '.join(result.name for result in results)}"
    style = files("firth.evaluation").joinpath("data", "report.css").read_text("utf-8")
    body = [
        f"<h1>{text(title)}</h1>",
        *_key(results),
        *_overview(results),
        *_differences(results, compared),
        *_analogies(results),
        *_coverage(results),
        *_models(results),
        *_losses(results),
        *_stability(results),
        *_maps(results),
        *_method(options),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + f"\n<footer>Made with firth {text(__version__)}.</footer>\n</main>\n</body>\n</html>\n"
    )


def _key(results: Sequence[Evaluated]) -> Iterator[str]:
    """Say which mark is whose."""
    if len(results) > 1:
        items = "".join(
            f"<li>{mark(kind)} <b>{letter}</b> {text(result.name)}</li>"
            for kind, letter, result in zip(KINDS, "AB", results, strict=False)
        )
        yield f'<ul class="key">{items}</ul>'


def _overview(results: Sequence[Evaluated]) -> Iterator[str]:
    """Show the usual score of each file."""
    yield "<h2>Scores</h2>"
    yield (
        "<p>Each point is a score, each bar its 95&nbsp;% bootstrap interval: where the score would "
        "lie with other items of the same kind. Coverage stands beside it: items the model could answer.</p>"
    )
    rows = []
    for scores in zip(*(result.scores for result in results), strict=True):
        first = [next(figures(one.score)) for one in scores]
        name = f'{text(scores[0].file.name)} <span class="dim">{text(first[0].measure)}</span>'
        values = "".join(
            f"<div>{mark(kind)} {written(figure.estimate)} "
            f'<span class="dim">{figure.covered:,} of {figure.total:,}</span></div>'
            for kind, figure in zip(KINDS, first, strict=False)
        )
        rows.append((name, [(kind, f.estimate) for kind, f in zip(KINDS, first, strict=False)], values))
    yield strips(rows, 0.0, 1.0)


def _differences(
    results: Sequence[Evaluated], compared: Sequence[tuple[EvaluationFile, Difference]]
) -> Iterator[str]:
    """Show how the two models differ."""
    if not compared:
        return
    yield "<h2>Is the difference real?</h2>"
    yield (
        "<p>B &minus; A on the items that both models cover, the same items drawn for both. A bar that "
        "crosses zero: no difference you could rely on.</p>"
    )
    ends = [abs(end) for _, one in compared for end in (one.low, one.high, one.value) if end is not None]
    reach = max([0.05, *ends]) * 1.1
    verdicts = {
        "the first model is better": f"A, {results[0].name}, is better",
        "the second model is better": f"B, {results[-1].name}, is better",
    }
    rows: list[tuple[str, list[tuple[str, Estimate]], str]] = []
    for file, one in compared:
        name = f'{text(file.name)} <span class="dim">{text(one.measure)}</span>'
        verdict = text(verdicts.get(one.verdict, one.verdict))
        if one.value is None or one.p is None:
            rows.append((name, [], verdict))
            continue
        p = f"p&nbsp;=&nbsp;{one.p:.3f}" if one.p >= 0.001 else "p&nbsp;&lt;&nbsp;0.001"
        figures_ = f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}], {p}, {one.items:,} items"
        estimate = Estimate(one.value, one.low, one.high)
        rows.append((name, [("plain", estimate)], f'<div>{verdict}</div><div class="dim">{figures_}</div>'))
    yield strips(rows, -reach, reach)


def _analogies(results: Sequence[Evaluated]) -> Iterator[str]:
    """Show the sections of analogies, with the inputs allowed and without."""
    for result in results:
        for one in result.scores:
            if isinstance(one.score, AnalogyScore):
                whose = f" ({text(result.name)})" if len(results) > 1 else ""
                yield f"<h2>Analogies: {text(one.file.name)}{whose}</h2>"
                yield from _analogy_file(one.score, KINDS[0] if result is results[0] else KINDS[1])


def _analogy_file(score: AnalogyScore, kind: str) -> Iterator[str]:
    overall = score.overall
    usual, raw = overall.accuracy[USUAL], overall.accuracy[RAW]
    yield (
        f"<p>{mark(kind)} filled: 3CosAdd as papers print it, the question's own words left out. "
        f"{mark(kind + ' hollow')} hollow: its own words allowed."
    )
    if usual.value is not None and raw.value is not None and overall.input_nearest is not None:
        yield (
            f" The help is most of the score: {usual.value:.1%} with it, {raw.value:.1%} without, for in "
            f"{overall.input_nearest:.1%} of the questions the nearest word is one of the question."
        )
    yield "</p>"
    parts: list[SectionScore] = [overall, *(score.sections if len(score.sections) > 1 else ())]
    rows = []
    for part in parts:
        marks = [(kind + " hollow", part.accuracy[RAW]), (kind, part.accuracy[USUAL])]
        values = (
            f'{written(part.accuracy[USUAL])} <span class="dim">{part.covered:,} of {part.total:,}</span>'
        )
        name = "<b>all sections</b>" if part is overall else text(part.name)
        rows.append((name, marks, values))
    yield strips(rows, 0.0, 1.0)
    head = ["section", "covered", *MEASURES, "3CosAdd, missing as wrong"]
    lines = [
        ["all" if part is overall else part.name, f"{part.covered:,} of {part.total:,}"]
        + [plain(part.accuracy[measure]) for measure in MEASURES]
        + [f"{part.accuracy_all:.3f}" if part.accuracy_all is not None else "–"]
        for part in parts
    ]
    yield f"<details><summary>All figures, {MUL} too</summary>{table(head, lines)}</details>"


def _coverage(results: Sequence[Evaluated]) -> Iterator[str]:
    """Name the words that are missing, and give the scores over all items."""
    yield "<h2>Coverage</h2>"
    head = ["file", "covered", "score", "missing counted"]
    head = ["model", *head] if len(results) > 1 else head
    rows = []
    for result in results:
        for one in result.scores:
            every = list(figures(one.score))
            counted = next((f.estimate for f in every if "missing as" in f.measure), None)
            covered = f"{one.score.covered:,} of {one.score.total:,}"
            row = [one.file.name, covered, plain(every[0].estimate), plain(counted) if counted else "–"]
            rows.append([result.name, *row] if len(results) > 1 else row)
    yield table(head, rows)
    yield (
        '<p class="dim">Missing counted: pairs with an unknown word take the mean cosine of the others; '
        "questions with one are wrong.</p>"
    )
    for result in results:
        for one in result.scores:
            beyond = one.score.beyond if isinstance(one.score, (SimilarityScore, AnalogyScore)) else ()
            for words, why in ((one.score.missing, "unknown"), (beyond, "not frequent enough")):
                if words:
                    plural = "word" if len(words) == 1 else "words"
                    where = f"{text(result.name)}, {text(one.file.name)}"
                    yield (
                        f"<details><summary>{where}: {len(words):,} {plural} {why}</summary>"
                        f"<p>{listed_words(words)}</p></details>"
                    )


def _models(results: Sequence[Evaluated]) -> Iterator[str]:
    """List what is known of each model: options, corpus, versions."""
    yield "<h2>Options and corpus</h2>"
    known = [_facts(result) for result in results]
    names = dict.fromkeys(name for facts in known for name in facts)
    head = ["", *(result.name for result in results)] if len(results) > 1 else []
    yield table(head, [[name, *(facts.get(name, "–") for facts in known)] for name in names])


def _facts(result: Evaluated) -> dict[str, str]:
    """Return what is known of one model."""
    facts = {"words": f"{len(result.model):,}", "numbers a word": str(result.model.vector_size)}
    facts["corpus fingerprint"] = result.fingerprint or "unknown"
    for part in ("options", "corpus", "versions", "processor"):
        for name, value in _part(result.model.config, part).items():
            if name != "fingerprint":
                facts[name if part == "options" else f"{part}: {name}"] = _written(value)
    return facts


def _losses(results: Sequence[Evaluated]) -> Iterator[str]:
    """Draw the course of the loss."""
    plot = loss_plot([(kind, r.model.training) for kind, r in zip(KINDS, results, strict=False)])
    if plot:
        yield "<h2>Loss</h2><p>Mean loss per pair (in nats) by epoch.</p>"
        yield f"<figure>{plot}</figure>"


def _stability(results: Sequence[Evaluated]) -> Iterator[str]:
    """Show how much of each neighbourhood survives another run, where that was measured."""
    for result in results:
        stability = result.stability
        if stability is None:
            continue
        settings, means = _part(stability.summary, "settings"), _part(stability.summary, "summary")
        yield f"<h2>Stability: {text(result.name)}</h2>"
        yield (
            f"<p>{stability.runs} runs; of a word's {text(str(settings.get('topn')))} nearest words, "
            f"{_share(means.get('overlap'))} are the same in another run (mean over "
            f"{_whole(means.get('words'))} words; chance gives {_share(means.get('chance'))}). "
            f"{_share(means.get('noise_share'))} of the words keep less than "
            f"{_share(means.get('noise_below'))}: their neighbours are noise.</p>"
        )
        bands = stability.summary.get("bands")
        rows = [
            [
                _band(band),
                _whole(band.get("words")),
                _share(band.get("overlap")),
                _share(band.get("noise_share")),
            ]
            for band in (bands if isinstance(bands, list) else [])
        ]
        yield table(["count in the corpus", "words", "same neighbours", "noise"], rows)
        places = stability.noise_places()[:_NOISE_SHOWN].tolist()
        if places:
            noise = [result.model.index_to_key[int(stability.rows[place])] for place in places]
            yield f"<p>The most frequent words whose neighbours are noise: {listed_words(noise)}</p>"


def _maps(results: Sequence[Evaluated]) -> Iterator[str]:
    """Draw the map of each model's most frequent words, with its warning."""
    for result in results:
        drawing, words, labels, share = map_plot(result.model)
        if drawing:
            yield f"<h2>Map: {text(result.name)}</h2>"
            yield (
                f"<p>The {words} most frequent words on the first two principal components of their unit "
                f"vectors. <b>Distances on it mislead:</b> the plane holds {share:.0%} of what tells these "
                "words apart, so words that lie together here may be far from each other, and the other way "
                f"round. {labels} words have a label; the others have no room for one.</p>"
            )
            yield f'<figure class="scroll">{drawing}</figure>'


def _method(options: Options) -> Iterator[str]:
    """Say how the figures came about."""
    words = f"the {options.restrict_vocab:,} most frequent words" if options.restrict_vocab else "all words"
    case = "Case does not count." if options.case_insensitive else "Case counts."
    yield "<h2>How this was measured</h2>"
    yield (
        f"<p>Intervals: percentile bootstrap, {options.draws:,} draws, seed {options.seed}. Pairs, groups "
        "and words are drawn one by one; analogies by the word pairs they are made of (pigeonhole "
        "bootstrap, Owen 2007), as questions that share a pair are not independent. The intervals hold the "
        "chance of the test set, not that of the training: another seed of the same options is another "
        "model. Similarity: Spearman's &rho; of the cosine with people's scores, ties at their mean rank. "
        f"Analogies: 3CosAdd and 3CosMul (Levy and Goldberg 2014) over {words}. {case} Odd one out: the "
        "word farthest from the group's mean direction. Categories: purity of spherical k-means with as "
        "many clusters as categories.</p>"
    )


def _share(value: Any) -> str:
    return f"{value:.1%}" if isinstance(value, (int, float)) else "unknown"


def _whole(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"


def _band(band: dict[str, Any]) -> str:
    low, high = band.get("count_from"), band.get("count_to")
    return f"{low:,} and more" if high is None else f"{low:,} to {high:,}"


def _part(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a configuration that was read from a file, if it is one."""
    part = config.get(name)
    return part if isinstance(part, dict) else {}


def _written(value: Any) -> str:
    """Write a value of the configuration as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return f"{value:,}" if isinstance(value, int) else str(value)

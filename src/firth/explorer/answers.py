"""The answers of the explorer: from a model, ready for JSON. The page and every other client get the same."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np

from firth import answers_json
from firth._version import __version__
from firth.embeddings import Embeddings
from firth.errors import ConfigError
from firth.evaluation.association import project
from firth.evaluation.cosmul import most_similar_cosmul
from firth.explorer.compared import differences, shared_neighbors
from firth.explorer.exports import export
from firth.explorer.jobs import DrawnMap, MapJob
from firth.explorer.parameters import RequestError
from firth.explorer.payload import Payload
from firth.explorer.site import Shown, Site, require

Answer = dict[str, Any]


def health(_site: Site) -> Answer:
    """Say that the server answers."""
    return {"status": "ok"}


def models(site: Site) -> Answer:
    """Return what is shown."""
    return {
        "models": [_described(index, shown) for index, shown in enumerate(site.shown)],
        "watching": site.watching,
        "version": __version__,
    }


def _described(index: int, shown: Shown) -> Answer:
    model = shown.words
    return {
        "index": index,
        "name": shown.name,
        "words": len(model),
        "vector_size": model.vector_size,
        "counts": model.counts is not None,
        "format": shown.file_format,
        "training": bool(model.training),
        "map": shown.map_job is not None,
    }


def complete(site: Site, q: str, limit: int, model: int) -> Answer:
    """Return the most frequent words that begin with ``q``; where there are none, words spelled like it."""
    shown = site.model(model)
    found = shown.completion.begin_with(q, limit)
    words = [{"word": word, "count": answers_json.count(shown.words, word)} for word in found]
    return {"words": words, "spelling": [] if found else shown.spellings(q)}


async def neighbors(site: Site, word: list[str], topn: int, model: int) -> Answer:
    """Return the nearest words of each word, by exact search in the full space."""
    shown = site.model(model)
    if not all(map(shown.knows, word)):
        await site.in_thread(require, shown, word)
    answers = await shown.batcher.neighbors(word, topn)
    results = [
        answers_json.neighbors(shown.words, one, answer, shown.agreement)
        for one, answer in zip(word, answers, strict=True)
    ]
    return {"model": shown.name, "results": results}


def similarity(site: Site, a: str, b: str, model: int) -> Answer:
    """Return the cosine of two words, and each word's place among the other's neighbours."""
    shown = site.model(model)
    require(shown, [a, b])
    return {"model": shown.name, **answers_json.similarity(shown.model, a, b)}


def analogy(site: Site, positive: list[str], negative: list[str], topn: int, model: int) -> Answer:
    """Return the rankings of an analogy, and by how much the first word leads by either rule."""
    shown = site.model(model)
    require(shown, [*positive, *negative])
    now = shown.model
    answer = now.analogy(positive, negative, max(topn, 2))
    mul = most_similar_cosmul(now, positive, negative, max(topn, 2))
    margin = {"add": _lead([one for _, one in answer.filtered]), "mul": _lead([one for _, one in mul])}
    found = answers_json.analogy(positive, negative, answer)
    for name in ("raw", "filtered"):
        found[name] = found[name][:topn]
    ranked = [{"word": word, "score": score} for word, score in mul[:topn]]
    return {"model": shown.name, **found, "mul": ranked, "margin": margin}


def _lead(scores: Sequence[float]) -> float | None:
    """Return how far the first is above the second."""
    return scores[0] - scores[1] if len(scores) > 1 else None


def axes(site: Site, a: str, b: str, a2: str | None, b2: str | None, word: list[str], model: int) -> Answer:
    """Return where words stand between two poles, -1 towards ``a`` and 1 towards ``b``; on two axes too."""
    if (a2 is None) != (b2 is None):
        raise ConfigError("a second axis has two poles: give both a2 and b2, or none of them")
    shown = site.model(model)
    now = shown.model
    pairs = [(a, b)] if a2 is None or b2 is None else [(a, b), (a2, b2)]
    poles = [(_pole(now, one), _pole(now, other)) for one, other in pairs]
    require(shown, [*(each for pair in poles for pole in pair for each in pole), *word])
    places = [[place for _, place in project(now, word, other, one)] for one, other in poles]
    return {
        "axes": [
            {"a": one, "b": other, "cosine_of_poles": _cosine_of_means(now, one, other)}
            for one, other in poles
        ],
        "words": [
            {"word": each, "positions": list(positions)}
            for each, *positions in zip(word, *places, strict=True)
        ],
    }


def _pole(model: Embeddings, text: str) -> list[str]:
    """Return the words of a pole: several are parted by commas, unless the whole is a word itself."""
    if text in model.key_to_index:
        return [text]
    return [word for part in text.split(",") if (word := part.strip())] or [text]


def _cosine_of_means(model: Embeddings, a: Sequence[str], b: Sequence[str]) -> float:
    """Return the cosine of the mean directions of two poles."""
    means = []
    for words in (a, b):
        rows = model[list(words)].astype(np.float64)
        means.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0))
    length = float(np.linalg.norm(means[0]) * np.linalg.norm(means[1]))
    return float(np.clip(means[0] @ means[1] / length, -1.0, 1.0)) if length else 0.0


def compare_word(site: Site, word: str, topn: int) -> Answer:
    """Return a word's neighbours in both models, and which of them are the same."""
    one, other = _both(site)
    for shown in (one, other):
        require(shown, [word])
    return shared_neighbors(one.model, other.model, word, topn)


def compare_differences(site: Site, limit: int) -> Answer:
    """Return the words whose neighbourhoods differ most between the models."""
    one, other = _both(site)
    found = site.once(("differences",), lambda: differences(one.model, other.model))
    return {**found, "words": found["words"][:limit]}


def _both(site: Site) -> tuple[Shown, Shown]:
    if len(site.shown) < 2:
        raise RequestError(
            HTTPStatus.NOT_FOUND, "there is nothing to compare: open two models (firth explore A B)"
        )
    return site.shown[0], site.shown[1]


def training(site: Site, model: int) -> Answer:
    """Return the course of a model's training: its reports, options, corpus and speed."""
    shown = site.model(model)
    if site.watching and model == 0:
        return {**site.run.course(), "watching": True}
    now = shown.model
    speed = now.config.get("timing", {}).get("words_per_second")
    return {
        "reports": now.training,
        "config": now.config,
        "words_per_second": speed,
        "progress": None,
        "watching": False,
    }


def map_state(site: Site, model: int) -> Answer:
    """Return where the map of a model stands."""
    return _map_job(site, model).describe()


def map_points(site: Site, version: int, model: int) -> Payload:
    """Return the points of a map, as bytes."""
    return _drawn(site, version, model).points


def map_words(site: Site, version: int, model: int) -> Payload:
    """Return the words of a map's points, in the order of the points."""
    return _drawn(site, version, model).words


def map_export(site: Site, format: str, model: int) -> Payload:  # noqa: A002 - the name of the parameter
    """Return the map as a file for another program."""
    shown, drawn = site.model(model), _map_job(site, model).drawn
    if drawn is None:
        raise RequestError(HTTPStatus.NOT_FOUND, "there is no map yet: ask again when it is made")
    return export(drawn.map, shown.model, shown.name, format)


def _map_job(site: Site, model: int) -> MapJob:
    job = site.model(model).map_job
    if job is None:
        raise RequestError(HTTPStatus.NOT_FOUND, "a map is made when training has ended")
    return job


def _drawn(site: Site, version: int, model: int) -> DrawnMap:
    drawn = _map_job(site, model).drawn
    if drawn is None or drawn.version != version:
        raise RequestError(
            HTTPStatus.NOT_FOUND, f"there is no map of version {version}: /api/map says which there is"
        )
    return drawn

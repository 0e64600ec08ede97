"""What is found in a model, ready for JSON: for ``--json`` on the command line and for the explorer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firth.embeddings import Analogy, Embeddings, Neighbor
    from firth.evaluation.agreement import Agreement


def neighbors(
    model: Embeddings, word: str, answer: Sequence[Neighbor], agreement: Agreement | None = None
) -> dict[str, Any]:
    """Return a word's count and neighbours; where several runs were compared, how many agree on each."""
    found = ranking(model, answer)
    asked = {"word": word, "count": count(model, word)}
    if agreement is None or word not in model.key_to_index:
        return {**asked, "neighbors": found}
    agreeing = agreement.counts(word, [near for near, _ in answer])
    for neighbor, runs in zip(found, agreeing, strict=True):
        neighbor["runs"] = runs
    return {**asked, "runs": agreement.runs, "overlap": agreement.overlap(word), "neighbors": found}


def ranking(model: Embeddings, answer: Iterable[Neighbor]) -> list[dict[str, Any]]:
    """Return words with their cosines, and how often each is in the corpus (None: unknown)."""
    return [{"word": word, "cosine": cosine, "count": count(model, word)} for word, cosine in answer]


def count(model: Embeddings, word: str) -> int | None:
    """Return how often a word is in the corpus; None where the model does not know."""
    row = model.key_to_index.get(word)
    return None if model.counts is None or row is None else int(model.counts[row])


def similarity(model: Embeddings, a: str, b: str) -> dict[str, Any]:
    """Return the cosine of two words, and each word's place among the other's neighbours.

    The places are None for a word without a direction, one made of subwords, and a word beside itself.
    """
    whole = a != b and all(word in model and model[word].any() for word in (a, b))
    return {
        "a": a,
        "b": b,
        "cosine": model.similarity(a, b),
        "rank_of_b": model.rank(a, b) if whole else None,
        "rank_of_a": model.rank(b, a) if whole else None,
    }


def analogy(positive: Sequence[str], negative: Sequence[str], answer: Analogy) -> dict[str, Any]:
    """Return an analogy's rankings, with its words and without them, and what their difference means."""
    given = {*positive, *negative}
    return {
        "positive": list(positive),
        "negative": list(negative),
        "raw": [{"word": word, "cosine": cosine, "input": word in given} for word, cosine in answer.raw],
        "filtered": [{"word": word, "cosine": cosine} for word, cosine in answer.filtered],
        "note": difference(positive, negative, answer),
    }


def written_out(positive: Sequence[str], negative: Sequence[str]) -> str:
    """Write the question of an analogy out.

    >>> written_out(["king", "woman"], ["man"])
    'king - man + woman'
    """
    taken = "".join(f" - {word}" for word in negative)
    if not positive:
        return taken.strip()
    return positive[0] + taken + "".join(f" + {word}" for word in positive[1:])


def difference(positive: Sequence[str], negative: Sequence[str], answer: Analogy) -> str:
    """Say in one sentence what the two rankings mean for this question."""
    asked = written_out(positive, negative)
    if not answer.raw:
        return f"{asked} has no direction (or no words were asked for): there is nothing to rank."
    nearest = answer.raw[0][0]
    if not answer.filtered:
        return f"The word nearest to {asked} is {nearest}; apart from the words you typed there is no other."
    usual = answer.filtered[0][0]
    if nearest in {*positive, *negative}:
        return (
            f"The word nearest to {asked} is {nearest}, which you typed yourself; "
            f"the usual answer, {usual}, comes first only because typed words are left out."
        )
    return f"The word nearest to {asked} is {usual}, the typed words included: both rankings agree."


def information(model: Embeddings) -> dict[str, Any]:
    """Return what is known of a model as a whole: sizes, options, corpus, versions, its run's reports."""
    counts, trained = model.counts, model.trained
    return {
        "words": len(model),
        "vector_size": model.vector_size,
        "trained_rows": len(model) if trained is None else int(trained.sum()),
        "corpus_words": None if counts is None else int(counts.sum()),
        "context_vectors": model.context_vectors is not None,
        "config": model.config,
        "training": model.training,
    }

"""The toy over twenty seeds: what chose its text, its options and the seed that the page shows.

    python -m firth.lesson.evidence

prints, for every kind of run on the page, how many partners are among the nearest words, how alike all
words are and how alike partners are; then which seed is the median one, what other orders of the same
sentences give, and what the limits of the toy are measured to be.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from firth.lesson import limits, toy
from firth.lesson.embeddings import cosine

SEEDS = range(20)


@dataclass(frozen=True)
class Case:
    """A kind of run that the page shows."""

    name: str
    kind: toy.Kind
    options: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case(f"cell 3: positives, {toy.SCATTER_STEPS:,} steps", "positives", {"steps": toy.SCATTER_STEPS}),
    Case(f"cell 4: positives, {toy.NEIGHBOR_STEPS:,} steps", "positives", {"steps": toy.NEIGHBOR_STEPS}),
    Case(
        f"collapse: positives, small start, {toy.COLLAPSE_STEPS:,}",
        "positives",
        {"steps": toy.COLLAPSE_STEPS, "scale": toy.COLLAPSE_SCALE},
    ),
    Case(f"one table with negatives, {toy.NEGATIVE_STEPS:,}", "one table", {"steps": toy.NEGATIVE_STEPS}),
    Case(f"two tables with negatives, {toy.NEGATIVE_STEPS:,}", "two tables", {"steps": toy.NEGATIVE_STEPS}),
    Case("the same in 2 dimensions", "two tables", {"steps": toy.NEGATIVE_STEPS, "dim": 2}),
)
SHOWN = CASES[:2]
"""The cells whose seed must be a median one."""


@dataclass(frozen=True)
class Measured:
    """One run."""

    partner_rate: float
    mean_cosine: float
    """Over every two different words."""
    partner_cosine: float


def measure(case: Case, seeds: Iterable[int] = SEEDS, corpus: Sequence[str] = toy.CORPUS) -> list[Measured]:
    """Return what each seed gives."""
    row = {word: place for place, word in enumerate(toy.vocabulary(corpus))}
    found = []
    for seed in seeds:
        vectors = toy.run(case.kind, seed=seed, corpus=corpus, **case.options).vectors
        alike = fmean(cosine(vectors[row[a]], vectors[row[b]]) for a, b in toy.PARTNERS)
        rate = toy.partner_rate(vectors, corpus=corpus)
        found.append(Measured(rate, fmean(toy.cosines(vectors)), alike))
    return found


def median_seed(cases: Iterable[Case] = SHOWN) -> int:
    """Return the seed whose partner rates are nearest to the cases' medians; of several, the smallest."""
    away = dict.fromkeys(SEEDS, 0.0)
    for case in cases:
        rates = [one.partner_rate for one in measure(case)]
        for seed, rate in zip(SEEDS, rates, strict=True):
            away[seed] += abs(rate - median(rates))
    return min(SEEDS, key=lambda seed: (round(away[seed], 9), seed))


def orders(case: Case) -> list[float]:
    """Return the partner rates of ``case`` with the sentences in other orders, one for each seed."""
    rates = []
    for seed in SEEDS:
        shuffled = random.Random(seed).sample(toy.CORPUS, len(toy.CORPUS))
        rates.append(measure(case, [seed], shuffled)[0].partner_rate)
    return rates


def axes(dim: int, seeds: Iterable[int] = SEEDS) -> dict[str, float]:
    """Return each axis's mean score with two tables of ``dim`` dimensions, and how often all are right."""
    scores: dict[str, list[float]] = {name: [] for name in limits.AXES}
    for seed in seeds:
        run = toy.run("two tables", dim=dim, steps=toy.NEGATIVE_STEPS, seed=seed, corpus=limits.AXES_CORPUS)
        for name, pairs in limits.AXES.items():
            scores[name].append(limits.axis_score(run.vectors, pairs))
    every = [all(one == 1.0 for one in together) for together in zip(*scores.values(), strict=True)]
    return {name: fmean(found) for name, found in scores.items()} | {"all three": fmean(every)}


def _row(name: str, rates: Sequence[float], *more: str) -> str:
    spread = f"{fmean(rates):6.2f} {median(rates):6.2f}   {min(rates):.2f} to {max(rates):.2f}"
    return "  ".join([f"{name:42}", spread, *more])


def main() -> None:
    """Print all of it."""
    words = len(toy.vocabulary())
    print(f"{len(toy.CORPUS)} sentences, {words} words; seeds {SEEDS[0]} to {SEEDS[-1]}")
    chance = toy.chance_rate()
    print(f"partner among the {toy.TOPN} nearest; by chance {chance:.3f}, twice that {2 * chance:.3f}")
    print(f"{'':42}    mean median   range         all words  partners  (mean cosine)")
    for case in CASES:
        found = measure(case)
        cosines = (fmean(one.mean_cosine for one in found), fmean(one.partner_cosine for one in found))
        print(_row(case.name, [one.partner_rate for one in found], *(f"{value:9.3f}" for value in cosines)))
    print(f"\nthe median seed of cells 3 and 4 is {median_seed()}; the page shows {toy.SEED}")
    print("\nthe sentences in twenty other orders")
    for case in CASES:
        print(_row(case.name, orders(case)))
    found_banks = [limits.banks(seed) for seed in SEEDS]
    print(
        f"\nbank: near both shore and shop in {sum(one.mixed for one in found_banks)} of {len(SEEDS)} seeds;"
    )
    print(f"split by hand, each sense is nearer to its own in {sum(one.parted for one in found_banks)}")
    print("\npairs the right way round on an axis (by chance 0.50)")
    for dim in (2, toy.DIM):
        print(f"  {dim} dimensions: " + ", ".join(f"{name} {value:.2f}" for name, value in axes(dim).items()))


if __name__ == "__main__":
    main()

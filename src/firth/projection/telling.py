"""What a map says about itself in words: how it was made, and how far it can be trusted."""

from __future__ import annotations

from firth.projection.word_map import PCA, WordMap

WARNING = (
    "Distances on a map mislead: words far apart here may be near each other in the full space, and the "
    "other way round; the size of a group and the gaps between groups mean little."
)


def sentences(word_map: WordMap) -> list[str]:
    """Return in sentences how a map was made and how far it can be trusted."""
    if word_map.method == PCA:
        share = word_map.settings.get("variance", 0.0)
        made = f"The plane of the first two principal components holds {share:.0%} of the variance."
    else:
        made = "Laid out by t-SNE, so that neighbours lie together as far as a plane has room for them."
    figures = word_map.summary()
    if figures is None:
        return [made, WARNING]
    none = figures["histogram"][0] / len(word_map)
    k, among = figures["k"], figures["among"]
    return [
        made,
        f"Of a word's {k} nearest words (by cosine, in the full space) {figures['mean']:.1f} are among the "
        f"{among} nearest to it here, as a mean; by chance it would be {figures['chance']:.2g}. "
        f"For {none:.0%} of the words none is.",
        WARNING,
    ]

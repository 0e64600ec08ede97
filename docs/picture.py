"""Draw the README's picture from the demo's model: ``python docs/picture.py firth-demo docs/words.svg``.

It needs matplotlib and adjustText (extra ``[docs]``). The axes are the first two principal components of
the words shown: a distance on the picture is only a shadow of the one in 64 dimensions.
"""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
from adjustText import adjust_text

import firth

mpl.use("svg")
mpl.rcParams |= {
    "svg.hashsalt": "firth",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
}
import matplotlib.pyplot as plt  # noqa: E402

GROUPS = {
    "#0072B2": "he she man woman father mother son daughter brother sister husband wife king queen",
    "#D55E00": "bread wine oil flour corn meat fruit",
    "#009E73": "sea river waters mountain valley wilderness hill",
    "#CC79A7": "gold silver brass iron stones",
    "#7A6A00": "sheep oxen goats camels asses bullock",
}


def flat(vectors: np.ndarray) -> np.ndarray:
    """Return the (n, 2) principal components of n unit vectors."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


def main(model_path: str, picture: str) -> None:
    """Draw the words of GROUPS."""
    model = firth.load(model_path)
    words = [(word, colour) for colour, group in GROUPS.items() for word in group.split()]
    places = flat(model[[word for word, _ in words]])
    figure, axes = plt.subplots(figsize=(8.2, 4.6), layout="constrained")
    for (_, colour), place in zip(words, places, strict=True):
        axes.plot(*place, "o", color=colour, markersize=4)
    axes.margins(x=0.08, y=0.08)
    labels = [
        axes.text(*place, word, color=colour) for (word, colour), place in zip(words, places, strict=True)
    ]
    adjust_text(
        labels, ax=axes, expand=(1.15, 1.3), arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "lw": 0.6}
    )
    axes.set_title(f"{len(words)} words learnt from the King James Bible in seconds", loc="left")
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, labelbottom=False, labelleft=False)
    figure.savefig(picture, facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])

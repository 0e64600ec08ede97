"""A map as one HTML file that needs no network and no server: pan, zoom, hover, search.

The file carries its own program and asks for nothing: a Content-Security-Policy names the digests of its
script and style, so that nothing else runs in it. Words lie in it as JSON and are only ever shown as text.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.printable import printable
from firth.projection.telling import sentences
from firth.projection.trust import TRUE_NEIGHBORS
from firth.projection.word_map import WordMap

_STEPS = 65_535
_PLACE_BYTES = 3  # of a neighbour's place: enough for 16 million words
_PARTS = ("page.html", "page.css", "page.js")
_MARK = re.compile(r"\{\{(\w+)\}\}")


def page(
    word_map: WordMap,
    words: Sequence[str],
    *,
    name: str,
    chosen: Sequence[int] = (),
    coloring: str = "trust",
    dark: bool | None = None,
) -> str:
    """Return a map as a page.

    Args:
        word_map: the map, with its trust measured.
        words: (n,) the word at each place of the map.
        name: what the model is called.
        chosen: places of words that are selected at first, with lines to their true neighbours.
        coloring: "trust", "frequency" or "none"; the reader may change it.
        dark: light on dark; None: as the reader's system has it.
    """
    markup, style, script = (
        resources.files("firth.projection").joinpath("page_parts", part).read_text("utf-8") for part in _PARTS
    )
    title = f"{len(word_map):,} words of {printable(name)}"
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    data = {
        "title": title,
        "words": [printable(word) for word in words],
        "places": _packed(np.round((word_map.positions.astype(np.float64) + 1) / 2 * _STEPS), "<u2"),
        "near": _packed(word_map.near, "u1"),
        "neighbors": _packed_places(word_map.neighbors),
        "k": TRUE_NEIGHBORS,
        "listed": word_map.neighbors.shape[1],
        "definition": word_map.definition,
        "sentences": sentences(word_map),
        "chosen": list(chosen),
        "coloring": coloring,
        "theme": {None: "", True: "dark", False: "light"}[dark],
    }
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(title),
        "style": style,
        "script": script,
        "data": _as_json(data),
    }
    # One pass, so that nothing that was put in is taken for a mark.
    return _MARK.sub(lambda mark: parts[mark[1]], markup)


def _digest(text: str) -> str:
    """Return how a Content-Security-Policy names a script or a style within the page."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _packed(numbers: NDArray[Any], dtype: str) -> str:
    """Return numbers as base64 of ``dtype``."""
    return b64encode(numbers.astype(dtype).tobytes()).decode()


def _packed_places(places: NDArray[np.int32]) -> str:
    """Return places as base64, ``_PLACE_BYTES`` each, the lowest byte first."""
    whole = places.astype("<u4").reshape(-1, 1).view(np.uint8)
    return _packed(whole[:, :_PLACE_BYTES], "u1")


def _as_json(data: Any) -> str:
    """Return JSON in which nothing can end the script element that holds it, or begin a comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")

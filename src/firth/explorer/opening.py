"""From files to what the page shows."""

from __future__ import annotations

from pathlib import Path

from firth.embeddings import Embeddings
from firth.evaluation.agreement import Agreement
from firth.explorer.jobs import MapJob
from firth.explorer.site import Shown
from firth.formats import load, sniffed


def open_model(path: str) -> Shown:
    """Return the model at ``path``, of any format, ready to be asked.

    Raises:
        FormatError: there is none, or it is damaged.
    """
    model = load(path)
    return shown(model, Path(path), sniffed(Path(path)))


def shown(model: Embeddings, path: Path, file_format: str = "firth") -> Shown:
    """Return a model as the page shows it; what every query needs is computed now."""
    if len(model):
        model.neighbors([model.index_to_key[0]], 1)
    name = path.name or path.resolve().name  # "." has no name of its own
    one = Shown(
        name,
        lambda: model,
        file_format=file_format,
        map_job=MapJob(model, path),
        agreement=Agreement.read(path, model),
    )
    _ = one.completion
    return one

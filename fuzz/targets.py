"""What is fuzzed: the binary readers, each with a way to put bytes before it and files to begin from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firth.embeddings import Embeddings
from firth.formats import FORMATS, save
from firth.subwords import HASHES, Subwords

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
LARGEST_SEED = 1 << 16


@dataclass(frozen=True)
class Target:
    """One reader."""

    format: str
    """A name of ``firth.formats.FORMATS``."""
    frame: Callable[[Path], tuple[Path, Path]]
    """Makes, in a folder, what surrounds the bytes; returns where they go, and what is then read."""


def a_file(folder: Path) -> tuple[Path, Path]:
    """The bytes are the whole of what is read."""
    return folder / "fuzzed", folder / "fuzzed"


def tensors_of_a_model(folder: Path) -> tuple[Path, Path]:
    """The bytes are the safetensors file in a model folder."""
    save(small(), folder / "model")
    return folder / "model" / "model.safetensors", folder / "model"


def array_beside_a_pickle(folder: Path) -> tuple[Path, Path]:
    """The bytes are the .npy file beside what gensim saved."""
    save(small(), folder / "model.kv", format="gensim")
    return folder / "model.kv.vectors.npy", folder / "model.kv"


TARGETS = {
    **{
        name: Target(name, a_file)
        for name in ("word2vec-binary", "fasttext-bin", "finalfusion", "npz", "gensim")
    },
    "gensim-npy": Target("gensim", array_beside_a_pickle),
    "safetensors": Target("firth", tensors_of_a_model),
}


def small(**more: object) -> Embeddings:
    """Return a model of few words."""
    words = ["a", "köln", "of", "猫"]
    vectors = np.random.default_rng(4).standard_normal((len(words), 3)).astype(np.float32)
    return Embeddings(words, vectors, counts=np.array([9, 5, 2, 1]), **more)  # type: ignore[arg-type]


def write_seeds(name: str, folder: Path) -> int:
    """Write files to begin from into ``folder`` and return their number: golden files, and firth's own."""
    folder.mkdir()
    target = TARGETS[name]
    number = 0
    for number, file in enumerate(_seeds(target, folder.parent), 1):
        shutil.copyfile(file, folder / f"seed-{number}")
    return number


def _seeds(target: Target, scratch: Path) -> Iterator[Path]:
    if target.frame is not a_file:
        yield target.frame(scratch)[0]
        return
    reads = FORMATS[target.format].sniff
    yield from (file for file in sorted(GOLDEN.rglob("*")) if _is_seed(file) and reads(file))
    buckets = np.ones((8, 3), np.float32)
    for hashing in HASHES:
        own = scratch / f"{target.format}-{hashing}"
        save(small(subwords=Subwords(buckets, 2, 3, hashing=hashing)), own, format=target.format)
        yield own


def _is_seed(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= LARGEST_SEED and file.suffix not in (".py", ".json")

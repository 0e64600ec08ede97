"""Make the golden files of finalfusion: one of each vocabulary, and what finalfusion itself gives.

pip install finalfusion==0.7.1 numpy
python tests/golden/make_finalfusion.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from finalfusion import Embeddings
from finalfusion.metadata import Metadata
from finalfusion.norms import Norms
from finalfusion.storage import NdArray
from finalfusion.subword import FastTextIndexer, FinalfusionHashIndexer
from finalfusion.vocab import FastTextVocab, FinalfusionBucketVocab, SimpleVocab

FOLDER = Path(__file__).parent / "finalfusion"
WORDS = ["the", "naïve café", "γάτα", "猫", "кот", "👩‍🚀", "of", "tab\there"]
UNKNOWN = ["cats", "γάτες", "東京都", "котик", "🐈🐕", "x"]
SIZE = 5


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(4)
    expected = {}
    for name, vocabulary, metadata in (
        (
            "simple.fifu",
            SimpleVocab(WORDS),
            Metadata({"by": "finalfusion", "run": {"epochs": 5, "alpha": 0.05}}),
        ),
        ("fasttext.fifu", FastTextVocab(WORDS, FastTextIndexer(90, 3, 6)), None),
        ("buckets.fifu", FinalfusionBucketVocab(WORDS, FinalfusionHashIndexer(6, 2, 4)), Metadata({})),
    ):
        matrix = random.standard_normal((vocabulary.upper_bound, SIZE)).astype(np.float32)
        norms = np.linalg.norm(matrix[: len(WORDS)], axis=1)
        matrix[: len(WORDS)] /= norms[:, None]
        model = Embeddings(NdArray(matrix), vocabulary, Norms(norms), metadata)
        model.write(str(FOLDER / name))
        expected[name] = vectors_of(model)
        if name == "buckets.fifu":
            model.bucket_to_explicit().write(str(FOLDER / "listed.fifu"))
    bare = Embeddings(NdArray(matrix[: len(WORDS)]), SimpleVocab(WORDS))
    bare.write(str(FOLDER / "bare.fifu"))
    expected["bare.fifu"] = vectors_of(bare)
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "expected.json").write_text(text + "\n", "utf-8")


def vectors_of(model: Embeddings) -> dict[str, Any]:
    """Return the vectors of known words, their norms, and the vectors of unknown words."""
    return {
        "known": {word: model[word].tolist() for word in WORDS},
        "norms": None if model.norms is None else np.asarray(model.norms).tolist(),
        "unknown": {word: model[word].tolist() for word in UNKNOWN if model.embedding(word) is not None},
    }


if __name__ == "__main__":
    main()

"""Make the golden files of gensim: what KeyedVectors, Word2Vec and FastText save, and the vectors in it.

pip install gensim==4.4.0
python tests/golden/make_gensim.py

gensim's notes on where and when a model was made are left out; how long it took remains in the models.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import FastText, KeyedVectors, Word2Vec

FOLDER = Path(__file__).parent / "gensim"
WORDS = ["the", "naïve café", "γάτα", "猫", "👩‍🚀", "tab\there", ""]
SENTENCES = [["the", "cat", "sat"], ["γάτα", "και", "σκύλος"], ["the", "猫", "sat"]] * 5


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    vectors = np.random.default_rng(4).standard_normal((len(WORDS), 5)).astype(np.float32)
    plain, counted = KeyedVectors(5), KeyedVectors(5)
    plain.add_vectors(WORDS, vectors)
    save(plain, "plain.kv")
    save(plain, "newest.kv", pickle_protocol=5)
    counted.add_vectors(WORDS, vectors)
    for number, word in enumerate(WORDS):
        counted.set_vecattr(word, "count", 100 - 7 * number)
    save(counted, "beside.kv", separately=["vectors"])
    trained = Word2Vec(SENTENCES, vector_size=5, min_count=1, seed=4, workers=1, hashfxn=len)
    save(trained, "word2vec.model")
    save(FastText(SENTENCES, vector_size=5, min_count=1, bucket=10, workers=1), "fasttext.model")
    known = dict(zip(WORDS, vectors.tolist(), strict=True))
    expected = {
        "plain.kv": {"vectors": known, "counts": None},
        "newest.kv": {"vectors": known, "counts": None},
        "beside.kv": {"vectors": known, "counts": [100 - 7 * n for n in range(len(WORDS))]},
        "word2vec.model": {
            "vectors": {word: trained.wv[word].tolist() for word in trained.wv.index_to_key},
            "counts": [int(trained.wv.get_vecattr(word, "count")) for word in trained.wv.index_to_key],
            "context_vectors": trained.syn1neg.tolist(),
        },
    }
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "expected.json").write_text(text + "\n", "utf-8")


def save(model: Any, name: str, **options: Any) -> None:
    """Save a model without its notes."""
    model.lifecycle_events = None
    model.save(str(FOLDER / name), **options)


if __name__ == "__main__":
    main()

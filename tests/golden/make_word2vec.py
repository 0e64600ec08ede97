"""Make the golden files of word2vec's formats: as gensim and fastText write them, and as gensim reads them.

    pip install gensim==4.4.0
    pip download --no-deps --no-binary :all: fasttext==0.9.3    # its Python package writes no .vec, so:
    tar xzf fasttext-0.9.3.tar.gz
    g++ -O2 -std=c++17 -include cstdint -pthread fasttext-0.9.3/src/*.cc -o fasttext
    python tests/golden/make_word2vec.py ./fasttext

fastText draws its vectors (and with less than ten threads leaves some as the memory was), so each run
makes another ``fasttext.vec``; ``expected.json`` holds what gensim reads in the one that is kept.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors

FOLDER = Path(__file__).parent / "word2vec"
WORDS = [
    "the",
    "naïve",
    "東京",
    "NULL",
    "nan",
    '"quoted"',
    "a\u00a0b",
    "1",
    "-0.5",
    "#",
    "New_York",
    "\\",
    "👩\u200d🚀",
]
TEXT = "the naïve king of köln saw the naïve queen of 東京\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    vectors = np.random.default_rng(7).standard_normal((len(WORDS), 7)).astype(np.float32)
    vectors[0] = [0.0, -0.0, 1e-30, 1e30, 16777216, 1 / 3, -1e-5]
    made = KeyedVectors(vectors.shape[1])
    made.add_vectors(WORDS, vectors)
    made.save_word2vec_format(FOLDER / "gensim.txt")
    made.save_word2vec_format(FOLDER / "gensim.txt.gz")
    made.save_word2vec_format(FOLDER / "gensim.bin", binary=True)
    made.save_word2vec_format(FOLDER / "glove.txt", write_header=False)
    with tempfile.TemporaryDirectory() as folder:
        text, model = Path(folder, "text"), Path(folder, "model")
        text.write_text(TEXT * 9, "utf-8")
        options = ["-dim", "5", "-minCount", "1", "-epoch", "1", "-bucket", "50", "-thread", "10"]
        subprocess.run([sys.argv[1], "skipgram", "-input", text, "-output", model, *options], check=True)
        (FOLDER / "fasttext.vec").write_bytes(model.with_suffix(".vec").read_bytes())
    expected = {
        "gensim": as_read("gensim.txt"),
        "fasttext": as_read("fasttext.vec"),
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", "utf-8")


def as_read(name: str) -> dict[str, Any]:
    """Return the words and vectors of a file as gensim reads them."""
    read = KeyedVectors.load_word2vec_format(FOLDER / name)
    return {"words": read.index_to_key, "vectors": read.vectors.astype(float).tolist()}


if __name__ == "__main__":
    main()

"""Make the golden files of fastText: small models, and the vectors that fastText itself gives.

    pip install fasttext==0.9.3 numpy
    python tests/golden/make_fasttext.py

fastText 0.9.3 with less than ten threads leaves a part of the matrix as the memory was, and with ten does
not give the same twice. So its matrices are replaced by random ones before it saves the model and is asked
for vectors: the same files come out again.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

FOLDER = Path(__file__).parent / "fasttext"
TEXT = """the cat sat on the mat and the dog sat on the rug
the naïve café in köln serves jalapeño crêpes to naïve guests
γάτα και σκύλος κάθονται στο χαλί γάτα και σκύλος
猫 は 東京 の 喫茶店 に いる 猫 は 眠い
кот сидит на ковре и собака сидит на ковре
a 🐈 and a 🐕 sit on a 👩‍🚀 mat a 🐈
"""
LABELS = ("__label__animals", "__label__food", "__label__animals", "__label__food")
UNKNOWN = ("cats", "kölner", "東京都", "собаки", "🐈🐕", "jalapeños", "x", "é", "</s>", "__label__food")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain, labelled = Path(folder, "plain.txt"), Path(folder, "labelled.txt")
        plain.write_text(TEXT * 20, "utf-8")
        lines = [f"{LABELS[n % 4]} {line}" for n, line in enumerate(TEXT.splitlines() * 5)]
        labelled.write_text("\n".join(lines) + "\n", "utf-8")
        common = {"thread": 10, "verbose": 0, "minCount": 1, "epoch": 5}
        unsupervised = {**common, "input": str(plain), "ws": 3, "lr": 0.02}
        models = {
            "skipgram.bin": fasttext.train_unsupervised(
                model="skipgram", dim=6, bucket=300, minn=2, maxn=4, neg=3, **unsupervised
            ),
            "letters.bin": fasttext.train_unsupervised(
                model="cbow", dim=16, bucket=97, minn=1, maxn=3, loss="hs", **unsupervised
            ),
            "words.bin": fasttext.train_unsupervised(model="cbow", dim=5, maxn=0, **unsupervised),
            "supervised.bin": fasttext.train_supervised(
                input=str(labelled), dim=5, bucket=110, minn=2, maxn=3, wordNgrams=2, **common
            ),
        }
        big = fasttext.train_supervised(
            input=str(labelled), dim=4, bucket=300, minn=2, maxn=3, wordNgrams=1, **common
        )
        set_matrices(big)
        big.quantize(input=str(labelled), cutoff=280, thread=10, verbose=0)
        big.save_model(str(FOLDER / "quantised.ftz"))
        expected = {}
        for name, model in models.items():
            set_matrices(model)
            model.save_model(str(FOLDER / name))
            words, counts = model.get_words(include_freq=True)
            known = {word: np.asarray(model.get_word_vector(word)).tolist() for word in words}
            unknown = {
                word: np.asarray(model.get_word_vector(word)).tolist()
                for word in UNKNOWN
                if word not in known
            }
            expected[name] = {"counts": np.asarray(counts).tolist(), "known": known, "unknown": unknown}
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "expected.json").write_text(text + "\n", "utf-8")


def set_matrices(model: Any) -> None:
    """Replace what was learnt by something that is the same in every run."""
    random = np.random.default_rng(4)
    shapes = model.get_input_matrix().shape, model.get_output_matrix().shape
    model.set_matrices(*(random.standard_normal(shape).astype(np.float32) for shape in shapes))


if __name__ == "__main__":
    main()

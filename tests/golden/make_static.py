"""Make the golden folders of sentence-transformers, model2vec and spaCy, and the vectors that these give.

    pip install torch==2.13.0 sentence-transformers==6.2.0 model2vec==0.10.0 spacy==3.8.18
    python tests/golden/make_static.py

Whole words, pieces of words (WordPiece) and Unigram's pieces are all there; the vectors are random.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from spacy.vectors import Vectors
from spacy.vocab import Vocab
from tokenizers import Tokenizer
from tokenizers.models import Unigram, WordLevel, WordPiece
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Metaspace, Whitespace

FOLDER = Path(__file__).parent
PIECES = ["[UNK]", "the", "cat", "##s", "##ing", "sing", "köln", "東京", "🐈"]
SENTENCES = ["The cats sing", "singing in köln", "東京 🐈 the", ""]
UNIGRAM = [("<unk>", 0.0), ("▁the", -1.0), ("the", -2.0), ("▁c", -2.5), ("at", -2.6), ("▁köln", -3.0)]
NAMES = ["the", "cat", "NOUN", "köln", "number", "🐈", "a longer word of 31 letters it is", "東京", "_"]


def main() -> None:
    for name in ("sentence-transformers", "model2vec", "spacy"):
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        (FOLDER / name).mkdir()
    make_sentence_transformers(FOLDER / "sentence-transformers")
    make_model2vec(FOLDER / "model2vec")
    make_spacy(FOLDER / "spacy")


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(WordPiece({piece: n for n, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    return tokenizer


def make_sentence_transformers(folder: Path) -> None:
    weights = random((len(PIECES), 5))
    static = StaticEmbedding(wordpiece(), embedding_weights=weights.copy())
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    model.save(str(folder / "pieces"), create_model_card=False)
    expected = {"words": PIECES, "vectors": weights, "texts": SENTENCES, "encoded": model.encode(SENTENCES)}
    write(folder / "pieces.json", expected)


def make_model2vec(folder: Path) -> None:
    words = WordLevel({piece: n for n, piece in enumerate(PIECES)}, unk_token="[UNK]")
    whole = Tokenizer(words)
    whole.pre_tokenizer = Whitespace()
    unigram = Tokenizer(Unigram(UNIGRAM, unk_id=0, byte_fallback=False))
    unigram.pre_tokenizer = Metaspace()
    half, eight = random((len(PIECES), 4)).astype(np.float16), np.arange(-12, 12, dtype=np.int8)
    few, mapping = random((3, 5)), np.array([0, 2, 1, 1, 2, 0], np.int64)
    models = {
        "words": StaticModel(half, whole, normalize=False),
        "int8": StaticModel(eight.reshape(len(UNIGRAM), 4), unigram, normalize=True),
        "mapped": StaticModel(few, unigram, weights=random((6,)).astype(np.float64), token_mapping=mapping),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
        (folder / name / "README.md").unlink(missing_ok=True)
        sequences = [model._encode_helper([number])[0] for number in range(len(model.tokens))]
        write(folder / f"{name}.json", {"words": list(model.tokens), "vectors": np.array(sequences)})


def make_spacy(folder: Path) -> None:
    vectors = random((len(NAMES), 3))
    vectors[4] = vectors[1]  # deduplicated: two words share a row
    vocab = Vocab()
    for name in NAMES:
        vocab.strings.add(name)
    vocab.vectors = Vectors(strings=vocab.strings, data=vectors, keys=NAMES, name="golden")
    vocab.deduplicate_vectors()
    vocab.to_disk(folder / "vocab")
    write(
        folder / "vocab.json", {"words": NAMES, "vectors": np.array([vocab[name].vector for name in NAMES])}
    )


def random(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def write(file: Path, expected: dict[str, Any]) -> None:
    plain = {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in expected.items()
    }
    file.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

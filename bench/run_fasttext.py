"""One run of fastText's skip-gram without character n-grams: ``python -m bench.run_fasttext SPEC``."""

from __future__ import annotations

import importlib.metadata
import os
import re
import tempfile
from typing import Any

from bench.runner import Runner, answer, kept_words

PROGRESS = re.compile(r"words/sec/thread:\s*(\d+).*?avg\.loss:\s*([\d.]+)")
END_OF_LINE = "</s>"


def last_progress(log: str) -> tuple[int, float] | None:
    """Return words per second and thread, and mean loss, from fastText's last progress line."""
    found = PROGRESS.findall(log)
    return (int(found[-1][0]), float(found[-1][1])) if found else None


def train(fasttext: Any, spec: dict[str, Any]) -> tuple[Any, str]:
    """Train with the module ``fasttext``; return the model and what its C++ wrote to stderr."""
    # train_unsupervised refuses the keyword, but takes the seed from its table of defaults.
    fasttext.FastText.unsupervised_default["seed"] = spec["seed"]
    options = {
        "model": "skipgram",
        "loss": "ns",
        "dim": spec["vector_size"],
        "ws": spec["window"],
        "neg": spec["negative"],
        "t": spec["sample"],
        "minCount": spec["min_count"],
        "epoch": spec["epochs"],
        "lr": spec["alpha"],
        "thread": spec["threads"],
        "minn": 0,
        "maxn": 0,
        "verbose": 2,
    }
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            model = fasttext.train_unsupervised(spec["corpus"], **options)
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        log.seek(0)
        return model, log.read().decode()


def main() -> None:
    """Train, save, print what was measured."""
    import fasttext  # here: what reads its log is tested without it

    run = Runner()
    spec = run.spec
    model, log = train(fasttext, spec)
    call_seconds = run.lap()
    model.save_model(spec["output"])
    save_seconds = run.lap()
    result = run.saved(
        program="fasttext",
        version=importlib.metadata.version("fasttext"),
        call_seconds=call_seconds,
        save_seconds=save_seconds,
        trained_words_are="estimated from the keep probabilities",
    )
    words, counts = model.get_words(include_freq=True)
    answer({**result, "words": len(words), **phases(spec, words, counts, last_progress(log), call_seconds)})


def phases(
    spec: dict[str, Any],
    words: list[str],
    counts: Any,
    progress: tuple[int, float] | None,
    call_seconds: float,
) -> dict[str, Any]:
    """Return the trained phase, from fastText's own rate, and the words it passed over.

    fastText counts a line's end as a word, and trains until it has met ``epochs`` times as many tokens of its
    vocabulary as the text has tokens in all: it passes over the text slightly more than ``epochs`` times.
    """
    if progress is None:
        return dict.fromkeys(("encode_seconds", "train_seconds", "raw_words", "trained_words", "loss"))
    rate, loss = progress
    tokens = spec["corpus_words"] + spec["corpus_lines"]
    train_seconds = spec["epochs"] * tokens / (rate * spec["threads"])
    passes = spec["epochs"] * tokens / int(counts.sum())
    # The line's end is no training word of the other programs.
    real = [int(count) for word, count in zip(words, counts, strict=True) if word != END_OF_LINE]
    return {
        "train_seconds": train_seconds,
        "encode_seconds": call_seconds - train_seconds,
        "raw_words": round(passes * spec["corpus_words"]),
        "trained_words": round(passes * kept_words(real, tokens, spec["sample"])),
        "loss": loss,
    }


if __name__ == "__main__":
    main()

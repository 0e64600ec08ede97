"""One run of gensim's ``Word2Vec`` with ``corpus_file``: ``python -m bench.run_gensim SPEC``."""

from __future__ import annotations

import time
from typing import Any

import gensim
from gensim.models import Word2Vec

from bench.runner import Runner, answer


def timed_scan() -> dict[str, float]:
    """Make gensim note how long its pass over the text takes, apart from the weights' set-up.

    The class is patched, not subclassed: a subclass of ours could not be loaded elsewhere.
    """
    scan = Word2Vec.scan_vocab
    clock: dict[str, float] = {}

    def timed(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = scan(*args, **options)
        clock["seconds"] = time.perf_counter() - start
        return result

    Word2Vec.scan_vocab = timed
    return clock


def main() -> None:
    """Train, save, print what was measured."""
    run = Runner()
    spec = run.spec
    clock = timed_scan()
    names = ("vector_size", "window", "negative", "sample", "min_count", "epochs", "alpha", "seed")
    model = Word2Vec(sg=1, hs=0, workers=spec["threads"], **{name: spec[name] for name in names})
    model.build_vocab(corpus_file=spec["corpus"])
    prepare_seconds = run.lap()
    trained, raw = model.train(
        corpus_file=spec["corpus"], total_words=model.corpus_total_words, epochs=model.epochs
    )
    train_seconds = run.lap()
    # gensim's own format: the whole model, both tables, as firth saves them.
    model.save(spec["output"])
    answer(
        run.saved(
            program="gensim",
            version=gensim.__version__,
            encode_seconds=clock["seconds"],
            prepare_seconds=prepare_seconds,
            train_seconds=train_seconds,
            save_seconds=run.lap(),
            raw_words=raw,
            trained_words=trained,
            trained_words_are="counted",
            # With several workers gensim keeps the sum of one of them only, in float32: no loss to quote.
            loss=None,
            words=len(model.wv),
        )
    )


if __name__ == "__main__":
    main()

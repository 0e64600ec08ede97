"""One run of firth through its public door, without a corpus cache: ``python -m bench.run_firth SPEC``."""

from __future__ import annotations

from dataclasses import fields
from hashlib import blake2b
from pathlib import Path

import firth
from bench.runner import Runner, answer

OPTIONS = [field.name for field in fields(firth.TrainConfig)]


def main() -> None:
    """Train, save, print what was measured."""
    run = Runner()
    spec = run.spec
    config = firth.TrainConfig(**{name: spec[name] for name in OPTIONS if name in spec})
    corpus = [Path(spec["corpus"])] * spec["copies"]
    model = firth.train(corpus, config, cache=False)
    call_seconds = run.lap()
    if spec["output"] is not None:
        firth.save(model, spec["output"])
    save_seconds = run.lap()
    about, timing = model.config, model.config["timing"]
    answer(
        run.saved(
            program="firth",
            version=firth.__version__,
            encode_seconds=timing["encode_seconds"],
            train_seconds=timing["train_seconds"],
            call_seconds=call_seconds,
            save_seconds=save_seconds,
            raw_words=about["corpus"]["tokens"] * spec["epochs"],
            trained_words=timing["trained_words"],
            trained_words_are="counted",
            pairs=sum(report["pairs"] for report in model.training),
            loss=about["loss"],
            epoch_losses=about["epoch_losses"],
            words=len(model.index_to_key),
            digest=digest(model),
            model_bytes=2 * model.vectors.nbytes,
        )
    )


def digest(model: firth.Embeddings) -> str:
    """Return a digest of both tables."""
    tables = [model.vectors, model.context_vectors]
    return blake2b(b"".join(table.tobytes() for table in tables if table is not None)).hexdigest()[:16]


if __name__ == "__main__":
    main()

"""The rooms of the house: a module imports only from lower levels (see ARCHITECTURE.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "firth"
DOOR = "firth"

# The whole number is the room's level; decimals order the modules inside a room or a level.
LEVELS = {
    "firth._version": 0,
    "firth.errors": 0,
    "firth.printable": 0.5,
    "firth.notes": 0.6,
    "firth.checks": 1,
    "firth.spelling": 1,
    "firth.neighbors": 1,
    "firth.loss_curve": 1,
    "firth.extras": 1,
    "firth.handover": 0,
    "firth.handover.table": 1.1,
    "firth.handover.text_tokenizer": 1.4,
    "firth.handover.torch_embedding": 1.5,
    "firth.handover.gensim_vectors": 1.5,
    "firth.handover.sentence_transformer": 1.5,
    "firth.handover.model2vec_model": 1.5,
    "firth.handover.spacy_vocab": 1.5,
    "firth.handover.methods": 1.6,
    "firth.embeddings": 2,
    "firth.recall": 3,
    "firth.formats.safetensors_file": 3,
    "firth.formats.quantize": 3,
    "firth.formats.binary_file": 3,
    "firth.formats.spacy_symbols": 3,
    "firth.subwords": 1,
    "firth.formats.subwords_file": 3.1,
    "firth.formats.model_files": 3.1,
    "firth.formats.stream": 3.1,
    "firth.formats.native": 3.2,
    "firth.formats.folders": 3.1,
    "firth.formats.packed": 3.1,
    "firth.formats.npz_archive": 3.1,
    "firth.formats.pickle_nodes": 3.1,
    "firth.formats.text_rows": 3.2,
    "firth.formats.static_model": 3.2,
    "firth.formats.word2vec": 3.3,
    "firth.formats.glove": 3.3,
    "firth.formats.projector": 3.3,
    "firth.formats.npz": 3.3,
    "firth.formats.parquet_file": 3.3,
    "firth.formats.fasttext_bin": 3.3,
    "firth.formats.finalfusion": 3.3,
    "firth.formats.gensim_file": 3.3,
    "firth.formats.sentence_transformers": 3.3,
    "firth.formats.model2vec": 3.3,
    "firth.formats.fasttext_vec": 3.4,
    "firth.formats.word2vec_binary": 3.4,
    "firth.formats.spacy_vectors": 3.4,
    "firth.formats": 3.5,
    "firth.document_words": 3,
    "firth.model_card": 3,
    "firth.documents": 4,
    "firth.hub": 4,
    "firth.approximate": 3.6,
    "firth.corpus": 0,
    "firth.corpus.cache": 1,
    "firth.corpus.pieces": 1,
    "firth.corpus.remote": 0.7,
    "firth.corpus.streams": 1,
    "firth.corpus.columns": 1.1,
    "firth.corpus.items": 1.1,
    "firth.corpus.files": 1.2,
    "firth.corpus.sources": 1.3,
    "firth.corpus.tokenize": 1.3,
    "firth.corpus.vocabulary": 2,
    "firth.corpus.collect": 2.1,
    "firth.corpus.stored": 2.2,
    "firth.corpus.encoded": 3,
    "firth.training": 0,
    "firth.training.config": 1,
    "firth.training.reference": 1,
    "firth.training.sampling": 2.05,
    "firth.training.schedule": 1.2,
    "firth.training.shards": 1,
    "firth.training.atomics": 1.2,
    "firth.training.simd": 1,
    "firth.training.kernel_cache": 1.1,
    "firth.training.arrays": 1.2,
    "firth.training.draws": 1.3,
    "firth.training.kernels": 2,
    "firth.training.rounds": 2.1,
    "firth.training.tables": 3,
    "firth.training.march": 3.1,
    "firth.training.memory": 3,
    "firth.training.replicas": 1.3,
    "firth.training.merging": 2,
    "firth.training.changes": 2.2,
    "firth.training.rules": 2.3,
    "firth.training.replica_group": 3.2,
    "firth.training.run": 3.5,
    "firth.training.fitness": 3.6,
    "firth.training.supervision": 4,
    "firth.training.racing": 4.1,
    "firth.training.marching": 4.1,
    "firth.training.replica_crew": 4.1,
    "firth.training.checkpoint": 4,
    "firth.training.progress": 4,
    "firth.training.crew": 4.2,
    "firth.distributed": 0,
    "firth.distributed.losses": 4,
    "firth.distributed.cluster": 4,
    "firth.distributed.reading": 4.1,
    "firth.distributed.worker": 4.3,
    "firth.distributed.muster": 4.4,
    "firth.distributed.crew": 4.5,
    "firth.distributed.engine": 4.6,
    "firth.training.engine": 4.7,
    "firth.training.trainer": 5,
    "firth.demo": 6,
    "firth.evaluation": 0,
    "firth.evaluation.nearest": 6,
    "firth.evaluation.resample": 6,
    "firth.evaluation.association": 6,
    "firth.evaluation.postprocess": 6,
    "firth.evaluation.alignment": 6,
    "firth.evaluation.word_sets": 6,
    "firth.evaluation.stability": 6.1,
    "firth.evaluation.stability_file": 6.2,
    "firth.evaluation.runs": 6.3,
    "firth.evaluation.bootstrap": 6,
    "firth.evaluation.lookup": 6,
    "firth.evaluation.similarity": 6.1,
    "firth.evaluation.answers": 6.1,
    "firth.evaluation.oddity": 6.1,
    "firth.evaluation.categories": 6.1,
    "firth.evaluation.analogies": 6.2,
    "firth.evaluation.plots": 6.2,
    "firth.evaluation.parsing": 6.3,
    "firth.evaluation.compare": 6.3,
    "firth.evaluation.markup": 6.3,
    "firth.evaluation.files": 6.4,
    "firth.evaluation.relations": 6.5,
    "firth.evaluation.evaluate": 6.5,
    "firth.evaluation.report": 6.6,
    "firth.lesson": 0,
    "firth.lesson.embeddings": 1,
    "firth.lesson.judges": 0,
    "firth.lesson.judges.common": 1.1,
    "firth.lesson.judges.cosine": 1.2,
    "firth.lesson.judges.pairs": 1.2,
    "firth.lesson.judges.step": 1.2,
    "firth.lesson.judges.train": 1.2,
    "firth.lesson.exercises": 1.3,
    "firth.lesson.trial": 1.4,
    "firth.lesson.checks": 1.5,
    "firth.lesson.toy": 1.4,
    "firth.lesson.limits": 1.5,
    "firth.lesson.evidence": 1.6,
    "firth.lesson.placing": 1,
    "firth.lesson.pictures": 1.1,
    "firth.lesson.handover": 1.1,
    "firth.lesson.work": 1.6,
    "firth.lesson.folder": 7,
    "firth.lesson.book": 7,
    "firth.lesson.jupyter": 7,
    "firth.lesson.workbench": 7.1,
    "firth.lesson.notebook": 7.1,
    "firth.lesson.chapter": 7.2,
    "firth.projection.labels": 6,
    "firth.projection.fonts": 6,
    "firth.projection.trust": 6,
    "firth.projection.layout": 6,
    "firth.projection.mapped_words": 6.05,
    "firth.projection.pca": 6.1,
    "firth.projection.word_map": 6.3,
    "firth.projection": 6.35,
    "firth.projection.telling": 6.4,
    "firth.projection.map_file": 6.4,
    "firth.projection.drawing": 6.5,
    "firth.projection.page": 6.5,
    "firth.evaluation.cosmul": 6.1,
    "firth.evaluation.agreement": 6.25,
    "firth.answers_json": 6.7,
    "firth.explorer": 0,
    "firth.explorer.parameters": 7,
    "firth.explorer.payload": 7,
    "firth.explorer.processors": 7,
    "firth.explorer.completion": 7,
    "firth.explorer.layout_process": 7,
    "firth.explorer.safety": 7,
    "firth.explorer.batching": 7.1,
    "firth.explorer.compared": 7.1,
    "firth.explorer.exports": 7.1,
    "firth.explorer.static_files": 7.1,
    "firth.explorer.jobs": 7.2,
    "firth.explorer.site": 7.3,
    "firth.explorer.answers": 7.4,
    "firth.explorer.events": 7.4,
    "firth.explorer.routes": 7.5,
    "firth.explorer.openapi": 7.6,
    "firth.explorer.server": 7.7,
    "firth.explorer.serving": 7.8,
    "firth.explorer.opening": 7.8,
    "firth.explorer.watch": 7.9,
    "firth.cli.explore": 8.2,
    "firth.cli.hints": 8,
    "firth.cli.map": 8.3,
    "firth.cli.lesson": 8.5,
    "firth.cli.output": 8,
    "firth.cli.csv": 8.05,
    "firth.cli.interrupt": 8.05,
    "firth.cli.words": 8.1,
    "firth.cli.stability": 8.15,
    "firth.cli.weat": 8.2,
    "firth.cli.scores": 8.3,
    "firth.cli.evaluate": 8.4,
    "firth.cli.trust": 8.5,
    "firth.cli.queries": 8.2,
    "firth.cli.info": 8.3,
    "firth.cli.convert": 8.3,
    "firth.cli.index": 8.3,
    "firth.cli.watch": 8.1,
    "firth.cli.train": 8.4,
    "firth.cli.demo": 8.5,
    "firth.cli": 0,
    "firth.cli.app": 8.9,
    "firth.__main__": 9,
    DOOR: 10,
}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports(name: str, text: str) -> Iterator[str]:
    """Yield the firth modules that a module imports, wherever in it and however."""
    package = name if name not in MODULES or MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            found = [f"{origin}.{alias.name}" for alias in node.names]
            found = [one if one in MODULES else origin for one in found]
        else:
            continue
        yield from (one for one in found if one.split(".")[0] == DOOR)


def test_every_module_has_a_level() -> None:
    assert sorted(MODULES.keys() - LEVELS.keys()) == [], "give these modules a level in LEVELS"


def test_the_lesson_stands_apart() -> None:
    for name, path in MODULES.items():
        if not name.startswith("firth.lesson") and name != "firth.cli.lesson":
            found = [one for one in imports(name, path.read_text("utf-8")) if one.startswith("firth.lesson")]
            assert found == [], f"{name} imports {found}, but only the command opens the lesson"


@pytest.mark.parametrize("name", sorted(MODULES.keys() & LEVELS.keys()))
def test_imports_go_down(name: str) -> None:
    for imported in imports(name, MODULES[name].read_text("utf-8")):
        assert imported in MODULES, f"{name} imports {imported}, which is not there"
        assert LEVELS.get(imported, 0) < LEVELS[name], f"{name} imports {imported}, which is not below it"


def test_the_walk_sees_every_kind_of_import() -> None:
    text = (
        "import os, firth.errors\n"
        "from firth import embeddings, load\n"
        "def f():\n    from .formats import native, save\n    from . import cli\n"
    )
    found = list(
        imports("firth.demo", text.replace("from .f", "from firth.f").replace("from . ", "from firth "))
    )
    assert found == [
        "firth.errors",
        "firth.embeddings",
        "firth",
        "firth.formats.native",
        "firth.formats",
        "firth.cli",
    ]
    assert list(imports("firth.formats.native", "from .safetensors_file import x\nfrom ..cli import y")) == [
        "firth.formats.safetensors_file",
        "firth.cli",
    ]

"""Makes the planned runs one after another and keeps what each one measured."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import synthetic
from bench.corpus import Corpus, prepare
from bench.plan import FIXED, MEASURED, MODULES, SCORED, Run
from bench.process import RunError, run_json
from bench.runner import strict

Record = dict[str, Any]


class Session:
    """The runs of one invocation, appended to ``OUT/runs.jsonl`` as they end."""

    def __init__(self, options: Namespace, corpus: Corpus, small: Corpus, firth_source: str | None) -> None:
        """Begin; with ``options.resume`` the file's earlier runs of the same settings are taken over."""
        self.options = options
        self.corpus = corpus
        self.small = small
        self.firth_source = firth_source
        self.file = options.out / "runs.jsonl"
        self.records: list[Record] = list(self._earlier()) if options.resume else []
        self.failed: list[str] = []
        self.began = now()
        self.warm_up_seconds: dict[str, float] = {}

    def identity(self, program: str) -> Record:
        """Return what must be the same for two runs of a program to stand in one report."""
        return {
            "corpus": [self.corpus.path, self.corpus.bytes, self.corpus.words],
            "firth_source": self.firth_source if program == "firth" else None,
            "fixed": FIXED,
        }

    def _earlier(self) -> Iterator[Record]:
        """Yield the latest of each run that earlier sessions made of the same code and text."""
        if not self.file.exists():
            return
        found = {}
        for line in self.file.read_text().splitlines():
            record = json.loads(line)
            record["run"] = asdict(Run(**record["run"]))  # what a run had no word for yet was the default
            if record["identity"] == self.identity(record["run"]["program"]):
                found[json.dumps(record["run"])] = record
        yield from found.values()

    def make(self, runs: list[Run]) -> None:
        """Make every run that is not there yet; a run that fails is reported and the others go on."""
        self._warm_up([run for run in runs if not self._has(run)])
        for number, run in enumerate(runs, 1):
            if self._has(run):
                continue
            say(f"[{number}/{len(runs)}] {run}")
            try:
                self._keep(self._measure(run))
            except RunError as error:
                self.failed.append(f"{run}: {error}")
                say(f"    failed: {error}")

    def _warm_up(self, runs: list[Run]) -> None:
        """Run each kind of run once on the text's first megabyte: compiled code and libraries get cached."""
        counted = [run for run in runs if run.group not in ("curve", "peak")]  # the clock starts after that
        kinds = {
            (run.program, run.vector_size, run.threads, run.reproducible, run.shards): run for run in counted
        }
        for run in kinds.values():
            small = replace(run, group="timed", round=0, epochs=1, copies=1, vocabulary=0)
            start = time.monotonic()
            try:
                with self._output(small) as output:
                    run_json(MODULES[run.program], self._spec(small, self.small, output))
            except RunError as error:
                say(f"warm-up of {run.program} failed: {error}")
                continue
            seconds = time.monotonic() - start
            kind = f"{run.program}, {run.vector_size} dimensions, threads {run.threads}"
            kind += "" if run.reproducible else ", racing"
            kind += f", shards {run.shards}" if run.shards > 1 else ""
            self.warm_up_seconds[kind] = seconds
            say(f"warm-up, not counted: {kind}: {seconds:.1f} s")

    def _has(self, run: Run) -> bool:
        """Tell whether ``run`` has been made, with every score that is asked for."""
        asked = set(self._evaluation()) if run.group == "full" else set()
        return any(
            record["run"] == asdict(run) and asked <= (record["scores"] or {}).keys()
            for record in self.records
        )

    def _measure(self, run: Run) -> Record:
        """Make one run, and score its vectors if it is one for quality."""
        corpus = self._text(run)
        load = os.getloadavg()[0]
        with self._output(run) as output:
            spec = self._spec(run, corpus, output)
            module = "bench.peak" if run.group == "peak" else MODULES[run.program]
            result = run_json(module, spec, watch_maps=run.group == "memory")
            scores = self._score(run, result["vectors"]) if run.group == "full" else None
            if run.group in MEASURED:
                asked = {"analogies": self.options.analogies, "rounds": self.options.rounds}
                result |= run_json(f"bench.{run.group}", {"vectors": result["vectors"], **asked})
        return {
            "identity": self.identity(run.program),
            "session": self.began,
            "at": now(),
            "load_before": load,
            "run": asdict(run),
            "result": result,
            "scores": scores,
        }

    def _text(self, run: Run) -> Corpus:
        """Return what the run is trained on."""
        if not run.vocabulary:
            return self.corpus
        work = self.options.out / "work"
        return prepare(synthetic.text(work, run.vocabulary, run.sentence, run.words), work)

    def _score(self, run: Run, vectors: str) -> dict[str, Any] | None:
        """Return the vectors' scores in the evaluation files that were given, if any."""
        if not self._evaluation():
            return None
        similarity, analogies = self.options.similarity, self.options.analogies
        spec = {"program": run.program, "vectors": vectors}
        try:
            scores = run_json("bench.score", {**spec, "similarity": similarity, "analogies": analogies})
        except RunError as error:
            self.failed.append(f"scores of {run}: {error}")
            say(f"    scoring failed: {error}")
            return None
        return {name: scores[name] for name in self._evaluation()}

    def _evaluation(self) -> list[str]:
        """Return the names of the scores that are asked for."""
        if not set(SCORED) & set(self.options.parts):
            return []
        return [*self.options.similarity, *(["analogies"] if self.options.analogies else [])]

    def _spec(self, run: Run, corpus: Corpus, output: Path) -> dict[str, Any]:
        """Return what the runner is told."""
        counts = {"corpus_words": corpus.words, "corpus_lines": corpus.lines}
        fixed = FIXED | ({"min_count": 1} if run.vocabulary else {})
        return {
            **fixed,
            **asdict(run),
            **counts,
            "corpus": corpus.given_to(run.program),
            "output": None if run.group == "curve" else str(output / "vectors"),
        }

    @contextmanager
    def _output(self, run: Run) -> Iterator[Path]:
        """Make an empty folder for saved vectors, and remove it afterwards."""
        folder = self.options.out / "work" / f"{run.program}-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, record: Record) -> None:
        """Take a finished run in, and write it down at once."""
        record = strict(record)
        self.records.append(record)
        with self.file.open("a") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
        result = record["result"]
        trained = result.get("train_seconds")
        rate = f", {result['raw_words'] / trained / 1e6:.2f} M raw words/s" if trained else ""
        say(f"    {result['total_seconds']:.1f} s{rate}")


def now() -> str:
    """Return the time, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)

"""``python -m bench --corpus PATH``: train in alternation, print one table and one line of JSON."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from bench import machine, picture, report
from bench.corpus import prepare
from bench.measure import Session, say
from bench.plan import MODULES, PARTS, plan

EVALUATION = ("wordsim353.tsv", "simlex999.tsv", "men3000.tsv")
QUESTIONS = "questions-words.txt"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parse = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parse.add_argument
    add("--corpus", type=Path, required=True, help="text, one sentence a line, plain or compressed")
    add("--eval", type=Path, metavar="DIR", help=f"folder with {', '.join(EVALUATION)} and {QUESTIONS}")
    add(
        "--similarity",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="word, word, score by tabs",
    )
    add("--analogies", type=Path, metavar="FILE", help="four words a line, sections begin with a colon")
    add("--programs", type=_names(tuple(MODULES)), default=list(MODULES), help="default: all, by commas")
    add("--parts", type=_names(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}; default: all")
    add("--rounds", type=_positive, default=3, help="alternating rounds of short runs")
    add("--speed-epochs", type=_positive, default=1, help="epochs of a short run")
    add("--quality-epochs", type=_positive, default=5, help="epochs of a whole run")
    add("--alphas", type=_numbers(float), default=[0.025, 0.05], help="learning rates, by commas")
    add("--seeds", type=_numbers(int), default=[1, 2, 3], help="a round of whole runs for each")
    add("--vector-size", type=_positive, default=100)
    add("--also-vector-size", type=_positive, default=300, help="the part sizes trains this one too")
    add("--threads", type=_positive, default=2)
    add("--pareto-alphas", type=_numbers(float), default=[0.025, 0.05, 0.075], help="of the part pareto")
    add("--curve-words", type=_positive, default=8_000_000, help="words of the part curve's texts")
    add("--curve-seconds", type=float, default=3.0, help="about how long each of its points trains")
    add("--memory-copies", type=_positive, default=4, help="the part memory gives the corpus so often")
    add("--limit-mb", type=float, help="take only the first megabytes of the corpus")
    add("--out", type=Path, default=Path("bench-out"), help="folder for results and copies")
    add("--resume", action="store_true", help="take over what an interrupted bench of this code measured")
    return parse


def _names(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return a reader of names by commas, each one of ``known``."""

    def read(text: str) -> list[str]:
        names = list(dict.fromkeys(text.split(",")))
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise argparse.ArgumentTypeError(f"{unknown!r} is none of {', '.join(known)}")
        return names

    return read


def _numbers(kind: type) -> Callable[[str], list[float]]:
    """Return a reader of numbers by commas."""

    def read(text: str) -> list[float]:
        return list(dict.fromkeys(kind(part) for part in text.split(",")))

    return read


def _positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def resolve(options: argparse.Namespace) -> None:
    """Turn the paths of ``options`` into absolute ones, and ``--eval`` into its files, by name.

    Raises:
        FileNotFoundError: a file or a folder that was named is not there.
    """
    files = list(options.similarity)
    if options.eval:
        files += [options.eval / name for name in EVALUATION]
        options.analogies = options.analogies or options.eval / QUESTIONS
    for path in (options.corpus, *files, *([options.analogies] if options.analogies else [])):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
    options.out = options.out.resolve()
    options.similarity = {path.stem: str(path.resolve()) for path in files}
    options.analogies = str(options.analogies.resolve()) if options.analogies else None


def missing_extras(options: argparse.Namespace) -> list[str]:
    """Return the programs that are asked for and not installed; gensim also judges the quality."""
    needed = {*options.programs, *(["gensim"] if options.similarity or options.analogies else [])}
    return sorted(name for name in needed if importlib.util.find_spec(name) is None)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return 0 when every run went well, else 1."""
    options = parser().parse_args(arguments)
    try:
        resolve(options)
    except FileNotFoundError as error:
        say(str(error))
        return 1
    if missing := missing_extras(options):
        say(f"not installed: {', '.join(missing)}; pip install 'firth[bench]', or choose other --programs")
        return 1
    about = machine.describe()
    say("counting the corpus' words; compressed text is copied for the programs that read none")
    corpus = prepare(options.corpus, options.out / "work", options.limit_mb)
    small = prepare(Path(corpus.path), options.out / "work", 1.0)
    session = Session(options, corpus, small, about["firth_source"])
    try:
        session.make(plan(options))
    except KeyboardInterrupt:
        say("interrupted; --resume goes on from here")
        session.failed.append("interrupted")
    if machine.firth_source() != about["firth_source"]:
        session.failed.append("firth's source changed meanwhile: these figures mix two versions of it")
        say(session.failed[-1])
    found = report.build(session.records, options, corpus, about)
    found |= {"warm_up_seconds": session.warm_up_seconds, "failed": session.failed}
    text, line = report.table(found), report.dumps(found)
    (options.out / "report.md").write_text(text + "\n")
    (options.out / "report.json").write_text(line + "\n")
    (options.out / "bench.svg").write_text(picture.draw(found), "utf-8")
    print(text, line, sep="\n\n")
    return 1 if session.failed else 0


if __name__ == "__main__":
    sys.exit(main())

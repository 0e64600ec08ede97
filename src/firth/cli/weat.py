"""The command ``weat``: associations of word sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth.cli.csv import one_output, print_csv
from firth.cli.output import Column, print_json, print_line, print_table
from firth.printable import quoted

if TYPE_CHECKING:
    from firth.embeddings import Embeddings
    from firth.evaluation.association import Association
    from firth.evaluation.word_sets import SetTest

_EXAMPLE = """A file of word sets:

  [sets]

  flowers = ["rose", "tulip", "daisy"]

  insects = ["ant", "flea", "wasp"]

  pleasant = ["love", "peace", "joy"]

  unpleasant = ["hatred", "war", "pain"]

  [[weat]]

  targets = ["flowers", "insects"]

  attributes = ["pleasant", "unpleasant"]

Likewise [[sc-weat]] tests each word of its targets for itself, and [[axis]] shows where the words of its
targets stand between its poles = ["pleasant", "unpleasant"]."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=_EXAMPLE)(weat)


def weat(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    sets: Annotated[
        str, typer.Argument(metavar="SETS.toml", help="Word sets and tests.", show_default=False)
    ],
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Lower-case the words of the file.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the random draws.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of a table.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values instead of a table.")
    ] = False,
) -> None:
    """Test which words go with which: WEAT, SC-WEAT and axes, from a file of word sets."""
    from firth.checks import at_least
    from firth.evaluation.word_sets import read_word_sets
    from firth.formats import load

    one_output(as_json, as_csv)
    at_least(0, "seed", seed)
    tests = read_word_sets(sets, lowercase=lowercase)
    loaded = load(model)
    records = [record for test in tests for record in _records(loaded, test, seed)]
    if as_json:
        print_json({"model": model, "sets": sets, "seed": seed, "results": records})
    elif as_csv:
        columns = [name for name in records[0] if name not in ("missing", "used")]
        columns.append("missing")
        print_csv(
            columns,
            (
                [" ".join(one[name]) if name == "missing" else one[name] for name in columns]
                for one in records
            ),
        )
    else:
        _print(loaded, tests, records)


def _records(model: Embeddings, test: SetTest, seed: int) -> list[dict[str, Any]]:
    """Return the results of one test: one for WEAT, one a word for the others."""
    from firth.evaluation import association

    first, second = (one.words for one in test.attributes)
    if test.kind == "weat":
        x, y = (one.words for one in test.targets)
        return [_record(test, None, association.weat(model, x, y, first, second, seed=seed))]
    words = dict.fromkeys(word for one in test.targets for word in one.words)
    if test.kind == "sc-weat":
        return [_record(test, w, association.sc_weat(model, w, first, second, seed=seed)) for w in words]
    return _places(model, test, list(words))


def _record(test: SetTest, word: str | None, found: Association) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    chance = found.permutation
    return {
        "test": test.kind,
        "name": test.name,
        "word": word,
        "effect_size": found.effect_size,
        "low": low,
        "high": high,
        "p_two_sided": chance and chance.p_two_sided,
        "p_one_sided": chance and chance.p_one_sided,
        "partitions": chance and chance.partitions,
        "exact": chance and chance.exact,
        "place": None,
        "reason": found.reason,
        "used": [list(words) for words in found.used],
        "missing": [word for words in found.missing for word in words],
    }


def _places(model: Embeddings, test: SetTest, words: list[str]) -> list[dict[str, Any]]:
    """Return where words stand on an axis, as far as the model has them and both poles."""
    from firth.evaluation.association import project

    known = [[w for w in side.words if w in model and model[w].any()] for side in test.attributes]
    lost = [w for side in test.attributes for w in side.words if w not in known[0] and w not in known[1]]
    place: dict[str, float] = {}
    reason = None
    if all(known):
        place = dict(project(model, [w for w in words if w in model and model[w].any()], *known))
    else:
        reason = "not enough data: the model has none of the words of a pole"
    nothing = _record(test, None, _empty())
    return [
        {
            **nothing,
            "word": word,
            "place": place.get(word),
            "reason": reason or (None if word in place else f"the model does not have {quoted(word)}"),
            "used": known,
            "missing": lost if word in place else [word, *lost],
        }
        for word in sorted(words, key=lambda word: -place.get(word, -2.0))
    ]


def _empty() -> Association:
    from firth.evaluation.association import Association

    return Association(None, None, None, (), ())


def _print(model: Embeddings, tests: list[SetTest], records: list[dict[str, Any]]) -> None:
    kinds = [kind for kind in ("weat", "sc-weat", "axis") if any(test.kind == kind for test in tests)]
    for number, kind in enumerate(kinds):
        if number:
            print_line("")
        if kind == "weat":
            _print_effects("WEAT", [one for one in records if one["test"] == kind], "name")
        else:
            for test in tests:
                if test.kind == kind:
                    own = [one for one in records if one["test"] == kind and one["name"] == test.name]
                    _print_own(test, own)
    print_line("")
    for line in _explained(kinds, records):
        print_line(line)
    for line in _missing(model, records):
        print_line(line)


def _print_own(test: SetTest, records: list[dict[str, Any]]) -> None:
    if test.kind == "sc-weat":
        _print_effects(f"SC-WEAT, {test.name}", records, "word")
        return
    rows = [
        [one["word"], "" if one["place"] is None else f"{one['place']:+.3f}", one["reason"] or ""]
        for one in records
    ]
    poles = f"+1 {test.attributes[0].name}, -1 {test.attributes[1].name}"
    columns = [Column("word", style="cyan"), Column("place", right=True, style="green"), Column("")]
    print_table(f"axis, {test.name} ({poles})", columns, rows)


def _print_effects(title: str, records: list[dict[str, Any]], key: str) -> None:
    columns = [
        Column("test" if key == "name" else "word", style="cyan"),
        Column("effect", right=True, style="green"),
        Column("95% interval", right=True),
        Column("p two-sided", right=True),
        Column("p one-sided", right=True),
        Column("partitions", right=True, style="dim"),
        Column("", style="yellow"),
    ]
    print_table(title, columns, [[one[key], *_effect_cells(one)] for one in records])


def _effect_cells(one: dict[str, Any]) -> list[str]:
    if one["effect_size"] is None:
        return ["", "", "", "", "", one["reason"]]
    interval = "not enough data" if one["low"] is None else f"{one['low']:+.2f} to {one['high']:+.2f}"
    partitions = f"all {one['partitions']:,}" if one["exact"] else f"{one['partitions']:,} drawn"
    return [
        f"{one['effect_size']:+.2f}",
        interval,
        _p(one["p_two_sided"]),
        _p(one["p_one_sided"]),
        partitions,
        "",
    ]


def _p(value: float) -> str:
    return f"{value:.2g}" if value < 0.001 else f"{value:.3f}"


def _explained(kinds: list[str], records: list[dict[str, Any]]) -> list[str]:
    lines = []
    if {"weat", "sc-weat"} & set(kinds):
        lines.append(
            "effect: a positive one says that the first targets (or the word) go with the first attributes, "
            "in standard deviations; the interval is over other words of the same sets (bootstrap)."
        )
        lines.append(
            "p: how often words parted at random differ as much; one-sided: in the direction of the first "
            "targets with the first attributes, two-sided: in either. It does not say how sure the model is: "
            "other seeds and texts give other vectors."
        )
        tests = sum(one["p_two_sided"] is not None for one in records)
        if tests > 1:
            lines.append(f"{tests} tests were made: by chance one in twenty has a p below 0.05.")
    return lines


def _missing(model: Embeddings, records: list[dict[str, Any]]) -> list[str]:
    """Say which words the model does not have, and where lower case would help."""
    missing = list(dict.fromkeys(word for one in records for word in one["missing"]))
    if not missing:
        return []
    lines = [f"not in the model, or never trained: {', '.join(map(quoted, missing))}"]
    if any(word.lower() != word and word.lower() in model for word in missing):
        lines.append("some of them are there in lower case: --lowercase")
    return lines

"""Word sets and the tests to make with them, from a TOML file.

::

    [sets]
    flowers = ["rose", "tulip", "daisy"]
    insects = ["ant", "flea", "wasp"]
    pleasant = ["love", "peace", "joy"]
    unpleasant = ["hatred", "war", "pain"]

    [[weat]]                                    # the targets X and Y, the attributes A and B
    targets = ["flowers", "insects"]
    attributes = ["pleasant", "unpleasant"]

    [[sc-weat]]                                 # each word of the set for itself
    targets = ["insects"]
    attributes = ["pleasant", "unpleasant"]

    [[axis]]                                    # where the words stand between two poles
    targets = ["insects", "flowers"]
    poles = ["pleasant", "unpleasant"]

A test may have a ``name``; otherwise it is called after its sets.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.errors import ConfigError
from firth.printable import printable, quoted

KINDS = {"weat": "attributes", "sc-weat": "attributes", "axis": "poles"}
"""Kind of test -> what it calls its second pair of sets."""


@dataclass(frozen=True)
class NamedSet:
    """A set of words and what it is called."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class SetTest:
    """A test to make: ``targets`` are two sets for WEAT and one or more for the others."""

    kind: str
    name: str
    targets: tuple[NamedSet, ...]
    attributes: tuple[NamedSet, NamedSet]


def read_word_sets(path: str | os.PathLike[str], *, lowercase: bool = False) -> list[SetTest]:
    """Read the tests of a file, in the order WEAT, SC-WEAT, axis; ``lowercase`` the words in it.

    Raises:
        ConfigError: the file cannot be read, or what is wrong in it, with the name of the table or set.
    """
    try:
        content = tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give a TOML file with word sets") from None
    except ValueError as error:
        raise ConfigError(
            f"{path}: not TOML in UTF-8 ({printable(str(error))}); `firth weat --help` shows an example"
        ) from None
    unknown = sorted(content.keys() - {"sets", *KINDS})
    if unknown:
        raise ConfigError(
            f"{path}: there is no table {quoted(unknown[0])}: sets stand under [sets], tests under "
            f"{', '.join(f'[[{kind}]]' for kind in KINDS)}"
        )
    sets = _sets(path, content.get("sets"), lowercase)
    tests = [test for kind in KINDS for test in _tests(path, kind, content.get(kind, []), sets)]
    if not tests:
        raise ConfigError(
            f"{path}: has sets but no test; add a table [[weat]] with "
            'targets = ["SET", "SET"] and attributes = ["SET", "SET"]'
        )
    return tests


def _sets(path: Any, table: Any, lowercase: bool) -> dict[str, NamedSet]:
    if not isinstance(table, dict) or not table:
        raise ConfigError(f'{path}: has no table [sets]; add one with lines such as men = ["he", "man"]')
    sets = {}
    for name, words in table.items():
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            shown = printable(repr(words))[:60]
            raise ConfigError(
                f'{path}: the set {quoted(name)} must be a list of words in quotes, such as ["he", "man"], '
                f"not {shown}"
            )
        given = [word.lower() for word in words] if lowercase else words
        twice = next((word for place, word in enumerate(given) if word in given[:place]), None)
        if twice is not None:
            raise ConfigError(f"{path}: the set {quoted(name)} has {quoted(twice)} twice: leave one out")
        sets[name] = NamedSet(name, tuple(given))
    return sets


def _tests(path: Any, kind: str, tables: Any, sets: dict[str, NamedSet]) -> list[SetTest]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{path}: write [[{kind}]] with two brackets, once for each test")
    second = KINDS[kind]
    tests = []
    for number, table in enumerate(tables, 1):
        where = f"{path}: [[{kind}]] number {number}"
        unknown = sorted(table.keys() - {"name", "targets", second})
        if unknown:
            raise ConfigError(
                f"{where} has the unknown key {quoted(unknown[0])}; it takes targets, {second}, name"
            )
        targets = _named(where, table, "targets", sets, 2 if kind == "weat" else None)
        pair = _named(where, table, second, sets, 2)
        name = table.get("name") or _title(targets, pair)
        if not isinstance(name, str):
            raise ConfigError(f"{where}: its name must be a text in quotes, not {name!r}")
        tests.append(SetTest(kind, name, targets, (pair[0], pair[1])))
    return tests


def _named(
    where: str, table: dict[str, Any], key: str, sets: dict[str, NamedSet], wanted: int | None
) -> tuple[NamedSet, ...]:
    names = table.get(key)
    many = "two sets" if wanted == 2 else "at least one set"
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(name, str) for name in names)
        or (wanted is not None and len(names) != wanted)
    ):
        got = "it is missing" if names is None else f"not {printable(repr(names))[:60]}"
        raise ConfigError(
            f"{where}: {key} must name {many} of [sets] in a list, and {got}".replace(", and not", ", not")
        )
    for name in names:
        if name not in sets:
            raise ConfigError(
                f"{where}: there is no set {quoted(name)}; the sets are {', '.join(map(quoted, sets))}"
            )
    return tuple(sets[name] for name in names)


def _title(targets: tuple[NamedSet, ...], pair: tuple[NamedSet, ...]) -> str:
    return f"{', '.join(one.name for one in targets)}: {pair[0].name} or {pair[1].name}"

"""What a pickle says, without doing what it says.

A pickle is a program: unpickling imports whatever it names and calls it with arguments of its choosing.
Here its instructions (https://docs.python.org/3/library/pickletools.html) are only written down. Text,
numbers, lists and dictionaries come out as such; a name is a :class:`Name`, and a call or an object is a
:class:`Made` that says of what. Nothing is imported and nothing is called.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.formats.binary_file import MappedFile

Node: TypeAlias = Any
"""None, a truth value, a number, text, bytes, a list, tuple or dictionary of nodes, a Name or a Made."""

ARRAY_TYPES = {"f2", "f4", "f8", "i4", "i8", "u4", "u8"}


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """An object that unpickling would make."""

    of: Node
    """What would be called, a :class:`Name` in any pickle of use."""
    arguments: Node
    state: Node = None
    """What its attributes would be set from."""


class _Mark:
    """Where a list, tuple or dictionary begins on the stack."""


def nodes(file: MappedFile) -> Node:
    """Return what the pickle at the beginning of a file describes.

    Memory is needed in proportion to the file. Of dictionaries only the entries under text are kept.

    Raises:
        FormatError: the file is no pickle, is damaged, or has an instruction that gensim's files do not.
    """
    if isinstance(file.data, bytes):
        raise file.damaged("an empty file")
    stack: list[Node] = []
    memo: dict[Any, Node] = {}
    place = 0
    instructions: Any = file.data  # a map has all of a file that is asked for: read, readline and tell
    try:
        with warnings.catch_warnings(action="ignore"):  # pickletools on odd escapes in damaged names
            for instruction, argument, position in pickletools.genops(instructions):
                place = position or 0
                if instruction.name == "STOP":
                    return stack.pop()
                _follow(instruction.name, argument, stack, memo)
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise file.damaged(f"not a pickle that firth can read ({str(error)[:100]})", place) from None
    raise file.damaged("a pickle without an end", place)


def _follow(name: str, argument: Any, stack: list[Node], memo: dict[Any, Node]) -> None:
    """Follow one instruction.

    Raises:
        ValueError, TypeError, LookupError: it is not understood, or makes no sense here.
    """
    if name in _VALUES:
        stack.append(argument)
    elif name in _MEMO_PUTS:
        memo[len(memo) if argument is None else argument] = stack[-1]
    elif name in _MEMO_GETS:
        stack.append(memo[argument])
    elif name in _STEPS:
        _STEPS[name](stack)
    elif name == "GLOBAL":
        stack.append(Name(*argument.split(" ", 1)))
    elif name not in _NOTHING:
        raise ValueError(f"the instruction {name}")


def as_array(node: Node) -> NDArray[Any] | None:
    """Return the array that a node describes, if it is a NumPy array of plain numbers.

    Its numbers stay in the pickle's bytes: nothing is allocated on a declared shape's word.
    """
    if not (isinstance(node, Made) and isinstance(node.of, Name) and isinstance(node.arguments, tuple)):
        return None
    try:
        if node.of.name == "_reconstruct":
            _, shape, dtype, fortran, data = node.state
            order: Any = "F" if fortran is True else "C"
        elif node.of.name == "_frombuffer":  # since protocol 5
            data, dtype, shape, order = node.arguments
        elif node.of == Name("numpy", "array"):  # as firth writes counts
            flat = all(type(number) is int for number in node.arguments[0])
            return np.array(node.arguments[0], np.int64) if flat else None
        else:
            return None
        found: NDArray[Any] = np.frombuffer(data, _dtype(dtype)).reshape(shape, order=order)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return None
    return found


def _dtype(node: Node) -> np.dtype[Any]:
    """Return the type of an array's numbers."""
    code, order = node.arguments[0], node.state[1]
    if code not in ARRAY_TYPES or order not in ("<", "|", "="):
        raise ValueError
    return np.dtype(f"<{code}")


def _pop(stack: list[Node], count: int) -> list[Node]:
    """Take some nodes from the stack."""
    if len(stack) < count:
        raise ValueError("an empty stack")
    found = stack[-count:]
    del stack[-count:]
    return found


def _since_mark(stack: list[Node]) -> list[Node]:
    """Take what lies above the last mark from the stack, and the mark."""
    above = next((n for n, node in enumerate(reversed(stack)) if isinstance(node, _Mark)), len(stack))
    return _pop(stack, above + 1)[1:]


def _pairs(items: list[Node]) -> dict[str, Node]:
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str)}


def _append(stack: list[Node], items: list[Node]) -> None:
    if isinstance(stack[-1], list):
        stack[-1].extend(items)
    elif not isinstance(stack[-1], Made):  # a list of another class: what is in it is of no interest
        raise TypeError("items for something that is no list")


def _set_items(stack: list[Node], items: list[Node]) -> None:
    if isinstance(stack[-1], dict):
        stack[-1].update(_pairs(items))
    elif not isinstance(stack[-1], Made):
        raise TypeError("entries for something that is no dictionary")


def _make(stack: list[Node], parts: int) -> None:
    """Write down a call of what lies below its arguments."""
    of, arguments, *_ = _pop(stack, parts)
    stack.append(Made(of, arguments))


def _build(stack: list[Node]) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], Made):
        raise TypeError("a state for something that is no object")
    stack[-1].state = state


def _name(stack: list[Node]) -> None:
    module, name = _pop(stack, 2)
    if not (isinstance(name, str) and isinstance(module, str)):
        raise TypeError("a name that is no text")
    stack.append(Name(module, name))


_NOTHING = {"PROTO", "FRAME"}
_VALUES = {
    *("NONE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_MEMO_PUTS = {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}
_MEMO_GETS = {"GET", "BINGET", "LONG_BINGET"}
_SET = Name("builtins", "set")
_STEPS: dict[str, Callable[[list[Node]], Any]] = {
    "NEWTRUE": lambda stack: stack.append(True),
    "NEWFALSE": lambda stack: stack.append(False),
    "MARK": lambda stack: stack.append(_Mark()),
    "POP": lambda stack: stack.pop(),
    "POP_MARK": _since_mark,
    "DUP": lambda stack: stack.append(stack[-1]),
    "EMPTY_LIST": lambda stack: stack.append([]),
    "EMPTY_DICT": lambda stack: stack.append({}),
    "EMPTY_TUPLE": lambda stack: stack.append(()),
    "EMPTY_SET": lambda stack: stack.append(Made(_SET, ())),
    "LIST": lambda stack: stack.append(_since_mark(stack)),
    "TUPLE": lambda stack: stack.append(tuple(_since_mark(stack))),
    "DICT": lambda stack: stack.append(_pairs(_since_mark(stack))),
    "FROZENSET": lambda stack: stack.append(Made(_SET, _since_mark(stack))),
    "TUPLE1": lambda stack: stack.append(tuple(_pop(stack, 1))),
    "TUPLE2": lambda stack: stack.append(tuple(_pop(stack, 2))),
    "TUPLE3": lambda stack: stack.append(tuple(_pop(stack, 3))),
    "APPEND": lambda stack: _append(stack, _pop(stack, 1)),
    "APPENDS": lambda stack: _append(stack, _since_mark(stack)),
    "ADDITEMS": lambda stack: _append(stack, _since_mark(stack)),
    "SETITEM": lambda stack: _set_items(stack, _pop(stack, 2)),
    "SETITEMS": lambda stack: _set_items(stack, _since_mark(stack)),
    "REDUCE": lambda stack: _make(stack, 2),
    "NEWOBJ": lambda stack: _make(stack, 2),
    "NEWOBJ_EX": lambda stack: _make(stack, 3),
    "BUILD": _build,
    "STACK_GLOBAL": _name,
}

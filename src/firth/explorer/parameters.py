"""The parameters of a request: what each may be, read from a query string or refused with the reason.

The same table makes the OpenAPI document (:mod:`firth.explorer.openapi`), so that the two cannot part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from firth.errors import FirthError
from firth.printable import printable, quoted

MOST_FIELDS = 256
LONGEST_WORD = 1000
MOST_WORDS = 100
MOST_NEIGHBORS = 1000

_INTEGER = re.compile(r"-?[0-9]{1,17}")
_SHOWN = 60


class RequestError(FirthError):
    """A request that cannot be answered: a status of HTTP, a sentence, and what else the answer says."""

    def __init__(self, status: HTTPStatus, message: str, **more: Any) -> None:
        """Keep the status and the members that join ``message`` and ``status`` in the answer."""
        super().__init__(message)
        self.status, self.more = status, more


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query string; a text unless ``low`` and ``high`` make it a whole number."""

    name: str
    description: str
    required: bool = False
    repeated: bool = False
    """It may be given several times, and the value is a list."""
    default: Any = None
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """The parameter's JSON Schema."""
        one = self._schema_of_one()
        if self.default is not None:
            one["default"] = self.default
        if not self.repeated:
            return one
        return {"type": "array", "items": one, "minItems": int(self.required), "maxItems": MOST_WORDS}

    def _schema_of_one(self) -> dict[str, Any]:
        if self.low is not None:
            return {"type": "integer", "minimum": self.low, "maximum": self.high}
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        return {"type": "string", "maxLength": LONGEST_WORD}

    def read(self, values: Sequence[str]) -> Any:
        """Return the value of the parameter, given every text it has in the query.

        Raises:
            RequestError: it is missing, there too often, too long or out of its range.
        """
        if not values:
            if self.required:
                raise _bad(f"the parameter {self.name} is missing: {self.description}")
            return [] if self.repeated else self.default
        if len(values) > (MOST_WORDS if self.repeated else 1):
            most = f"at most {MOST_WORDS} times" if self.repeated else "once"
            raise _bad(f"the parameter {self.name} is there {len(values)} times: give it {most}")
        read = [self._one(value) for value in values]
        return read if self.repeated else read[0]

    def _one(self, value: str) -> str | int:
        if self.low is not None and self.high is not None:
            if not _INTEGER.fullmatch(value) or not self.low <= int(value) <= self.high:
                raise _bad(
                    f"the parameter {self.name} must be a whole number from {self.low:,} to {self.high:,}, "
                    f"not {_short(value)}"
                )
            return int(value)
        if self.choices and value not in self.choices:
            raise _bad(
                f"the parameter {self.name} must be one of {', '.join(self.choices)}, not {_short(value)}"
            )
        if len(value) > LONGEST_WORD:
            raise _bad(
                f"the parameter {self.name} has {len(value):,} characters: at most {LONGEST_WORD:,} are read"
            )
        return value


def read_query(parameters: Sequence[Parameter], query: bytes) -> dict[str, Any]:
    """Return the value of every parameter, by name.

    Raises:
        RequestError: the query is no UTF-8, has a parameter that is not known, or a value is wrong.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except UnicodeDecodeError:
        raise _bad("the query is not UTF-8, percent-encoded: encode it so") from None
    except ValueError:
        raise _bad(f"the query has more than {MOST_FIELDS} parameters: give fewer") from None
    values: dict[str, list[str]] = {parameter.name: [] for parameter in parameters}
    for name, value in pairs:
        if name not in values:
            known = ", ".join(values) or "none"
            raise _bad(f"there is no parameter {_short(name)} here: the parameters are {known}")
        values[name].append(value)
    return {parameter.name: parameter.read(values[parameter.name]) for parameter in parameters}


def _bad(message: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, message)


def _short(text: str) -> str:
    """Return a text in quotes, cut if it is long."""
    return quoted(text) if len(text) <= _SHOWN else f"'{printable(text[:_SHOWN])}…'"

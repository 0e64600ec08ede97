"""Commands whose arguments are words: a word may begin with a dash or look like an option.

After MODEL, whatever is not one of the command's own options is a word. After a bare ``--`` everything
is. A token that looks like an option and is neither one nor a word of the model is refused as an
unknown option, so that a slip of the keyboard is not searched for in the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import typer
from typer.core import TyperCommand, TyperOption

from firth.answers_json import written_out
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.embeddings import Embeddings

_LOOKALIKE = re.compile(r"--[A-Za-z][\w-]*(=.*)?|-[A-Za-z]", re.DOTALL)
_SHORT_WITH_NUMBER = re.compile(r"-[A-Za-z]\d+")
_SIGN = re.compile("([-+\\u2212])")
_KEY = "firth.lookalikes"


@dataclass
class Tokens:
    """The arguments of a command, sorted into its options, its words, and words that look like options."""

    options: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    lookalikes: list[str] = field(default_factory=list)


def split_tokens(arguments: list[str], flags: Container[str], valued: Container[str]) -> Tokens:
    """Tell a command's own options (``flags``, and ``valued`` ones that take a value) from its words.

    An unknown option before the first word stays among the options, for the parser to refuse.

    Raises:
        ConfigError: the value of an option is missing.
    """
    tokens, rest = Tokens(), list(arguments)
    while rest:
        token = rest.pop(0)
        if token == "--":
            tokens.words += rest
            break
        if token in flags:
            tokens.options.append(token)
        elif token in valued:
            if not rest:
                raise ConfigError(f"Option '{token}' requires an argument.")
            tokens.options += [token, rest.pop(0)]
        elif _carries_value(token, valued) or (not tokens.words and token[:1] == "-" and token != "-"):
            tokens.options.append(token)
        else:
            tokens.words.append(token)
            if _LOOKALIKE.fullmatch(token):
                tokens.lookalikes.append(token)
    return tokens


def _carries_value(token: str, valued: Container[str]) -> bool:
    """Tell whether a token is an option and its value in one: ``--topn=5`` or ``-n5``."""
    name, equals, _ = token.partition("=")
    return bool(equals and name in valued) or bool(
        _SHORT_WITH_NUMBER.fullmatch(token) and token[:2] in valued
    )


class WordCommand(TyperCommand):
    """A command of the form ``firth NAME MODEL WORD...``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Sort options from words before the ordinary parser sees them."""
        options = [param for param in self.get_params(ctx) if isinstance(param, TyperOption)]
        flags = {name for option in options if option.is_flag for name in option.opts}
        valued = {name for option in options if not option.is_flag for name in option.opts}
        try:
            tokens = split_tokens(args, flags, valued)
        except ConfigError as error:
            ctx.fail(str(error))
        ctx.meta[_KEY] = tokens.lookalikes
        return super().parse_args(ctx, [*tokens.options, "--", *tokens.words])


def refuse_unknown_options(ctx: typer.Context, model: Embeddings, *, signs: bool = False) -> None:
    """End with a usage error if a word that looks like an option is not a word of the model.

    Args:
        ctx: the command's context.
        model: the model asked.
        signs: a leading dash may also be a minus sign before a word.
    """
    for token in ctx.meta.get(_KEY, []):
        if token not in model and not (signs and token[1:] in model):
            _no_such_option(ctx, token)


def _no_such_option(ctx: typer.Context, token: str) -> NoReturn:
    """End with a usage error for a token that is neither an option nor a known word."""
    from firth.cli.hints import foreign_option_hint
    from firth.printable import printable

    hint = foreign_option_hint(token)
    ctx.fail(
        f"No such option: {printable(token.partition('=')[0])}, and the model has no such word"
        + (f" ({hint})" if hint else "")
    )


def _pieces(typed: str, known: Container[str]) -> list[str]:
    """Take ``"king - man + woman"`` apart, and ``king-man+woman`` if all of its words are known."""
    pieces = [piece for piece in _SIGN.split(typed) if piece]
    if (
        not pieces
        or any(map(str.isspace, typed))
        or not all(piece in known for piece in pieces if not _SIGN.fullmatch(piece))
    ):
        return typed.split() or [typed]
    return pieces


@dataclass(frozen=True)
class Question:
    """An analogy: the words that are added and those that are taken away."""

    positive: list[str]
    negative: list[str]

    def __str__(self) -> str:
        """Write the question out: ``king - man + woman``."""
        return written_out(self.positive, self.negative)


def read_question(tokens: list[str], known: Container[str]) -> Question:
    """Read ``king - man + woman`` (also ``king -man +woman``, also in one piece between quotes).

    A word is expected first and after each ``+`` or ``-`` that stands alone; there any token is a word.
    Elsewhere a token is a sign, or a sign and its word.

    Args:
        tokens: what was typed.
        known: the words of the model; a first token that begins with a sign is a word if it is one of them.

    Raises:
        ConfigError: a sign has no word, or a word no sign.
    """
    if len(tokens) == 1 and tokens[0] not in known:
        tokens = _pieces(tokens[0], known)
    question = Question([], [])
    places = {"+": question.positive, "-": question.negative, "\u2212": question.negative}
    place: list[str] | None = question.positive
    for number, token in enumerate(tokens):
        is_sign = token[:1] in places and not (number == 0 and token in known)
        if place is not None and not (number == 0 and is_sign):
            place.append(token)
            place = None
        elif not is_sign:
            raise ConfigError(f"a + or - is missing before '{token}': write WORD - WORD + WORD")
        elif len(token) == 1:
            place = places[token]
        else:
            places[token[0]].append(token[1:])
            place = None
    if place is not None:
        raise ConfigError(f"a word is missing after '{tokens[-1]}': write WORD - WORD + WORD")
    return question

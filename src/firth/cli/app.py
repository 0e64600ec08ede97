"""The program ``firth``: parses, calls, prints.

Exit codes: 0 done; 1 an error that the user can mend, one line on stderr; 2 an unknown option or a
missing argument; 130 interrupted. Everything heavy is imported inside the commands, so that
``firth --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from firth._version import __version__
from firth.cli import convert, demo, evaluate, explore, index, info, lesson, queries, train, trust
from firth.cli import map as word_map
from firth.cli.output import print_error
from firth.errors import FirthError


class FirthGroup(TyperGroup):
    """The program with its commands; turns errors into one line and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command that was asked for."""
        arguments = list(ctx.args)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except FirthError as error:
            print_error(str(error))
            raise typer.Exit(1) from None
        except TyperException as error:
            _explain(error, arguments)
            raise
        except BrokenPipeError:
            raise
        except OSError as error:
            print_error(str(error))
            raise typer.Exit(1) from None
        return result


app = typer.Typer(
    name="firth",
    cls=FirthGroup,
    help="Learn word vectors from text, look at them, and know how far to trust them.",
    epilog="Results go to stdout, everything else to stderr. For one command: firth COMMAND --help",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help"]},
)
demo.register(app)
train.register(app)
queries.register(app)
info.register(app)
convert.register(app)
index.register(app)
explore.register(app)
word_map.register(app)
evaluate.register(app)
trust.register(app)
lesson.register(app)


def _show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        print(f"firth {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program with the arguments of the process; the entry point."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a letter is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            get_command(app)(prog_name="firth")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`firth ... | head`): nothing more can be said, not even by Python's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _explain(error: TyperException, arguments: list[str]) -> None:
    """End with 1 for a value that cannot be read; add to an unknown option what firth calls it."""
    if isinstance(error, typer.BadParameter) and type(error).__name__ != "MissingParameter":
        # What pydantic, typer's own checker, has against the value holds the value as it was typed.
        problems: list[dict[str, object]] = getattr(error.__cause__, "errors", list)()
        given = [repr(problem.get("input")) for problem in problems[:1]]
        print_error(": ".join([error.format_message().rstrip("."), *given]))
        raise typer.Exit(1) from None
    option = getattr(error, "option_name", None)
    if isinstance(option, str) and type(error).__name__ == "NoSuchOption":
        from firth.cli.hints import foreign_option_hint

        hint = foreign_option_hint(option, arguments)
        if hint:
            error.message = f"{error.message} ({hint})"
            error.possibilities = None  # type: ignore[attr-defined]

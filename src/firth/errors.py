"""Every error that firth raises on purpose.

One small tree: catch :class:`FirthError` to catch them all. A message is one line that carries the
offending value and the remedy; the command line prints it as it stands and exits with 1.
"""


class FirthError(Exception):
    """Something that the caller can mend: the message says what and how."""


class ConfigError(FirthError, ValueError):
    """An option is unknown, of the wrong type or out of its range."""


class CorpusError(FirthError, ValueError):
    """The text cannot be read or holds nothing to learn from."""


class FormatError(FirthError, ValueError):
    """A file of vectors, or a model folder, is damaged or is not what it claims to be."""


class OutputExistsError(FirthError, FileExistsError):
    """The place to write to is taken."""


class TrainingError(FirthError, ArithmeticError):
    """The numbers of a run are no longer finite."""


class ResumeError(FirthError):
    """A run cannot be gone on with."""


class ClusterError(FirthError, RuntimeError):
    """A cluster does not answer, or its machines cannot compute what this one would."""


class MissingExtraError(FirthError, ImportError):
    """An optional part of firth is not installed; the message names the extra."""


class UnknownWordError(FirthError, KeyError):
    """A word that the model does not know; the message offers the nearest spellings."""

    def __str__(self) -> str:
        """Return the message as it was written (``KeyError`` would put it in quotes)."""
        return str(self.args[0]) if self.args else ""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a signal stopped a run; the message says what is kept and how to go on.

    Not a :class:`FirthError`: whoever catches errors to carry on must not swallow a wish to stop.
    """

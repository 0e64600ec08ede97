"""The version, in one place: the build, `firth --version` and every model folder read it here."""

__version__ = "0.1.0"

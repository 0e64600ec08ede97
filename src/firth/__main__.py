"""``python -m firth`` is the same as ``firth``."""

from firth.cli.app import main

main()

"""``python -m firth`` is the same as ``firth``."""

from firth.cli import main

main()

"""Coverage-guided fuzzing of the readers of binary files: ``python -m fuzz``."""

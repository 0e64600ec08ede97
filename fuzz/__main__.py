"""Fuzz all binary readers, one after the other: ``python -m fuzz --seconds 60``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.targets import TARGETS, write_seeds

MEMORY_MB = 1024
SLOWEST_INPUT_SECONDS = 10
LONGEST_INPUT = 1 << 14
FINDINGS = Path("build/fuzz")


def main() -> int:
    """Run each target for its share of the time; 1 if one of them found something."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together (60)")
    given = parser.parse_args()
    unknown = sorted(set(given.targets) - TARGETS.keys())
    if unknown:
        parser.error(f"there is no target {unknown[0]!r}: choose of {', '.join(TARGETS)}")
    names = given.targets or list(TARGETS)
    found = [name for name in names if not fuzzed(name, max(1, given.seconds // len(names)))]
    for name in found:
        print(f"{name}: something was found; its bytes are in {FINDINGS}/", file=sys.stderr)
    return 1 if found else 0


def fuzzed(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; True if nothing was found."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch, "corpus")
        seeds = write_seeds(name, corpus)
        print(f"{name}: {seconds} s, from {seeds} files", file=sys.stderr, flush=True)
        options = {
            "max_total_time": seconds,
            "rss_limit_mb": MEMORY_MB,
            "timeout": SLOWEST_INPUT_SECONDS,
            "max_len": LONGEST_INPUT,
            "artifact_prefix": f"{FINDINGS}/{name}-",
            "verbosity": 0,
            "print_final_stats": 1,
        }
        command = [sys.executable, "-m", "fuzz.run_one", name, str(corpus)]
        return (
            subprocess.run([*command, *(f"-{key}={value}" for key, value in options.items())]).returncode == 0
        )


if __name__ == "__main__":
    sys.exit(main())

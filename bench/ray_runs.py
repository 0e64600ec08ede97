"""``make bench-ray``: workers of a cluster on this machine beside threads, with the same shards and bits.

All ways take turns, so that other load on the machine meets them alike. A table for people, then a JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import describe
from bench.process import run_json

WAYS = (("one worker", 1), ("two workers", 2), ("two threads", 0))


def main() -> None:
    """Run all ways in turn and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in WAYS}
    with tempfile.TemporaryDirectory() as cache:
        spec = {"corpus": str(options.corpus), "shards": options.shards, "cache": cache, "threads": 2}
        run_json("bench.run_ray", spec | {"workers": 0, "epochs": 1})  # reads the text, compiles: not counted
        for _ in range(options.rounds):
            for name, workers in WAYS:
                run = spec | {"workers": workers, "epochs": options.epochs}
                found[name].append(run_json("bench.run_ray", run))
    print(table(found))
    summary = {name: {key: middle(runs, key) for key in FIGURES} for name, runs in found.items()}
    print(
        json.dumps(
            {"bench": "ray", "machine": describe(), "options": vars(options), "ways": summary}, default=str
        )
    )


FIGURES = ("train_seconds", "words_per_second", "start_seconds", "bytes", "full_merges", "store_peak_bytes")


def middle(runs: list[dict[str, Any]], key: str) -> float | None:
    """Return the median of a figure; None where this way has none."""
    values = [run[key] for run in runs if key in run]
    return median(values) if values else None


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return what people read."""
    one, two, threads = (middle(found[name], "words_per_second") or 1.0 for name, _ in WAYS)
    lines = [f"{'':14}raw words/s  start s  MB a full merge  store peak MB"]
    for name, runs in found.items():
        speed, start = middle(runs, "words_per_second") or 0.0, middle(runs, "start_seconds") or 0.0
        moved, merges = middle(runs, "bytes"), middle(runs, "full_merges")
        sent = "–" if not moved or not merges else f"{moved / merges / 1e6:.0f}"
        peak = middle(runs, "store_peak_bytes") or 0.0
        lines.append(f"{name:14}{speed / 1e6:9.2f} M  {start:7.1f}  {sent:>15}  {peak / 1e6:13.0f}")
    same = len({run["digest"] for runs in found.values() for run in runs}) == 1
    lines.append(
        f"two workers / one worker {two / one:.2f} (goal 1.6), / two threads {two / threads:.0%} (goal 85 %)"
    )
    lines.append("all runs gave the same vectors" if same else "the vectors DIFFER")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

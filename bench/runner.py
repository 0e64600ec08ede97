"""What the three runners share: the spec they get, their clock and the line they print."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.process import status_kib


class Runner:
    """One run of one program.

    The spec's members: ``corpus`` (path), ``copies`` (how often the corpus is given), ``output`` (path to
    save to, or None), ``vector_size``, ``window``, ``negative``, ``sample``, ``min_count``, ``epochs``,
    ``alpha``, ``seed``, ``threads``, ``started`` (seconds since the epoch when the process was started).
    """

    def __init__(self) -> None:
        """Read the spec from the command line; called after the imports, whose time is noted."""
        self.spec: dict[str, Any] = json.loads(sys.argv[1])
        self.ready = time.time()
        self._mark = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap, or since the runner was made."""
        before, self._mark = self._mark, time.perf_counter()
        return self._mark - before

    def saved(self, **measured: Any) -> dict[str, Any]:
        """Return what was measured, with the whole run's seconds and peak memory: call it once all is saved.

        ``total_seconds`` begins with the start of the process: interpreter, imports and compiling count.
        """
        return {
            "import_seconds": self.ready - self.spec["started"],
            "total_seconds": time.time() - self.spec["started"],
            "peak_bytes": peak_bytes(),
            "vectors": self.spec["output"],
            **measured,
        }


def peak_bytes() -> int:
    """Return the peak resident memory of this process, in bytes.

    Linux: VmHWM; ru_maxrss would carry over the peak of the process that started this one.
    """
    try:
        return status_kib(Path("/proc/self/status").read_text())["VmHWM"] * 1024
    except (OSError, KeyError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def answer(result: dict[str, Any]) -> None:
    """Print ``result`` as the one line of JSON that the bench reads."""
    print(json.dumps(strict(result), allow_nan=False))


def strict(value: Any) -> Any:
    """Return ``value`` with every number that JSON cannot hold (NaN, infinities) replaced by None."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def kept_words(counts: Iterable[int], total: int, sample: float) -> float:
    """Return how many running words subsampling keeps on average.

    All three programs keep a word of frequency f = count / total with probability min(1, sqrt(sample / f) +
    sample / f); ``total`` is the running words that the program counts, whether in its vocabulary or not.

    >>> kept_words([900, 100], 1000, 0.1)
    500.0
    """
    if sample == 0:
        return float(sum(counts))
    threshold = sample * total
    return sum(min(count, math.sqrt(count * threshold) + threshold) for count in counts)

"""How many threads a matrix product may take.

Products for a few queries are small. A library that cuts each of them up for all cores, and lets its threads
wait for the next one in a loop, spends more than twice the processor's time on it (LOG.md), and takes it from
whoever else computes: with one thread a product the explorer answers several times as many requests.
"""

from __future__ import annotations

import os
import sys

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_given: list[str] = []


def one_thread_a_product() -> None:
    """Let each product take one thread in this process; call it before NumPy is loaded."""
    if "numpy" in sys.modules:
        return
    for name in VARIABLES:
        if name not in os.environ:
            os.environ[name] = "1"
            _given.append(name)


def environment() -> dict[str, str]:
    """Return the environment for a process that shall use all cores, as the user left it."""
    return {name: value for name, value in os.environ.items() if name not in _given}

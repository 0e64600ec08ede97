"""What the figures were measured on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path
from typing import Any

from bench.process import status_kib

LIBRARIES = ("firth", "gensim", "fasttext", "numpy", "scipy", "numba", "llvmlite", "pyarrow")


def describe() -> dict[str, Any]:
    """Return processor, cores that may be used, memory, system and versions; None where unknown."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "firth_source": firth_source(),
    }


def processor() -> str | None:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def memory_bytes() -> int | None:
    """Return the machine's memory."""
    try:
        return status_kib(Path("/proc/meminfo").read_text())["MemTotal"] * 1024
    except (OSError, KeyError):
        return None


def version(distribution: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def firth_source() -> str | None:
    """Return a digest of firth's Python files: figures of different code are not mixed."""
    spec = importlib.util.find_spec("firth")
    if spec is None or not spec.submodule_search_locations:
        return None
    digest = hashlib.blake2b(digest_size=8)
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()

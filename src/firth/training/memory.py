"""How much memory a run of several replicas needs, and whether it is there: asked before it begins."""

from __future__ import annotations

import os
from pathlib import Path

from firth.errors import ConfigError
from firth.training.arrays import row_stride

_CONTAINERS = (  # of both versions of control groups: the limit, what is used
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def needed_bytes(words: int, vector_size: int, replicas: int) -> int:
    """Return the bytes of ``replicas`` replicas of both tables, and of their base.

    >>> needed_bytes(68_000, 100, 4)
    304643584
    """
    rows = words + replicas * (words + 1)  # one of them spare
    return 2 * 4 * row_stride(vector_size) * rows


def available_bytes() -> int | None:
    """Return the bytes of memory that may still be taken; None where the system does not say."""
    found = [_free_memory(), *(_free_in_container(Path(folder), *names) for folder, *names in _CONTAINERS)]
    known = [number for number in found if number is not None]
    return max(min(known), 0) if known else None


def _free_in_container(folder: Path, limit: str, used: str) -> int | None:
    """Return what a control group leaves; None if there is none, or it has no limit ("max")."""
    try:
        free = int((folder / limit).read_text()) - int((folder / used).read_text())
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        # Files read lately count as used, but give way: a mapped corpus, above all.
        return free + sum(int(size) for name, size in lines if name in ("active_file", "inactive_file"))
    except (OSError, ValueError):
        return None


def _free_memory() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def check_memory(words: int, vector_size: int, replicas: int, available: int | None) -> None:
    """Refuse a run whose replicas do not fit into ``available`` bytes.

    Raises:
        ConfigError: they do not, with the numbers.
    """
    needed = needed_bytes(words, vector_size, replicas)
    if available is not None and needed > available:
        one = needed_bytes(words, vector_size, 2) - needed_bytes(words, vector_size, 1)
        fitting = max((available - needed_bytes(words, vector_size, 0)) // one, 0)
        raise ConfigError(
            f"{replicas} shards of {words:,} words x {vector_size} numbers take {needed / 1e9:,.1f} GB "
            f"of memory ({replicas} replicas of {one / 1e9:,.2f} GB and their base), and "
            f"{available / 1e9:,.1f} GB are free: {remedy(fitting)}lower vector_size or max_vocab_size, or "
            "raise min_count"
        )


def remedy(fitting: int) -> str:
    """Return the advice of a lower number of shards, if there is one."""
    return f"take at most {fitting} shards (--shards {fitting}), " if fitting > 0 else ""

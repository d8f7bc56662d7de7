"""What this host can carry: memory that is free, cores we may use, the instructions the runtime was built for."""

from __future__ import annotations

import os
import platform
from pathlib import Path

MIB = 1024 * 1024


def count_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def maybe_total_memory() -> int | None:
    """Bytes of memory of the host or of the container, whichever is less."""
    return _least(_meminfo("MemTotal"), _cgroup("memory.max", "memory/memory.limit_in_bytes"))


def maybe_free_memory() -> int | None:
    """Bytes that can be taken without swapping, within the limit of the container."""
    limit = _cgroup("memory.max", "memory/memory.limit_in_bytes")
    used = _cgroup("memory.current", "memory/memory.usage_in_bytes")
    room = max(0, limit - used + _cgroup_cache()) if limit is not None and used is not None else None
    return _least(_meminfo("MemAvailable"), room)


def lacks_avx2() -> bool:
    """True on an x86 processor without AVX2: the wheels of the chat runtime die there of an illegal instruction."""
    if platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return False
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False  # not Linux: nothing to look at
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return bool(flags) and "avx2" not in flags.split()


def _least(*values: int | None) -> int | None:
    return min((v for v in values if v is not None), default=None)


def _meminfo(name: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), None)


def _cgroup(v2: str, v1: str) -> int | None:
    for path in (Path("/sys/fs/cgroup", v2), Path("/sys/fs/cgroup", v1)):
        try:
            value = int(path.read_text())
        except (OSError, ValueError):  # absent, or "max"
            continue
        return value if value < 1 << 60 else None
    return None


def _cgroup_cache() -> int:
    """Page cache counted as used by the container, but given back on demand."""
    try:
        rows = dict(line.split() for line in Path("/sys/fs/cgroup/memory.stat").read_text().splitlines())
        return int(rows["inactive_file"])
    except (OSError, ValueError, KeyError):
        return 0

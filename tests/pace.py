"""How slow the machine is: bounds of processor time hold for the machine of the benchmarks, others have more of it."""

from __future__ import annotations

import time

WORK_S = 0.0086
"""What `_work` takes there, the least of many: two cores of a cloud server, Python 3.11."""


def stretch(tries: int = 3) -> float:
    """What a bound is multiplied with here and now, at least 1: other processes cost caches and clock rate, too."""
    return max(1.0, min(_work() for _ in range(tries)) / WORK_S)


def _work() -> float:
    """Processor seconds of what Python mostly does: texts, tables and calls."""
    began = time.process_time()
    found: dict[str, int] = {}
    for number in range(20_000):
        name = f"{number % 97}:{number}"
        found[name] = found.get(name[:2], 0) + number
    return time.process_time() - began

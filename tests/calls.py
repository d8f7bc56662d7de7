"""How much a piece of work does, counted: the same on every machine, and on a busy one, unlike its time."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.live import within_tries


def count_steps(work: Callable[[], object]) -> int:
    """Lines of Python run and functions of C called by one run of `work` in this thread, after one that fills caches.

    A round of a loop is a line or more, a function of Python as many as it has. What a function of C does within is
    one step, however long it takes. Versions of Python differ by a few: leave room for them.
    """
    work()
    steps = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return trace

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += event == "c_call"

    traced, profiled, collects = sys.gettrace(), sys.getprofile(), gc.isenabled()
    gc.disable()  # what a collection calls, finalizers and others' callbacks, is no part of the work
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(profiled)
        sys.settrace(traced)
        if collects:
            gc.enable()
    return steps - 2  # the line of a `lambda`, or the first of a function, and the end of the counting


def takes_time_in_proportion(work: Callable[[int], object], size: int) -> None:
    """For what is done in C, where nothing can be counted: four times as much takes about four times as long.

    What grows with the square takes sixteen times as long, on any machine and at every try.
    """
    work(size // 4)  # fills caches
    within_tries(lambda: _seconds(work, size) < 9 * _seconds(work, size // 4), "in proportion to the size", 5)


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began

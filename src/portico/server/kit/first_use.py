"""What is large and not always needed: made when it is first asked for, in a thread, and once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")
_one_by_one = threading.Lock()
"""Two threads that import at the same time may meet modules of which only half is there."""


class FirstUse(Generic[Made]):
    """One thing of the process. Who asks while it is being made waits for the same one."""

    def __init__(self, make: Callable[[], Made]) -> None:
        """`make` imports what it needs and builds. It runs in a thread, beside requests that go on meanwhile, so it
        starts no tasks and changes nothing that others see."""
        self._make = make
        self._making: asyncio.Task[Made] | None = None

    async def get(self) -> Made:
        """Raises what `make` raises; who asks next has it tried again."""
        if self._making is None or _has_failed(self._making):
            self._making = asyncio.create_task(asyncio.to_thread(self._make_alone))
        # Shielded: who hangs up does not end it for those who wait beside him.
        return await asyncio.shield(self._making)

    def _make_alone(self) -> Made:
        with _one_by_one:
            return self._make()


def _has_failed(task: asyncio.Task[Made]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)

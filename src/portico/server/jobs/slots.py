"""How many jobs a worker does at once, and which are on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """`limit` jobs run, others wait for their turn: those of a dead worker come without being asked for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns = asyncio.Semaphore(limit)
        self._freed = asyncio.Event()
        self._taken = asyncio.Event()
        self._tasks: dict[asyncio.Task[object], str] = {}

    @property
    def running(self) -> int:
        return len(self._tasks)

    @asynccontextmanager
    async def take(self, job_id: str) -> AsyncIterator[None]:
        """Around a job, from its first moment to its last."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = job_id
        self._taken.set()
        try:
            async with self._turns:
                yield
        finally:
            del self._tasks[task]
            self._freed.set()

    async def wait_for_room(self) -> None:
        while len(self._tasks) >= self._limit:
            self._freed.clear()
            await self._freed.wait()

    async def wait_for_jobs(self, number: int) -> None:
        """Until so many are on their way."""
        while len(self._tasks) < number:
            self._taken.clear()
            await self._taken.wait()

    async def drain(self, grace_s: float) -> None:
        """Lets the running jobs go on for so long, then stops them where they are."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace_s)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

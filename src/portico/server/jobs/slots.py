"""How many jobs a worker does at once, and which are on their way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """`limit` jobs run, others wait for their turn: those of a dead worker come without being asked for.

    Turns are given in the order in which they were asked for. A job that runs alone waits until all others have ended,
    and those that came after it wait for it, so that nobody waits for ever: whoever has a turn never waits for another.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()
        self._holding = 0
        self._is_alone = False
        self._alone_ones = 0
        self._freed = asyncio.Event()
        self._taken = asyncio.Event()
        self._tasks: dict[asyncio.Task[object], str] = {}

    @property
    def running(self) -> int:
        """How many are on their way, those that wait for their turn among them."""
        return len(self._tasks)

    @asynccontextmanager
    async def enter(self, job_id: str) -> AsyncIterator[None]:
        """Around a job, from its first moment to its last."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = job_id
        self._taken.set()
        try:
            yield
        finally:
            del self._tasks[task]
            self._freed.set()

    @asynccontextmanager
    async def take(self, *, alone: bool = False) -> AsyncIterator[None]:
        """Around the turn of a job. `alone`: no other job has one meanwhile."""
        self._alone_ones += alone
        try:
            await self._wait_for_turn(alone)
            try:
                yield
            finally:
                self._holding -= 1
                self._is_alone = False
        finally:
            self._alone_ones -= alone
            self._freed.set()
            self._give_turns()

    async def wait_for_room(self) -> None:
        """A job that wants to be alone is not joined by new ones: other workers have room for them."""
        while len(self._tasks) >= self._limit or self._alone_ones:
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

    async def _wait_for_turn(self, alone: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((alone, turn))
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given in the same moment
                self._holding -= 1
                self._is_alone = False
            raise

    def _give_turns(self) -> None:
        while self._waiting and not self._is_alone:
            alone, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if self._holding >= (1 if alone else self._limit):
                return
            self._waiting.popleft()
            self._holding += 1
            self._is_alone = alone
            turn.set_result(None)

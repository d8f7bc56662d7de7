"""How many workers live and how much waits for them: read from the database once in a while, however many ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from portico.server.errors import DatabaseAway
from portico.server.storage import documents_progress, jobs, workers, workflows
from portico.server.storage.database import Database

SILENCE_S = 15.0
_FRESH_S = 1.0
_QUEUE_FRESH_S = 10.0
"""What is looked at by machines; among documents that wait by the hundred thousand, counting takes its time."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work:
    """`seen_s`: how long ago the worker was last seen that was seen last; None when there is none."""

    living: int
    seen_s: float | None
    jobs: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Queue:
    """The same with what is under way: runs that are not over, and documents by each status that is not final."""

    work: Work
    runs: int
    documents: Mapping[str, int]


class WorkStatus:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._work = _Remembered(self._read, _FRESH_S)
        self._queue = _Remembered(self._read_queue, _QUEUE_FRESH_S)

    async def maybe_read(self) -> Work | None:
        """At most a second old; None while the database does not answer."""
        return await self._work.maybe_ask()

    async def maybe_read_queue(self) -> Queue | None:
        """At most ten seconds old; None while the database does not answer."""
        return await self._queue.maybe_ask()

    async def _read(self) -> Work:
        async with self._database.begin() as connection:
            backlog = await jobs.count_jobs(connection)
            living, seen_s = await workers.count_living(connection, SILENCE_S)
        return Work(living, seen_s, backlog.jobs, backlog.oldest_s)

    async def _read_queue(self) -> Queue:
        work = await self._read()
        async with self._database.begin() as connection:
            runs = await workflows.count_open(connection) if await workflows.exists(connection) else 0
            return Queue(work, runs, await documents_progress.count_open(connection))


class _Remembered(Generic[T]):
    """An answer that is asked for anew when it is too old; by one at a time, the others wait for it."""

    def __init__(self, ask: Callable[[], Awaitable[T]], fresh_s: float) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer: T | None = None

    async def maybe_ask(self) -> T | None:
        async with self._asking:
            if time.monotonic() - self._asked_at >= self._fresh_s:
                try:
                    self._answer = await self._ask()
                except DatabaseAway:
                    self._answer = None
                self._asked_at = time.monotonic()
        return self._answer

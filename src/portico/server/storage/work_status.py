"""How many workers live and how much waits for them: read from the database, once a second however many ask."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from portico.server.errors import DatabaseAway
from portico.server.storage import jobs, workers
from portico.server.storage.database import Database

SILENCE_S = 15.0
_FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Work:
    """`seen_s`: how long ago the worker was last seen that was seen last; None when there is none."""

    living: int
    seen_s: float | None
    jobs: int
    oldest_s: float


class WorkStatus:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._work: Work | None = None

    async def maybe_read(self) -> Work | None:
        """None while the database does not answer."""
        async with self._reading:
            if time.monotonic() - self._read_at >= _FRESH_S:
                try:
                    self._work = await self._read()
                except DatabaseAway:
                    self._work = None
                self._read_at = time.monotonic()
        return self._work

    async def _read(self) -> Work:
        async with self._database.begin() as connection:
            backlog = await jobs.count_jobs(connection)
            living, seen_s = await workers.count_living(connection, SILENCE_S)
        return Work(living, seen_s, backlog.jobs, backlog.oldest_s)

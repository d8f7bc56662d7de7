"""Whose fault it is when a worker dies: a run is blamed for the turns that it had without coming further, and no other.

A run that waits for its turn has none. Whoever had several without progress goes on alone, so that it can harm nobody
beside it and nobody else can be at fault; and when that does not help, it is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.errors import DatabaseAway
from portico.server.jobs.patience import Patience
from portico.server.jobs.slots import Slots
from portico.server.storage import turns as rows
from portico.server.storage.database import Database

IN_COMPANY = 3
"""Turns without a step further, after which a run has its turns alone."""
ALONE = 5
"""And so many more after which it is given up."""
T = TypeVar("T")
_log = logging.getLogger("portico.jobs")


class GiveUp(Exception):
    """The run has had all its turns."""


class Turns:
    """One per worker. What is counted is in the database, for all of them."""

    def __init__(self, database: Database, slots: Slots) -> None:
        self.slots = slots
        self._database = database
        self._idle: set[str] = set()

    @asynccontextmanager
    async def take(self, run_id: str) -> AsyncIterator[None]:
        """Around the turn of a run, which may be long in coming. Raises GiveUp in place of one that would be too many.

        What is counted is forgotten when the block ends well, and given back when it is cancelled: so ends a worker in
        good order. After another error the run may go on elsewhere, and the count stays.
        """
        had = await self._write(rows.count_turns, run_id)
        if had >= IN_COMPANY + ALONE:
            raise GiveUp
        async with self.slots.take(alone=had >= IN_COMPANY):
            if had >= IN_COMPANY:
                _log.warning("run %s goes on alone, after %d turns without a step further", run_id, had)
            await self._write(rows.add_turn, run_id)
            self._idle.add(run_id)
            try:
                yield
            except asyncio.CancelledError:
                if run_id in self._idle:
                    with suppress(DatabaseAway):
                        await self._write_once(rows.give_turn_back, run_id)
                raise
            finally:
                self._idle.discard(run_id)
        await self.forget(run_id)

    async def progressed(self, run_id: str) -> None:
        """The run has come further within a step; steps themselves are known. Written down once in a turn, and it only
        counts for less when the database is away."""
        if run_id in self._idle:
            with suppress(DatabaseAway):
                await self._write_once(rows.clear_turns, run_id)
                self._idle.discard(run_id)

    async def forget(self, run_id: str) -> None:
        """The run is over; what is left of it when the database is away is found by the housekeeping."""
        with suppress(DatabaseAway):
            await self._write_once(rows.delete_turns, run_id)

    async def _write(self, query: Callable[[AsyncConnection, str], Awaitable[T]], run_id: str) -> T:
        """However long the database is away: a run that raised that would be over for the engine."""
        patience = Patience()
        while True:
            try:
                return await self._write_once(query, run_id)
            except DatabaseAway as error:
                pause_s = patience.maybe_pause_s(error)
                await asyncio.sleep(1.0 if pause_s is None else pause_s)

    async def _write_once(self, query: Callable[[AsyncConnection, str], Awaitable[T]], run_id: str) -> T:
        async with self._database.begin() as connection:
            return await query(connection, run_id)

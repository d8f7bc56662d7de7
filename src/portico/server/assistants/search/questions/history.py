"""Conversations with RAG assistants between their questions: read before, written behind, forgotten in time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from portico.server.access.tenancy import clean_text
from portico.server.errors import DatabaseAway
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey
from portico.server.storage.threads import Turn, add_turns, delete_old_threads, list_turns

MOST_KEPT = 100
"""Messages of one conversation, whatever its profile says."""
LONGEST_KEPT = 16_000
"""Characters of one message that are kept."""
FORGET_EVERY_S = 3_600.0
_BATCH = 1_000
_log = logging.getLogger("portico.search")


class Threads:
    """One per process. `days`: for so long a conversation is kept behind its last message."""

    def __init__(self, database: Database, *, days: int) -> None:
        self._database = database
        self._days = days
        self._forgetting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._forgetting = asyncio.create_task(self._forget_again(), name="search-threads")

    async def close(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
            with suppress(asyncio.CancelledError):
                await self._forgetting

    async def read(self, key: ProfileKey, thread_id: str) -> list[Turn]:
        async with self._database.begin() as connection:
            return await list_turns(connection, key, thread_id)

    async def add(self, key: ProfileKey, thread_id: str, question: str, answer: str, keep: int) -> None:
        """One exchange. An answer is not lost because its conversation could not be written: that is only logged."""
        answer = clean_text(answer)
        if not answer:
            return
        turns = [Turn("user", question[:LONGEST_KEPT]), Turn("assistant", answer[:LONGEST_KEPT])]
        try:
            async with self._database.begin() as connection:
                await add_turns(connection, key, thread_id, turns, min(keep, MOST_KEPT))
        except IntegrityError:  # the profile has been deleted meanwhile, and its conversations with it
            return
        except (DatabaseAway, SQLAlchemyError) as error:
            _log.warning("a conversation was not written: %s", error)

    async def forget(self) -> int:
        """Ends the conversations whose time is over; how many."""
        forgotten = 0
        while True:
            async with self._database.begin() as connection:
                gone = await delete_old_threads(connection, self._days, _BATCH)
            forgotten += gone
            if gone < _BATCH:
                return forgotten

    async def _forget_again(self) -> None:
        while True:
            try:
                await self.forget()
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("old conversations were not forgotten: %s", error)
            await asyncio.sleep(FORGET_EVERY_S)

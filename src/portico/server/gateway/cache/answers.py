"""The answer cache of a process: key in, entry out, without I/O unless PostgreSQL is known to have it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.gateway.cache.entry import Entry
from portico.server.gateway.cache.keeper import Keeper
from portico.server.gateway.cache.keys import Keys
from portico.server.gateway.cache.memory import Memory
from portico.server.gateway.cache.recorder import Recorder
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.clock import Clock, system_clock
from portico.server.storage.cache import bump_epoch, delete_entries, list_epochs
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.wire.requests import ChatRequest

_TABLE = "cache_epochs"
Also = Callable[[AsyncConnection, int], Awaitable[None]]


class AnswerCache:
    """One per process. `follow` belongs to `Changes`; `start` and `close` to the event loop's life.

    An entry lives `ttl_s` seconds from when it was stored, however often it is asked. Larger answers than
    `entry_limit_bytes` are not kept.
    """

    def __init__(
        self,
        database: Database,
        *,
        ttl_s: float,
        memory_bytes: int,
        rows: int,
        entry_limit_bytes: int,
        clock: Clock = system_clock,
    ) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._entry_limit_bytes = entry_limit_bytes
        self._clock = clock
        self._keys = Keys()
        self._memory = Memory(memory_bytes)
        self._keeper = Keeper(database, ttl_s, rows, clock)

    def start(self) -> None:
        """Loads the known keys and begins to write, in the background."""
        self._keeper.start()

    async def close(self) -> None:
        await self._keeper.close()

    @property
    def dropped(self) -> int:
        """Entries that PostgreSQL was too slow for."""
        return self._keeper.dropped

    def key_of(self, caller: Caller, model: Model, request: ChatRequest, salt: bytes = b"") -> bytes | None:
        """The key of a chat answer; None when it may not be cached: without a project, or where the web is searched.

        `salt` is whatever else decides the answer, such as the guardrails of the project.
        """
        return self._keys.chat(caller, model, request, salt)

    def embedding_key(
        self,
        caller: Caller,
        model: Model,
        element: str,
        dimensions: int | None,
        input_type: str | None,
        place: str = "",
    ) -> bytes | None:
        """The key of the vector of one element; the body of its entry are 32-bit numbers, little-endian.

        `place` is where the model is answered.
        """
        return self._keys.embedding(caller, model, element, dimensions, input_type, place)

    def find(self, key: bytes) -> Entry | None:
        """The entry, if it is in memory and not too old."""
        entry = self._memory.find(key)
        if entry is None:
            return None
        if entry.stored_at + self._ttl_s <= self._clock():
            self._memory.drop(key)
            return None
        return entry

    def stored(self, key: bytes) -> bool:
        """Whether PostgreSQL has it, as far as this process knows: then `fetch` is worth a trip."""
        return self._keeper.knows(key)

    async def fetch(self, key: bytes) -> Entry | None:
        """The entry out of PostgreSQL, also for the next time; None when it is gone. May be driven (kit/drive.py)."""
        entry = await asyncio.get_running_loop().create_task(self._keeper.fetch(key))
        if entry is not None:
            self._memory.put(key, entry)
        return entry

    def store(self, key: bytes, entry: Entry) -> None:
        """Keeps an entry from now on: in memory at once, in PostgreSQL within a second."""
        if len(entry.body) > self._entry_limit_bytes:
            return
        entry.stored_at = self._clock()
        self._memory.put(key, entry)
        self._keeper.add(key, entry)

    def recorder(self) -> Recorder:
        """For one stream; chunks repeat what an answer says once, hence room for several times its size."""
        return Recorder(self._entry_limit_bytes * 8)

    async def clear(self, organization_id: OrganizationId, project_id: ProjectId, also: Also | None = None) -> int:
        """Forgets the answers of a project, here at once and elsewhere within a second; gives how many were stored.

        `also` is done with that number, in the same transaction.
        """
        async with self._database.begin() as connection:
            await bump_epoch(connection, organization_id, project_id)
            removed = await delete_entries(connection, organization_id, project_id)
            if also is not None:
                await also(connection, removed)
        await self._refresh(organization_id)
        return removed

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`: learns the epochs of projects that have forgotten their answers."""
        if UNKNOWN in changes:
            await self._refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table == _TABLE}:
            await self._refresh(*named)

    async def _refresh(self, *organization_ids: OrganizationId) -> None:
        async with self._database.begin() as connection:
            self._keys.put_epochs(await list_epochs(connection, organization_ids))

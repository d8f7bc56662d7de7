"""Keeps entries in PostgreSQL from the background: writes batches, knows which keys are there, deletes the old.

A request never waits here but for an entry that is known to be there. Without the database nothing fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from portico.server.errors import DatabaseAway
from portico.server.gateway.cache.entry import Entry
from portico.server.gateway.cache.keys import TENANT_BYTES, tenant_of
from portico.server.kit.clock import Clock
from portico.server.storage.cache import (
    CacheRow,
    insert_entries,
    last_sequence,
    list_known,
    maybe_entry,
    trim_entries,
)
from portico.server.storage.database import Database

WRITE_EVERY_S = 0.2
TOP_UP_EVERY_S = 1.0
TRIM_EVERY_S = 60.0
QUEUE_ENTRIES = 10_000
QUEUE_BYTES = 32 * 1024 * 1024
_BATCH_ENTRIES, _BATCH_BYTES = 500, 4 * 1024 * 1024
_PAGE = 5_000
_INDEXED_BYTES = 16
_FETCH_TIMEOUT_S = 2.0
_LONGEST_PAUSE_S = 10.0

_log = logging.getLogger("portico.cache")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Entry).decode


class Keeper:
    """The part of the cache that knows the database. `rows` bounds the table; the oldest go first."""

    def __init__(self, database: Database, ttl_s: float, rows: int, clock: Clock) -> None:
        self._database = database
        self._ttl_s = ttl_s
        self._rows = rows
        self._clock = clock
        self._index: dict[bytes, float] = {}  # in the order of their sequence, with the time they were stored
        self._last = 0
        self._pending: dict[bytes, Entry] = {}
        self._pending_bytes = 0
        self._away = False
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._next_top_up = self._next_trim = 0.0
        self._written = 0
        self.dropped = 0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="portico-cache")

    async def close(self, deadline_s: float = 5.0) -> None:
        """Ends the work and writes what is still pending, if the database takes it in time."""
        self._stopping.set()
        try:
            async with asyncio.timeout(deadline_s):
                if self._task is not None:
                    await self._task  # a round that is cancelled would leave a connection half open
                await self.write()
        except (DatabaseAway, SQLAlchemyError, TimeoutError) as error:
            _log.warning("%d cached answers were not stored: %s", len(self._pending), error)

    def add(self, key: bytes, entry: Entry) -> None:
        """Queues an entry; a full queue drops it and counts it, for it can be asked again."""
        size = len(entry.body)
        if len(self._pending) >= QUEUE_ENTRIES or self._pending_bytes + size > QUEUE_BYTES:
            if not self.dropped:
                _log.warning("cached answers come faster than the database takes them: some are kept in memory only")
            self.dropped += 1
            return
        replaced = self._pending.pop(key, None)
        self._pending_bytes += size - (len(replaced.body) if replaced is not None else 0)
        self._pending[key] = entry

    def knows(self, key: bytes) -> bool:
        stored_at = self._index.get(key[TENANT_BYTES : TENANT_BYTES + _INDEXED_BYTES])
        return stored_at is not None and not self._away and stored_at + self._ttl_s > self._clock()

    async def fetch(self, key: bytes) -> Entry | None:
        """The entry, or None when it is not there or does not come in time."""
        organization_id, project_id = tenant_of(key)
        oldest = self._clock() - self._ttl_s
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT_S), self._database.begin() as connection:
                packed = await maybe_entry(connection, organization_id, project_id, key[TENANT_BYTES:], oldest)
        except (DatabaseAway, SQLAlchemyError, TimeoutError) as error:
            self._endure(error)
            return None
        if packed is None:
            self._index.pop(key[TENANT_BYTES : TENANT_BYTES + _INDEXED_BYTES], None)
            return None
        try:
            return _unpack(packed)
        except msgspec.DecodeError:  # written by another version of the server: it is asked again
            return None

    # in the background ----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        pause_s = WRITE_EVERY_S
        while not self._stopping.is_set():
            try:
                await self.write()
                await self._when_due(asyncio.get_running_loop().time)
            except Exception as error:  # a dead task would keep entries out of the database unseen
                self._endure(error)
                pause_s = min(max(1.0, pause_s * 2), _LONGEST_PAUSE_S)
            else:
                pause_s = WRITE_EVERY_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    def _endure(self, error: Exception) -> None:
        if not self._away:
            known = isinstance(error, DatabaseAway | SQLAlchemyError | TimeoutError)
            _log.warning("cached answers are in memory only: %s", error, exc_info=None if known else error)
        self._away = True

    async def _when_due(self, now: Callable[[], float]) -> None:
        if now() >= self._next_top_up:
            await self.top_up()
            self._next_top_up = now() + TOP_UP_EVERY_S
        if now() >= self._next_trim or self._written > max(1_000, self._rows // 10):
            await self.trim()
            self._next_trim = now() + TRIM_EVERY_S

    async def write(self) -> None:
        """Everything that is pending now; what comes meanwhile makes a batch of its own, later. Raises DatabaseAway,
        SQLAlchemyError; then it stays pending."""
        left = len(self._pending)
        while left > 0 and self._pending:
            batch = dict(self._next_batch())
            left -= len(batch)
            async with self._database.begin() as connection:
                await insert_entries(connection, [_row(key, entry) for key, entry in batch.items()])
            for key, entry in batch.items():
                if self._pending.get(key) is entry:  # else there is a newer one meanwhile
                    del self._pending[key]
                    self._pending_bytes -= len(entry.body)
            self._written += len(batch)

    def _next_batch(self) -> Iterator[tuple[bytes, Entry]]:
        size = 0
        for count, (key, entry) in enumerate(self._pending.items()):
            size += len(entry.body)
            if count and (count >= _BATCH_ENTRIES or size > _BATCH_BYTES):
                return
            yield key, entry

    async def top_up(self) -> None:
        """Learns which keys have come to the table since the last time, page by page."""
        async with self._database.begin() as connection:
            if await last_sequence(connection) < self._last:  # a crash of PostgreSQL has emptied it
                self._index.clear()
                self._last = 0
        while True:
            async with self._database.begin() as connection:
                page = await list_known(connection, self._last, _PAGE)
            for sequence, digest, stored_at in page:
                self._index.pop(digest, None)
                self._index[digest] = stored_at
                self._last = sequence
            self._forget_old()
            if len(page) < _PAGE:
                break
        if self._away:
            _log.info("the database answers again: cached answers are shared once more")
        self._away = False

    def _forget_old(self) -> None:
        """What the table has lost by age or number, without asking it."""
        oldest = self._clock() - self._ttl_s
        gone = max(0, len(self._index) - self._rows)
        stale = []
        for number, (digest, stored_at) in enumerate(self._index.items()):
            if number >= gone and stored_at > oldest:
                break
            stale.append(digest)
        for digest in stale:
            del self._index[digest]

    async def trim(self) -> None:
        """Deletes what has expired and what is beyond the bound; one process at a time."""
        self._written = 0
        while True:
            async with self._database.begin() as connection:
                if not await trim_entries(connection, self._clock() - self._ttl_s, self._rows):
                    return


def _row(key: bytes, entry: Entry) -> CacheRow:
    organization_id, project_id = tenant_of(key)
    return CacheRow(organization_id, project_id, key[TENANT_BYTES:], entry.stored_at, _pack(entry))

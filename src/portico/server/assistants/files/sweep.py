"""Housekeeping of files: temporary ones whose time is over, bytes that no row names, uploads that never ended."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from sqlalchemy import text

from portico.server.access.audit import record_system
from portico.server.assistants.files.manage import FileStore
from portico.server.errors import PorticoError
from portico.server.storage import files as rows

INTERVAL_S = 600.0
ORPHAN_S = 3600.0
"""Bytes come before their row: what is younger may still get one."""
UNFINISHED_S = 24 * 3600.0
_BATCH = 500
_LOCK = 0x504F5246494C45  # "PORFILE": one of several servers sweeps
_log = logging.getLogger("portico.files")


class FileSweep:
    """Begins with the server, then every ten minutes."""

    def __init__(self, store: FileStore, interval_s: float = INTERVAL_S) -> None:
        self._store = store
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="sweep files")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except PorticoError as error:  # database or bucket are away: the next turn does it
                _log.warning("files were not swept: %s", error.message)
            except Exception:
                _log.exception("files were not swept")
            await asyncio.sleep(self._interval_s)

    async def sweep(self, orphan_s: float = ORPHAN_S) -> tuple[int, int]:
        """How many files ended, and how many keys had no file."""
        async with self._store.tenancy.database.begin() as connection:
            if not await connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")):
                return 0, 0
        expired = await self._expire()
        orphans = await self._drop_orphans(time.time() - orphan_s)
        await self._store.blobs.tidy(UNFINISHED_S)
        return expired, orphans

    async def _expire(self) -> int:
        ended = 0
        while True:
            tenancy = self._store.tenancy
            async with tenancy.database.begin() as connection:
                gone = await rows.delete_expired(connection, _BATCH)
                for row in gone:
                    await record_system(
                        connection, tenancy, row.organization_id, "file sweep", "delete", "file", row.file_id,
                        row.full_name, project_id=row.project_id, details={"expired": True},
                    )  # fmt: skip
            for row in gone:
                await self._store.forget_bytes(row.blob)
            ended += len(gone)
            if len(gone) < _BATCH:
                return ended

    async def _drop_orphans(self, before: float) -> int:
        waiting: list[str] = []
        dropped = 0
        async for found in self._store.blobs.list_all():
            if found.modified_at < before:
                waiting.append(found.key)
            if len(waiting) >= _BATCH:
                dropped += await self._drop(waiting)
                waiting = []
        return dropped + await self._drop(waiting)

    async def _drop(self, keys: list[str]) -> int:
        if not keys:
            return 0
        async with self._store.tenancy.database.begin() as connection:
            found = await rows.list_orphans(connection, {key.partition(".")[0] for key in keys})
        orphans = [key for key in keys if key.partition(".")[0] in found]
        await self._store.blobs.delete(orphans)
        return len(orphans)

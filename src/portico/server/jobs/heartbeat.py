"""Every worker says every few seconds that it lives, and takes over the runs of those that have fallen silent."""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from portico import __version__
from portico.server.errors import PorticoError
from portico.server.jobs.engine import recover
from portico.server.storage import workers as rows
from portico.server.storage import workflows
from portico.server.storage.database import Database
from portico.server.storage.work_status import SILENCE_S

BEAT_S = 5.0
_log = logging.getLogger("portico.jobs")


class Heartbeat:
    """One per worker. A dead one's work goes on elsewhere at most `SILENCE_S + BEAT_S` later, and a poll of the queue.

    Whoever was only silent, and still runs what another has taken over, is refused by the engine when it wants to
    record its next step: one run is never finished twice.
    """

    def __init__(self, database: Database, worker_id: str, *, beat_s: float = BEAT_S, silence_s: float = SILENCE_S):
        self._database = database
        self._worker_id = worker_id
        self._beat_s = beat_s
        self._silence_s = silence_s

    async def beat(self) -> None:
        async with self._database.begin() as connection:
            await rows.beat(connection, self._worker_id, socket.gethostname(), os.getpid(), __version__)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.beat()
                await self.take_over()
            except PorticoError as error:
                _log.warning("the heartbeat failed: %s", error.message)
            except Exception:
                _log.exception("the heartbeat failed")
            await asyncio.sleep(self._beat_s)

    async def take_over(self) -> int:
        """How many runs of dead workers were put back for the living; one worker at a time looks."""
        async with self._database.begin() as connection:
            if not await rows.try_takeover(connection):
                return 0
            silent = await rows.delete_silent(connection, self._silence_s)
            dead = await workflows.list_orphaned_executors(connection)
            if not dead:
                return 0
            taken = await asyncio.to_thread(recover, dead)
        _log.warning("taken over %d runs of workers that have gone: %s", taken, ", ".join({*silent, *dead}))
        return taken

    async def leave(self) -> None:
        """The orderly end: what runs here is put back at once."""
        await asyncio.to_thread(recover, [self._worker_id])
        async with self._database.begin() as connection:
            await rows.delete_workers(connection, [self._worker_id])

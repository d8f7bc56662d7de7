"""One worker: the engine, the dispatcher, the heartbeat and the housekeeping, from a clean start to an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

import sqlalchemy

from portico.server.jobs import engine
from portico.server.jobs.dispatch import Dispatcher
from portico.server.jobs.faults import Faults
from portico.server.jobs.heartbeat import BEAT_S, Heartbeat
from portico.server.jobs.housekeeping import Housekeeping
from portico.server.jobs.turns import Turns
from portico.server.jobs.workflow import Job, make_workflow
from portico.server.storage import workflows
from portico.server.storage.database import Database
from portico.server.storage.work_status import SILENCE_S

LEFT_S = 5.0
"""Longest wait, before new jobs are taken, for the runs that were left by a former start."""


class Worker:
    """Of one process and its one event loop. `jobs` says what is done for the jobs of each name."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        jobs: Mapping[str, Job],
        *,
        turns: Turns,
        faults: Faults,
        grace_s: float = 0.0,
        beat_s: float = BEAT_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.worker_id = worker_id
        self._database = database
        self._grace_s = grace_s
        self._slots = slots = turns.slots
        workflows = {name: make_workflow(name, job, slots, turns) for name, job in jobs.items()}
        self.dispatcher = Dispatcher(database, self._slots, workflows, faults)
        self.heartbeat = Heartbeat(database, worker_id, beat_s=beat_s, silence_s=silence_s)
        self.housekeeping = Housekeeping(database)
        self._connections: sqlalchemy.Engine | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Worker:
        """Known before it works: nobody takes a worker that is just starting for a dead one."""
        await self.heartbeat.beat()
        left = await self._count_left()
        self._connections = engine.launch(self._database, self.worker_id)
        parts = (self._dispatch(left), self.heartbeat.run(), self.housekeeping.run())
        self._tasks = [asyncio.create_task(part) for part in parts]
        return self

    async def _count_left(self) -> int:
        async with self._database.begin() as connection:
            if not await workflows.exists(connection):
                return 0
            return await workflows.count_left(connection, self.worker_id)

    async def _dispatch(self, left: int) -> None:
        """New jobs come after those that were left: a worker that is killed again and again would else have more and
        more of them waiting, which other workers have room for."""
        with suppress(TimeoutError):  # another worker may have been faster with some
            async with asyncio.timeout(LEFT_S):
                await self._slots.wait_for_jobs(left)
        await self.dispatcher.run()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes nothing more, lets go what runs, and puts it back for others."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._slots.drain(self._grace_s)
            await self.heartbeat.leave()
        finally:
            await asyncio.to_thread(engine.stop)
            if self._connections is not None:
                self._connections.dispose()

"""The worker that a server brings along: one per data folder, shared by all server processes, there when it is needed.

It starts with the first job, ends when there was none for a while, and goes with the last server, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields

from sqlalchemy.exc import SQLAlchemyError

from portico.server.app.ground import Ground
from portico.server.errors import PorticoError
from portico.server.kit.shared_process import Child, ChildFailed, Lease, lease
from portico.server.settings import Settings
from portico.server.storage import documents_progress, jobs, workflows
from portico.server.storage.database import Database

NAME = "worker"
LOOK_S = 30.0
"""How often is looked without having been told of a job."""
IDLE_S = 600.0
AGAIN_S = 10.0
"""After a worker that could not be started."""
_MAPPINGS = {"provider_keys": "API_KEY", "provider_urls": "BASE_URL"}
_log = logging.getLogger("portico.jobs")


class WorkerChild:
    """Holds a lease on the worker while there is work."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._news = asyncio.Event()
        self._lease: Lease | None = None
        self._busy_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def hear(self, _payload: str) -> None:
        """There are new jobs."""
        self._news.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="worker child")

    async def close(self) -> None:
        """Returns when the worker has ended, unless another server process still holds it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._give_back()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            pause_s = LOOK_S
            try:
                await self._look()
            except ChildFailed as failure:
                pause_s = AGAIN_S
                _log.error("no worker could be started: %s %s", failure.message, failure.log.strip()[-500:])
            except (PorticoError, SQLAlchemyError, OSError) as error:  # the database is away, or goes with us
                pause_s = AGAIN_S
                _log.warning("no worker could be started: %s", error)
            except Exception:
                pause_s = AGAIN_S
                _log.exception("no worker could be started")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()

    async def _look(self) -> None:
        now = time.monotonic()
        if self._lease is not None and now - self._busy_at < LOOK_S:
            return  # it is there, and hears of jobs itself
        if await is_work_left(self._database):
            self._busy_at = now
            if self._lease is None:
                self._lease = await lease(self._settings.data_dir / "run", NAME, _child(self._settings))
        elif now - self._busy_at > IDLE_S:
            await self._give_back()

    async def _give_back(self) -> None:
        held, self._lease = self._lease, None
        if held is not None:
            await held.close()


def open_worker_child(ground: Ground) -> None:
    if ground.settings.worker == "off":
        return
    child = WorkerChild(ground.database, ground.settings)
    ground.changes.hear(jobs.CHANNEL, child.hear)
    child.start()
    ground.stack.push_async_callback(child.close)


async def is_work_left(database: Database) -> bool:
    """Whether anything waits for a worker, or runs."""
    async with database.begin() as connection:
        if (await jobs.count_jobs(connection)).jobs or await documents_progress.any_open(connection):
            return True
        return await workflows.exists(connection) and bool(await workflows.list_open(connection))


def _child(settings: Settings) -> Child:
    return Child(
        argv=[sys.executable, "-P", "-m", "portico", "worker"],
        env=environment(settings, os.environ),
        start_timeout_s=90.0,
        stop_timeout_s=15.0,
    )


def environment(settings: Settings, ours: Mapping[str, str]) -> dict[str, str]:
    """Our environment, and in it all settings as they are: those that came as arguments, too."""
    names = {f"PORTICO_{setting.name.upper()}" for setting in fields(Settings)}
    made = {name: value for name, value in ours.items() if name not in names and name not in ("PORT", "DATA")}
    for setting in fields(Settings):
        value = getattr(settings, setting.name)
        if isinstance(value, bool):
            made[f"PORTICO_{setting.name.upper()}"] = str(value).lower()
        elif value is not None and not isinstance(value, Mapping):
            made[f"PORTICO_{setting.name.upper()}"] = str(value)
    for name, what in _MAPPINGS.items():
        for provider, text in getattr(settings, name).items():
            made[f"PORTICO_PROVIDER_{provider.upper()}_{what}"] = str(text)
    for provider, options in settings.provider_options.items():
        made |= {f"PORTICO_PROVIDER_{provider.upper()}_{name.upper()}": text for name, text in options.items()}
    return made

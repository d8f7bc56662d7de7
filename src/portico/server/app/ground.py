"""What all rooms stand on: settings, database, key, news of the database, the way to providers; what is to be closed.

A room that keeps a copy of rows in memory subscribes to `changes` while it is built. They begin when all is built.
"""

from __future__ import annotations

import stat
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from portico.server.access.host.credentials import FILE
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.providers.transport import Transport
from portico.server.settings import Settings
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database
from portico.server.storage.opening import open_database
from portico.server.storage.secrets import KEY_FILE, open_installation_key

OWN_NAMES = {FILE, KEY_FILE, "models", "catalog", "files", "journal", "leases", "postgres", "run"}


@dataclass(frozen=True, slots=True)
class Ground:
    """One per process. `stack` takes down in the opposite order what was built on it."""

    settings: Settings
    database: Database
    tenancy: Tenancy
    changes: Changes
    transport: Transport
    stack: AsyncExitStack

    async def start_changes(self) -> None:
        """Listens before it reads, so that no change falls in between; returns when all copies are filled."""
        await self.changes.start()
        self.stack.push_async_callback(self.changes.close)


async def open_ground(settings: Settings, stack: AsyncExitStack) -> Ground:
    """Raises StartError."""
    _make_data_dir(settings.data_dir)
    database = await stack.enter_async_context(open_database(settings))
    key = await open_installation_key(database, settings.data_dir, settings.secret_key)
    changes, snapshot = Changes(database.url), TokenSnapshot(database, key)
    changes.subscribe(snapshot.follow)
    transport = Transport(
        request_timeout_s=settings.request_timeout_s,
        gap_timeout_s=settings.gap_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
    )
    transport.start()
    stack.callback(transport.close)
    return Ground(settings, database, Tenancy(database, key, snapshot), changes, transport, stack)


def _make_data_dir(path: Path) -> None:
    """For the owner only, also when `portico models pull` made it first; a folder with other things in it is left."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) & 0o077 and {entry.name for entry in path.iterdir()} <= OWN_NAMES:
        path.chmod(0o700)

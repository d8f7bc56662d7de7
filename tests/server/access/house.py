"""What a server process builds of this room at its start, on a database of the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portico.server.access.caller import Caller
from portico.server.access.host.credentials import Credentials
from portico.server.access.host.first_start import first_start
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.settings import Secret
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database
from portico.server.storage.secrets import open_installation_key

KEY = Secret("an installation key of the tests, long enough")
ADDRESS = "http://127.0.0.1:8080"
NEVER_S = 86_400.0
"""No look around without a notice: what is known of a change, a notice has brought, and the wait for it may be long."""


@dataclass
class House:
    """One process: its tenancy, and what the first start wrote."""

    tenancy: Tenancy
    changes: Changes
    credentials: Credentials | None

    @property
    def snapshot(self) -> TokenSnapshot:
        return self.tenancy.snapshot

    @property
    def first(self) -> Credentials:
        assert self.credentials is not None
        return self.credentials

    @property
    def owner(self) -> Caller:
        """The caller with the organization token of the first start."""
        return self.snapshot.find(self.first.organization_token)

    @property
    def member(self) -> Caller:
        """The caller with the project token of the first start."""
        return self.snapshot.find(self.first.project_token)

    async def close(self) -> None:
        await self.changes.close()
        await self.tenancy.database.close()


async def open_house(url: str, data_dir: Path, key: Secret | None = KEY) -> House:
    database = await Database.open(url)
    master = await open_installation_key(database, data_dir, key)
    credentials = await first_start(database, master, data_dir, ADDRESS)
    snapshot = TokenSnapshot(database, master)
    changes = Changes(database.url, safety_net_s=NEVER_S)
    changes.subscribe(snapshot.follow)
    await changes.start()
    return House(Tenancy(database, master, snapshot), changes, credentials)

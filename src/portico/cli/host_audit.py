"""The audit log in the database of this host: what the host itself did, and the check of every chain there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .serve import acting_on_host, find_installation

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.server.storage.database import Database
    from portico.server.storage.secrets import InstallationKey


def list_host(data_dir: Path | None, query: dict[str, str]) -> JsonObject:
    """A page of entries that belong to no organization; `query` as the API has it, in lower case."""

    async def go(database: Database, key: InstallationKey) -> JsonObject:
        import msgspec

        from portico.server.access.audit.log import list_installation

        page: JsonObject = msgspec.to_builtins(await list_installation(database, query))
        return page

    return _ask(data_dir, go)


def verify_host(data_dir: Path | None) -> JsonObject:
    """`valid`, and under `chains` the check of each organization; the installation's own has a GUID of zeros."""

    async def go(database: Database, key: InstallationKey) -> JsonObject:
        import msgspec

        from portico.server.access.audit.log import check_all
        from portico.server.storage.audit import KEY_PURPOSE

        found = await check_all(database, key.for_purpose(KEY_PURPOSE))
        chains = [{"organizationId": one, **msgspec.to_builtins(check)} for one, check in found.items()]
        return {"valid": all(check.valid for check in found.values()), "chains": chains}

    return _ask(data_dir, go)


def _ask(data_dir: Path | None, call: Callable[[Database, InstallationKey], Awaitable[JsonObject]]) -> JsonObject:
    import asyncio

    settings = find_installation(data_dir)

    async def go() -> JsonObject:
        from portico.server.storage.opening import open_database
        from portico.server.storage.secrets import open_installation_key

        async with open_database(settings) as database:
            return await call(database, await open_installation_key(database, settings.data_dir, settings.secret_key))

    with acting_on_host(settings):
        return asyncio.run(go())

"""Settings in, the database of this installation out: the configured PostgreSQL or the embedded one, migrated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from portico.server.settings import Secret, Settings
from portico.server.storage.database import Database
from portico.server.storage.migrations import migrate


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Closed at the end; the embedded one stops with its last holder. Raises StartError."""
    async with AsyncExitStack() as stack:
        database = await Database.open(await _find_url(settings, stack))
        stack.push_async_callback(database.close)
        await migrate(database)
        yield database


async def _find_url(settings: Settings, stack: AsyncExitStack) -> Secret:
    if settings.database_url is not None:
        return settings.database_url
    from portico.server.storage.embedded import open_embedded

    embedded = await open_embedded(settings.data_dir)
    stack.push_async_callback(embedded.close)
    return embedded.url

"""The answer cache of a project, high level."""

from __future__ import annotations

from portico.sdk.clients.cache import AsyncCacheClient, CacheClient
from portico.sdk.managers.base import read
from portico.wire.cache import ClearedCache


class Cache:
    """`client.cache`: the answers that are given again."""

    def __init__(self, client: CacheClient) -> None:
        self._client = client

    def clear(self, *, project_id: str | None = None) -> int:
        """Forgets them; gives how many were stored. `project_id`: with an organization token."""
        return read(ClearedCache, self._client.clear_cache(project_id=project_id)).removed


class AsyncCache:
    """The same for asyncio."""

    def __init__(self, client: AsyncCacheClient) -> None:
        self._client = client

    async def clear(self, *, project_id: str | None = None) -> int:
        """Forgets them; gives how many were stored. `project_id`: with an organization token."""
        return read(ClearedCache, await self._client.clear_cache(project_id=project_id)).removed

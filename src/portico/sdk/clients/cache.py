"""The answer cache of a project, low level. `project_id` is needed with a token that is not of one project.

An API of Portico's own: DELETE /v2/cache.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, given
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient


def clear_call(project_id: str | None) -> Call:
    return Call("DELETE", "/v2/cache", headers=given({"project-id": project_id}), repeat=Repeat.SAFE)


class CacheClient(LowLevelClient):
    def clear_cache(self, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/cache: `removed` is how many stored answers were forgotten."""
        return self._json(clear_call(project_id))


class AsyncCacheClient(AsyncLowLevelClient):
    async def clear_cache(self, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/cache: `removed` is how many stored answers were forgotten."""
        return await self._json(clear_call(project_id))

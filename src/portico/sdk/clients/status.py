"""Does the server run, and which version. No token is sent."""

from __future__ import annotations

from dataclasses import replace

from portico.sdk.call import Call, JsonObject, get
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

DEADLINE_S = 10.0


def status_call() -> Call:
    return replace(get("/v1/system/status"), with_credentials=False, deadline_s=DEADLINE_S)


class StatusClient(LowLevelClient):
    def get_status(self) -> JsonObject:
        """GET /v1/system/status: `running`, `version`, `timestamp`."""
        return self._json(status_call())


class AsyncStatusClient(AsyncLowLevelClient):
    async def get_status(self) -> JsonObject:
        """GET /v1/system/status: `running`, `version`, `timestamp`."""
        return await self._json(status_call())

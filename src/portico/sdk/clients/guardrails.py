"""The guardrails of a project, low level. `project_id` is needed with a token that is not of one project.

An API of Portico's own: /v2/guardrails.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

PATH = "/v2/guardrails"


def get_call(project_id: str | None) -> Call:
    return get(PATH, headers={"project-id": project_id})


def set_call(settings: JsonObject, project_id: str | None) -> Call:
    return send_json("PUT", PATH, settings, repeat=Repeat.SAFE, headers={"project-id": project_id})


def delete_call(project_id: str | None) -> Call:
    return Call("DELETE", PATH, headers=given({"project-id": project_id}), repeat=Repeat.NEVER)


class GuardrailsClient(LowLevelClient):
    def get_guardrails(self, *, project_id: str | None = None) -> JsonObject:
        """GET /v2/guardrails."""
        return self._json(get_call(project_id))

    def set_guardrails(self, settings: JsonObject, *, project_id: str | None = None) -> JsonObject:
        """PUT /v2/guardrails: replaces all of them."""
        return self._json(set_call(settings, project_id))

    def delete_guardrails(self, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/guardrails: switches everything off."""
        return self._json(delete_call(project_id))


class AsyncGuardrailsClient(AsyncLowLevelClient):
    async def get_guardrails(self, *, project_id: str | None = None) -> JsonObject:
        """GET /v2/guardrails."""
        return await self._json(get_call(project_id))

    async def set_guardrails(self, settings: JsonObject, *, project_id: str | None = None) -> JsonObject:
        """PUT /v2/guardrails: replaces all of them."""
        return await self._json(set_call(settings, project_id))

    async def delete_guardrails(self, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/guardrails: switches everything off."""
        return await self._json(delete_call(project_id))

"""Assistants and their revisions, low level. An assistant is named by its id or by its name.

Source: Assistant API reference; `publish`, `diff` and `history` are Portico's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v1/assistant"


class AssistantMembers(TypedDict, total=False):
    """What is said of an assistant; None is left out. `action`: saveNewRevision (what happens when a prompt or settings
    are given), savePublishNewRevision, save (in place), publish (an older revision again).

    `llm_settings` and `welcome_data` have the members of the reference. Without `welcome_data` a change erases it.
    `open_api` and `authentication` are for the type api: the document, and `{"type": "apiKey", "authType": "Bearer",
    "apiKeySecret": "NAME"}`.
    """

    name: str | None
    description: str | None
    prompt: str | None
    llm_settings: Mapping[str, Any] | None
    welcome_data: Mapping[str, Any] | None
    status: int | None
    action: str | None
    revision_id: int | None
    revision_name: str | None
    revision_description: str | None
    open_api: Mapping[str, Any] | None
    authentication: Mapping[str, Any] | None


_WIRE = {
    "llm_settings": "llmSettings",
    "welcome_data": "welcomeData",
    "revision_id": "revisionId",
    "open_api": "openApi",
    "revision_name": "revisionName",
    "revision_description": "revisionDescription",
}


def list_call(detail: str | None, project_id: str | None) -> Call:
    return get("/v1/organization/assistants", {"detail": detail}, {"project-id": project_id})


def get_call(assistant: str, detail: str | None) -> Call:
    return get(_path(assistant), {"detail": detail})


def create_call(type: str, members: AssistantMembers) -> Call:
    return send_json("POST", ROOT, {"type": type, **_body(members)}, repeat=Repeat.NEVER)


def update_call(assistant: str, members: AssistantMembers) -> Call:
    # Sent twice it would make two revisions.
    return send_json("PUT", _path(assistant), _body(members), repeat=Repeat.NEVER)


def delete_call(assistant: str) -> Call:
    return Call("DELETE", _path(assistant), repeat=Repeat.NEVER)


def diff_call(assistant: str, before: int | None, after: int | None) -> Call:
    return get(f"/v2/assistant/{_segment(assistant)}/diff", {"from": before, "to": after})


def history_call(assistant: str, revision_id: int) -> Call:
    return get(f"/v2/assistant/{_segment(assistant)}/revisions/{revision_id}/history")


def _body(members: AssistantMembers) -> JsonObject:
    return given({_WIRE.get(name, name): value for name, value in members.items()})


def _path(assistant: str) -> str:
    return f"{ROOT}/{_segment(assistant)}"


def _segment(assistant: str) -> str:
    if not assistant.strip():
        raise PorticoError("The assistant's id is empty.", hint="`portico assistants list` shows ids and names.")
    if assistant in (".", ".."):  # in a path they mean a folder
        raise PorticoError(f"The name {assistant} cannot stand in an address.", hint="Use the assistant's id.")
    return path_segment(assistant)


class AssistantsClient(LowLevelClient):
    def list_assistants(self, *, detail: str | None = None, project_id: str | None = None) -> JsonObject:
        """GET /v1/organization/assistants: `assistants`; `detail` `full` brings the revisions."""
        return self._json(list_call(detail, project_id))

    def get_assistant(self, assistant: str, *, detail: str | None = None) -> JsonObject:
        """GET /v1/assistant/{id}: with the active revision; `detail` `full` brings all."""
        return self._json(get_call(assistant, detail))

    def create_assistant(self, type: str = "chat", **members: Unpack[AssistantMembers]) -> JsonObject:
        """POST /v1/assistant: `name` and `prompt` are needed; revision 1 is active at once."""
        return self._json(create_call(type, members))

    def update_assistant(self, assistant: str, **members: Unpack[AssistantMembers]) -> JsonObject:
        """PUT /v1/assistant/{id}: the answer shows the revision concerned."""
        return self._json(update_call(assistant, members))

    def delete_assistant(self, assistant: str) -> JsonObject:
        """DELETE /v1/assistant/{id}: with its revisions."""
        return self._json(delete_call(assistant))

    def compare_revisions(self, assistant: str, *, before: int | None = None, after: int | None = None) -> JsonObject:
        """GET /v2/assistant/{id}/diff: `changes` and a unified diff of the `prompt`."""
        return self._json(diff_call(assistant, before, after))

    def get_revision_history(self, assistant: str, revision_id: int) -> JsonObject:
        """GET /v2/assistant/{id}/revisions/{revisionId}/history: `words`, oldest first."""
        return self._json(history_call(assistant, revision_id))


class AsyncAssistantsClient(AsyncLowLevelClient):
    """The same for asyncio."""

    async def list_assistants(self, *, detail: str | None = None, project_id: str | None = None) -> JsonObject:
        """GET /v1/organization/assistants: `assistants`; `detail` `full` brings the revisions."""
        return await self._json(list_call(detail, project_id))

    async def get_assistant(self, assistant: str, *, detail: str | None = None) -> JsonObject:
        """GET /v1/assistant/{id}: with the active revision; `detail` `full` brings all."""
        return await self._json(get_call(assistant, detail))

    async def create_assistant(self, type: str = "chat", **members: Unpack[AssistantMembers]) -> JsonObject:
        """POST /v1/assistant: `name` and `prompt` are needed; revision 1 is active at once."""
        return await self._json(create_call(type, members))

    async def update_assistant(self, assistant: str, **members: Unpack[AssistantMembers]) -> JsonObject:
        """PUT /v1/assistant/{id}: the answer shows the revision concerned."""
        return await self._json(update_call(assistant, members))

    async def delete_assistant(self, assistant: str) -> JsonObject:
        """DELETE /v1/assistant/{id}: with its revisions."""
        return await self._json(delete_call(assistant))

    async def compare_revisions(
        self, assistant: str, *, before: int | None = None, after: int | None = None
    ) -> JsonObject:
        """GET /v2/assistant/{id}/diff: `changes` and a unified diff of the `prompt`."""
        return await self._json(diff_call(assistant, before, after))

    async def get_revision_history(self, assistant: str, revision_id: int) -> JsonObject:
        """GET /v2/assistant/{id}/revisions/{revisionId}/history: `words`, oldest first."""
        return await self._json(history_call(assistant, revision_id))

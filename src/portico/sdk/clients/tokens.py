"""API tokens, low level: who a token is, and the tokens of a project.

Source: Organization API reference, GET /v1/accessControl/apitoken/validate and /v2/projects/tokens.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v2/projects/tokens"


def validate_call() -> Call:
    return get("/v1/accessControl/apitoken/validate")


def create_call(name: str, description: str | None, project_id: str | None) -> Call:
    """`project_id` is needed with a token that is not of one project."""
    body = given({"name": name, "description": description})
    return send_json("POST", ROOT, body, repeat=Repeat.NEVER, headers={"project-id": project_id})


def get_call(token_id: str) -> Call:
    return get(_path(token_id))


def update_call(token_id: str, description: str | None, status: str | None) -> Call:
    body = given({"description": description, "status": status})
    return send_json("PUT", _path(token_id), body, repeat=Repeat.SAFE)


def delete_call(token_id: str) -> Call:
    return Call("DELETE", _path(token_id), repeat=Repeat.NEVER)


def list_call(project_id: str) -> Call:
    return get(f"/v1/organization/project/{path_segment(project_id)}/tokens")


def _path(token_id: str) -> str:
    if not token_id.strip():
        raise PorticoError("The token's id is empty.", hint="`portico tokens list` shows the ids.")
    return f"{ROOT}/{path_segment(token_id)}"


class TokensClient(LowLevelClient):
    def validate_api_token(self) -> JsonObject:
        """GET /v1/accessControl/apitoken/validate: organization and project of the token in use."""
        return self._json(validate_call())

    def create_project_api_token(
        self, name: str, *, description: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """POST /v2/projects/tokens: the new token; its `id` is the secret, shown this once."""
        return self._json(create_call(name, description, project_id))

    def get_project_api_token(self, token_id: str) -> JsonObject:
        """GET /v2/projects/tokens/{id}."""
        return self._json(get_call(token_id))

    def update_project_api_token(
        self, token_id: str, *, description: str | None = None, status: str | None = None
    ) -> JsonObject:
        """PUT /v2/projects/tokens/{id}: new description, or status `Active` or `Blocked`."""
        return self._json(update_call(token_id, description, status))

    def delete_project_api_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/projects/tokens/{id}."""
        return self._json(delete_call(token_id))

    def list_project_tokens(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}/tokens: `tokens`; asks for an organization token."""
        return self._json(list_call(project_id))


class AsyncTokensClient(AsyncLowLevelClient):
    async def validate_api_token(self) -> JsonObject:
        """GET /v1/accessControl/apitoken/validate: organization and project of the token in use."""
        return await self._json(validate_call())

    async def create_project_api_token(
        self, name: str, *, description: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """POST /v2/projects/tokens: the new token; its `id` is the secret, shown this once."""
        return await self._json(create_call(name, description, project_id))

    async def get_project_api_token(self, token_id: str) -> JsonObject:
        """GET /v2/projects/tokens/{id}."""
        return await self._json(get_call(token_id))

    async def update_project_api_token(
        self, token_id: str, *, description: str | None = None, status: str | None = None
    ) -> JsonObject:
        """PUT /v2/projects/tokens/{id}: new description, or status `Active` or `Blocked`."""
        return await self._json(update_call(token_id, description, status))

    async def delete_project_api_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/projects/tokens/{id}."""
        return await self._json(delete_call(token_id))

    async def list_project_tokens(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}/tokens: `tokens`; asks for an organization token."""
        return await self._json(list_call(project_id))

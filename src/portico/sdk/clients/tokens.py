"""API tokens, low level: who a token is, the tokens of a project, and those of the organization itself.

Source: Organization API reference, /v1/accessControl/apitoken/validate and /v2/projects/tokens; /v2/organization/tokens
is Portico's own. `expires_at` is a time such as 2030-01-31T12:00:00Z.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v2/projects/tokens"
WHOLE = "/v2/organization/tokens"


def validate_call() -> Call:
    return get("/v1/accessControl/apitoken/validate")


def create_call(
    name: str, description: str | None, expires_at: str | None, project_id: str | None = None, root: str = ROOT
) -> Call:
    """`project_id` is needed with a token that is not of one project."""
    body = given({"name": name, "description": description, "expiresAt": expires_at})
    return send_json("POST", root, body, repeat=Repeat.NEVER, headers={"project-id": project_id})


def get_call(token_id: str, root: str = ROOT) -> Call:
    return get(_path(token_id, root))


def update_call(
    token_id: str, description: str | None, status: str | None, expires_at: str | None, root: str = ROOT
) -> Call:
    body = given({"description": description, "status": status, "expiresAt": expires_at})
    return send_json("PUT", _path(token_id, root), body, repeat=Repeat.SAFE)


def delete_call(token_id: str, root: str = ROOT) -> Call:
    return Call("DELETE", _path(token_id, root), repeat=Repeat.NEVER)


def list_call(project_id: str) -> Call:
    return get(f"/v1/organization/project/{path_segment(project_id)}/tokens")


def _path(token_id: str, root: str) -> str:
    if not token_id.strip():
        raise PorticoError("The token's id is empty.", hint="`portico tokens list` shows the ids.")
    return f"{root}/{path_segment(token_id)}"


class TokensClient(LowLevelClient):
    def validate_api_token(self) -> JsonObject:
        """GET /v1/accessControl/apitoken/validate: organization and project of the token in use."""
        return self._json(validate_call())

    def create_project_api_token(
        self,
        name: str,
        *,
        description: str | None = None,
        project_id: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """POST /v2/projects/tokens: the new token; its `id` is the secret, shown this once."""
        return self._json(create_call(name, description, expires_at, project_id))

    def get_project_api_token(self, token_id: str) -> JsonObject:
        """GET /v2/projects/tokens/{id}."""
        return self._json(get_call(token_id))

    def update_project_api_token(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """PUT /v2/projects/tokens/{id}: description, status `Active` or `Blocked`, end ("": none any more)."""
        return self._json(update_call(token_id, description, status, expires_at))

    def delete_project_api_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/projects/tokens/{id}."""
        return self._json(delete_call(token_id))

    def list_project_tokens(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}/tokens: `tokens`; asks for an organization token."""
        return self._json(list_call(project_id))

    def list_organization_tokens(self) -> JsonObject:
        """GET /v2/organization/tokens: `tokens` of the organization itself."""
        return self._json(get(WHOLE))

    def create_organization_token(
        self, name: str, *, description: str | None = None, expires_at: str | None = None
    ) -> JsonObject:
        """POST /v2/organization/tokens: the new token; its `id` is the secret, shown this once."""
        return self._json(create_call(name, description, expires_at, root=WHOLE))

    def get_organization_token(self, token_id: str) -> JsonObject:
        """GET /v2/organization/tokens/{id}."""
        return self._json(get_call(token_id, WHOLE))

    def update_organization_token(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """PUT /v2/organization/tokens/{id}: as for a token of a project."""
        return self._json(update_call(token_id, description, status, expires_at, WHOLE))

    def delete_organization_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/organization/tokens/{id}."""
        return self._json(delete_call(token_id, WHOLE))


class AsyncTokensClient(AsyncLowLevelClient):
    async def validate_api_token(self) -> JsonObject:
        """GET /v1/accessControl/apitoken/validate: organization and project of the token in use."""
        return await self._json(validate_call())

    async def create_project_api_token(
        self,
        name: str,
        *,
        description: str | None = None,
        project_id: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """POST /v2/projects/tokens: the new token; its `id` is the secret, shown this once."""
        return await self._json(create_call(name, description, expires_at, project_id))

    async def get_project_api_token(self, token_id: str) -> JsonObject:
        """GET /v2/projects/tokens/{id}."""
        return await self._json(get_call(token_id))

    async def update_project_api_token(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """PUT /v2/projects/tokens/{id}: description, status `Active` or `Blocked`, end ("": none any more)."""
        return await self._json(update_call(token_id, description, status, expires_at))

    async def delete_project_api_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/projects/tokens/{id}."""
        return await self._json(delete_call(token_id))

    async def list_project_tokens(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}/tokens: `tokens`; asks for an organization token."""
        return await self._json(list_call(project_id))

    async def list_organization_tokens(self) -> JsonObject:
        """GET /v2/organization/tokens: `tokens` of the organization itself."""
        return await self._json(get(WHOLE))

    async def create_organization_token(
        self, name: str, *, description: str | None = None, expires_at: str | None = None
    ) -> JsonObject:
        """POST /v2/organization/tokens: the new token; its `id` is the secret, shown this once."""
        return await self._json(create_call(name, description, expires_at, root=WHOLE))

    async def get_organization_token(self, token_id: str) -> JsonObject:
        """GET /v2/organization/tokens/{id}."""
        return await self._json(get_call(token_id, WHOLE))

    async def update_organization_token(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: str | None = None,
        expires_at: str | None = None,
    ) -> JsonObject:
        """PUT /v2/organization/tokens/{id}: as for a token of a project."""
        return await self._json(update_call(token_id, description, status, expires_at, WHOLE))

    async def delete_organization_token(self, token_id: str) -> JsonObject:
        """DELETE /v2/organization/tokens/{id}."""
        return await self._json(delete_call(token_id, WHOLE))

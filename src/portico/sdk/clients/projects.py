"""Projects, low level: what an organization consists of.

Source: Organization API reference, /v1/organization/projects and /v1/organization/project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v1/organization/project"


def list_call(detail: str | None, name: str | None) -> Call:
    return get("/v1/organization/projects", {"detail": detail, "name": name})


def get_call(project_id: str) -> Call:
    return get(_path(project_id))


def create_call(
    name: str, description: str | None, administrator_user_email: str | None, usage_limit: Mapping[str, Any] | None
) -> Call:
    members = {
        "name": name,
        "description": description,
        "administratorUserEmail": administrator_user_email,
        "usageLimit": usage_limit,
    }
    return send_json("POST", ROOT, given(members), repeat=Repeat.NEVER)


def update_call(project_id: str, name: str | None, description: str | None, active: bool | None) -> Call:
    body = given({"name": name, "description": description, "active": active})
    return send_json("PUT", _path(project_id), body, repeat=Repeat.SAFE)


def delete_call(project_id: str) -> Call:
    return Call("DELETE", _path(project_id), repeat=Repeat.NEVER)


def assistants_call(detail: str | None, project_id: str | None) -> Call:
    return get("/v1/organization/assistants", {"detail": detail}, {"project-id": project_id})


def plugins_call(organization: str | None, project: str | None) -> Call:
    return get("/v1/plugins", {"organization": organization, "project": project})


def _path(project_id: str) -> str:
    if not project_id.strip():
        raise PorticoError("The project's id is empty.", hint="`portico projects list` shows the ids.")
    return f"{ROOT}/{path_segment(project_id)}"


class ProjectsClient(LowLevelClient):
    def list_projects(self, *, detail: str | None = None, name: str | None = None) -> JsonObject:
        """GET /v1/organization/projects: `projects`; `detail` `full` brings the hidden ones too."""
        return self._json(list_call(detail, name))

    def get_project(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}: with `usageLimit` when one is in force."""
        return self._json(get_call(project_id))

    def create_project(
        self,
        name: str,
        *,
        description: str | None = None,
        administrator_user_email: str | None = None,
        usage_limit: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        """POST /v1/organization/project: `tokens` holds the secret of the first token, shown this once."""
        return self._json(create_call(name, description, administrator_user_email, usage_limit))

    def update_project(
        self, project_id: str, *, name: str | None = None, description: str | None = None, active: bool | None = None
    ) -> JsonObject:
        """PUT /v1/organization/project/{id}: what is None stays."""
        return self._json(update_call(project_id, name, description, active))

    def delete_project(self, project_id: str) -> JsonObject:
        """DELETE /v1/organization/project/{id}: `removed` counts what went with it."""
        return self._json(delete_call(project_id))

    def list_assistants(self, *, detail: str | None = None, project_id: str | None = None) -> JsonObject:
        """GET /v1/organization/assistants: of the token's project; `project_id` with an organization token."""
        return self._json(assistants_call(detail, project_id))

    def list_plugins(self, *, organization: str | None = None, project: str | None = None) -> JsonObject:
        """GET /v1/plugins: the assistants of a project as a client shows them in a list."""
        return self._json(plugins_call(organization, project))


class AsyncProjectsClient(AsyncLowLevelClient):
    async def list_projects(self, *, detail: str | None = None, name: str | None = None) -> JsonObject:
        """GET /v1/organization/projects: `projects`; `detail` `full` brings the hidden ones too."""
        return await self._json(list_call(detail, name))

    async def get_project(self, project_id: str) -> JsonObject:
        """GET /v1/organization/project/{id}: with `usageLimit` when one is in force."""
        return await self._json(get_call(project_id))

    async def create_project(
        self,
        name: str,
        *,
        description: str | None = None,
        administrator_user_email: str | None = None,
        usage_limit: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        """POST /v1/organization/project: `tokens` holds the secret of the first token, shown this once."""
        return await self._json(create_call(name, description, administrator_user_email, usage_limit))

    async def update_project(
        self, project_id: str, *, name: str | None = None, description: str | None = None, active: bool | None = None
    ) -> JsonObject:
        """PUT /v1/organization/project/{id}: what is None stays."""
        return await self._json(update_call(project_id, name, description, active))

    async def delete_project(self, project_id: str) -> JsonObject:
        """DELETE /v1/organization/project/{id}: `removed` counts what went with it."""
        return await self._json(delete_call(project_id))

    async def list_assistants(self, *, detail: str | None = None, project_id: str | None = None) -> JsonObject:
        """GET /v1/organization/assistants: of the token's project; `project_id` with an organization token."""
        return await self._json(assistants_call(detail, project_id))

    async def list_plugins(self, *, organization: str | None = None, project: str | None = None) -> JsonObject:
        """GET /v1/plugins: the assistants of a project as a client shows them in a list."""
        return await self._json(plugins_call(organization, project))

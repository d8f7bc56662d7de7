"""Members, roles and memberships, low level.

Source: Access Control API reference, /v2/accessControl and /v1/accessControl/user. `project_id` names the project where
the token has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, QueryValue, Repeat, get, given, path_segment, send_json, write_query
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v2/accessControl"
USER = "/v1/accessControl/user"


class Part(TypedDict, total=False):
    """Which part of a listing. `role_types`: backend, frontend, or both with a comma."""

    start_page: int
    page_size: int
    descending: bool
    role_types: str | None


def list_call(tail: str, part: Part, project_id: str | None = None, **more: QueryValue) -> Call:
    query: dict[str, QueryValue] = {
        "startPage": part.get("start_page"),
        "pageSize": part.get("page_size"),
        "orderDirection": "desc" if part.get("descending") else "asc",
        "roleTypes": part.get("role_types"),
        **more,
    }
    return get(f"{ROOT}/{tail}", query, {"project-id": project_id})


def invite_call(whose: str, user_email: str, roles: Sequence[str], project_id: str | None) -> Call:
    body = given({"userEmail": user_email, "roles": list(roles) or None})
    return send_json("POST", f"{ROOT}/{whose}/members", body, repeat=Repeat.SAFE, headers={"project-id": project_id})


def remove_call(tail: str, user: str, roles: Sequence[str]) -> Call:
    query = write_query({"roles": ",".join(roles) or None})
    return Call("DELETE", f"{ROOT}/{tail}/members/{_segment(user, 'user')}", query, repeat=Repeat.NEVER)


def role_call(method: str, role: str, project_id: str | None) -> Call:
    repeat = Repeat.SAFE if method == "GET" else Repeat.NEVER
    path = f"{ROOT}/projects/roles/{_segment(role, 'role')}"
    return Call(method, path, headers=given({"project-id": project_id}), repeat=repeat)


def create_role_call(
    name: str, external_id: str | None, assistants: Sequence[str] | None, project_id: str | None
) -> Call:
    path, headers = f"{ROOT}/projects/roles", {"project-id": project_id}
    return send_json("POST", path, _role(name, external_id, assistants), repeat=Repeat.NEVER, headers=headers)


def update_role_call(
    role: str, name: str | None, external_id: str | None, assistants: Sequence[str] | None, project_id: str | None
) -> Call:
    path, headers = f"{ROOT}/projects/roles/{_segment(role, 'role')}", {"project-id": project_id}
    return send_json("PUT", path, _role(name, external_id, assistants), repeat=Repeat.SAFE, headers=headers)


def _role(name: str | None, external_id: str | None, assistants: Sequence[str] | None) -> dict[str, object]:
    listed = None if assistants is None else list(assistants)
    return given({"name": name, "externalId": external_id, "assistants": listed})


def visit_call(tail: str, organization: str, project: str, access_token: str, repeat: Repeat) -> Call:
    """The access token of a user goes in the query, as the reference has it."""
    query = write_query({"organization": organization, "project": project, "accessToken": access_token})
    return Call("GET", f"{USER}/{tail}", query, repeat=repeat)


def _segment(text: str, what: str) -> str:
    if not text.strip():
        raise PorticoError(f"The {what} is empty.", hint="Name it by its id or its name.")
    return path_segment(text)


class AccessControlClient(LowLevelClient):
    def list_memberships(self, *, email: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/memberships: organizations, projects and roles of a user; of oneself without one."""
        return self._json(list_call("memberships", part, email=email))

    def list_project_memberships(self, *, user_email: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/memberships: the same in one organization."""
        return self._json(list_call("projects/memberships", part, userEmail=user_email))

    def list_project_members(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/members: `members` with their roles, by name."""
        return self._json(list_call("projects/members", part, project_id))

    def add_project_member(self, user_email: str, roles: Sequence[str], *, project_id: str | None = None) -> JsonObject:
        """POST /v2/accessControl/projects/members: roles by name or id; an unknown user is made and invited."""
        return self._json(invite_call("projects", user_email, roles, project_id))

    def remove_project_member(self, project: str, user: str, *, roles: Sequence[str] = ()) -> JsonObject:
        """DELETE /v2/accessControl/projects/{project}/members/{user}: all roles, or those named."""
        return self._json(remove_call(f"projects/{_segment(project, 'project')}", user, roles))

    def list_organization_members(self, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/organizations/members: `members` with their roles, by address."""
        return self._json(list_call("organizations/members", part))

    def add_organization_member(self, user_email: str, roles: Sequence[str] = ()) -> JsonObject:
        """POST /v2/accessControl/organizations/members: `Organization Member` when no role is named."""
        return self._json(invite_call("organizations", user_email, roles, None))

    def remove_organization_member(self, user: str, *, roles: Sequence[str] = ()) -> JsonObject:
        """DELETE /v2/accessControl/organizations/members/{user}: all roles of the organization, or those named."""
        return self._json(remove_call("organizations", user, roles))

    def list_invitations(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/invitations: who gave or took which roles, newest first."""
        return self._json(list_call("projects/invitations", part, project_id))

    def list_roles(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/roles: `roles` of a project, by name."""
        return self._json(list_call("projects/roles", part, project_id))

    def get_role(self, role: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v2/accessControl/projects/roles/{role}: by name or id."""
        return self._json(role_call("GET", role, project_id))

    def create_role(
        self,
        name: str,
        *,
        assistants: Sequence[str] | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """POST /v2/accessControl/projects/roles: a Frontend role that opens these assistants."""
        return self._json(create_role_call(name, external_id, assistants, project_id))

    def update_role(
        self,
        role: str,
        *,
        name: str | None = None,
        assistants: Sequence[str] | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """PUT /v2/accessControl/projects/roles/{role}: what is None stays."""
        return self._json(update_role_call(role, name, external_id, assistants, project_id))

    def delete_role(self, role: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/accessControl/projects/roles/{role}: refused while somebody holds it."""
        return self._json(role_call("DELETE", role, project_id))

    def get_runtime_policies(self) -> JsonObject:
        """GET /v2/accessControl/organization/plugin-runtime-policies: none means no restriction."""
        return self._json(get(f"{ROOT}/organization/plugin-runtime-policies"))

    def list_user_organizations(self) -> JsonObject:
        """GET /v1/accessControl/user/organizations: those that the caller reaches."""
        return self._json(get(f"{USER}/organizations"))

    def list_user_projects(self, organization: str) -> JsonObject:
        """GET /v1/accessControl/user/organization/projects: those that the caller reaches in one of them."""
        return self._json(get(f"{USER}/organization/projects", {"organization": organization}))

    def check_project_access(self, organization: str, project: str, access_token: str) -> JsonObject:
        """GET /v1/accessControl/user/access/project: empty when the user of that access token sees the project."""
        return self._json(visit_call("access/project", organization, project, access_token, Repeat.SAFE))

    def get_project_token(self, organization: str, project: str, access_token: str) -> JsonObject:
        """GET /v1/accessControl/user/token/project: `apiToken`, a new one each time, which ends after 30 days."""
        return self._json(visit_call("token/project", organization, project, access_token, Repeat.NEVER))


class AsyncAccessControlClient(AsyncLowLevelClient):
    async def list_memberships(self, *, email: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/memberships: organizations, projects and roles of a user; of oneself without one."""
        return await self._json(list_call("memberships", part, email=email))

    async def list_project_memberships(self, *, user_email: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/memberships: the same in one organization."""
        return await self._json(list_call("projects/memberships", part, userEmail=user_email))

    async def list_project_members(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/members: `members` with their roles, by name."""
        return await self._json(list_call("projects/members", part, project_id))

    async def add_project_member(
        self, user_email: str, roles: Sequence[str], *, project_id: str | None = None
    ) -> JsonObject:
        """POST /v2/accessControl/projects/members: roles by name or id; an unknown user is made and invited."""
        return await self._json(invite_call("projects", user_email, roles, project_id))

    async def remove_project_member(self, project: str, user: str, *, roles: Sequence[str] = ()) -> JsonObject:
        """DELETE /v2/accessControl/projects/{project}/members/{user}: all roles, or those named."""
        return await self._json(remove_call(f"projects/{_segment(project, 'project')}", user, roles))

    async def list_organization_members(self, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/organizations/members: `members` with their roles, by address."""
        return await self._json(list_call("organizations/members", part))

    async def add_organization_member(self, user_email: str, roles: Sequence[str] = ()) -> JsonObject:
        """POST /v2/accessControl/organizations/members: `Organization Member` when no role is named."""
        return await self._json(invite_call("organizations", user_email, roles, None))

    async def remove_organization_member(self, user: str, *, roles: Sequence[str] = ()) -> JsonObject:
        """DELETE /v2/accessControl/organizations/members/{user}: all roles of the organization, or those named."""
        return await self._json(remove_call("organizations", user, roles))

    async def list_invitations(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/invitations: who gave or took which roles, newest first."""
        return await self._json(list_call("projects/invitations", part, project_id))

    async def list_roles(self, *, project_id: str | None = None, **part: Unpack[Part]) -> JsonObject:
        """GET /v2/accessControl/projects/roles: `roles` of a project, by name."""
        return await self._json(list_call("projects/roles", part, project_id))

    async def get_role(self, role: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v2/accessControl/projects/roles/{role}: by name or id."""
        return await self._json(role_call("GET", role, project_id))

    async def create_role(
        self,
        name: str,
        *,
        assistants: Sequence[str] | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """POST /v2/accessControl/projects/roles: a Frontend role that opens these assistants."""
        return await self._json(create_role_call(name, external_id, assistants, project_id))

    async def update_role(
        self,
        role: str,
        *,
        name: str | None = None,
        assistants: Sequence[str] | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """PUT /v2/accessControl/projects/roles/{role}: what is None stays."""
        return await self._json(update_role_call(role, name, external_id, assistants, project_id))

    async def delete_role(self, role: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v2/accessControl/projects/roles/{role}: refused while somebody holds it."""
        return await self._json(role_call("DELETE", role, project_id))

    async def get_runtime_policies(self) -> JsonObject:
        """GET /v2/accessControl/organization/plugin-runtime-policies: none means no restriction."""
        return await self._json(get(f"{ROOT}/organization/plugin-runtime-policies"))

    async def list_user_organizations(self) -> JsonObject:
        """GET /v1/accessControl/user/organizations: those that the caller reaches."""
        return await self._json(get(f"{USER}/organizations"))

    async def list_user_projects(self, organization: str) -> JsonObject:
        """GET /v1/accessControl/user/organization/projects: those that the caller reaches in one of them."""
        return await self._json(get(f"{USER}/organization/projects", {"organization": organization}))

    async def check_project_access(self, organization: str, project: str, access_token: str) -> JsonObject:
        """GET /v1/accessControl/user/access/project: empty when the user of that access token sees the project."""
        return await self._json(visit_call("access/project", organization, project, access_token, Repeat.SAFE))

    async def get_project_token(self, organization: str, project: str, access_token: str) -> JsonObject:
        """GET /v1/accessControl/user/token/project: `apiToken`, a new one each time, which ends after 30 days."""
        return await self._json(visit_call("token/project", organization, project, access_token, Repeat.NEVER))

"""Members, roles and memberships: `/v2/accessControl`, with the alias `/v1/accessControl`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from portico.server.access import members
from portico.server.access.members import memberships, project_roles
from portico.server.access.members.views import show_runtime_policies
from portico.server.access.policy import require
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.wire.access_control import (
    InvitationList,
    Member,
    MemberList,
    Memberships,
    ProjectMemberships,
    Role,
    RoleList,
    RuntimePolicies,
)

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]


def _paths(tail: str) -> list[str]:
    return [f"{base}/{tail}" for base in ("/v2/accessControl", "/v1/accessControl")]


@get(_paths("memberships"), summary="List organizations, projects and roles of a user")
async def list_memberships(
    request: Req,
    email: Query = None,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    roleTypes: Query = None,
) -> Response[Memberships]:
    """Without `email` those of the user who asks; a token sees what it acts on."""
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await memberships.list_of_user(tenancy, caller, filters_of(request)))


@get(_paths("projects/memberships"), summary="List projects and roles of a user in the organization")
async def list_project_memberships(
    request: Req,
    userEmail: Query = None,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    roleTypes: Query = None,
) -> Response[ProjectMemberships]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await memberships.list_projects_of_user(tenancy, caller, filters_of(request)))


@get(_paths("projects/members"), summary="List members of a project")
async def list_project_members(
    request: Req,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    roleTypes: Query = None,
) -> Response[MemberList]:
    """The project follows from the token, or from the header `project-id`."""
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await members.list_project_members(tenancy, caller, filters_of(request)))


@post(_paths("projects/members"), status_code=201, summary="Invite a user to a project")
async def invite_to_project(request: Req) -> Response[Member]:
    """`userEmail` and `roles`: names or ids. A user who is unknown yet is made, and gets in by his invitation."""
    body = await read_object(request)
    made = await members.invite_to_project(services_of(request).tenancy, caller_of(request), body)
    return json_response(made, status_code=201)


@delete(
    _paths("projects/{project:str}/members/{user:str}"), status_code=200, summary="Take a user's roles in a project"
)
async def remove_from_project(
    request: Req, project: FromPath[str], user: FromPath[str], roles: Query = None
) -> Response[Member]:
    """All of them, or those named by `roles`, with commas. The user by id or address."""
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await members.remove_from_project(tenancy, caller, project, user, _names(request)))


@get(_paths("projects/invitations"), summary="List who was invited to a project and removed from it")
async def list_invitations(request: Req, startPage: Query = None, pageSize: Query = None) -> Response[InvitationList]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await memberships.list_history(tenancy, caller, filters_of(request)))


@get(_paths("projects/roles"), summary="List roles of a project")
async def list_roles(
    request: Req,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    roleTypes: Query = None,
) -> Response[RoleList]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await project_roles.list_all(tenancy, caller, filters_of(request)))


@post(_paths("projects/roles"), status_code=201, summary="Create a role that opens some assistants")
async def create_role(request: Req) -> Response[Role]:
    """`name`, `externalId`, `assistants` by name or id; its type is Frontend."""
    body = await read_object(request)
    made = await project_roles.create(services_of(request).tenancy, caller_of(request), body)
    return json_response(made, status_code=201)


@get(_paths("projects/roles/{role:str}"), summary="Get a role")
async def get_role(request: Req, role: FromPath[str]) -> Response[Role]:
    return json_response(await project_roles.find(services_of(request).tenancy, caller_of(request), role))


@put(_paths("projects/roles/{role:str}"), summary="Change a role that users made")
async def change_role(request: Req, role: FromPath[str]) -> Response[Role]:
    body = await read_object(request)
    return json_response(await project_roles.change(services_of(request).tenancy, caller_of(request), role, body))


@delete(_paths("projects/roles/{role:str}"), status_code=200, summary="Delete a role that nobody holds")
async def delete_role(request: Req, role: FromPath[str]) -> Response[Role]:
    return json_response(await project_roles.delete(services_of(request).tenancy, caller_of(request), role))


@get(_paths("organizations/members"), summary="List members of the organization")
async def list_organization_members(
    request: Req,
    organizationId: Query = None,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    roleTypes: Query = None,
) -> Response[MemberList]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await members.list_organization_members(tenancy, caller, filters_of(request)))


@post(_paths("organizations/members"), status_code=201, summary="Invite a user to the organization")
async def invite_to_organization(request: Req) -> Response[Member]:
    """`userEmail`; without `roles` it is `Organization Member`."""
    body = await read_object(request)
    made = await members.invite_to_organization(services_of(request).tenancy, caller_of(request), body)
    return json_response(made, status_code=201)


@delete(_paths("organizations/members/{user:str}"), status_code=200, summary="Take a user's roles in the organization")
async def remove_from_organization(request: Req, user: FromPath[str], roles: Query = None) -> Response[Member]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await members.remove_from_organization(tenancy, caller, user, _names(request)))


@get(_paths("organization/plugin-runtime-policies"), summary="Get the plugin runtime policies of the organization")
async def get_runtime_policies(request: Req) -> Response[RuntimePolicies]:
    require(caller_of(request), "organization")
    return json_response(show_runtime_policies())


def _names(request: Req) -> list[str]:
    return [name.strip() for name in filters_of(request).get("roles", "").split(",") if name.strip()]


ROUTES = (
    list_memberships,
    list_project_memberships,
    list_project_members,
    invite_to_project,
    remove_from_project,
    list_invitations,
    list_roles,
    create_role,
    get_role,
    change_role,
    delete_role,
    list_organization_members,
    invite_to_organization,
    remove_from_organization,
    get_runtime_policies,
)

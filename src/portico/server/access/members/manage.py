"""Members of a project or an organization: who they are, inviting one with roles, taking roles away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.emails import read_email
from portico.server.access.members.invited import find_or_invite
from portico.server.access.members.roles import find_role
from portico.server.access.members.views import show_member, show_project
from portico.server.access.paging import read_page, read_role_types
from portico.server.access.places import Place, find_place, read_members
from portico.server.access.policy import require
from portico.server.access.refusals import EmailNotFound, OrganizationNotFound
from portico.server.access.tenancy import Tenancy, clean_text
from portico.server.errors import FieldRequired, PatternMismatch
from portico.server.ids import OrganizationId, ProjectId, RoleId, UserId
from portico.server.kit.guids import maybe_guid
from portico.server.storage.memberships import list_members, maybe_member, maybe_user_id
from portico.server.storage.roles import RoleRow, delete_memberships, insert_membership, list_roles
from portico.server.storage.users import UserRow
from portico.wire.access_control import Member, MemberList


async def list_project_members(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> MemberList:
    """Of the caller's project, by name. Raises NoProjectChosen, OutOfRange (400, id 8)."""
    require(caller, "project_members")
    page, types = read_page(query, "name"), read_role_types(query)
    async with tenancy.database.begin() as connection:
        place = await find_place(connection, caller)
        count, rows = await list_members(
            connection,
            caller.organization_id,
            place.project_id,
            types,
            descending=page.descending,
            size=page.size,
            offset=page.offset,
        )
    members = [show_member(row) for row in rows]
    whole = show_project(place.project, caller.organization_name)
    whole.members = members
    return MemberList(count=count, pages=page.pages(count), members=members, projects=[whole])


async def list_organization_members(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> MemberList:
    """Those with a role of the organization itself, by e-mail address. Raises OrganizationNotFound for another one."""
    require(caller, "organization_members")
    if query.get("organizationid", caller.organization_id).lower() != caller.organization_id:
        raise OrganizationNotFound
    page, types = read_page(query, "email"), read_role_types(query)
    async with tenancy.database.begin() as connection:
        count, rows = await list_members(
            connection,
            caller.organization_id,
            None,
            types,
            order="email",
            descending=page.descending,
            size=page.size,
            offset=page.offset,
        )
    return MemberList(
        count=count,
        pages=page.pages(count),
        organization_id=caller.organization_id,
        organization_name=caller.organization_name,
        members=[show_member(row) for row in rows],
    )


async def invite_to_project(tenancy: Tenancy, caller: Caller, body: Mapping[str, Any]) -> Member:
    """`userEmail` gets `roles` (names or ids) in the caller's project. Raises FieldRequired, RoleNotFound (404)."""
    require(caller, "project_administration")
    async with tenancy.change_grants(caller.organization_id) as connection:
        place = await find_place(connection, caller)
        return await _invite(connection, tenancy, caller, place, body)


async def invite_to_organization(tenancy: Tenancy, caller: Caller, body: Mapping[str, Any]) -> Member:
    """The same with roles of the organization; without `roles` it is `Organization Member`."""
    require(caller, "organization_members")
    async with tenancy.change_grants(caller.organization_id) as connection:
        return await _invite(connection, tenancy, caller, Place(None), body)


async def remove_from_project(
    tenancy: Tenancy, caller: Caller, project: str, user: str, roles: Sequence[str] = ()
) -> Member:
    """All roles of a user in a project, or these. The project by id or name, the user by id or address.

    Raises ProjectNotInOrganization (404, id 2006), EmailNotFound (404), RoleNotFound (404).
    """
    require(caller, "project_administration")
    async with tenancy.change_grants(caller.organization_id) as connection:
        place = await find_place(connection, caller, project)
        return await _remove(connection, tenancy, caller, place, user, roles)


async def remove_from_organization(tenancy: Tenancy, caller: Caller, user: str, roles: Sequence[str] = ()) -> Member:
    """Roles of the organization itself; those in its projects stay."""
    require(caller, "organization_members")
    async with tenancy.change_grants(caller.organization_id) as connection:
        return await _remove(connection, tenancy, caller, Place(None), user, roles)


async def admit(
    connection: AsyncConnection,
    tenancy: Tenancy,
    caller: Caller,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    email: str,
    role: str,
) -> UserRow:
    """A user of this address, known or new, gets one role of the system: how an administrator is named at creation."""
    row = await find_or_invite(connection, read_email(email), actor_of(caller))
    wanted = await find_role(connection, organization_id, project_id, role)
    await insert_membership(connection, organization_id, wanted.role_id, row.user_id, actor_of(caller))
    return row


def actor_of(caller: Caller) -> str:
    """Who granted a role, as it is kept with the role."""
    return caller.user_email or caller.token_name or caller.token_id


async def _invite(
    connection: AsyncConnection, tenancy: Tenancy, caller: Caller, place: Place, body: Mapping[str, Any]
) -> Member:
    members = read_members(body)
    email, default = read_email(members.get("useremail")), () if place.project_id else ("Organization Member",)
    names = _read_names(members.get("roles")) or default
    if not names:
        raise FieldRequired("roles")
    organization_id = caller.organization_id
    wanted = [await find_role(connection, organization_id, place.project_id, name) for name in names]
    row = await find_or_invite(connection, email, actor_of(caller))
    for role in wanted:
        await insert_membership(connection, organization_id, role.role_id, row.user_id, actor_of(caller))
    await _record(connection, tenancy, caller, "invite", place, row.user_id, email, wanted)
    return await _show(connection, organization_id, place, row.user_id)


async def _remove(
    connection: AsyncConnection, tenancy: Tenancy, caller: Caller, place: Place, user: str, names: Sequence[str]
) -> Member:
    organization_id = caller.organization_id
    user_id = await _find_user(connection, organization_id, user)
    member = await maybe_member(connection, organization_id, place.project_id, user_id)
    if member is None:
        raise EmailNotFound(user)
    if names:
        gone = [await find_role(connection, organization_id, place.project_id, name) for name in names]
    else:
        gone = await list_roles(connection, organization_id, place.project_id)
    held = {role.role_id for role in member.roles}
    gone = [role for role in gone if role.role_id in held]
    await delete_memberships(connection, organization_id, user_id, [RoleId(role.role_id) for role in gone])
    await _record(connection, tenancy, caller, "remove", place, user_id, member.email, gone)
    shown = show_member(member)
    shown.roles = [role for role in shown.roles if role.id not in {one.role_id for one in gone}]
    return shown


async def _show(connection: AsyncConnection, organization_id: OrganizationId, place: Place, user_id: UserId) -> Member:
    member = await maybe_member(connection, organization_id, place.project_id, user_id)
    assert member is not None  # it has just got a role here
    return show_member(member)


async def _record(
    connection: AsyncConnection,
    tenancy: Tenancy,
    caller: Caller,
    action: audit.Action,
    place: Place,
    user_id: UserId,
    email: str,
    roles: Sequence[RoleRow],
) -> None:
    await audit.record(
        connection,
        tenancy,
        caller,
        action,
        "member",
        user_id,
        email,
        project_id=place.project_id or "",
        details={"roles": [role.name for role in roles]},
    )


async def _find_user(connection: AsyncConnection, organization_id: OrganizationId, named: str) -> UserId:
    guid = maybe_guid(named)
    if guid is not None:
        return UserId(guid)
    found = await maybe_user_id(connection, organization_id, clean_text(named))
    if found is None:
        raise EmailNotFound(named)
    return found


def _read_names(value: object) -> tuple[str, ...]:
    """Names or ids of roles: a list, or one text with commas."""
    if value is None or value == "":
        return ()
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PatternMismatch("roles", "send a list of names or ids of roles")
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

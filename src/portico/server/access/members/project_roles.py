"""Roles of a project: the list, and those that users make: Frontend, with the assistants they open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.members.roles import find_role
from portico.server.access.members.views import show_project, show_role
from portico.server.access.paging import read_page, read_role_types
from portico.server.access.places import Place, find_place, read_members
from portico.server.access.policy import require
from portico.server.access.refusals import RoleExists, RoleInUse, RoleNotFound, SystemRole
from portico.server.access.tenancy import Tenancy, clean_name, clean_text, refuse_duplicate
from portico.server.errors import AssistantNotFound, PatternMismatch
from portico.server.ids import RoleId
from portico.server.kit.guids import maybe_guid
from portico.server.storage.assistants import list_assistants
from portico.server.storage.roles import (
    RoleRow,
    count_members,
    delete_role,
    insert_role,
    list_roles,
    maybe_home,
    update_role,
)
from portico.wire.access_control import Role, RoleList


async def list_all(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> RoleList:
    """Roles that a member of the caller's project can have, by name. Raises NoProjectChosen, OutOfRange (400, id 8)."""
    require(caller, "project_members")
    page, types = read_page(query, "name"), read_role_types(query)
    async with tenancy.database.begin() as connection:
        place = await find_place(connection, caller)
        rows = await list_roles(connection, caller.organization_id, place.project_id)
    found = sorted((row for row in rows if row.type in types), key=lambda row: row.name, reverse=page.descending)
    shown = [show_role(row) for row in found[page.offset : page.offset + page.size]]
    whole = show_project(place.project, caller.organization_name)
    whole.roles = shown
    return RoleList(count=len(found), pages=page.pages(len(found)), roles=shown, projects=[whole])


async def find(tenancy: Tenancy, caller: Caller, name_or_id: str) -> Role:
    """Raises RoleNotFound (404)."""
    require(caller, "project_members")
    async with tenancy.database.begin() as connection:
        place = await _find_home(connection, caller, name_or_id)
        return show_role(await find_role(connection, caller.organization_id, place.project_id, name_or_id))


async def create(tenancy: Tenancy, caller: Caller, body: Mapping[str, Any]) -> Role:
    """`name`, `externalId` if you like, `assistants` by name or id. Raises NameEmpty, RoleExists (409)."""
    require(caller, "project_administration")
    members = read_members(body)
    name = clean_name(_read_text(members, "name"))
    async with refuse_duplicate(lambda: RoleExists(name)), tenancy.change_grants(caller.organization_id) as connection:
        place = await find_place(connection, caller)
        row = await insert_role(
            connection,
            caller.organization_id,
            place.project_id,
            name,
            "Frontend",
            "User",
            external_id=_read_text(members, "externalId"),
            assistants=await _read_assistants(connection, caller, place, members) or (),
        )
        await _record(connection, tenancy, caller, "create", row)
    return show_role(row)


async def change(tenancy: Tenancy, caller: Caller, name_or_id: str, body: Mapping[str, Any]) -> Role:
    """What is absent stays. Raises RoleNotFound, SystemRole (409), RoleExists (409), AssistantNotFound."""
    require(caller, "project_administration")
    members = read_members(body)
    name = None if members.get("name") is None else clean_name(_read_text(members, "name"))
    taken = name or name_or_id
    async with refuse_duplicate(lambda: RoleExists(taken)), tenancy.change_grants(caller.organization_id) as connection:
        place = await _find_home(connection, caller, name_or_id)
        old = await _find_own(connection, caller, place, name_or_id)
        row = await update_role(
            connection,
            caller.organization_id,
            old.role_id,
            name=name,
            external_id=_read_text(members, "externalId"),
            assistants=await _read_assistants(connection, caller, place, members),
        )
        await _record(connection, tenancy, caller, "update", row or old)
    return show_role(row or old)


async def delete(tenancy: Tenancy, caller: Caller, name_or_id: str) -> Role:
    """Raises RoleNotFound, SystemRole (409), RoleInUse (409) while somebody holds it."""
    require(caller, "project_administration")
    async with tenancy.change_grants(caller.organization_id) as connection:
        place = await _find_home(connection, caller, name_or_id)
        row = await _find_own(connection, caller, place, name_or_id)
        if await count_members(connection, caller.organization_id, row.role_id):
            raise RoleInUse(row.name)
        await delete_role(connection, caller.organization_id, row.role_id)
        await _record(connection, tenancy, caller, "delete", row)
    return show_role(row)


async def _find_home(connection: AsyncConnection, caller: Caller, name_or_id: str) -> Place:
    """The caller's project; for one who has none and names the role by its id, the project of the role."""
    role_id = maybe_guid(name_or_id) or ""
    if caller.project_id is not None or not role_id:
        return await find_place(connection, caller)
    home = await maybe_home(connection, caller.organization_id, RoleId(role_id))
    if home is None:
        raise RoleNotFound(name_or_id)
    return await find_place(connection, caller, home)


async def _find_own(connection: AsyncConnection, caller: Caller, place: Place, name_or_id: str) -> RoleRow:
    row = await find_role(connection, caller.organization_id, place.project_id, name_or_id)
    if row.origin == "System":
        raise SystemRole(row.name)
    return row


async def _record(
    connection: AsyncConnection, tenancy: Tenancy, caller: Caller, action: audit.Action, row: RoleRow
) -> None:
    await audit.record(
        connection,
        tenancy,
        caller,
        action,
        "role",
        row.role_id,
        row.name,
        project_id=row.project_id or "",
        details={"assistants": list(row.assistants)},
    )


async def _read_assistants(
    connection: AsyncConnection, caller: Caller, place: Place, members: Mapping[str, Any]
) -> list[str] | None:
    """Ids of the assistants named; None when the body says nothing of them. Raises AssistantNotFound (404, id 1)."""
    named = members.get("assistants")
    if named is None:
        return None
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise PatternMismatch("assistants", "send a list of names or ids of assistants")
    rows = await list_assistants(connection, (caller.organization_id, place.project.project_id))
    known = {row.name: row.assistant_id for row in rows} | {row.assistant_id: row.assistant_id for row in rows}
    found = [known.get(name.strip()) or known.get(maybe_guid(name) or "") for name in named]
    if None in found:
        raise AssistantNotFound
    return [one for one in dict.fromkeys(found) if one is not None]


def _read_text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name.lower())
    if value is not None and not isinstance(value, str):
        raise PatternMismatch(name, "send a text")
    return None if value is None else clean_text(value)

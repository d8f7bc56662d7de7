"""Projects with their usage limits: `access` makes the one, `limits` the other, and this room introduces them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.access.organizations import projects
from portico.server.access.places import read_members
from portico.server.access.tenancy import Tenancy
from portico.server.errors import PatternMismatch
from portico.server.gateway.limits import Limits
from portico.server.gateway.limits.manage import Owner, insert
from portico.server.gateway.limits.render import show_limit
from portico.server.gateway.limits.renewal import renew_limits
from portico.server.storage.limits import LimitRow, list_limits
from portico.server.storage.projects import ProjectRow
from portico.wire.projects import DeletedProject, Project


async def create(tenancy: Tenancy, limits: Limits, caller: Caller, body: Mapping[str, Any]) -> Project:
    """`name`, `description`, `administratorUserEmail`, `usageLimit`, in any case: all of it is made, or nothing.

    The answer holds the project's first token, with its secret. Raises NameEmpty, ProjectExists (409, id 2002), what
    a limit is refused with, PatternMismatch (400, id 11).
    """
    members = read_members(body)
    limit = _read_limit(members)
    now = datetime.fromtimestamp(limits.clock(), UTC)
    made: list[LimitRow] = []

    async def add_limit(connection: AsyncConnection, row: ProjectRow) -> None:
        await renew_limits(connection, row.organization_id, now)
        made.append(await insert(connection, Owner(row.organization_id, row.project_id), limit, now))

    new = await projects.create(
        tenancy,
        caller,
        _read_text(members, "name"),
        _read_text(members, "description"),
        administrator=_read_text(members, "administratorUserEmail"),
        also=add_limit if limit else None,
    )
    shown = await _show(tenancy, new.project, caller)
    shown.tokens = list(new.tokens)
    for row in made:
        await limits.refresh(row.organization_id)
        shown.usage_limit = show_limit(row, now)
    return shown


async def find(tenancy: Tenancy, limits: Limits, caller: Caller, project_id: str) -> Project:
    """With the limit in force, if there is one. Raises ProjectNotFound, ProjectNotInOrganization."""
    row = await projects.find(tenancy, caller, project_id)
    now = datetime.fromtimestamp(limits.clock(), UTC)
    async with tenancy.database.begin() as connection:
        renewed = await renew_limits(connection, row.organization_id, now)
        rows = await list_limits(connection, row.organization_id, row.project_id)
    if renewed:
        await limits.refresh(row.organization_id)
    shown = await _show(tenancy, row, caller)
    if rows and rows[0].current:
        shown.usage_limit = show_limit(rows[0], now)
    return shown


async def change(tenancy: Tenancy, caller: Caller, project_id: str, body: Mapping[str, Any]) -> Project:
    """`name`, `description`, `active`; what is absent or null stays. Raises what `projects.change` does."""
    members = read_members(body)
    active = members.get("active")
    if active is not None and not isinstance(active, bool):
        if str(active).lower() not in ("true", "false"):
            raise PatternMismatch("active", "send true or false")
        active = str(active).lower() == "true"
    row = await projects.change(
        tenancy,
        caller,
        project_id,
        name=_read_text(members, "name"),
        description=_read_text(members, "description"),
        active=active,
    )
    return await _show(tenancy, row, caller)


async def delete(tenancy: Tenancy, limits: Limits, caller: Caller, project_id: str) -> DeletedProject:
    """What belongs to it goes with it; its limit is cancelled. Raises ProjectNotFound."""
    deleted = await projects.delete(tenancy, caller, project_id)
    await limits.refresh(caller.organization_id)
    return deleted


async def _show(tenancy: Tenancy, row: ProjectRow, caller: Caller) -> Project:
    return projects.show(row, caller.organization_name, await projects.list_profiles(tenancy, row))


def _read_limit(members: Mapping[str, Any]) -> dict[str, Any]:
    """Empty when there is none, or one in which nothing is said, as command lines send it."""
    limit = members.get("usagelimit")
    if limit is None:
        return {}
    if not isinstance(limit, dict):
        raise PatternMismatch("usageLimit", "send an object")
    return limit if any(value not in (None, "") for value in limit.values()) else {}


def _read_text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name.lower())
    if value is not None and not isinstance(value, str):
        raise PatternMismatch(name, "send a text")
    return value

"""A role by its name or id, and giving one to a user."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.refusals import RoleNotFound
from portico.server.ids import OrganizationId, ProjectId, RoleId, UserId
from portico.server.kit.guids import maybe_guid
from portico.server.kit.texts import storable
from portico.server.storage.roles import RoleRow, insert_membership, maybe_role


async def grant(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    role_name_or_id: str,
    project_id: ProjectId | None,
    user_id: UserId,
    granted_by: str,
) -> bool:
    """False when the user holds the role already. Raises RoleNotFound (404)."""
    role = await find_role(connection, organization_id, project_id, role_name_or_id)
    return await insert_membership(connection, organization_id, role.role_id, user_id, granted_by)


async def find_role(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, name_or_id: str
) -> RoleRow:
    """A role of a project, or of the organization itself (None), by its GUID or its name. Raises RoleNotFound (404)."""
    guid = maybe_guid(name_or_id)
    if guid is None:
        name = storable(name_or_id, nul="\ufffd").strip()
        found = await maybe_role(connection, organization_id, project_id, name=name)
    else:
        found = await maybe_role(connection, organization_id, project_id, role_id=RoleId(guid))
    if found is None:
        raise RoleNotFound(name_or_id)
    return found

"""The roles that every organization and every project has from its first day."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.roles import RoleType, insert_role

PROJECT_MEMBER = "Project Member"
PROJECT_ADMINISTRATOR = "Project Administrator"
ALL_ASSISTANTS = "Access all Project Assistants"
ORGANIZATION_MEMBER = "Organization Member"
ORGANIZATION_ADMINISTRATOR = "Organization Administrator"

PROJECT_ROLES: Mapping[str, RoleType] = {
    PROJECT_MEMBER: "Backend",
    PROJECT_ADMINISTRATOR: "Backend",
    ALL_ASSISTANTS: "Frontend",
}
ORGANIZATION_ROLES: Mapping[str, RoleType] = {ORGANIZATION_MEMBER: "Backend", ORGANIZATION_ADMINISTRATOR: "Backend"}


async def create_system_roles(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> None:
    """Called where a project, or an organization (None), is made."""
    wanted = ORGANIZATION_ROLES if project_id is None else PROJECT_ROLES
    for name, type in wanted.items():
        await insert_role(connection, organization_id, project_id, name, type, "System")

"""Members of projects and organizations: invited with roles, listed, removed; and the roles of a project."""

from portico.server.access.members.manage import (
    actor_of,
    admit,
    invite_to_organization,
    invite_to_project,
    list_organization_members,
    list_project_members,
    remove_from_organization,
    remove_from_project,
)
from portico.server.access.members.roles import grant

__all__ = [
    "actor_of",
    "admit",
    "grant",
    "invite_to_organization",
    "invite_to_project",
    "list_organization_members",
    "list_project_members",
    "remove_from_organization",
    "remove_from_project",
]

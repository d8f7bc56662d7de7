"""Whose files a call is about: the token's project, checked against what query and headers name."""

from __future__ import annotations

from dataclasses import dataclass

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.access.refusals import ProjectNotInOrganization
from portico.server.assistants.files.refusals import InvalidOrganization
from portico.server.errors import FieldRequired
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.guids import maybe_guid
from portico.server.storage.database import Database
from portico.server.storage.projects import maybe_project


@dataclass(frozen=True, slots=True)
class Place:
    """A project of the caller's organization, surely there."""

    organization_id: OrganizationId
    project_id: ProjectId


async def find_place(
    database: Database, caller: Caller, organizations: tuple[str, ...], projects: tuple[str, ...]
) -> Place:
    """What is named may be absent (""); then the token says it. Names of different things are refused.

    Raises OutOfScope, FieldRequired (an organization token without a project), InvalidOrganization (400, id 2001),
    ProjectNotInOrganization (404, id 2006).
    """
    require(caller, "files")
    for named in filter(None, organizations):
        if maybe_guid(named.strip()) != caller.organization_id:
            raise InvalidOrganization(param="organization")
    wanted = {maybe_guid(named.strip()) or "" for named in projects if named}
    if caller.project_id is not None:
        wanted.add(caller.project_id)
    if not wanted:
        raise FieldRequired("project", "the token is the organization's: say which project")
    if len(wanted) > 1 or "" in wanted:
        raise ProjectNotInOrganization(param="project")
    project_id = ProjectId(wanted.pop())
    if project_id != caller.project_id:
        async with database.begin() as connection:
            if await maybe_project(connection, caller.organization_id, project_id) is None:
                raise ProjectNotInOrganization(param="project")
    return Place(caller.organization_id, project_id)

"""Where something happens: a project of the caller's organization, or the organization itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.access.refusals import NoProjectChosen, ProjectNotInOrganization
from portico.server.ids import ProjectId
from portico.server.storage.projects import ProjectRow, list_projects, maybe_project


@dataclass(frozen=True, slots=True)
class Place:
    """A project, or (None) the caller's organization itself."""

    row: ProjectRow | None

    @property
    def project_id(self) -> ProjectId | None:
        return None if self.row is None else self.row.project_id

    @property
    def project(self) -> ProjectRow:
        assert self.row is not None
        return self.row


async def find_place(
    connection: AsyncConnection, caller: Caller, id_or_name: str | None = None, *, lock: bool = False
) -> Place:
    """The project named, by id or by name; without a name the caller's own.

    Raises NoProjectChosen (400, id 9); ProjectNotInOrganization (404, id 2006), also for another project than that of
    a caller who has one.
    """
    project_id = caller.project_id
    if id_or_name is not None:
        project_id = await _find_id(connection, caller, id_or_name)
    if project_id is None:
        raise NoProjectChosen
    if project_id != caller.project_id and not _administers(caller):
        raise ProjectNotInOrganization
    row = await maybe_project(connection, caller.organization_id, project_id, lock=lock)
    if row is None:
        raise ProjectNotInOrganization
    return Place(row)


def read_members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a body by their names in lower case: the reference spells them both ways."""
    return {name.lower(): value for name, value in body.items()}


def _administers(caller: Caller) -> bool:
    return caller.scope == "organization" or (caller.roles is not None and caller.roles.organization_administrator)


async def _find_id(connection: AsyncConnection, caller: Caller, id_or_name: str) -> ProjectId:
    try:
        return ProjectId(str(UUID(id_or_name)))
    except ValueError:
        name = id_or_name.replace("\0", "")
        found = await list_projects(connection, caller.organization_id, name=name, hidden=True)
    if not found:
        raise ProjectNotInOrganization
    return found[0].project_id

"""Where something happens: a project of the caller's organization, or the organization itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.access.refusals import NoProjectChosen, ProjectNotInOrganization
from portico.server.errors import FieldRequired
from portico.server.ids import ProjectId
from portico.server.kit.guids import maybe_guid
from portico.server.kit.texts import storable
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
        project_id = await maybe_project_id(connection, caller, id_or_name)
        if project_id is None:
            raise ProjectNotInOrganization
    if project_id is None:
        raise NoProjectChosen
    if project_id != caller.project_id and not _administers(caller):
        raise ProjectNotInOrganization
    row = await maybe_project(connection, caller.organization_id, project_id, lock=lock)
    if row is None:
        raise ProjectNotInOrganization
    return Place(row)


def find_project(caller: Caller) -> ProjectId:
    """The project a call is about: the token's own, or the one an organization token names in a header.

    Raises FieldRequired (400, id 9); whether it is there, `find_place` looks up.
    """
    if caller.project_id is None:
        raise FieldRequired("project-id")
    return caller.project_id


async def maybe_project_id(connection: AsyncConnection, caller: Caller, id_or_name: str) -> ProjectId | None:
    """The id of a project of the caller's organization that is called so; a GUID comes back without being looked up."""
    guid = maybe_guid(id_or_name)
    if guid is not None:
        return ProjectId(guid)
    name = storable(id_or_name, nul="\ufffd")
    found = await list_projects(connection, caller.organization_id, name=name, hidden=True)
    return found[0].project_id if found else None


def read_members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a body by their names in lower case: the reference spells them both ways."""
    return {name.lower(): value for name, value in body.items()}


def _administers(caller: Caller) -> bool:
    return caller.scope == "organization" or (caller.roles is not None and caller.roles.organization_administrator)

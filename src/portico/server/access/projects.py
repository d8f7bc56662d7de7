"""Projects of the caller's organization: make, list, read, change, delete. A project begins with a token `Default`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.access.refusals import ProjectExists, ProjectNameTaken, ProjectNotFound, ProjectNotInOrganization
from portico.server.access.tenancy import Tenancy, clean_description, clean_name, new_token, refuse_duplicate
from portico.server.access.tokens import write_token
from portico.server.ids import ProjectId
from portico.server.storage.projects import (
    ProjectRow,
    delete_project,
    insert_project,
    list_projects,
    maybe_project,
    update_project,
)
from portico.server.storage.tokens import insert_token
from portico.wire.tokens import ApiToken

DEFAULT_NAME = "Default"


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project just made, and its first token with the secret in it."""

    project: ProjectRow
    tokens: tuple[ApiToken, ...]


async def create(tenancy: Tenancy, caller: Caller, name: str | None, description: str | None = None) -> NewProject:
    """Raises NameEmpty, OutOfRange, ProjectExists (409, id 2002)."""
    require(caller, "organization")
    called, text, secret = clean_name(name), clean_description(description), new_token()
    async with refuse_duplicate(lambda: ProjectExists(called)), tenancy.change(caller.organization_id) as connection:
        project = await insert_project(connection, caller.organization_id, called, text)
        hashed = tenancy.key.hash_token(secret)
        token = await insert_token(connection, caller.organization_id, project.project_id, hashed, DEFAULT_NAME)
    return NewProject(project, (write_token(token, secret),))


async def list_all(
    tenancy: Tenancy, caller: Caller, *, name: str | None = None, hidden: bool = False
) -> list[ProjectRow]:
    """Oldest first; `hidden` brings the inactive ones too; `name` matches exactly."""
    require(caller, "organization")
    async with tenancy.database.begin() as connection:
        return await list_projects(connection, caller.organization_id, name=name, hidden=hidden)


async def find(tenancy: Tenancy, caller: Caller, project_id: str) -> ProjectRow:
    """Raises ProjectNotFound; ProjectNotInOrganization when a project token asks for another one than its own."""
    require(caller, "organization_reads")
    wanted = _read_guid(project_id)
    if caller.scope == "project" and wanted != caller.project_id:
        raise ProjectNotInOrganization
    async with tenancy.database.begin() as connection:
        return _found(await maybe_project(connection, caller.organization_id, wanted))


async def change(
    tenancy: Tenancy,
    caller: Caller,
    project_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> ProjectRow:
    """None leaves a field as it is. Raises ProjectNotFound, NameEmpty, ProjectNameTaken (409, id 2029)."""
    require(caller, "organization")
    wanted = _read_guid(project_id)
    called = None if name is None else clean_name(name)
    text = None if description is None else clean_description(description)
    async with refuse_duplicate(ProjectNameTaken), tenancy.change(caller.organization_id) as connection:
        return _found(
            await update_project(
                connection, caller.organization_id, wanted, name=called, description=text, active=active
            )
        )


async def delete(tenancy: Tenancy, caller: Caller, project_id: str) -> None:
    """Logical; its tokens are refused from now on (401, id 6). Raises ProjectNotFound."""
    require(caller, "organization")
    wanted = _read_guid(project_id)
    async with tenancy.change(caller.organization_id) as connection:
        if not await delete_project(connection, caller.organization_id, wanted):
            raise ProjectNotFound


def _found(row: ProjectRow | None) -> ProjectRow:
    if row is None:
        raise ProjectNotFound
    return row


def _read_guid(text: str) -> ProjectId:
    try:
        return ProjectId(str(UUID(text)))
    except ValueError:
        raise ProjectNotFound from None

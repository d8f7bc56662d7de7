"""Projects of the caller's organization: make, list, read, change, delete. A project begins with a token `Default`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.emails import read_email
from portico.server.access.members import admit
from portico.server.access.policy import require
from portico.server.access.refusals import (
    InvalidProjectName,
    ProjectExists,
    ProjectNameTaken,
    ProjectNotFound,
    ProjectNotInOrganization,
)
from portico.server.access.system_roles import PROJECT_ADMINISTRATOR as ADMINISTRATOR
from portico.server.access.system_roles import create_system_roles
from portico.server.access.tenancy import Tenancy, clean_description, clean_name, new_token, refuse_duplicate
from portico.server.access.tokens import write_token
from portico.server.errors import OutOfRange
from portico.server.ids import ProjectId
from portico.server.kit.guids import read_guid
from portico.server.storage import search_profiles as rows
from portico.server.storage.projects import (
    ProjectRow,
    delete_project,
    insert_project,
    list_projects,
    maybe_project,
    update_project,
)
from portico.server.storage.removal import remove_contents
from portico.server.storage.tokens import insert_token
from portico.wire.projects import DeletedProject, Project, SearchProfile
from portico.wire.tokens import ApiToken

DEFAULT_NAME = "Default"
ACTIVE, HIDDEN = 0, 2
"""`projectStatus`; 1 meant deleted in older texts of the reference."""
Also = Callable[[AsyncConnection, ProjectRow], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project just made, and its first token with the secret in it."""

    project: ProjectRow
    tokens: tuple[ApiToken, ...]


async def create(
    tenancy: Tenancy,
    caller: Caller,
    name: str | None,
    description: str | None = None,
    *,
    administrator: str | None = None,
    also: Also | None = None,
) -> NewProject:
    """With its roles, a token `Default` and, when an address is given, its administrator.

    `also` is done in the same transaction, with the new row: a limit, say. Raises NameEmpty, InvalidProjectName (400,
    id 2000), ProjectExists (409, id 2002), PatternMismatch for the address.
    """
    require(caller, "organization")
    called, text, secret = _read_name(name), clean_description(description), new_token()
    email = None if not (administrator or "").strip() else read_email(administrator, "administratorUserEmail")
    async with refuse_duplicate(lambda: ProjectExists(called)), tenancy.change(caller.organization_id) as connection:
        project = await insert_project(connection, caller.organization_id, called, text)
        await create_system_roles(connection, caller.organization_id, project.project_id)
        await rows.insert_default(connection, caller.organization_id, project.project_id)
        hashed = tenancy.key.hash_token(secret)
        token = await insert_token(connection, caller.organization_id, project.project_id, hashed, DEFAULT_NAME)
        if also is not None:
            await also(connection, project)
        if email is not None:
            await admit(connection, tenancy, caller, project.organization_id, project.project_id, email, ADMINISTRATOR)
        details = {"administrator": email} if email else None
        await _record(connection, tenancy, caller, "create", project, details)
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


async def list_profiles(tenancy: Tenancy, row: ProjectRow) -> Sequence[tuple[str, str]]:
    """Names and descriptions of its enabled RAG assistants."""
    async with tenancy.database.begin() as connection:
        return await rows.list_profiles(connection, row.organization_id, row.project_id, include_disabled=False)


async def change(
    tenancy: Tenancy,
    caller: Caller,
    project_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> ProjectRow:
    """None leaves a field as it is. Raises ProjectNotFound, NameEmpty, InvalidProjectName, ProjectNameTaken (409, id
    2029)."""
    require(caller, "organization")
    wanted = _read_guid(project_id)
    called = None if name is None else _read_name(name)
    text = None if description is None else clean_description(description)
    async with refuse_duplicate(ProjectNameTaken), tenancy.change(caller.organization_id) as connection:
        row = _found(
            await update_project(
                connection, caller.organization_id, wanted, name=called, description=text, active=active
            )
        )
        details = {} if active is None else {"active": active}
        await _record(connection, tenancy, caller, "update", row, details)
    return row


async def delete(tenancy: Tenancy, caller: Caller, project_id: str) -> DeletedProject:
    """Its tokens are refused from now on (401, id 6), and what belongs to it is removed. Raises ProjectNotFound.

    The row of the project stays, so do its usage and the audit log; see storage/removal.py.
    """
    require(caller, "organization")
    wanted = _read_guid(project_id)
    async with tenancy.change(caller.organization_id) as connection:
        row = _found(await maybe_project(connection, caller.organization_id, wanted, lock=True))
        removed = await remove_contents(connection, caller.organization_id, wanted)
        await delete_project(connection, caller.organization_id, wanted)
        await _record(connection, tenancy, caller, "delete", row, removed)
    return DeletedProject(project_id=row.project_id, project_name=row.name, removed=removed)


def show(row: ProjectRow, organization_name: str | None = None, profiles: Sequence[tuple[str, str]] = ()) -> Project:
    """As a listing has it; with the name of its organization as an answer of its own, which tells its RAG assistants
    (name and description), too."""
    shown = Project(
        project_id=row.project_id,
        project_name=row.name,
        project_description=row.description,
        project_active=row.active,
        project_status=ACTIVE if row.active else HIDDEN,
    )
    if organization_name is not None:
        shown.organization_id, shown.organization_name = row.organization_id, organization_name
        shown.search_profiles = [SearchProfile(name=name, description=text) for name, text in profiles]
    return shown


async def _record(
    connection: AsyncConnection,
    tenancy: Tenancy,
    caller: Caller,
    action: audit.Action,
    row: ProjectRow,
    details: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        connection, tenancy, caller, action, "project", row.project_id, row.name,
        project_id=row.project_id, details=details,
    )  # fmt: skip


def _found(row: ProjectRow | None) -> ProjectRow:
    if row is None:
        raise ProjectNotFound
    return row


def _read_name(name: str | None) -> str:
    try:
        return clean_name(name)
    except OutOfRange as error:
        raise InvalidProjectName(f"{InvalidProjectName.text}. {error.message}", param="name") from None


def _read_guid(text: str) -> ProjectId:
    return ProjectId(read_guid(text, ProjectNotFound))

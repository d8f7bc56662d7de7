"""Organizations, for whoever runs this installation: on its host, without a Caller; or as its system administrator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.emails import read_email
from portico.server.access.members import actor_of, admit
from portico.server.access.organizations.projects import DEFAULT_NAME
from portico.server.access.paging import read_page
from portico.server.access.places import read_members
from portico.server.access.policy import require
from portico.server.access.refusals import NoOrganizations, OrganizationNameTaken, OrganizationNotFound
from portico.server.access.sign_in.setup_links import make_link
from portico.server.access.system_roles import ORGANIZATION_ADMINISTRATOR, create_system_roles
from portico.server.access.tenancy import Tenancy, clean_name, new_token, refuse_duplicate
from portico.server.access.tokens import write_token
from portico.server.errors import Conflict, OutOfRange, PatternMismatch
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.guids import read_guid
from portico.server.storage import organizations as rows
from portico.server.storage.organizations import OrganizationRow
from portico.server.storage.projects import delete_project, insert_project, list_projects
from portico.server.storage.removal import remove_contents
from portico.server.storage.search_profiles import insert_default
from portico.server.storage.secrets import InstallationKey
from portico.server.storage.tokens import insert_token, list_tokens
from portico.wire.organizations import DeletedOrganization, Organization, OrganizationList


@dataclass(frozen=True, slots=True)
class NewTokens:
    """The texts of two new tokens, to be shown once."""

    organization: str
    project: str


@dataclass(frozen=True, slots=True)
class NewOrganization:
    organization: OrganizationRow
    project_id: ProjectId
    tokens: NewTokens


async def create(tenancy: Tenancy, name: str) -> NewOrganization:
    """With its project `Default` and a token for each. Raises NameEmpty, OrganizationNameTaken (409, id 2003)."""
    called = clean_name(name)
    async with refuse_duplicate(OrganizationNameTaken), tenancy.database.begin() as connection:
        made = await found(connection, tenancy.key, called)
    await tenancy.snapshot.refresh(made.organization.organization_id)
    return made


async def found(
    connection: AsyncConnection, key: InstallationKey, name: str, *, first_start: bool = False
) -> NewOrganization:
    """The rows of a new organization. Raises IntegrityError when the name is taken."""
    organization = await rows.insert_organization(connection, name)
    await create_system_roles(connection, organization.organization_id, None)
    project = await insert_project(connection, organization.organization_id, DEFAULT_NAME)
    await create_system_roles(connection, organization.organization_id, project.project_id)
    await insert_default(connection, organization.organization_id, project.project_id)
    tokens = await make_tokens(
        connection, key, organization.organization_id, project.project_id, DEFAULT_NAME, first_start=first_start
    )
    return NewOrganization(organization, project.project_id, tokens)


async def make_tokens(
    connection: AsyncConnection,
    key: InstallationKey,
    organization_id: OrganizationId,
    project_id: ProjectId,
    name: str,
    *,
    first_start: bool,
) -> NewTokens:
    """One for the organization and one for the project, of the same name."""
    made = NewTokens(new_token(), new_token())
    for secret, project in ((made.organization, None), (made.project, project_id)):
        hashed = key.hash_token(secret)
        await insert_token(connection, organization_id, project, hashed, name, first_start=first_start)
    return made


async def list_all(tenancy: Tenancy) -> list[OrganizationRow]:
    """Oldest first."""
    async with tenancy.database.begin() as connection:
        return await rows.list_organizations(connection)


async def rename(tenancy: Tenancy, organization_id: str, name: str) -> OrganizationRow:
    """Raises OrganizationNotFound, NameEmpty, OrganizationNameTaken."""
    wanted, called = _read_guid(organization_id), clean_name(name)
    async with refuse_duplicate(OrganizationNameTaken), tenancy.change(wanted) as connection:
        row = await rows.rename_organization(connection, wanted, called)
        if row is None:
            raise OrganizationNotFound
        return row


async def delete(tenancy: Tenancy, organization_id: str) -> None:
    """Logical; all its tokens are refused from now on. Raises OrganizationNotFound."""
    wanted = _read_guid(organization_id)
    async with tenancy.change(wanted) as connection:
        if not await rows.delete_organization(connection, wanted):
            raise OrganizationNotFound


async def create_for(tenancy: Tenancy, caller: Caller, body: Mapping[str, Any], url: str) -> Organization:
    """`name` and `administratorUserEmail`, who is invited as its administrator; its tokens stand in the answer.

    So does, for one who never got in, the link by which he does; `url` is the address of this server.
    Raises NameEmpty, OrganizationNameTaken (409, id 2003), FieldRequired, PatternMismatch for the address.
    """
    require(caller, "installation")
    members = read_members(body)
    name, email = members.get("name"), read_email(members.get("administratoruseremail"), "administratorUserEmail")
    if name is not None and not isinstance(name, str):
        raise PatternMismatch("name", "send a text")
    called = clean_name(name)
    async with refuse_duplicate(OrganizationNameTaken), tenancy.database.begin() as connection:
        made = await found(connection, tenancy.key, called)
        organization_id = made.organization.organization_id
        user = await admit(connection, tenancy, caller, organization_id, None, email, ORGANIZATION_ADMINISTRATOR)
        waits = user.password_hash is None and not user.issuer
        link = await make_link(connection, tenancy.key, "invitation", user.user_id) if waits else None
        rows_of_both = (
            (await list_tokens(connection, organization_id, None), made.tokens.organization),
            (await list_tokens(connection, organization_id, made.project_id), made.tokens.project),
        )
        await _record(connection, tenancy, caller, "create", made.organization, {"administrator": email})
    await tenancy.snapshot.refresh(organization_id)
    shown = show(made.organization)
    shown.administrator_user_email = email
    if link is not None:
        shown.invitation = link.at(url)
    shown.tokens = [write_token(row, secret) for (row,), secret in rows_of_both]
    return shown


async def search(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> OrganizationList:
    """By name; with `filterKey` name and `filterValue` those that have it in their name.

    Raises OutOfRange (400, id 8); NoOrganizations (404) when none fits.
    """
    require(caller, "installation")
    page = read_page(query, "name", shown_as="|name|")
    if query.get("filterkey", "name").lower() != "name":
        raise OutOfRange("filterKey", "send name")
    async with tenancy.database.begin() as connection:
        count, found = await rows.search_organizations(
            connection, query.get("filtervalue", ""), descending=page.descending, size=page.size, offset=page.offset
        )
    if not count:
        raise NoOrganizations
    return OrganizationList(count=count, pages=page.pages(count), organizations=[show(row) for row in found])


async def delete_with_contents(tenancy: Tenancy, caller: Caller, organization_id: str) -> DeletedOrganization:
    """All its projects with what belongs to them, and what belongs to itself. Usage and audit log stay.

    Raises OrganizationNotFound (404, id 2004), Conflict for the last one.
    """
    require(caller, "installation")
    wanted = _read_guid(organization_id)
    removed: Counter[str] = Counter()
    async with tenancy.change(wanted) as connection:
        row = await rows.maybe_organization(connection, wanted, lock=True)
        if row is None:
            raise OrganizationNotFound
        if len(await rows.list_organizations(connection)) == 1:
            raise Conflict("Conflict: the last organization of an installation cannot be deleted")
        projects = await list_projects(connection, wanted, hidden=True)
        for project in projects:
            removed.update(await remove_contents(connection, wanted, project.project_id))
            await delete_project(connection, wanted, project.project_id)
        removed.update(await remove_contents(connection, wanted, None))
        removed["projects"] = len(projects)
        await rows.delete_organization(connection, wanted)
        await _record(connection, tenancy, caller, "delete", row, dict(removed))
    return DeletedOrganization(organization_id=wanted, organization_name=row.name, removed=dict(removed))


def show(row: OrganizationRow) -> Organization:
    return Organization(
        organization_id=row.organization_id, organization_name=row.name, id=row.organization_id, name=row.name
    )


async def _record(
    connection: AsyncConnection,
    tenancy: Tenancy,
    caller: Caller,
    action: audit.Action,
    row: OrganizationRow,
    details: Mapping[str, object],
) -> None:
    """In the chain of the installation: the organization itself may be gone, or not have seen it come."""
    await audit.record_system(
        connection, tenancy, None, actor_of(caller), action, "organization", row.organization_id, row.name,
        details=details,
    )  # fmt: skip


def _read_guid(text: str) -> OrganizationId:
    return OrganizationId(read_guid(text, OrganizationNotFound))

"""Organizations, for whoever runs this installation: no API token reaches these functions, hence no Caller here."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.projects import DEFAULT_NAME
from portico.server.access.refusals import OrganizationNameTaken, OrganizationNotFound
from portico.server.access.tenancy import Tenancy, clean_name, new_token, refuse_duplicate
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage import organizations as rows
from portico.server.storage.organizations import OrganizationRow
from portico.server.storage.projects import insert_project
from portico.server.storage.secrets import InstallationKey
from portico.server.storage.tokens import insert_token


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
    project = await insert_project(connection, organization.organization_id, DEFAULT_NAME)
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


def _read_guid(text: str) -> OrganizationId:
    try:
        return OrganizationId(str(UUID(text)))
    except ValueError:
        raise OrganizationNotFound from None

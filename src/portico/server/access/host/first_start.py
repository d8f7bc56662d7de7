"""The first organization with its tokens, made once on an empty database; and new tokens when those are lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.host.credentials import Credentials, base_url, maybe_base_url, point_to, write_credentials
from portico.server.access.organizations import NewTokens, found, make_tokens
from portico.server.access.organizations.projects import DEFAULT_NAME
from portico.server.access.sign_in.refusals import UserNotFound
from portico.server.access.sign_in.setup_links import make_link
from portico.server.errors import StartError
from portico.server.ids import OrganizationId, ProjectId
from portico.server.settings import Secret, Settings
from portico.server.storage.database import Database
from portico.server.storage.opening import open_database
from portico.server.storage.organizations import list_organizations, maybe_organization
from portico.server.storage.projects import list_projects, maybe_project
from portico.server.storage.secrets import InstallationKey, open_installation_key
from portico.server.storage.setup_links import LinkKind
from portico.server.storage.tokens import maybe_first_start_home, revoke_first_start_tokens
from portico.server.storage.users import maybe_user_by_email

FIRST_ORGANIZATION = "Portico"
# Names the lock among all advisory locks of the database; see also the one of the migrations.
_LOCK = 0x706F7274696370


async def first_start(database: Database, key: InstallationKey, data_dir: Path, url: str) -> Credentials | None:
    """Organization, project `Default`, a token for each, and the credentials file, when there is no organization yet.

    None at a later start: then only the address in the file is brought up to date. `url` is how this server is
    reached, see `base_url`.
    """
    async with database.begin() as connection:
        if not await _is_empty(connection):
            point_to(data_dir, url)
            return None
        # To the end of the transaction: a second process waits here, and then finds an organization.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if not await _is_empty(connection):
            return None
        made = await found(connection, key, FIRST_ORGANIZATION, first_start=True)
        await _record(connection, key, "create", "organization", made.organization.organization_id, FIRST_ORGANIZATION)
        # Before the commit: a crash in between leaves a file to be overwritten, not tokens that nobody knows.
        link = await make_link(connection, key, "setup")
        return replace(write_credentials(data_dir, made.tokens, url), setup_link=Secret(link.at(url)))


async def make_setup_link(settings: Settings, email: str | None = None) -> tuple[str, datetime]:
    """A link for another system administrator, or for a user who is there; and when it ends. On the host only.

    Raises StartError, UserNotFound.
    """
    async with open_database(settings) as database:
        key = await open_installation_key(database, settings.data_dir, settings.secret_key)
        url = settings.public_url or maybe_base_url(settings.data_dir) or base_url(settings.host, settings.port)
        async with database.begin() as connection:
            user = None if email is None else await maybe_user_by_email(connection, email)
            if email is not None and user is None:
                raise UserNotFound(email)
            kind: LinkKind = "setup" if user is None else "reset" if user.password_hash else "invitation"
            link = await make_link(connection, key, kind, None if user is None else user.user_id)
            details = {"kind": kind}
            await audit.record_system(
                connection, audit.KeyOnly(key), None, audit.HOST, "create", "setup_link",
                "" if user is None else user.user_id, email or "", details=details,
            )  # fmt: skip
        return link.at(url), link.expires_at


async def reset_tokens(settings: Settings) -> Credentials:
    """Revoke the tokens of the first start, write new ones into the file. A running server follows within a second.

    Works with and without a running server, on the host of the data folder. Raises StartError.
    """
    async with open_database(settings) as database:
        key = await open_installation_key(database, settings.data_dir, settings.secret_key)
        url = maybe_base_url(settings.data_dir) or base_url(settings.host, settings.port)
        made = await first_start(database, key, settings.data_dir, url)
        return made or await replace_first_tokens(database, key, settings.data_dir, url)


async def replace_first_tokens(database: Database, key: InstallationKey, data_dir: Path, url: str) -> Credentials:
    """Raises StartError when the organization has no project left to make a token for."""
    async with database.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        organization_id, project_id = await _find_home(connection)
        await revoke_first_start_tokens(connection, organization_id)
        tokens = await _make_tokens(connection, key, organization_id, project_id)
        await _record(connection, key, "update", "first_tokens", organization_id, project_id=project_id)
        return write_credentials(data_dir, tokens, url)


async def _record(
    connection: AsyncConnection,
    key: InstallationKey,
    action: audit.Action,
    kind: str,
    organization_id: OrganizationId,
    name: str = "",
    project_id: ProjectId | None = None,
) -> None:
    who, keyed = audit.HOST, audit.KeyOnly(key)
    await audit.record_system(
        connection, keyed, organization_id, who, action, kind, organization_id, name, project_id=project_id
    )


async def _make_tokens(
    connection: AsyncConnection, key: InstallationKey, organization_id: OrganizationId, project_id: ProjectId
) -> NewTokens:
    # The plain name may have been given to another token meanwhile; a moment makes one that is free.
    name = f"{DEFAULT_NAME} {datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    return await make_tokens(connection, key, organization_id, project_id, name, first_start=True)


async def _find_home(connection: AsyncConnection) -> tuple[OrganizationId, ProjectId]:
    """Where the first start put its tokens; when that is deleted, the oldest organization and project that live."""
    organization_id, project_id = await maybe_first_start_home(connection) or (None, None)
    if organization_id is None or await maybe_organization(connection, organization_id, lock=True) is None:
        organization_id, project_id = (await list_organizations(connection))[0].organization_id, None
    if project_id is None or await maybe_project(connection, organization_id, project_id, lock=True) is None:
        living = await list_projects(connection, organization_id, hidden=True)
        if not living:
            raise StartError("The organization has no project left: make one with its organization token first.")
        project_id = living[0].project_id
    return organization_id, project_id


async def _is_empty(connection: AsyncConnection) -> bool:
    return not await list_organizations(connection)

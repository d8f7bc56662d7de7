"""API tokens: who a token is, and making, listing, describing, blocking and revoking tokens of a project.

The text of a token is shown once, as `id` of the answer that makes it; afterwards its GUID stands there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.access.refusals import ProjectNotInOrganization, TokenExists, UnexpectedStatus
from portico.server.access.tenancy import (
    TOKEN_PREFIX,
    Tenancy,
    clean_description,
    clean_name,
    new_token,
    refuse_duplicate,
)
from portico.server.errors import FieldRequired, NotFound, OutOfRange, PatternMismatch
from portico.server.ids import ProjectId, TokenId
from portico.server.kit.clock import system_clock, wire_time
from portico.server.storage.projects import maybe_project
from portico.server.storage.tokens import (
    TokenRow,
    insert_token,
    list_tokens,
    maybe_token,
    revoke_token,
    update_token,
)
from portico.wire.tokens import ORGANIZATION_SCOPE, PROJECT_SCOPE, ApiToken, ApiTokenList, TokenAccess


def validate(caller: Caller) -> TokenAccess:
    """Organization and project of the caller's token; a token of the organization has no project."""
    access = TokenAccess(
        organization_id=caller.organization_id,
        organization_name=caller.organization_name,
        scope=ORGANIZATION_SCOPE if caller.scope == "organization" else PROJECT_SCOPE,
    )
    if caller.scope == "project":
        access.project_id = caller.project_id or ""
        access.project_name = caller.project_name or ""
    return access


async def create_token(
    tenancy: Tenancy,
    caller: Caller,
    name: str | None,
    description: str | None = None,
    expires_at: datetime | None = None,
) -> ApiToken:
    """A token of the caller's project; the answer's `id` is the secret, never to be seen again.

    Raises FieldRequired (no project chosen), NameEmpty, OutOfRange, TokenExists (409).
    """
    require(caller, "project_tokens")
    return await _create(tenancy, caller, find_project(caller), name, description, expires_at)


async def create_organization_token(
    tenancy: Tenancy,
    caller: Caller,
    name: str | None,
    description: str | None = None,
    expires_at: datetime | None = None,
) -> ApiToken:
    """The same for the organization itself; only a token of the organization may."""
    require(caller, "organization")
    return await _create(tenancy, caller, None, name, description, expires_at)


async def list_project_tokens(tenancy: Tenancy, caller: Caller, project_id: str | None = None) -> ApiTokenList:
    """Tokens of a project, the caller's by default, without their secrets. A project token lists its own project.

    Raises ProjectNotInOrganization (404, id 2006).
    """
    require(caller, "project_tokens")
    chosen = find_project(caller) if project_id is None else _read_project(project_id)
    if caller.scope == "project" and chosen != caller.project_id:
        raise ProjectNotInOrganization
    async with tenancy.database.begin() as connection:
        if await maybe_project(connection, caller.organization_id, chosen) is None:
            raise ProjectNotInOrganization
        rows = await list_tokens(connection, caller.organization_id, chosen)
    return ApiTokenList(tokens=[write_token(row) for row in rows])


async def find_token(tenancy: Tenancy, caller: Caller, id_or_secret: str) -> ApiToken:
    """A token of the caller's project, or of any project for a token of the organization. Raises NotFound."""
    require(caller, "project_tokens")
    async with tenancy.database.begin() as connection:
        return write_token(await _find(tenancy, connection, caller, id_or_secret))


async def change_token(
    tenancy: Tenancy, caller: Caller, id_or_secret: str, *, description: str | None = None, status: str | None = None
) -> ApiToken:
    """None leaves a member as it is. `status` is Active or Blocked in any case. Raises NotFound, UnexpectedStatus."""
    require(caller, "project_tokens")
    blocked = None if status is None else read_status(status)
    text = None if description is None else clean_description(description)
    async with tenancy.change(caller.organization_id) as connection:
        row = await _find(tenancy, connection, caller, id_or_secret)
        changed = await update_token(
            connection, caller.organization_id, row.token_id, description=text, blocked=blocked
        )
        if changed is None:
            raise NotFound
    return write_token(changed)


async def delete_token(tenancy: Tenancy, caller: Caller, id_or_secret: str) -> None:
    """Revoke it for ever. Raises NotFound, also the second time."""
    require(caller, "project_tokens")
    async with tenancy.change(caller.organization_id) as connection:
        row = await _find(tenancy, connection, caller, id_or_secret)
        if not await revoke_token(connection, caller.organization_id, row.token_id):
            raise NotFound


def find_project(caller: Caller) -> ProjectId:
    """The project a call is about: the token's own, or the one an organization token names in a header."""
    if caller.project_id is None:
        raise FieldRequired("project-id")
    return caller.project_id


def read_status(status: str) -> bool:
    """True for Blocked. Raises UnexpectedStatus (400, id 2032)."""
    match status.strip().lower():
        case "active":
            return False
        case "blocked":
            return True
    raise UnexpectedStatus(status)


def read_expiry(text: str | None) -> datetime | None:
    """A moment of ISO 8601; without a zone it is UTC. Raises PatternMismatch, OutOfRange when it has passed."""
    if text is None or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PatternMismatch("expiresAt", "write a time such as 2030-01-31T12:00:00Z") from None
    if moment.timestamp() <= system_clock():
        raise OutOfRange("expiresAt", "it lies in the past")
    return moment


def write_token(row: TokenRow, secret: str | None = None) -> ApiToken:
    token = ApiToken(
        id=secret or row.token_id,
        name=row.name,
        description=row.description,
        scope=ORGANIZATION_SCOPE if row.project_id is None else PROJECT_SCOPE,
        status="Blocked" if row.blocked else "Active",
        timestamp=wire_time(row.created_at),
        api_token_id=row.token_id,
    )
    if row.expires_at is not None:
        token.expires_at = wire_time(row.expires_at)
    return token


async def _create(
    tenancy: Tenancy,
    caller: Caller,
    project_id: ProjectId | None,
    name: str | None,
    description: str | None,
    expires_at: datetime | None,
) -> ApiToken:
    called, text, secret = clean_name(name), clean_description(description), new_token()
    async with refuse_duplicate(lambda: TokenExists(called)), tenancy.change(caller.organization_id) as connection:
        row = await insert_token(
            connection,
            caller.organization_id,
            project_id,
            tenancy.key.hash_token(secret),
            called,
            text,
            expires_at=expires_at,
        )
    return write_token(row, secret)


async def _find(tenancy: Tenancy, connection: AsyncConnection, caller: Caller, id_or_secret: str) -> TokenRow:
    if id_or_secret.startswith(TOKEN_PREFIX):
        hashed = tenancy.key.hash_token(id_or_secret)
        row = await maybe_token(connection, caller.organization_id, hash=hashed)
    else:
        row = await maybe_token(connection, caller.organization_id, token_id=_read_guid(id_or_secret))
    # Tokens of the organization are not in this list, and a project never sees those of another one.
    foreign = row is not None and caller.project_id is not None and row.project_id != caller.project_id
    if row is None or row.project_id is None or foreign:
        raise NotFound
    return row


def _read_project(text: str) -> ProjectId:
    try:
        return ProjectId(str(UUID(text)))
    except ValueError:
        raise ProjectNotInOrganization from None


def _read_guid(text: str) -> TokenId:
    try:
        return TokenId(str(UUID(text)))
    except ValueError:
        raise NotFound from None

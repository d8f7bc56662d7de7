"""API tokens: who a token is, and making, listing, describing, blocking and revoking tokens of a project.

The text of a token is shown once, as `id` of the answer that makes it; afterwards its GUID stands there.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.policy import Area, require
from portico.server.access.refusals import (
    DescriptionEmpty,
    NoProjectChosen,
    ProjectNotInOrganization,
    TokenExists,
    TokenNameEmpty,
    TokenNameTooLong,
    UnexpectedStatus,
)
from portico.server.access.tenancy import (
    LONGEST_NAME,
    TOKEN_PREFIX,
    Tenancy,
    clean_description,
    clean_name,
    clean_text,
    new_token,
    refuse_duplicate,
)
from portico.server.errors import NotFound, OutOfRange, PatternMismatch
from portico.server.ids import ProjectId, TokenId
from portico.server.kit.clock import system_clock, wire_time
from portico.server.kit.guids import read_guid
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

    Raises NoProjectChosen (400, id 9), NameEmpty, OutOfRange, DescriptionEmpty (400, id 9), TokenExists (409).
    """
    require(caller, "project_tokens")
    if caller.project_id is None:
        raise NoProjectChosen
    return await _create(tenancy, caller, caller.project_id, name, description, expires_at)


async def create_organization_token(
    tenancy: Tenancy,
    caller: Caller,
    name: str | None,
    description: str | None = None,
    expires_at: datetime | None = None,
) -> ApiToken:
    """The same for the organization itself; only a token of the organization, or its administrator, may."""
    require(caller, "organization")
    return await _create(tenancy, caller, None, name, description, expires_at)


async def list_project_tokens(tenancy: Tenancy, caller: Caller, project_id: str | None = None) -> ApiTokenList:
    """Tokens of a project, the caller's by default, without their secrets. A project token lists its own project.

    Raises NoProjectChosen (400, id 9), ProjectNotInOrganization (404, id 2006).
    """
    require(caller, "project_tokens")
    chosen = caller.project_id if project_id is None else ProjectId(read_guid(project_id, ProjectNotInOrganization))
    if chosen is None:
        raise NoProjectChosen
    if caller.scope != "organization" and chosen != caller.project_id:
        raise ProjectNotInOrganization
    async with tenancy.database.begin() as connection:
        if await maybe_project(connection, caller.organization_id, chosen) is None:
            raise ProjectNotInOrganization
        rows = await list_tokens(connection, caller.organization_id, chosen)
    return ApiTokenList(tokens=[write_token(row) for row in rows])


async def list_organization_tokens(tenancy: Tenancy, caller: Caller) -> ApiTokenList:
    """Those of the organization itself, without their secrets."""
    require(caller, "organization")
    async with tenancy.database.begin() as connection:
        rows = await list_tokens(connection, caller.organization_id, None)
    return ApiTokenList(tokens=[write_token(row) for row in rows])


async def find_token(tenancy: Tenancy, caller: Caller, id_or_secret: str, *, of_organization: bool = False) -> ApiToken:
    """A token of the caller's project, or of any project for a token of the organization; or one of those themselves.

    Raises NotFound.
    """
    require(caller, _area(of_organization))
    async with tenancy.database.begin() as connection:
        return write_token(await _find(tenancy, connection, caller, id_or_secret, of_organization))


async def change_token(
    tenancy: Tenancy,
    caller: Caller,
    id_or_secret: str,
    *,
    description: str | None = None,
    status: str | None = None,
    expires_at: str | None = None,
    of_organization: bool = False,
) -> ApiToken:
    """None leaves a member as it is. `status` is Active or Blocked in any case; `expires_at` "" takes the end away.

    Raises NotFound, UnexpectedStatus (400, id 2032), DescriptionEmpty (400, id 9), PatternMismatch, OutOfRange.
    """
    require(caller, _area(of_organization))
    blocked = None if status is None else read_status(status)
    text = _read_description(description)
    end = UNSET if expires_at is None else read_expiry(expires_at)
    async with tenancy.change(caller.organization_id) as connection:
        row = await _find(tenancy, connection, caller, id_or_secret, of_organization)
        changed = await update_token(
            connection, caller.organization_id, row.token_id, description=text, blocked=blocked, expires_at=end
        )
        if changed is None:
            raise NotFound
        action: audit.Action = "update"
        if changed.blocked != row.blocked:
            action = "block" if changed.blocked else "unblock"
        await _record(connection, tenancy, caller, action, changed)
    return write_token(changed)


async def delete_token(tenancy: Tenancy, caller: Caller, id_or_secret: str, *, of_organization: bool = False) -> None:
    """Revoke it for ever. Raises NotFound, also the second time."""
    require(caller, _area(of_organization))
    async with tenancy.change(caller.organization_id) as connection:
        row = await _find(tenancy, connection, caller, id_or_secret, of_organization)
        if not await revoke_token(connection, caller.organization_id, row.token_id):
            raise NotFound
        await _record(connection, tenancy, caller, "revoke", row)


def _area(of_organization: bool) -> Area:
    return "organization" if of_organization else "project_tokens"


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
    if row.last_used_at is not None:
        token.last_used_at = wire_time(row.last_used_at)
    return token


async def _create(
    tenancy: Tenancy,
    caller: Caller,
    project_id: ProjectId | None,
    name: str | None,
    description: str | None,
    expires_at: datetime | None,
) -> ApiToken:
    called, text, secret = _read_name(name), _read_description(description) or "", new_token()
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
        await _record(connection, tenancy, caller, "create", row)
    return write_token(row, secret)


async def _record(
    connection: AsyncConnection, tenancy: Tenancy, caller: Caller, action: audit.Action, row: TokenRow
) -> None:
    details = {"expiresAt": wire_time(row.expires_at)} if row.expires_at else None
    await audit.record(
        connection, tenancy, caller, action, "token", row.token_id, row.name,
        project_id=row.project_id or "", details=details,
    )  # fmt: skip


async def _find(
    tenancy: Tenancy, connection: AsyncConnection, caller: Caller, id_or_secret: str, of_organization: bool
) -> TokenRow:
    if id_or_secret.startswith(TOKEN_PREFIX):
        hashed = tenancy.key.hash_token(id_or_secret)
        row = await maybe_token(connection, caller.organization_id, hash=hashed)
    else:
        row = await maybe_token(connection, caller.organization_id, token_id=TokenId(read_guid(id_or_secret, NotFound)))
    # Each of the two lists knows its own tokens only, and a project never sees those of another one.
    if row is None or (row.project_id is None) != of_organization:
        raise NotFound
    if not of_organization and caller.project_id is not None and row.project_id != caller.project_id:
        raise NotFound
    return row


def _read_name(name: str | None) -> str:
    if not clean_text(name or ""):
        raise TokenNameEmpty
    try:
        return clean_name(name)
    except OutOfRange:
        raise TokenNameTooLong(LONGEST_NAME) from None


def _read_description(description: str | None) -> str | None:
    """One that is there says something, as on the reference server. Raises DescriptionEmpty."""
    if description is None:
        return None
    text = clean_description(description)
    if not text:
        raise DescriptionEmpty
    return text

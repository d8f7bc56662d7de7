"""Rows of API tokens, kept as keyed hashes. Every query of one tenant takes the organization first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from msgspec import UNSET, UnsetType
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    false,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.database import metadata
from portico.server.storage.token_uses import token_uses

tokens = Table(
    "tokens",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("token_id", Uuid(as_uuid=False), primary_key=True),
    Column("project_id", Uuid(as_uuid=False)),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("hash", LargeBinary, nullable=False),
    Column("blocked", Boolean, nullable=False, server_default=false()),
    Column("first_start", Boolean, nullable=False, server_default=false()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["organization_id"], ["organizations.organization_id"]),
    ForeignKeyConstraint(["organization_id", "project_id"], ["projects.organization_id", "projects.project_id"]),
)
_live = tokens.c.revoked_at.is_(None)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token; `project_id` None is a token of the organization."""

    organization_id: OrganizationId
    token_id: TokenId
    project_id: ProjectId | None
    name: str
    description: str
    blocked: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None


_columns = (
    tokens.c.organization_id,
    tokens.c.token_id,
    tokens.c.project_id,
    tokens.c.name,
    tokens.c.description,
    tokens.c.blocked,
    tokens.c.created_at,
    tokens.c.expires_at,
)


async def insert_token(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    hash: bytes,
    name: str,
    description: str = "",
    *,
    expires_at: datetime | None = None,
    first_start: bool = False,
) -> TokenRow:
    """Raises IntegrityError when a living token of the same project (or of the organization) has this name."""
    values = {
        "organization_id": organization_id,
        "token_id": str(uuid4()),
        "project_id": project_id,
        "name": name,
        "description": description,
        "hash": hash,
        "expires_at": expires_at,
        "first_start": first_start,
    }
    return _read((await connection.execute(insert(tokens).values(values).returning(*_columns))).one())


async def maybe_token(
    connection: AsyncConnection, organization_id: OrganizationId, *, token_id: TokenId | None = None, hash: bytes = b""
) -> TokenRow | None:
    """A living token by id or, without one, by hash."""
    which = tokens.c.hash == hash if token_id is None else tokens.c.token_id == token_id
    query = _with_use().where(tokens.c.organization_id == organization_id, which, _live)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


async def list_tokens(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> list[TokenRow]:
    """Living tokens of a project (None: those of the organization itself), oldest first."""
    query = _with_use().where(tokens.c.organization_id == organization_id, _live, _in(project_id))
    return [_read(row) for row in await connection.execute(query.order_by(tokens.c.created_at, tokens.c.token_id))]


async def update_token(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    token_id: TokenId,
    *,
    description: str | None = None,
    blocked: bool | None = None,
    expires_at: datetime | UnsetType | None = UNSET,
) -> TokenRow | None:
    """None leaves a field as it is; but for `expires_at`, where it means that there is no end any more."""
    given: dict[str, object] = {"description": description, "blocked": blocked}
    values = {key: value for key, value in given.items() if value is not None} or {"name": tokens.c.name}
    if expires_at is not UNSET:
        values["expires_at"] = expires_at
    query = update(tokens).where(tokens.c.organization_id == organization_id, tokens.c.token_id == token_id, _live)
    if (await connection.execute(query.values(values))).rowcount == 0:
        return None
    return await maybe_token(connection, organization_id, token_id=token_id)


async def revoke_token(connection: AsyncConnection, organization_id: OrganizationId, token_id: TokenId) -> bool:
    """For ever; the row stays, so that its bearer hears 'blocked' and its usage keeps a name."""
    query = update(tokens).where(tokens.c.organization_id == organization_id, tokens.c.token_id == token_id, _live)
    return (await connection.execute(query.values(revoked_at=func.now()))).rowcount == 1


async def revoke_first_start_tokens(connection: AsyncConnection, organization_id: OrganizationId) -> int:
    query = update(tokens).where(tokens.c.organization_id == organization_id, tokens.c.first_start, _live)
    return (await connection.execute(query.values(revoked_at=func.now()))).rowcount


async def maybe_first_start_home(connection: AsyncConnection) -> tuple[OrganizationId, ProjectId | None] | None:
    """Organization and project that the first start made, by the newest tokens it, or a reset of it, wrote."""
    query = select(tokens.c.organization_id, tokens.c.project_id).where(tokens.c.first_start)
    query = query.order_by(tokens.c.created_at.desc(), tokens.c.project_id.nulls_last()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (OrganizationId(row[0]), None if row[1] is None else ProjectId(row[1]))


def _with_use() -> Select[Any]:
    used = and_(token_uses.c.organization_id == tokens.c.organization_id, token_uses.c.token_id == tokens.c.token_id)
    return select(*_columns, token_uses.c.last_used_at).select_from(tokens.outerjoin(token_uses, used))


def _in(project_id: ProjectId | None) -> ColumnElement[bool]:
    return tokens.c.project_id.is_(None) if project_id is None else tokens.c.project_id == project_id


def _read(row: Sequence[Any]) -> TokenRow:
    return TokenRow(*row)

"""Rows of users: the people of the installation. They belong to no organization; memberships say where they act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Boolean, Column, DateTime, Table, Text, Uuid, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import UserId
from portico.server.storage.database import metadata

users = Table(
    "users",
    metadata,
    Column("user_id", Uuid(as_uuid=False), primary_key=True),
    Column("email", Text, nullable=False),
    Column("first_name", Text, nullable=False, server_default=""),
    Column("last_name", Text, nullable=False, server_default=""),
    Column("password_hash", Text),
    Column("issuer", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("system_administrator", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_login_at", DateTime(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class UserRow:
    """One person. `email` is in lower case; without `password_hash` he gets in by a link or an external issuer."""

    user_id: UserId
    email: str
    first_name: str
    last_name: str
    password_hash: str | None
    issuer: str
    subject: str
    system_administrator: bool
    active: bool
    created_at: datetime
    last_login_at: datetime | None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email


_columns = tuple(users.c)


async def insert_user(connection: AsyncConnection, email: str, **values: object) -> UserRow | None:
    """None when the address, or the subject of the issuer, is taken. `values` are further columns; a new user is active
    and no administrator."""
    row = {"user_id": str(uuid4()), "email": email.lower(), "system_administrator": False, "active": True, **values}
    # Of any of its unique indexes: of two who come at once, either may be the first in each.
    query = insert_or(users).values(row).on_conflict_do_nothing().returning(*_columns)
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else _read(found)


async def maybe_user(connection: AsyncConnection, user_id: UserId, *, lock: bool = False) -> UserRow | None:
    query = select(*_columns).where(users.c.user_id == user_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _read(row)


async def maybe_user_by_email(connection: AsyncConnection, email: str, *, lock: bool = False) -> UserRow | None:
    """In any case of letters."""
    query = select(*_columns).where(users.c.email == email.lower())
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _read(row)


async def maybe_user_by_subject(connection: AsyncConnection, issuer: str, subject: str) -> UserRow | None:
    """Whom an external issuer calls so."""
    query = select(*_columns).where(users.c.issuer == issuer, users.c.subject == subject)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


async def list_users(
    connection: AsyncConnection, *, text: str = "", size: int = 20, offset: int = 0
) -> tuple[int, list[UserRow]]:
    """How many there are and a part of them, by address; `text` is looked for in addresses."""
    where = users.c.email.contains(text.lower(), autoescape=True)
    count = (await connection.execute(select(func.count()).select_from(users).where(where))).scalar_one()
    query = select(*_columns).where(where).order_by(users.c.email.collate("C")).limit(size).offset(offset)
    return count, [_read(row) for row in await connection.execute(query)]


async def count_administrators(connection: AsyncConnection) -> int:
    """Active system administrators who can sign in, or will when they follow their link. Locks their rows."""
    query = select(users.c.user_id).where(users.c.system_administrator, users.c.active).with_for_update()
    return len((await connection.execute(query)).all())


async def update_user(connection: AsyncConnection, user_id: UserId, values: Mapping[str, object]) -> UserRow | None:
    query = update(users).where(users.c.user_id == user_id).values(**values).returning(*_columns)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


def _read(row: Sequence[Any]) -> UserRow:
    return UserRow(UserId(row[0]), *row[1:])

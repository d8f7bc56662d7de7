"""Rows of organizations: the tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, DateTime, Table, Text, Uuid, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId
from portico.server.storage.database import metadata

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(timezone=True)),
)
_live = organizations.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    organization_id: OrganizationId
    name: str
    created_at: datetime


_columns = (organizations.c.organization_id, organizations.c.name, organizations.c.created_at)


async def insert_organization(connection: AsyncConnection, name: str) -> OrganizationRow:
    """Raises IntegrityError when a living organization has this name."""
    query = insert(organizations).values(organization_id=str(uuid4()), name=name).returning(*_columns)
    return _read((await connection.execute(query)).one())


async def maybe_organization(
    connection: AsyncConnection, organization_id: OrganizationId, *, lock: bool = False
) -> OrganizationRow | None:
    """`lock` keeps others from changing it until the transaction ends."""
    query = select(*_columns).where(organizations.c.organization_id == organization_id, _live)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _read(row)


async def list_organizations(connection: AsyncConnection) -> list[OrganizationRow]:
    """Oldest first."""
    query = select(*_columns).where(_live).order_by(organizations.c.created_at, organizations.c.organization_id)
    return [_read(row) for row in await connection.execute(query)]


async def search_organizations(
    connection: AsyncConnection, contained: str = "", *, descending: bool = False, size: int, offset: int = 0
) -> tuple[int, list[OrganizationRow]]:
    """How many have this text in their name, in any case, and one page of them by name."""
    fits = func.strpos(func.lower(organizations.c.name), func.lower(contained)) > 0 if contained else true()
    count = (await connection.execute(select(func.count()).select_from(organizations).where(_live, fits))).scalar_one()
    name = func.lower(organizations.c.name).collate("C")
    order = (name.desc() if descending else name.asc(), organizations.c.organization_id)
    found = await connection.execute(select(*_columns).where(_live, fits).order_by(*order).limit(size).offset(offset))
    return count, [_read(row) for row in found]


async def rename_organization(
    connection: AsyncConnection, organization_id: OrganizationId, name: str
) -> OrganizationRow | None:
    """Raises IntegrityError when another living organization has this name."""
    query = update(organizations).where(organizations.c.organization_id == organization_id, _live)
    row = (await connection.execute(query.values(name=name).returning(*_columns))).one_or_none()
    return None if row is None else _read(row)


async def delete_organization(connection: AsyncConnection, organization_id: OrganizationId) -> bool:
    """Logical: the row stays, its tokens are refused as blocked."""
    query = update(organizations).where(organizations.c.organization_id == organization_id, _live)
    return (await connection.execute(query.values(deleted_at=func.now()))).rowcount == 1


def _read(row: Sequence[Any]) -> OrganizationRow:
    return OrganizationRow(OrganizationId(row[0]), row[1], row[2])

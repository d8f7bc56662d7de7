"""Rows of projects. Every query takes the organization first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Table, Text, Uuid, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.database import metadata

projects = Table(
    "projects",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), ForeignKey("organizations.organization_id"), primary_key=True),
    Column("project_id", Uuid(as_uuid=False), primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(timezone=True)),
)
_live = projects.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class ProjectRow:
    organization_id: OrganizationId
    project_id: ProjectId
    name: str
    description: str
    active: bool
    created_at: datetime


_columns = (
    projects.c.organization_id,
    projects.c.project_id,
    projects.c.name,
    projects.c.description,
    projects.c.active,
    projects.c.created_at,
)


async def insert_project(
    connection: AsyncConnection, organization_id: OrganizationId, name: str, description: str = ""
) -> ProjectRow:
    """Raises IntegrityError when the organization has a living project of this name."""
    values = {"organization_id": organization_id, "project_id": str(uuid4()), "name": name, "description": description}
    return _read((await connection.execute(insert(projects).values(values).returning(*_columns))).one())


async def maybe_project(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, *, lock: bool = False
) -> ProjectRow | None:
    """`lock` keeps others from changing it until the transaction ends."""
    query = select(*_columns).where(*_is(organization_id, project_id))
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _read(row)


async def list_projects(
    connection: AsyncConnection, organization_id: OrganizationId, *, name: str | None = None, hidden: bool = False
) -> list[ProjectRow]:
    """Oldest first; inactive ones only with `hidden`; `name` matches exactly."""
    query = select(*_columns).where(projects.c.organization_id == organization_id, _live)
    if name is not None:
        query = query.where(projects.c.name == name)
    if not hidden:
        query = query.where(projects.c.active)
    query = query.order_by(projects.c.created_at, projects.c.project_id)
    return [_read(row) for row in await connection.execute(query)]


async def update_project(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    *,
    name: str | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> ProjectRow | None:
    """None leaves a field as it is. Raises IntegrityError when the name is taken."""
    given: dict[str, object] = {"name": name, "description": description, "active": active}
    values = {key: value for key, value in given.items() if value is not None} or {"name": projects.c.name}
    query = update(projects).where(*_is(organization_id, project_id)).values(values).returning(*_columns)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


async def delete_project(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId) -> bool:
    """Logical: the row stays, its tokens are refused as blocked."""
    query = update(projects).where(*_is(organization_id, project_id)).values(deleted_at=func.now())
    return (await connection.execute(query)).rowcount == 1


def _is(organization_id: OrganizationId, project_id: ProjectId) -> tuple[Any, ...]:
    return projects.c.organization_id == organization_id, projects.c.project_id == project_id, _live


def _read(row: Sequence[Any]) -> ProjectRow:
    organization_id, project_id, *rest = row
    return ProjectRow(OrganizationId(organization_id), ProjectId(project_id), *rest)

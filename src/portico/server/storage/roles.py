"""Rows of roles and of memberships: who holds which role. Every query takes the organization first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import uuid4

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    ForeignKeyConstraint,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, RoleId, UserId
from portico.server.storage.database import metadata

RoleType = Literal["Backend", "Frontend"]
RoleOrigin = Literal["System", "User"]

roles = Table(
    "roles",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("role_id", Uuid(as_uuid=False), primary_key=True),
    Column("project_id", Uuid(as_uuid=False)),
    Column("name", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("assistants", ARRAY(Uuid(as_uuid=False)), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["organization_id"], ["organizations.organization_id"]),
    ForeignKeyConstraint(["organization_id", "project_id"], ["projects.organization_id", "projects.project_id"]),
)
memberships = Table(
    "memberships",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("role_id", Uuid(as_uuid=False), primary_key=True),
    Column("user_id", Uuid(as_uuid=False), primary_key=True),
    Column("granted_by", Text, nullable=False),
    Column("granted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(
        ["organization_id", "role_id"], ["roles.organization_id", "roles.role_id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["user_id"], ["users.user_id"], ondelete="CASCADE"),
)


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One role; `project_id` None is a role of the organization. `assistants` counts for Frontend roles of users."""

    organization_id: OrganizationId
    role_id: RoleId
    project_id: ProjectId | None
    name: str
    external_id: str
    type: RoleType
    origin: RoleOrigin
    assistants: tuple[str, ...]
    created_at: datetime


_columns = (
    roles.c.organization_id,
    roles.c.role_id,
    roles.c.project_id,
    roles.c.name,
    roles.c.external_id,
    roles.c.type,
    roles.c.origin,
    roles.c.assistants,
    roles.c.created_at,
)


async def insert_role(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    name: str,
    type: RoleType,
    origin: RoleOrigin,
    *,
    external_id: str | None = None,
    assistants: Collection[str] = (),
) -> RoleRow:
    """The external id is the role's own by default. Raises IntegrityError when the name is taken there."""
    role_id = str(uuid4())
    values = {
        "organization_id": organization_id,
        "role_id": role_id,
        "project_id": project_id,
        "name": name,
        "external_id": external_id or role_id,
        "type": type,
        "origin": origin,
        "assistants": list(assistants),
    }
    return _read((await connection.execute(insert(roles).values(values).returning(*_columns))).one())


async def list_roles(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> list[RoleRow]:
    """Roles of a project (None: those of the organization itself) by name."""
    query = select(*_columns).where(roles.c.organization_id == organization_id, _in(project_id))
    return [_read(row) for row in await connection.execute(query.order_by(func.lower(roles.c.name)))]


async def list_all_roles(connection: AsyncConnection, organization_id: OrganizationId) -> list[RoleRow]:
    """Of the organization and of all its projects."""
    query = select(*_columns).where(roles.c.organization_id == organization_id)
    return [_read(row) for row in await connection.execute(query.order_by(func.lower(roles.c.name)))]


async def maybe_role(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    *,
    role_id: RoleId | None = None,
    name: str = "",
) -> RoleRow | None:
    """One role of a project, or of the organization itself, by id or, without one, by its name in any case."""
    which = func.lower(roles.c.name) == name.lower() if role_id is None else roles.c.role_id == role_id
    query = select(*_columns).where(roles.c.organization_id == organization_id, _in(project_id), which)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


async def maybe_home(connection: AsyncConnection, organization_id: OrganizationId, role_id: RoleId) -> ProjectId | None:
    """The project that a role belongs to; None when the organization has no such role, or itself has it."""
    query = select(roles.c.project_id).where(roles.c.organization_id == organization_id, roles.c.role_id == role_id)
    found = await connection.scalar(query)
    return None if found is None else ProjectId(found)


async def update_role(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    role_id: RoleId,
    *,
    name: str | None = None,
    external_id: str | None = None,
    assistants: Collection[str] | None = None,
) -> RoleRow | None:
    """None leaves a field as it is. Raises IntegrityError when the name is taken."""
    given: dict[str, object] = {
        "name": name,
        "external_id": external_id,
        "assistants": None if assistants is None else list(assistants),
    }
    values = {key: value for key, value in given.items() if value is not None} or {"name": roles.c.name}
    query = update(roles).where(roles.c.organization_id == organization_id, roles.c.role_id == role_id)
    row = (await connection.execute(query.values(values).returning(*_columns))).one_or_none()
    return None if row is None else _read(row)


async def delete_role(connection: AsyncConnection, organization_id: OrganizationId, role_id: RoleId) -> bool:
    """With the memberships in it, if any are left."""
    query = delete(roles).where(roles.c.organization_id == organization_id, roles.c.role_id == role_id)
    return (await connection.execute(query)).rowcount == 1


async def delete_roles_of_project(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> int:
    """All roles of a project (None: of the organization itself), held or not. How many users held one."""
    mine = select(roles.c.role_id).where(roles.c.organization_id == organization_id, _in(project_id))
    held = (memberships.c.organization_id == organization_id, memberships.c.role_id.in_(mine))
    members = (await connection.execute(select(func.count(memberships.c.user_id.distinct())).where(*held))).scalar_one()
    await connection.execute(delete(memberships).where(*held))
    await connection.execute(delete(roles).where(roles.c.organization_id == organization_id, _in(project_id)))
    return members


async def insert_membership(
    connection: AsyncConnection, organization_id: OrganizationId, role_id: RoleId, user_id: UserId, granted_by: str
) -> bool:
    """False when the user holds the role already."""
    values = {
        "organization_id": organization_id,
        "role_id": role_id,
        "user_id": user_id,
        "granted_by": granted_by,
    }
    # Not `rowcount`: SQLAlchemy asks for that of an INSERT after the cursor is closed, and gets -1 now and then (seen).
    query = insert_or(memberships).values(values).on_conflict_do_nothing().returning(memberships.c.role_id)
    return (await connection.execute(query)).first() is not None


async def delete_memberships(
    connection: AsyncConnection, organization_id: OrganizationId, user_id: UserId, role_ids: Collection[RoleId]
) -> int:
    """How many of these roles the user held."""
    query = delete(memberships).where(
        memberships.c.organization_id == organization_id,
        memberships.c.user_id == user_id,
        memberships.c.role_id.in_(role_ids),
    )
    return (await connection.execute(query)).rowcount


async def count_members(connection: AsyncConnection, organization_id: OrganizationId, role_id: RoleId) -> int:
    """How many users hold a role."""
    query = select(func.count()).where(
        memberships.c.organization_id == organization_id, memberships.c.role_id == role_id
    )
    return (await connection.execute(query)).scalar_one()


def _in(project_id: ProjectId | None) -> ColumnElement[bool]:
    return roles.c.project_id.is_(None) if project_id is None else roles.c.project_id == project_id


def _read(row: Sequence[Any]) -> RoleRow:
    organization_id, role_id, project_id, name, external_id, type, origin, assistants, created_at = row
    return RoleRow(
        OrganizationId(organization_id),
        RoleId(role_id),
        None if project_id is None else ProjectId(project_id),
        name,
        external_id,
        cast(RoleType, type),
        cast(RoleOrigin, origin),
        tuple(assistants),
        created_at,
    )

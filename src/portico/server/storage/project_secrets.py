"""Rows of secrets, of one project each. Every query takes the organization first; values come sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId


@dataclass(frozen=True, slots=True)
class SecretRow:
    """`sealed` is empty when the value is gone for good; `accesses` as they were sent."""

    organization_id: OrganizationId
    project_id: ProjectId
    secret_id: str
    name: str
    description: str
    status: str
    sealed: bytes
    accesses: tuple[Mapping[str, str], ...]
    created_at: datetime
    updated_at: datetime


_COLUMNS = (
    "CAST(organization_id AS text), CAST(project_id AS text), CAST(secret_id AS text), name, description, status,"
    " sealed, accesses, created_at, updated_at"
)
_OF = "organization_id = :organization AND project_id = :project"
_CHANGING = ("name", "description", "status", "sealed", "accesses")


def new_secret_id() -> str:
    return str(uuid4())


async def insert_secret(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    secret_id: str,
    *,
    name: str,
    description: str,
    status: str,
    sealed: bytes,
) -> SecretRow:
    """Raises IntegrityError when the project has a secret of this name."""
    values = {"name": name, "description": description, "status": status, "sealed": sealed}
    statement = (
        "INSERT INTO secrets (organization_id, project_id, secret_id, name, description, status, sealed)"
        f" VALUES (:organization, :project, :id, :name, :description, :status, :sealed) RETURNING {_COLUMNS}"
    )
    found = await connection.execute(text(statement), _place(organization_id, project_id) | {"id": secret_id} | values)
    return _read(found.one())


async def list_secrets(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    *,
    name: str | None = None,
    secret_id: str | None = None,
    skip: int = 0,
    count: int = 10,
) -> tuple[list[SecretRow], int]:
    """By name; and how many fit in all. `name` is looked for in names, in any case."""
    where, values = _OF, _place(organization_id, project_id)
    if name is not None:
        where += " AND strpos(lower(name), lower(:name)) > 0"
        values["name"] = name
    if secret_id is not None:
        where += " AND secret_id = :secret_id"
        values["secret_id"] = secret_id
    page = f"SELECT {_COLUMNS} FROM secrets WHERE {where} ORDER BY name LIMIT :count OFFSET :skip"
    rows = await connection.execute(text(page), values | {"skip": skip, "count": count})
    total = await connection.scalar(text(f"SELECT count(*) FROM secrets WHERE {where}"), values)
    return [_read(row) for row in rows], int(total or 0)


async def maybe_secret(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    *,
    secret_id: str | None = None,
    name: str | None = None,
    lock: bool = False,
) -> SecretRow | None:
    """By one of the two. `lock` keeps others from changing it until the transaction ends."""
    column, value = ("secret_id", secret_id) if name is None else ("name", name)
    query = f"SELECT {_COLUMNS} FROM secrets WHERE {_OF} AND {column} = :value{' FOR UPDATE' if lock else ''}"
    row = await connection.execute(text(query), _place(organization_id, project_id) | {"value": value})
    found = row.one_or_none()
    return None if found is None else _read(found)


async def update_secret(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    secret_id: str,
    changes: Mapping[str, Any],
) -> SecretRow:
    """`changes` are columns. Raises IntegrityError when another secret has the name."""
    values = {name: changes[name] for name in _CHANGING if name in changes}
    if "accesses" in values:
        values["accesses"] = msgspec.json.encode(values["accesses"]).decode()
    sets = "".join(f"{name} = :{name}, " for name in values)
    statement = f"UPDATE secrets SET {sets}updated_at = now() WHERE {_OF} AND secret_id = :id RETURNING {_COLUMNS}"
    row = await connection.execute(text(statement), _place(organization_id, project_id) | {"id": secret_id} | values)
    return _read(row.one())


async def delete_secret(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, secret_id: str
) -> None:
    statement = text(f"DELETE FROM secrets WHERE {_OF} AND secret_id = :id")
    await connection.execute(statement, _place(organization_id, project_id) | {"id": secret_id})


def _place(organization_id: OrganizationId, project_id: ProjectId) -> dict[str, Any]:
    return {"organization": organization_id, "project": project_id}


def _read(row: Sequence[Any]) -> SecretRow:
    organization_id, project_id, secret_id, name, description, status, sealed, accesses, created_at, updated_at = row
    return SecretRow(
        OrganizationId(organization_id),
        ProjectId(project_id),
        secret_id,
        name,
        description,
        status,
        bytes(sealed),
        tuple(accesses),
        created_at,
        updated_at,
    )

"""Rows of search profiles, the RAG assistants. Every query of one tenant takes organization and project first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

DEFAULT_NAME = "Default"
"""Of the profile that every project is born with."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """What a profile's rows are found by; the tenant comes first."""

    organization_id: OrganizationId
    project_id: ProjectId
    profile_id: str


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """`options` are what was set of searchOptions, indexOptions and welcomeData. `sealed` are keys of the profile's own
    endpoints. `embedding` is what its vectors are made by, None before the first document."""

    key: ProfileKey
    name: str
    description: str
    enabled: bool
    options: Json
    sealed: bytes | None
    embedding: Json | None


_HERE = "organization_id = :organization AND project_id = :project"
_IS = f"{_HERE} AND profile_id = :profile"
_COLUMNS = (
    "CAST(organization_id AS text), CAST(project_id AS text), CAST(profile_id AS text), name, description, status,"
    " options, sealed, embedding"
)
_INSERT = (
    "INSERT INTO search_profiles (organization_id, project_id, profile_id, name, description, options, sealed)"
    " VALUES (:organization, :project, :profile, :name, :description, CAST(:options AS jsonb), :sealed)"
)


async def insert_profile(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    *,
    name: str,
    description: str = "",
    options: Mapping[str, Any] | None = None,
    sealed: bytes | None = None,
) -> ProfileRow:
    """Raises IntegrityError when the project has a profile of this name."""
    values = {
        **_place(organization_id, project_id),
        "profile": str(uuid4()),
        "name": name,
        "description": description,
        "options": json.dumps(options or {}),
        "sealed": sealed,
    }
    return _read((await connection.execute(text(f"{_INSERT} RETURNING {_COLUMNS}"), values)).one())


async def insert_default(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId) -> None:
    """The profile of a new project."""
    await insert_profile(connection, organization_id, project_id, name=DEFAULT_NAME)


async def maybe_profile(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    name: str,
    *,
    lock: str = "",
) -> ProfileRow | None:
    """By its name. `lock`: "NO KEY UPDATE" or "SHARE", until the transaction ends."""
    query = f"SELECT {_COLUMNS} FROM search_profiles WHERE {_HERE} AND name = :name{_lock(lock)}"
    values = {**_place(organization_id, project_id), "name": name}
    row = (await connection.execute(text(query), values)).one_or_none()
    return None if row is None else _read(row)


async def maybe_profile_of(connection: AsyncConnection, key: ProfileKey, *, lock: str = "") -> ProfileRow | None:
    """By its key."""
    query = f"SELECT {_COLUMNS} FROM search_profiles WHERE {_IS}{_lock(lock)}"
    row = (await connection.execute(text(query), _values(key))).one_or_none()
    return None if row is None else _read(row)


async def list_profiles(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, *, include_disabled: bool
) -> Sequence[tuple[str, str]]:
    """Names and descriptions, by name."""
    which = "" if include_disabled else " AND status = 1"
    query = text(f"SELECT name, description FROM search_profiles WHERE {_HERE}{which} ORDER BY name")
    rows = await connection.execute(query, _place(organization_id, project_id))
    return [(row[0], row[1]) for row in rows]


async def update_profile(connection: AsyncConnection, row: ProfileRow) -> None:
    """Writes what can change of a row that was locked."""
    query = text(
        "UPDATE search_profiles SET description = :description, status = :status, options = CAST(:options AS jsonb),"
        f" sealed = :sealed, updated_at = now() WHERE {_IS}"
    )
    values = {
        **_values(row.key),
        "description": row.description,
        "status": 1 if row.enabled else 2,
        "options": json.dumps(row.options),
        "sealed": row.sealed,
    }
    await connection.execute(query, values)


async def set_embedding(connection: AsyncConnection, key: ProfileKey, embedding: Mapping[str, Any] | None) -> None:
    """What the vectors of the profile are made by from now on; None: the next document decides."""
    query = text(f"UPDATE search_profiles SET embedding = CAST(:embedding AS jsonb) WHERE {_IS}")
    values = {**_values(key), "embedding": None if embedding is None else json.dumps(embedding)}
    await connection.execute(query, values)


async def delete_profile(connection: AsyncConnection, key: ProfileKey) -> None:
    """With its documents and what is indexed of them."""
    await connection.execute(text(f"DELETE FROM search_profiles WHERE {_IS}"), _values(key))


def _lock(lock: str) -> str:
    return f" FOR {lock}" if lock else ""


def _place(organization_id: OrganizationId, project_id: ProjectId) -> Json:
    return {"organization": organization_id, "project": project_id}


def _values(key: ProfileKey) -> Json:
    return {**_place(key.organization_id, key.project_id), "profile": key.profile_id}


def _read(row: Sequence[Any]) -> ProfileRow:
    organization_id, project_id, profile_id, name, description, status, options, sealed, embedding = row
    key = ProfileKey(OrganizationId(organization_id), ProjectId(project_id), profile_id)
    return ProfileRow(
        key, name, description, status == 1, options, None if sealed is None else bytes(sealed), embedding
    )

"""Rows of provider keys, model aliases and own catalogue entries. Queries take the organization first.

Organization None is the installation itself: what its operator has set on the host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

Strategy = Literal["weighted", "least_busy"]
OwnerId = OrganizationId | None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One credential of a provider. `sealed`: the key and its secret options; `tail`: what may be shown of the key."""

    key_id: str
    organization_id: OwnerId
    project_id: ProjectId | None
    provider: str
    name: str
    weight: int
    base_url: str
    options: Mapping[str, str]
    sealed: bytes
    tail: str
    blocked: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AliasRow:
    """A model name of a team's own; `targets` are objects with `model`, `weight` and `tier`."""

    organization_id: OrganizationId
    project_id: ProjectId | None
    name: str
    targets: Sequence[Mapping[str, Any]]
    strategy: Strategy
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A provider (`model` is "") or a model of somebody's own; `entry` has the members of a catalogue file."""

    organization_id: OwnerId
    provider: str
    model: str
    entry: Mapping[str, Any]
    created_at: datetime
    changed_at: datetime


_KEY = """key_id::text, organization_id::text, project_id::text, provider, name, weight, base_url, options, sealed,
    tail, blocked, created_at, changed_at"""
_ALIAS = "organization_id::text, project_id::text, name, targets, strategy, created_at, changed_at"
_ENTRY = "organization_id::text, provider, model, entry, created_at, changed_at"
_OWNER = "organization_id IS NOT DISTINCT FROM CAST(:organization AS uuid)"
_PLACE = f"{_OWNER} AND project_id IS NOT DISTINCT FROM CAST(:project AS uuid)"


# keys -------------------------------------------------------------------------------------------------------------


def new_key_id() -> str:
    """The id goes into the seal, so it is made before the row."""
    return str(uuid4())


async def insert_key(
    connection: AsyncConnection,
    organization_id: OwnerId,
    project_id: ProjectId | None,
    key_id: str,
    provider: str,
    *,
    sealed: bytes,
    tail: str,
    name: str = "",
    weight: int = 1,
    base_url: str = "",
    options: Mapping[str, str] | None = None,
) -> KeyRow:
    """Raises IntegrityError when the same place has a key of this name for the provider."""
    query = text(
        "INSERT INTO provider_keys (key_id, organization_id, project_id, provider, name, weight, base_url, options,"
        " sealed, tail) VALUES (CAST(:key AS uuid), CAST(:organization AS uuid), CAST(:project AS uuid), :provider,"
        f" :name, :weight, :base_url, CAST(:options AS jsonb), :sealed, :tail) RETURNING {_KEY}"
    )
    values = {
        "key": key_id,
        "organization": organization_id,
        "project": project_id,
        "provider": provider,
        "name": name,
        "weight": weight,
        "base_url": base_url,
        "options": json.dumps(dict(options or {})),
        "sealed": sealed,
        "tail": tail,
    }
    return KeyRow(*(await connection.execute(query, values)).one())


async def list_keys(connection: AsyncConnection, organization_id: OwnerId, provider: str) -> list[KeyRow]:
    """Of the organization and of all its projects, oldest first."""
    query = text(
        f"SELECT {_KEY} FROM provider_keys WHERE {_OWNER} AND provider = :provider ORDER BY created_at, key_id"
    )
    rows = await connection.execute(query, {"organization": organization_id, "provider": provider})
    return [KeyRow(*row) for row in rows]


async def maybe_key(connection: AsyncConnection, organization_id: OwnerId, key_id: str) -> KeyRow | None:
    """Locked until the end of the transaction, since what follows is a change."""
    query = text(f"SELECT {_KEY} FROM provider_keys WHERE {_OWNER} AND key_id = CAST(:key AS uuid) FOR UPDATE")
    row = (await connection.execute(query, {"organization": organization_id, "key": key_id})).one_or_none()
    return None if row is None else KeyRow(*row)


async def update_key(
    connection: AsyncConnection, organization_id: OwnerId, key_id: str, changes: Mapping[str, Any]
) -> KeyRow:
    """`changes` are columns out of name, weight, blocked, sealed, tail. Raises IntegrityError as `insert_key`."""
    columns = [name for name in ("name", "weight", "blocked", "sealed", "tail") if name in changes]
    sets = ", ".join(["changed_at = now()", *(f"{name} = :{name}" for name in columns)])
    query = text(f"UPDATE provider_keys SET {sets} WHERE {_OWNER} AND key_id = CAST(:key AS uuid) RETURNING {_KEY}")
    values = {"organization": organization_id, "key": key_id, **{name: changes[name] for name in columns}}
    return KeyRow(*(await connection.execute(query, values)).one())


async def delete_key(connection: AsyncConnection, organization_id: OwnerId, key_id: str) -> None:
    query = text(f"DELETE FROM provider_keys WHERE {_OWNER} AND key_id = CAST(:key AS uuid)")
    await connection.execute(query, {"organization": organization_id, "key": key_id})


# aliases ----------------------------------------------------------------------------------------------------------


async def put_alias(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    name: str,
    targets: Sequence[Mapping[str, Any]],
    strategy: Strategy,
) -> AliasRow:
    """A new alias, or another meaning of one that is there; names are the same in any case."""
    query = text(
        "INSERT INTO model_aliases (alias_id, organization_id, project_id, name, targets, strategy)"
        " VALUES (gen_random_uuid(), CAST(:organization AS uuid), CAST(:project AS uuid), :name,"
        " CAST(:targets AS jsonb), :strategy) ON CONFLICT (organization_id, project_id, lower(name)) DO UPDATE"
        " SET name = excluded.name, targets = excluded.targets, strategy = excluded.strategy, changed_at = now()"
        f" RETURNING {_ALIAS}"
    )
    values = {
        "organization": organization_id,
        "project": project_id,
        "name": name,
        "targets": json.dumps([dict(target) for target in targets]),
        "strategy": strategy,
    }
    return AliasRow(*(await connection.execute(query, values)).one())


async def list_aliases(connection: AsyncConnection, organization_id: OrganizationId) -> list[AliasRow]:
    """Of the organization and of all its projects, by name."""
    query = text(f"SELECT {_ALIAS} FROM model_aliases WHERE {_OWNER} ORDER BY lower(name), project_id NULLS FIRST")
    return [AliasRow(*row) for row in await connection.execute(query, {"organization": organization_id})]


async def delete_alias(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, name: str
) -> bool:
    query = text(f"DELETE FROM model_aliases WHERE {_PLACE} AND lower(name) = lower(:name)")
    values = {"organization": organization_id, "project": project_id, "name": name}
    return (await connection.execute(query, values)).rowcount == 1


# own catalogue entries --------------------------------------------------------------------------------------------


async def insert_entry(
    connection: AsyncConnection, organization_id: OwnerId, provider: str, model: str, entry: Mapping[str, Any]
) -> EntryRow:
    """Raises IntegrityError when there is one of this name."""
    query = text(
        "INSERT INTO catalog_entries (entry_id, organization_id, provider, model, entry) VALUES (gen_random_uuid(),"
        f" CAST(:organization AS uuid), :provider, :model, CAST(:entry AS jsonb)) RETURNING {_ENTRY}"
    )
    values = {"organization": organization_id, "provider": provider, "model": model, "entry": json.dumps(entry)}
    return EntryRow(*(await connection.execute(query, values)).one())


async def update_entry(
    connection: AsyncConnection, organization_id: OwnerId, provider: str, model: str, entry: Mapping[str, Any]
) -> EntryRow | None:
    query = text(
        f"UPDATE catalog_entries SET entry = CAST(:entry AS jsonb), changed_at = now() WHERE {_OWNER}"
        f" AND lower(provider) = lower(:provider) AND model = :model RETURNING {_ENTRY}"
    )
    values = {"organization": organization_id, "provider": provider, "model": model, "entry": json.dumps(entry)}
    row = (await connection.execute(query, values)).one_or_none()
    return None if row is None else EntryRow(*row)


async def list_entries(connection: AsyncConnection, organization_id: OwnerId, provider: str) -> list[EntryRow]:
    """Of one provider: its own entry first, then its models by name."""
    query = text(
        f"SELECT {_ENTRY} FROM catalog_entries WHERE {_OWNER} AND lower(provider) = lower(:provider) ORDER BY model"
        ' COLLATE "C"'
    )
    rows = await connection.execute(query, {"organization": organization_id, "provider": provider})
    return [EntryRow(*row) for row in rows]


async def delete_entries(
    connection: AsyncConnection, organization_id: OwnerId, provider: str, model: str | None = None
) -> int:
    """A model, or with None the provider and all its models. How many there were."""
    which = "" if model is None else " AND model = :model"
    query = text(f"DELETE FROM catalog_entries WHERE {_OWNER} AND lower(provider) = lower(:provider){which}")
    values = {"organization": organization_id, "provider": provider} | ({} if model is None else {"model": model})
    return (await connection.execute(query, values)).rowcount


async def delete_keys(connection: AsyncConnection, organization_id: OwnerId, provider: str) -> int:
    """All keys of a provider, those of the projects included."""
    query = text(f"DELETE FROM provider_keys WHERE {_OWNER} AND provider = :provider")
    return (await connection.execute(query, {"organization": organization_id, "provider": provider})).rowcount


# everything -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Everything:
    """What these organizations, or all and the installation, have set."""

    keys: list[KeyRow]
    aliases: list[AliasRow]
    entries: list[EntryRow]


async def read_everything(connection: AsyncConnection, organization_ids: Sequence[OrganizationId]) -> Everything:
    """Of these organizations; of all and of the installation when none is named."""
    where = " WHERE organization_id = ANY(CAST(:ids AS uuid[]))" if organization_ids else ""
    values = {"ids": list(organization_ids)} if organization_ids else {}

    async def rows(columns: str, table: str, order: str) -> Sequence[Any]:
        query = text(f"SELECT {columns} FROM {table}{where} ORDER BY {order}")
        return (await connection.execute(query, values)).all()

    return Everything(
        [KeyRow(*row) for row in await rows(_KEY, "provider_keys", "created_at, key_id")],
        [AliasRow(*row) for row in await rows(_ALIAS, "model_aliases", "created_at, alias_id")],
        [EntryRow(*row) for row in await rows(_ENTRY, "catalog_entries", 'lower(provider), model COLLATE "C"')],
    )

"""Rows of assistants and of their revisions. Every query of one tenant takes organization and project first.

A row of a revision is never changed. Of several with one number the one with the highest serial holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId


@dataclass(frozen=True, slots=True)
class AssistantRow:
    """`welcome_data` is JSON text, None when there is none; `changes` grows with every change of it."""

    organization_id: OrganizationId
    project_id: ProjectId
    assistant_id: str
    type: str
    name: str
    description: str
    enabled: bool
    intent_id: str
    active_revision: int
    last_revision: int
    last_serial: int
    welcome_data: str | None


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """`serial` counts what was ever said of this assistant; `settings` is JSON text."""

    assistant_id: str
    revision_id: int
    serial: int
    name: str
    description: str
    prompt: str
    provider: str
    model: str
    settings: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewRevision:
    """What a revision says. `settings` is JSON text."""

    name: str
    description: str
    prompt: str
    provider: str
    model: str
    settings: str
    created_by: str


Place = tuple[OrganizationId, ProjectId]
_COLUMNS = (
    "CAST(organization_id AS text), CAST(project_id AS text), CAST(assistant_id AS text), type, name, description,"
    " enabled, CAST(intent_id AS text), active_revision, last_revision, last_serial, welcome_data"
)
_REVISION = (
    "CAST(r.assistant_id AS text), r.revision_id, r.serial, r.name, r.description, r.prompt, r.provider, r.model,"
    " r.settings, r.created_by, r.created_at"
)
_HERE = "organization_id = :organization AND project_id = :project"
_IS = f"{_HERE} AND assistant_id = :assistant"


async def insert_assistant(
    connection: AsyncConnection, place: Place, *, type: str, name: str, description: str, welcome_data: str | None
) -> AssistantRow:
    """Without its first revision. Raises IntegrityError when the project has an assistant of this name."""
    query = text(
        "INSERT INTO assistants (organization_id, project_id, assistant_id, type, name, description, intent_id,"
        " welcome_data) VALUES (:organization, :project, :assistant, :type, :name, :description, :intent, :welcome)"
        f" RETURNING {_COLUMNS}"
    )
    values = _at(place, str(uuid4())) | {
        "type": type,
        "name": name,
        "description": description,
        "intent": str(uuid4()),
        "welcome": welcome_data,
    }
    return _read((await connection.execute(query, values)).one())


async def insert_revision(
    connection: AsyncConnection, place: Place, assistant_id: str, revision_id: int, serial: int, new: NewRevision
) -> None:
    query = text(
        "INSERT INTO assistant_revisions (organization_id, project_id, assistant_id, revision_id, serial, name,"
        " description, prompt, provider, model, settings, created_by) VALUES (:organization, :project, :assistant,"
        " :revision, :serial, :name, :description, :prompt, :provider, :model, :settings, :by)"
    )
    said = {
        "revision": revision_id,
        "serial": serial,
        "name": new.name,
        "description": new.description,
        "prompt": new.prompt,
        "provider": new.provider,
        "model": new.model,
        "settings": new.settings,
        "by": new.created_by,
    }
    await connection.execute(query, _at(place, assistant_id) | said)


async def maybe_assistant(
    connection: AsyncConnection, place: Place, *, assistant_id: str = "", name: str = "", lock: bool = False
) -> AssistantRow | None:
    """By its id or, without one, by its name. `lock` keeps others from changing it until the transaction ends."""
    which = "assistant_id = :assistant" if assistant_id else "name = :name"
    query = text(f"SELECT {_COLUMNS} FROM assistants WHERE {_HERE} AND {which}{' FOR UPDATE' if lock else ''}")
    values = _at(place, assistant_id) if assistant_id else {**_place(place), "name": name}
    row = (await connection.execute(query, values)).one_or_none()
    return None if row is None else _read(row)


async def is_elsewhere(connection: AsyncConnection, organization_id: OrganizationId, assistant_id: str) -> bool:
    """Whether any project of the organization has an assistant of this id."""
    query = text("SELECT 1 FROM assistants WHERE organization_id = :organization AND assistant_id = :assistant")
    values = {"organization": organization_id, "assistant": assistant_id}
    return (await connection.execute(query, values)).first() is not None


async def list_assistants(
    connection: AsyncConnection, place: Place, assistant_ids: Sequence[str] | None = None
) -> list[AssistantRow]:
    """By name; all of the project, or these of it."""
    which = "" if assistant_ids is None else " AND assistant_id = ANY(CAST(:ids AS uuid[]))"
    query = text(f"SELECT {_COLUMNS} FROM assistants WHERE {_HERE}{which} ORDER BY name, assistant_id")
    values = _place(place) if assistant_ids is None else {**_place(place), "ids": list(assistant_ids)}
    return [_read(row) for row in await connection.execute(query, values)]


async def update_assistant(connection: AsyncConnection, row: AssistantRow) -> None:
    """Writes what can change of a row that was locked. Raises IntegrityError when the name is taken."""
    query = text(
        "UPDATE assistants SET name = :name, description = :description, enabled = :enabled,"
        " active_revision = :active, last_revision = :last, last_serial = :serial, welcome_data = :welcome,"
        f" changes = changes + 1, updated_at = now() WHERE {_IS}"
    )
    values = {
        "name": row.name,
        "description": row.description,
        "enabled": row.enabled,
        "active": row.active_revision,
        "last": row.last_revision,
        "serial": row.last_serial,
        "welcome": row.welcome_data,
    }
    await connection.execute(query, _at((row.organization_id, row.project_id), row.assistant_id) | values)


async def delete_assistant(connection: AsyncConnection, place: Place, assistant_id: str) -> None:
    """With its revisions; usage and audit keep its name."""
    await connection.execute(text(f"DELETE FROM assistants WHERE {_IS}"), _at(place, assistant_id))


async def list_revisions(
    connection: AsyncConnection, place: Place, assistant_ids: Sequence[str] | None = None, *, active: bool = False
) -> list[RevisionRow]:
    """What the revisions say now, by number: of all assistants of the project, or of these. `active`: only those."""
    which = "" if assistant_ids is None else " AND r.assistant_id = ANY(CAST(:ids AS uuid[]))"
    if active:
        which += " AND r.revision_id = a.active_revision"
    query = text(
        f"SELECT DISTINCT ON (r.assistant_id, r.revision_id) {_REVISION}"
        " FROM assistant_revisions r JOIN assistants a USING (organization_id, project_id, assistant_id)"
        f" WHERE r.organization_id = :organization AND r.project_id = :project{which}"
        " ORDER BY r.assistant_id, r.revision_id, r.serial DESC"
    )
    values = _place(place) if assistant_ids is None else {**_place(place), "ids": list(assistant_ids)}
    return [RevisionRow(*row) for row in await connection.execute(query, values)]


async def maybe_revision(
    connection: AsyncConnection, place: Place, assistant_id: str, *, revision_id: int | None = None, name: str = ""
) -> RevisionRow | None:
    """By its number or, without one, by its name; of several with a name the newest."""
    which = "r.revision_id = :revision" if revision_id is not None else "r.name = :name"
    query = text(
        f"SELECT {_REVISION} FROM ("
        " SELECT DISTINCT ON (revision_id) * FROM assistant_revisions"
        f" WHERE {_IS} ORDER BY revision_id, serial DESC"
        f") r WHERE {which} ORDER BY r.revision_id DESC LIMIT 1"
    )
    values = {"revision": revision_id} if revision_id is not None else {"name": name}
    row = (await connection.execute(query, _at(place, assistant_id) | values)).one_or_none()
    return None if row is None else RevisionRow(*row)


async def list_words(
    connection: AsyncConnection, place: Place, assistant_id: str, revision_id: int
) -> list[RevisionRow]:
    """Everything that was ever said of one revision, oldest first."""
    query = text(
        f"SELECT {_REVISION} FROM assistant_revisions r WHERE r.organization_id = :organization"
        " AND r.project_id = :project AND r.assistant_id = :assistant AND r.revision_id = :revision ORDER BY r.serial"
    )
    found = await connection.execute(query, _at(place, assistant_id) | {"revision": revision_id})
    return [RevisionRow(*row) for row in found]


async def list_changes(connection: AsyncConnection, organization_ids: Sequence[OrganizationId]) -> Mapping[Place, str]:
    """A mark of every project with assistants that changes with any of them; no organizations: of all."""
    where = " WHERE organization_id = ANY(CAST(:organizations AS uuid[]))" if organization_ids else ""
    query = text(
        "SELECT CAST(organization_id AS text), CAST(project_id AS text),"
        " md5(string_agg(assistant_id || ':' || changes, ',' ORDER BY assistant_id))"
        f" FROM assistants{where} GROUP BY organization_id, project_id"
    )
    values = {"organizations": list(organization_ids)} if organization_ids else {}
    rows = await connection.execute(query, values)
    return {(OrganizationId(organization), ProjectId(project)): mark for organization, project, mark in rows}


async def list_counts(connection: AsyncConnection, place: Place) -> dict[str, int]:
    """How often each assistant of the project has changed, by its id."""
    query = text(f"SELECT CAST(assistant_id AS text), changes FROM assistants WHERE {_HERE}")
    return {key: int(changes) for key, changes in await connection.execute(query, _place(place))}


def _place(place: Place) -> dict[str, Any]:
    return {"organization": place[0], "project": place[1]}


def _at(place: Place, assistant_id: str) -> dict[str, Any]:
    return {**_place(place), "assistant": assistant_id}


def _read(row: Sequence[Any]) -> AssistantRow:
    organization_id, project_id, *rest = row
    return AssistantRow(OrganizationId(organization_id), ProjectId(project_id), *rest)

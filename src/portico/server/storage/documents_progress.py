"""What ingestion writes of a document. Each statement names the revision it works on, and one that is not finished:

a document that was deleted, ordered again or finished meanwhile is not touched, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey

OPEN = "('Unknown', 'Starting', 'Pending')"
_OURS = (
    " organization_id = :organization AND project_id = :project AND profile_id = :profile"
    f" AND document_id = :document AND revision = :revision AND status IN {OPEN}"
)
_FIND = text(
    "SELECT document_id::text, revision, name, extension, content_type, size_bytes, blob, metadata, parameters,"
    f" language, chunks, embedded FROM documents WHERE{_OURS}"
)
_SET = text(
    "UPDATE documents SET status = :status, detail = coalesce(:detail, detail), updated_at = now(),"
    " pages = coalesce(:pages, pages), chunks = coalesce(:chunks, chunks), embedded = coalesce(:embedded, embedded),"
    " language = coalesce(:language, language),"
    " indexed_revision = CASE WHEN :status = 'Success' THEN revision ELSE indexed_revision END"
    f" WHERE{_OURS}"
)
_ADD = text(f"UPDATE documents SET embedded = least(chunks, embedded + :more), updated_at = now() WHERE{_OURS}")
_STALE = text(
    "SELECT organization_id::text, project_id::text, profile_id::text, document_id::text, revision FROM documents d"
    f" WHERE status IN {OPEN} AND updated_at < now() - make_interval(secs => :age)"
    " AND NOT EXISTS (SELECT FROM jobs j WHERE j.organization_id = d.organization_id AND j.project_id = d.project_id"
    " AND j.arguments->>'document_id' = d.document_id::text AND (j.arguments->>'revision')::int = d.revision)"
    " ORDER BY updated_at LIMIT :limit"
)
_BLOB = text(
    "SELECT blob FROM documents WHERE organization_id = :organization AND project_id = :project"
    " AND profile_id = :profile AND document_id = :document"
)
_ANY_OPEN = text(f"SELECT EXISTS (SELECT FROM documents WHERE status IN {OPEN})")
_COUNT_OPEN = text(f"SELECT status, count(*) FROM documents WHERE status IN {OPEN} GROUP BY status")
_OWNER = text(
    "SELECT o.name, p.name FROM projects p JOIN organizations o USING (organization_id)"
    " WHERE p.organization_id = :organization AND p.project_id = :project AND p.deleted_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class IngestedRow:
    """A document that is being ingested."""

    document_id: str
    revision: int
    name: str
    extension: str
    content_type: str
    size_bytes: int
    blob: str
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Any]
    language: str
    chunks: int
    embedded: int


@dataclass(frozen=True, slots=True)
class StaleRow:
    organization_id: OrganizationId
    project_id: ProjectId
    profile_id: str
    document_id: str
    revision: int


def _names(key: ProfileKey, document_id: str, revision: int) -> dict[str, Any]:
    return {
        "organization": key.organization_id,
        "project": key.project_id,
        "profile": key.profile_id,
        "document": document_id,
        "revision": revision,
    }


async def maybe_ingested(
    connection: AsyncConnection, key: ProfileKey, document_id: str, revision: int
) -> IngestedRow | None:
    """None when it is gone, superseded or finished."""
    row = (await connection.execute(_FIND, _names(key, document_id, revision))).one_or_none()
    return None if row is None else IngestedRow(*row)


async def set_status(
    connection: AsyncConnection,
    key: ProfileKey,
    document_id: str,
    revision: int,
    status: str,
    detail: str | None = None,
    *,
    pages: int | None = None,
    chunks: int | None = None,
    embedded: int | None = None,
    language: str | None = None,
) -> bool:
    """False when the document is gone, has a newer revision or is finished: then nothing was written.

    What is None stays as it is; an order to index again has emptied it all.
    """
    counts = {"pages": pages, "chunks": chunks, "embedded": embedded, "language": language}
    values = {**_names(key, document_id, revision), "status": status, "detail": detail, **counts}
    return (await connection.execute(_SET, values)).rowcount > 0


async def add_embedded(
    connection: AsyncConnection, key: ProfileKey, document_id: str, revision: int, more: int
) -> bool:
    """So many chunks more have their vector. False as `set_status`."""
    return (await connection.execute(_ADD, {**_names(key, document_id, revision), "more": more})).rowcount > 0


async def list_stale(connection: AsyncConnection, age_s: float, limit: int) -> list[StaleRow]:
    """Documents that are not finished, of which nothing was heard for so long, and that no job waits for.

    Of all organizations: asked by the housekeeping of the workers, and by nobody for a tenant.
    """
    return [StaleRow(*row) for row in await connection.execute(_STALE, {"age": age_s, "limit": limit})]


async def any_open(connection: AsyncConnection) -> bool:
    """Whether any document of the installation is not finished."""
    return bool(await connection.scalar(_ANY_OPEN))


async def count_open(connection: AsyncConnection) -> dict[str, int]:
    """How many documents of the installation have each status that is not final."""
    found = {str(status): int(number) for status, number in await connection.execute(_COUNT_OPEN)}
    return {"Unknown": 0, "Starting": 0, "Pending": 0} | found


async def maybe_owner(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId
) -> tuple[str, str] | None:
    """The names of organization and project; None when the project is deleted."""
    row = (await connection.execute(_OWNER, {"organization": organization_id, "project": project_id})).one_or_none()
    return None if row is None else (str(row[0]), str(row[1]))


async def maybe_blob(connection: AsyncConnection, key: ProfileKey, document_id: str) -> str | None:
    """Where the bytes of a document lie, whatever its state; None when it is gone."""
    blob: str | None = await connection.scalar(_BLOB, _names(key, document_id, 0))
    return blob

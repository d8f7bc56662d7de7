"""A profile with documents, as rows: what ingestion finds when it begins."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job
from portico.server.storage.search_profiles import ProfileKey

_ROWS = (
    "INSERT INTO organizations (organization_id, name)"
    " VALUES (CAST(:organization AS uuid), CAST(:organization AS text))",
    "INSERT INTO projects (organization_id, project_id, name) VALUES (:organization, :project, 'Library')",
    "INSERT INTO search_profiles (organization_id, project_id, profile_id, name)"
    " VALUES (:organization, :project, :profile, 'handbook')",
)
_DOCUMENT = text(
    "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension, content_type,"
    " size_bytes, sha256, blob, status, revision, chunks, updated_at) VALUES (:organization, :project, :profile,"
    " :document, 'a', 'txt', 'text/plain', 1, '', :blob, :status, :revision, 4,"
    " now() - make_interval(secs => :age))"
)


async def add_profile(database: Database) -> ProfileKey:
    key = ProfileKey(OrganizationId(str(uuid4())), ProjectId(str(uuid4())), str(uuid4()))
    values = {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}
    async with database.begin() as connection:
        for row in _ROWS:
            await connection.execute(text(row), values)
    return key


async def add_document(
    database: Database, key: ProfileKey, *, status: str = "Unknown", revision: int = 1, age_s: float = 0.0
) -> str:
    document_id = str(uuid4())
    values = {
        "organization": key.organization_id,
        "project": key.project_id,
        "profile": key.profile_id,
        "document": document_id,
        "blob": f"{key.organization_id}/{key.project_id}/{document_id}",
        "status": status,
        "revision": revision,
        "age": age_s,
    }
    async with database.begin() as connection:
        await connection.execute(_DOCUMENT, values)
    return document_id


def put_file(data_dir: Path, key: ProfileKey, document_id: str, content: bytes) -> None:
    path = data_dir / "files" / key.organization_id / key.project_id / document_id
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


async def order(database: Database, key: ProfileKey, document_id: str, revision: int = 1) -> None:
    arguments = {"profile_id": key.profile_id, "document_id": document_id, "revision": revision}
    async with database.begin() as connection:
        await insert_job(connection, key.organization_id, key.project_id, "ingest_document", arguments)


async def status_of(database: Database, document_id: str) -> tuple[str, str]:
    async with database.begin() as connection:
        query = text("SELECT status, detail FROM documents WHERE document_id = :document")
        row = (await connection.execute(query, {"document": document_id})).one()
        return str(row[0]), str(row[1])


def paragraphs(number: int) -> bytes:
    """So many, each long enough for a chunk of its own."""
    lines = (f"Lamp {n} stands in house {n}. " * 30 for n in range(number))
    return "\n\n".join(lines).encode()

"""Rows of documents: what they are called, where their bytes lie, how far they are indexed.

What ingestion writes of them is in `documents_progress.py`. Every query takes the profile, tenant first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.search_profiles import ProfileKey

UNKNOWN = "Unknown"
"""The status of a document that waits to be indexed."""
STATUSES = (UNKNOWN, "Starting", "Pending", "Success", "Failed")
"""In the order in which a document has them; it ends with one of the last two."""


@dataclass(frozen=True, slots=True)
class NewContent:
    """Bytes that lie under `blob` already, and what they are called; `extension` has no dot."""

    name: str
    extension: str
    content_type: str
    size_bytes: int
    sha256: bytes
    blob: str


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """`revision` grows with every order to index it; `metadata` has the values as they were sent."""

    document_id: str
    name: str
    extension: str
    blob: str
    metadata: Mapping[str, Any]
    revision: int
    status: str
    detail: str
    chunks: int
    created_at: datetime

    @property
    def full_name(self) -> str:
        return f"{self.name}.{self.extension}" if self.extension else self.name


_HERE = "organization_id = :organization AND project_id = :project AND profile_id = :profile"
_IS = f"{_HERE} AND document_id = :document"
_COLUMNS = "CAST(document_id AS text), name, extension, blob, metadata, revision, status, detail, chunks, created_at"
_AGAIN = (
    f"revision = revision + 1, status = '{UNKNOWN}', detail = '', language = '', pages = 0, chunks = 0, embedded = 0,"
    " updated_at = now()"
)


async def insert_document(
    connection: AsyncConnection,
    key: ProfileKey,
    content: NewContent,
    metadata: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> DocumentRow:
    """Waits to be indexed, in its first revision."""
    query = text(
        "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension, content_type,"
        " size_bytes, sha256, blob, metadata, parameters) VALUES (:organization, :project, :profile, :document, :name,"
        " :extension, :content_type, :size_bytes, :sha256, :blob, CAST(:metadata AS jsonb), CAST(:parameters AS jsonb))"
        f" RETURNING {_COLUMNS}"
    )
    told = {"metadata": json.dumps(metadata), "parameters": json.dumps(parameters)}
    values = {**_at(key, str(uuid4())), **_content(content), **told}
    return _read((await connection.execute(query, values)).one())


async def list_documents(
    connection: AsyncConnection, key: ProfileKey, *, skip: int, count: int, status: str | None = None
) -> list[DocumentRow]:
    """Newest first, of one status or of all."""
    which = "" if status is None else " AND status = :status"
    query = text(
        f"SELECT {_COLUMNS} FROM documents WHERE {_HERE}{which} ORDER BY created_at DESC, document_id"
        " LIMIT :count OFFSET :skip"
    )
    values = {**_place(key), "skip": skip, "count": count, "status": status}
    return [_read(row) for row in await connection.execute(query, values)] if count else []


async def count_documents(connection: AsyncConnection, key: ProfileKey) -> dict[str, int]:
    """How many have each status, in the order of their life; 0 where there are none."""
    query = text(f"SELECT status, count(*) FROM documents WHERE {_HERE} GROUP BY status")
    found = {str(status): int(number) for status, number in await connection.execute(query, _place(key))}
    return dict.fromkeys(STATUSES, 0) | found


async def maybe_document(
    connection: AsyncConnection, key: ProfileKey, document_id: str, *, lock: bool = False
) -> DocumentRow | None:
    query = f"SELECT {_COLUMNS} FROM documents WHERE {_IS}{' FOR UPDATE' if lock else ''}"
    row = (await connection.execute(text(query), _at(key, document_id))).one_or_none()
    return None if row is None else _read(row)


async def order_again(
    connection: AsyncConnection,
    key: ProfileKey,
    document_id: str,
    *,
    content: NewContent | None = None,
    metadata: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> DocumentRow:
    """The next revision of a document that was locked; None leaves a part as it is."""
    changes: dict[str, Any] = {} if content is None else _content(content)
    columns = [f"{name} = :{name}" for name in changes]
    for name, told in (("metadata", metadata), ("parameters", parameters)):
        if told is not None:
            columns.append(f"{name} = CAST(:{name} AS jsonb)")
            changes[name] = json.dumps(told)
    query = text(f"UPDATE documents SET {', '.join([_AGAIN, *columns])} WHERE {_IS} RETURNING {_COLUMNS}")
    return _read((await connection.execute(query, {**_at(key, document_id), **changes})).one())


async def order_all_again(
    connection: AsyncConnection, key: ProfileKey, *, unsearched: bool = False
) -> list[tuple[str, int]]:
    """Ids and new revisions of all documents. `unsearched`: nothing of them is indexed any more."""
    more = ", indexed_revision = 0" if unsearched else ""
    query = text(f"UPDATE documents SET {_AGAIN}{more} WHERE {_HERE} RETURNING CAST(document_id AS text), revision")
    return [(row[0], row[1]) for row in await connection.execute(query, _place(key))]


async def delete_documents(
    connection: AsyncConnection, key: ProfileKey, document_ids: Collection[str] | None = None
) -> list[tuple[str, int]]:
    """Where the bytes of the deleted ones lie, and their revisions. None: all of them."""
    which = "" if document_ids is None else " AND document_id = ANY(CAST(:documents AS uuid[]))"
    query = text(f"DELETE FROM documents WHERE {_HERE}{which} RETURNING blob, revision")
    values = _place(key) if document_ids is None else {**_place(key), "documents": list(document_ids)}
    return [(row[0], row[1]) for row in await connection.execute(query, values)]


async def any_document(connection: AsyncConnection, key: ProfileKey) -> bool:
    query = text(f"SELECT EXISTS (SELECT FROM documents WHERE {_HERE})")
    return bool(await connection.scalar(query, _place(key)))


def _place(key: ProfileKey) -> dict[str, Any]:
    return {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}


def _at(key: ProfileKey, document_id: str) -> dict[str, Any]:
    return {**_place(key), "document": document_id}


def _content(content: NewContent) -> dict[str, Any]:
    return {name: getattr(content, name) for name in NewContent.__slots__}


def _read(row: Sequence[Any]) -> DocumentRow:
    return DocumentRow(*row)

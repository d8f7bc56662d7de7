"""What the documents of a RAG assistant are told apart by: the keys of their metadata, each with a value as example."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.search_profiles import ProfileKey

NEWEST = 200
"""Documents that are looked at."""
MOST_KEYS = 30
LONGEST_EXAMPLE = 80
_LIST = text(
    "SELECT key, min(left(value, :longest)) AS example FROM ("
    "SELECT metadata FROM documents WHERE organization_id = :organization AND project_id = :project"
    " AND profile_id = :profile ORDER BY created_at DESC, document_id LIMIT :newest) AS newest,"
    " jsonb_each_text(newest.metadata) GROUP BY key ORDER BY count(*) DESC, key LIMIT :most"
)


async def list_metadata_keys(connection: AsyncConnection, key: ProfileKey) -> dict[str, str]:
    """Of the newest documents, the most frequent first."""
    place = {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}
    bounds = {"newest": NEWEST, "most": MOST_KEYS, "longest": LONGEST_EXAMPLE}
    return {row.key: row.example or "" for row in await connection.execute(_LIST, {**place, **bounds})}

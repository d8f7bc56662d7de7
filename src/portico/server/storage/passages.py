"""Chunks as they are shown: their texts, and what is known of the documents they come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey


@dataclass(frozen=True, slots=True)
class PassageRow:
    """`parent` is the ordinal of the passage that is given in its place, if any. `metadata` is the document's with the
    chunk's own over it. `cosine` to the vector that was given, `vector` only where it was asked for."""

    ordinal: int
    document_id: str
    revision: int
    parent: int | None
    page: int | None
    line_from: int | None
    line_to: int | None
    heading: str
    body: str
    name: str
    extension: str
    metadata: Mapping[str, Any]
    cosine: float | None
    vector: npt.NDArray[np.float32] | None


_COLUMNS = (
    "c.ordinal, c.document_id::text, e.revision, c.parent, c.page, c.line_from, c.line_to, c.heading, c.body, d.name,"
    " d.extension, CASE WHEN c.metadata IS NULL THEN d.metadata ELSE d.metadata || c.metadata END"
)


async def list_passages(
    connection: AsyncConnection, key: ProfileKey, ordinals: Collection[int], *, near: str = "", vectors: bool = False
) -> dict[int, PassageRow]:
    """By ordinal; those that are not searched (any more) are missing. `near` is a unit vector as text: one of another
    size than those of the chunks has no cosine to them."""
    # Compared with a vector of another size, one is an error: of a model that has changed under its name.
    fits = "vector_dims(v.embedding) = vector_dims(CAST(:near AS halfvec))"
    cosine = f"CASE WHEN {fits} THEN -(v.embedding <#> CAST(:near AS halfvec)) END" if near else "NULL"
    vector = "CAST(v.embedding AS text)" if vectors else "NULL"
    join = " LEFT JOIN chunk_vectors v ON v.index_id = c.index_id AND v.ordinal = c.ordinal" if near or vectors else ""
    query = text(
        f"SELECT {_COLUMNS}, {cosine}, {vector} FROM search_indexes i JOIN chunks c ON c.index_id = i.index_id"
        " CROSS JOIN LATERAL (SELECT revision, state, first, ordinals FROM editions WHERE index_id = i.index_id"
        " AND first <= c.ordinal ORDER BY first DESC LIMIT 1) e"
        " JOIN documents d ON d.organization_id = i.organization_id AND d.project_id = i.project_id"
        f" AND d.profile_id = i.profile_id AND d.document_id = c.document_id{join}"
        " WHERE i.organization_id = :organization AND i.project_id = :project AND i.profile_id = :profile"
        " AND c.ordinal = ANY(CAST(:ordinals AS bigint[])) AND e.state = 1"
    )
    values = {
        "organization": key.organization_id,
        "project": key.project_id,
        "profile": key.profile_id,
        "ordinals": list(ordinals),
    }
    rows = await connection.execute(query, {**values, "near": near} if near else values)
    return {row[0]: _read(row) for row in rows}


def _read(row: Sequence[Any]) -> PassageRow:
    values: list[Any] = [*row[:-1], _read_vector(row[-1])]
    return PassageRow(*values)


def _read_vector(written: str | None) -> npt.NDArray[np.float32] | None:
    return None if written is None else np.array(written[1:-1].split(","), np.float32)

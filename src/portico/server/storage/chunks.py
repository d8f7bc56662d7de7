"""Rows of the search index: editions of documents, their chunks and vectors. The number of an index stands for its
organization, project and profile, which every way to that number takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.documents_progress import OPEN
from portico.server.storage.vectors import graph_name

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey

STAGED, LIVE, DEAD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class IndexRow:
    """`chunks` and `words` count what is searched; `dimensions` is 0 before the first vector."""

    index_id: int
    chunks: int
    words: int
    dimensions: int
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditionRow:
    """One revision of one document; `digest` of all its texts."""

    first: int
    ordinals: int
    searched: int
    words: int
    revision: int
    state: int
    language: str
    digest: str


@dataclass(frozen=True, slots=True)
class NewChunk:
    """What is searched is `lead` and `body` together, or `searched` where that is not None; `digest` (hex) is of it.
    `parent` is an ordinal."""

    ordinal: int
    digest: str
    is_searched: bool
    parent: int | None
    page: int | None
    line_from: int | None
    line_to: int | None
    heading: str
    lead: str
    body: str
    searched: str | None
    metadata: Mapping[str, Any] | None

    @property
    def text(self) -> str:
        return self.lead + self.body if self.searched is None else self.searched


_HERE = "organization_id = :organization AND project_id = :project AND profile_id = :profile"
_INDEX = "index_id, chunks, words, dimensions, languages"
_EDITION = "first, ordinals, searched, words, revision, state, language, replace(digest::text, '-', '')"


async def raw(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The connection of the driver: for binary results, COPY and several statements on one way."""
    below: psycopg.AsyncConnection[Any] = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]
    return below


async def maybe_index(connection: AsyncConnection, key: ProfileKey, *, lock: str = "") -> IndexRow | None:
    """None before anything was put into it. `lock`: "UPDATE" or "KEY SHARE", until the transaction ends."""
    query = f"SELECT {_INDEX} FROM search_indexes WHERE {_HERE}{f' FOR {lock}' if lock else ''}"
    row = (await connection.execute(text(query), _names(key))).one_or_none()
    return None if row is None else IndexRow(row[0], row[1], row[2], row[3], tuple(row[4]))


async def reserve(connection: AsyncConnection, key: ProfileKey, count: int) -> tuple[int, int] | None:
    """The index and the first of so many new ordinals; None when the profile is gone."""
    await connection.execute(
        text(
            "INSERT INTO search_indexes (organization_id, project_id, profile_id) SELECT organization_id, project_id,"
            f" profile_id FROM search_profiles WHERE {_HERE} ON CONFLICT DO NOTHING"
        ),
        _names(key),
    )
    query = text(
        f"UPDATE search_indexes SET next_ordinal = next_ordinal + :count WHERE {_HERE}"
        " RETURNING index_id, next_ordinal - :count"
    )
    row = (await connection.execute(query, {**_names(key), "count": count})).one_or_none()
    return None if row is None else (row[0], row[1])


async def list_editions(connection: AsyncConnection, index_id: int, document_id: str) -> list[EditionRow]:
    query = text(f"SELECT {_EDITION} FROM editions WHERE index_id = :index AND document_id = :document ORDER BY first")
    return [EditionRow(*row) for row in await connection.execute(query, {"index": index_id, "document": document_id})]


async def list_unsearched(connection: psycopg.AsyncConnection[Any], index_id: int) -> list[tuple[int, int, int]]:
    """(first, ordinals, state) of the editions that are not searched: being made, or gone."""
    query = "SELECT first, ordinals, state FROM editions WHERE index_id = %s AND state <> 1 ORDER BY first"
    cursor = await connection.execute(query, (index_id,))
    return await cursor.fetchall()


async def count_dead(connection: psycopg.AsyncConnection[Any], index_id: int) -> tuple[int, int]:
    """Editions that are gone and not forgotten, and their chunks."""
    query = "SELECT count(*), coalesce(sum(searched), 0) FROM editions WHERE index_id = %s AND state = 2"
    row = await (await connection.execute(query, (index_id,))).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


async def delete_dead(connection: psycopg.AsyncConnection[Any], index_id: int, firsts: Collection[int]) -> None:
    """Forgets editions of which no segment holds anything any more."""
    query = "DELETE FROM editions WHERE index_id = %s AND state = 2 AND first = ANY(%s)"
    await connection.execute(query, (index_id, list(firsts)))


async def insert_edition(
    connection: AsyncConnection,
    index_id: int,
    document_id: str,
    revision: int,
    first: int,
    chunks: Sequence[NewChunk],
    *,
    words: int,
    language: str,
    digest: str,
) -> None:
    """Not searched yet. With the vectors that chunks of equal digest in this index have."""
    edition = text(
        "INSERT INTO editions (index_id, first, ordinals, searched, words, document_id, revision, language,"
        " own_metadata, digest) VALUES (:index, :first, :ordinals, :searched, :words, :document, :revision, :language,"
        " :own, :digest)"
    )
    values = {
        "index": index_id,
        "first": first,
        "ordinals": len(chunks),
        "searched": sum(chunk.is_searched for chunk in chunks),
        "words": words,
        "document": document_id,
        "revision": revision,
        "language": language,
        "own": any(chunk.metadata is not None for chunk in chunks),
        "digest": digest,
    }
    await connection.execute(edition, values)
    await _copy_chunks(await raw(connection), index_id, document_id, chunks)
    await connection.execute(_TAKE_OVER, {"index": index_id, "first": first, "end": first + len(chunks)})


_COPY = (
    "COPY chunks (index_id, ordinal, document_id, digest, is_searched, parent, page, line_from, line_to, heading, lead,"
    " body, searched, metadata) FROM STDIN"
)
# A chunk that was embedded before, in whatever document of the index, is not embedded again.
_TAKE_OVER = text(
    "INSERT INTO chunk_vectors (index_id, ordinal, embedding)"
    " SELECT n.index_id, n.ordinal, o.embedding FROM chunks n CROSS JOIN LATERAL ("
    "  SELECT v.embedding FROM chunks c JOIN chunk_vectors v ON v.index_id = c.index_id AND v.ordinal = c.ordinal"
    "  WHERE c.index_id = :index AND c.digest = n.digest AND c.is_searched AND c.ordinal < :first LIMIT 1) o"
    " WHERE n.index_id = :index AND n.ordinal >= :first AND n.ordinal < :end AND n.is_searched ON CONFLICT DO NOTHING"
)


async def _copy_chunks(
    connection: psycopg.AsyncConnection[Any], index_id: int, document_id: str, chunks: Iterable[NewChunk]
) -> None:
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for one in chunks:
            metadata = None if one.metadata is None else json.dumps(one.metadata)
            place = (one.parent, one.page, one.line_from, one.line_to)
            row = (index_id, one.ordinal, document_id, one.digest, one.is_searched, *place)
            await copy.write_row((*row, one.heading, one.lead, one.body, one.searched, metadata))


async def count_missing(connection: AsyncConnection, index_id: int, first: int, count: int) -> int:
    query = text(f"SELECT count(*) FROM chunks c WHERE {_MISSING}")
    return int(await connection.scalar(query, {"index": index_id, "first": first, "end": first + count}) or 0)


async def list_missing(
    connection: AsyncConnection, index_id: int, first: int, count: int, limit: int
) -> list[tuple[int, str]]:
    """Ordinal and searched text of the chunks of an edition that have no vector."""
    query = text(
        f"SELECT ordinal, coalesce(searched, lead || body) FROM chunks c WHERE {_MISSING} ORDER BY ordinal LIMIT :limit"
    )
    values = {"index": index_id, "first": first, "end": first + count, "limit": limit}
    return [(row[0], row[1]) for row in await connection.execute(query, values)]


_MISSING = (
    "index_id = :index AND ordinal >= :first AND ordinal < :end AND is_searched AND NOT EXISTS"
    " (SELECT FROM chunk_vectors v WHERE v.index_id = :index AND v.ordinal = c.ordinal)"
)


async def insert_vectors(
    connection: AsyncConnection, index_id: int, ordinals: Sequence[int], vectors: Sequence[str], dimensions: int
) -> None:
    """Of chunks that are there; those that have one keep it. Vectors as text: [0.1,0.2].

    The first vector of another size ends those of the size before, and their graph: they cannot be compared. One that
    comes too late, for chunks that are gone, ends nothing: the others may be of the model that is in force now.
    """
    known = text(
        "UPDATE search_indexes SET dimensions = :size WHERE index_id = :index AND dimensions <> :size AND EXISTS"
        " (SELECT FROM chunks WHERE index_id = :index AND ordinal = ANY(CAST(:ordinals AS bigint[])))"
    )
    size = {"index": index_id, "size": dimensions}
    if (await connection.execute(known, {**size, "ordinals": list(ordinals)})).rowcount:
        if await _has_graph(connection, index_id):
            await connection.execute(text(f"DROP INDEX {graph_name(index_id)}"))
        other = text("DELETE FROM chunk_vectors WHERE index_id = :index AND vector_dims(embedding) <> :size")
        await connection.execute(other, size)
    query = text(
        "INSERT INTO chunk_vectors (index_id, ordinal, embedding) SELECT c.index_id, c.ordinal, CAST(n.vector AS"
        " halfvec) FROM unnest(CAST(:ordinals AS bigint[]), CAST(:vectors AS text[])) AS n (ordinal, vector)"
        " JOIN chunks c ON c.index_id = :index AND c.ordinal = n.ordinal ON CONFLICT DO NOTHING"
    )
    await connection.execute(query, {"index": index_id, "ordinals": list(ordinals), "vectors": list(vectors)})


async def _has_graph(connection: AsyncConnection, index_id: int) -> bool:
    return await connection.scalar(text("SELECT to_regclass(:name)"), {"name": graph_name(index_id)}) is not None


async def publish_edition(connection: AsyncConnection, index_id: int, edition: EditionRow) -> None:
    """Counts what it adds; the row of the index must be locked."""
    here = {"index": index_id, "first": edition.first}
    await connection.execute(text("UPDATE editions SET state = 1 WHERE index_id = :index AND first = :first"), here)
    query = text(
        "UPDATE search_indexes SET chunks = chunks + :chunks, words = words + :words, languages ="
        " CASE WHEN :language = '' OR :language = ANY(languages) THEN languages ELSE languages || :language END"
        " WHERE index_id = :index"
    )
    counts = {"chunks": edition.searched, "words": edition.words, "language": edition.language}
    await connection.execute(query, {"index": index_id, **counts})


async def delete_editions(connection: AsyncConnection, index_id: int, firsts: Collection[int]) -> None:
    """With chunks and vectors. What merged segments of words still hold of them is remembered as gone."""
    if not firsts:
        return
    values = {"index": index_id, "firsts": sorted(firsts)}
    for statement in _DELETE_EDITIONS:
        await connection.execute(statement, values)


_OF_THEM = "e.index_id = :index AND e.first = ANY(CAST(:firsts AS bigint[]))"
_DELETE_EDITIONS = [
    text(
        f"DELETE FROM {table} t USING editions e WHERE {_OF_THEM} AND t.index_id = :index"
        " AND t.ordinal >= e.first AND t.ordinal < e.first + e.ordinals"
    )
    for table in ("chunk_vectors", "chunks")
] + [
    text(
        "WITH gone AS (SELECT coalesce(sum(searched), 0) AS chunks, coalesce(sum(words), 0) AS words FROM editions e"
        f" WHERE {_OF_THEM} AND state = 1) UPDATE search_indexes i SET chunks = i.chunks - gone.chunks,"
        " words = i.words - gone.words FROM gone WHERE i.index_id = :index"
    ),
    # A segment of their own goes with them; without one their words were merged.
    text(
        "WITH own AS (DELETE FROM word_segments WHERE index_id = :index AND first = ANY(CAST(:firsts AS bigint[]))"
        f" RETURNING first) DELETE FROM editions e USING own WHERE {_OF_THEM} AND e.first = own.first"
    ),
    text(f"UPDATE editions e SET state = 2 WHERE {_OF_THEM}"),
]


async def list_firsts(connection: AsyncConnection, index_id: int, document_ids: Collection[str] | None) -> list[int]:
    """The editions of these documents (None: of all) that are not gone yet."""
    which = "" if document_ids is None else " AND document_id = ANY(CAST(:documents AS uuid[]))"
    query = text(f"SELECT first FROM editions WHERE index_id = :index AND state <> 2{which}")
    values: dict[str, Any] = {"index": index_id}
    if document_ids is not None:
        values["documents"] = list(document_ids)
    return [row[0] for row in await connection.execute(query, values)]


async def list_abandoned(connection: AsyncConnection, index_id: int, key: ProfileKey) -> list[int]:
    """The staged editions of which no document is being ingested in that revision."""
    query = text(
        "SELECT first FROM editions e WHERE index_id = :index AND state = 0 AND NOT EXISTS (SELECT FROM documents"
        f" WHERE {_HERE} AND document_id = e.document_id AND revision = e.revision AND status IN {OPEN})"
    )
    return [row[0] for row in await connection.execute(query, {**_names(key), "index": index_id})]


async def lock_document(connection: AsyncConnection, key: ProfileKey, document_id: str) -> int | None:
    """Its revision; locked before the index is, as by everybody else. None when it is gone."""
    query = text(f"SELECT revision FROM documents WHERE {_HERE} AND document_id = :document FOR UPDATE")
    found: int | None = await connection.scalar(query, {**_names(key), "document": document_id})
    return found


def _names(key: ProfileKey) -> dict[str, Any]:
    return {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}

"""Rows of full text: segments of words, packed for one edition or merged to one row per term."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_packed(connection: AsyncConnection, index_id: int, first: int, entries: int, packed: bytes) -> None:
    query = text(
        "INSERT INTO word_segments (index_id, level, first, entries, packed)"
        " VALUES (:index, 0, :first, :entries, :packed)"
    )
    await connection.execute(query, {"index": index_id, "first": first, "entries": entries, "packed": packed})


async def list_segments(connection: psycopg.AsyncConnection[Any], index_id: int) -> tuple[list[int], list[int]]:
    """The segments that are searched: those with a row per term, and the packed ones."""
    query = (
        "SELECT s.segment, s.first IS NOT NULL FROM word_segments s LEFT JOIN editions e ON e.index_id = s.index_id"
        " AND e.first = s.first WHERE s.index_id = %s AND (s.first IS NULL OR e.state = 1)"
    )
    cursor = await connection.execute(query, (index_id,))
    rows = await cursor.fetchall()
    return [segment for segment, packed in rows if not packed], [segment for segment, packed in rows if packed]


async def read_sizes(
    connection: psycopg.AsyncConnection[Any], index_id: int, terms: Collection[int]
) -> Mapping[int, int]:
    """Bytes of the entries of each term, without reading them."""
    query = "SELECT term, sum(octet_length(entries)) FROM postings WHERE index_id = %s AND term = ANY(%s) GROUP BY term"
    cursor = await connection.execute(query, (index_id, list(terms)))
    return {term: int(size) for term, size in await cursor.fetchall()}


async def read_entries(
    connection: psycopg.AsyncConnection[Any], index_id: int, terms: Collection[int], segments: Collection[int]
) -> list[tuple[int, int, bytes]]:
    """(term, segment, entries)."""
    query = "SELECT term, segment, entries FROM postings WHERE index_id = %s AND term = ANY(%s) AND segment = ANY(%s)"
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, (index_id, list(terms), list(segments)))
        return await cursor.fetchall()


async def read_packed(
    connection: psycopg.AsyncConnection[Any], index_id: int, segments: Sequence[int]
) -> list[tuple[int, bytes]]:
    query = "SELECT segment, packed FROM word_segments WHERE index_id = %s AND segment = ANY(%s) AND packed IS NOT NULL"
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, (index_id, list(segments)))
        return await cursor.fetchall()


async def list_sizes(connection: psycopg.AsyncConnection[Any], index_id: int) -> list[tuple[int, int, int]]:
    """(level, segments, entries) of what can be merged; at level 0 of what is searched."""
    query = (
        "SELECT s.level, count(*), CAST(sum(s.entries) AS bigint) FROM word_segments s LEFT JOIN editions e"
        " ON e.index_id = s.index_id AND e.first = s.first WHERE s.index_id = %s"
        " AND (s.first IS NULL OR e.state = 1) GROUP BY s.level ORDER BY s.level"
    )
    cursor = await connection.execute(query, (index_id,))
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def lock_segments(
    connection: psycopg.AsyncConnection[Any], index_id: int, levels: Collection[int], most_entries: int
) -> list[tuple[int, int]]:
    """(segment, entries) of these levels, oldest first, until there are so many entries; at least one. Locked."""
    query = (
        "SELECT s.segment, s.entries FROM word_segments s WHERE s.index_id = %s AND s.level = ANY(%s)"
        " AND (s.first IS NULL OR EXISTS (SELECT FROM editions e WHERE e.index_id = s.index_id AND e.first = s.first"
        " AND e.state = 1)) ORDER BY s.segment FOR UPDATE OF s"
    )
    cursor = await connection.execute(query, (index_id, list(levels)))
    chosen: list[tuple[int, int]] = []
    total = 0
    for segment, entries in await cursor.fetchall():
        total += entries
        if chosen and total > most_entries:
            break
        chosen.append((segment, entries))
    return chosen


async def insert_segment(connection: psycopg.AsyncConnection[Any], index_id: int, level: int, entries: int) -> int:
    query = "INSERT INTO word_segments (index_id, level, entries) VALUES (%s, %s, %s) RETURNING segment"
    cursor = await connection.execute(query, (index_id, level, entries))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def update_segment(
    connection: psycopg.AsyncConnection[Any], index_id: int, segment: int, level: int, entries: int
) -> None:
    query = "UPDATE word_segments SET level = %s, entries = %s WHERE index_id = %s AND segment = %s"
    await connection.execute(query, (level, entries, index_id, segment))


async def delete_segments(connection: psycopg.AsyncConnection[Any], index_id: int, segments: Collection[int]) -> None:
    """With their postings."""
    values = (index_id, list(segments))
    await connection.execute("DELETE FROM postings WHERE index_id = %s AND segment = ANY(%s)", values)
    await connection.execute("DELETE FROM word_segments WHERE index_id = %s AND segment = ANY(%s)", values)


async def copy_postings(
    connection: psycopg.AsyncConnection[Any], index_id: int, segment: int, rows: Iterable[tuple[int, bytes]]
) -> None:
    """(term, entries) of one segment."""
    copy_in = "COPY postings (index_id, term, segment, entries) FROM STDIN (FORMAT BINARY)"
    async with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
        copy.set_types(["int4", "int8", "int8", "bytea"])
        for term, entries in rows:
            await copy.write_row((index_id, term, segment, entries))


async def stream_postings(
    connection: psycopg.AsyncConnection[Any], index_id: int, segments: Collection[int], size: int = 2_000
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """(term, entries) by term, in blocks; a term may go on in the next block."""
    query = "SELECT term, entries FROM postings WHERE index_id = %s AND segment = ANY(%s) ORDER BY term"
    async with connection.cursor("portico_postings", binary=True) as cursor:
        await cursor.execute(query, (index_id, list(segments)))
        while block := await cursor.fetchmany(size):
            yield block


STOP_LISTS = frozenset(
    {"danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian", "nepali", "norwegian"}
    | {"portuguese", "russian", "spanish", "swedish", "turkish"}
)
"""The languages of which PostgreSQL brings a list of words that carry no meaning of their own."""


async def find_stop_words(
    connection: psycopg.AsyncConnection[Any], languages: Collection[str], words: Collection[str]
) -> set[tuple[str, str]]:
    """(language, word) of those that are on the list of a language."""
    query = (
        "SELECT l, w FROM unnest(%s::text[]) AS l, unnest(%s::text[]) AS w"
        " WHERE ts_lexize((l || '_stem')::regdictionary, w) = '{}'"
    )
    cursor = await connection.execute(query, (list(languages), list(words)))
    return {(language, word) for language, word in await cursor.fetchall()}

"""The HNSW graph of one index: built when exact search becomes slow, dropped when it is not worth its upkeep any more.

A graph is a partial index of the table of vectors. It is built beside running searches and ingestion.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import psycopg
from psycopg import sql

from portico.server.storage import vectors
from portico.server.storage.chunks import IndexRow
from portico.server.storage.vectors import MOST_INDEXED, graph_name

NEIGHBOURS = 16
BUILD_WIDTH = 200
MEMORY_BYTES = (64 * 2**20, 1024 * 2**20)
"""Least and most of what a build may use. One that does not fit is slower, not wrong."""
_LOCK = 0x706F727469686E
"""Only one graph is built at a time: two builds on one table wait for each other."""
_WAIT_S = 1.0
_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
_ORPHANS = (
    "SELECT c.relname FROM pg_class c WHERE c.relkind = 'i' AND c.relname ~ '^chunk_vectors_hnsw_[0-9]{1,10}$'"
    " AND pg_table_is_visible(c.oid) AND NOT EXISTS (SELECT FROM search_indexes i"
    " WHERE c.relname = 'chunk_vectors_hnsw_' || i.index_id)"
)


async def wants_graph(connection: psycopg.AsyncConnection[Any], index: IndexRow) -> bool:
    """Whether `keep_graph` would do something: build, build again after one that was cut off, or drop."""
    state = await _state(connection, index.index_id)
    if _is_large(index):
        return state is not True
    return (state is not None and _is_small(index)) or bool(await _orphans(connection))


async def keep_graph(own: psycopg.AsyncConnection[Any], index: IndexRow) -> None:
    """Waits while another graph is built. `own` must not be in a transaction."""
    if not await wants_graph(own, index):
        return
    while True:
        if await _one(own, "SELECT pg_try_advisory_lock(%s)", _LOCK):
            break
        await asyncio.sleep(_WAIT_S)  # waiting inside a statement would keep the other build from its end
    try:
        for name in await _orphans(own):
            await _drop(own, name)
        state = await _state(own, index.index_id)
        if state is False or (state is not None and _is_small(index)):
            await _drop(own, graph_name(index.index_id))
            state = None
        if state is None and _is_large(index):
            await _build(own, index)
    finally:
        await _one(own, "SELECT pg_advisory_unlock(%s)", _LOCK)


def _is_large(index: IndexRow) -> bool:
    return index.chunks > vectors.EXACT_CHUNKS and 0 < index.dimensions <= MOST_INDEXED


def _is_small(index: IndexRow) -> bool:
    """Well below the size at which a graph is built, so that it does not come and go."""
    return index.chunks < vectors.EXACT_CHUNKS // 2


async def _build(own: psycopg.AsyncConnection[Any], index: IndexRow) -> None:
    least, most = MEMORY_BYTES
    memory = min(max(index.chunks * (index.dimensions * 2 + 500) * 5 // 4, least), most)
    workers = min(4, os.cpu_count() or 1) - 1
    try:
        await _create(own, index, memory, workers)
    except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
        # Workers share memory in /dev/shm, which is 64 MB in many containers; alone it is ordinary memory.
        await _drop(own, graph_name(index.index_id))
        await _create(own, index, least if memory == least else memory // 2, 0)


async def _create(own: psycopg.AsyncConnection[Any], index: IndexRow, memory_bytes: int, workers: int) -> None:
    settings = {
        "maintenance_work_mem": f"{memory_bytes // 1024}kB",
        "max_parallel_maintenance_workers": str(workers),
        "statement_timeout": "0",
    }
    for name, value in settings.items():
        await _one(own, "SELECT set_config(%s, %s, false)", name, value)
    await own.execute(
        sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON chunk_vectors USING hnsw ((embedding::halfvec({dim}))"
            " halfvec_ip_ops) WITH (m = {m}, ef_construction = {width}) WHERE index_id = {index}"
        ).format(
            name=sql.Identifier(graph_name(index.index_id)),
            dim=sql.Literal(index.dimensions),
            m=sql.Literal(NEIGHBOURS),
            width=sql.Literal(BUILD_WIDTH),
            index=sql.Literal(index.index_id),
        )
    )


async def _drop(own: psycopg.AsyncConnection[Any], name: str) -> None:
    await own.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


async def _state(connection: psycopg.AsyncConnection[Any], index_id: int) -> bool | None:
    """None without a graph; False for one that a killed build left."""
    found: bool | None = await _one(connection, _VALID, graph_name(index_id))
    return found


async def _orphans(connection: psycopg.AsyncConnection[Any]) -> list[str]:
    """Graphs of indexes that are gone."""
    return [row[0] for row in await (await connection.execute(_ORPHANS)).fetchall()]


async def _one(connection: psycopg.AsyncConnection[Any], query: str, *values: object) -> Any:
    row = await (await connection.execute(query, values)).fetchone()
    return None if row is None else row[0]

"""Nearest vectors of one search index: exact over ranges of ordinals, or by its HNSW graph where it has one.

The number of the index stands in the text of a statement: only so the planner finds the graph of that index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

EXACT_CHUNKS = 20_000
"""So many vectors are compared one by one (some ms); beyond, a graph is worth its upkeep."""
MOST_INDEXED = 4000
"""pgvector indexes halves of up to so many dimensions."""
EF_SEARCH = 600
"""Candidates of a walk through the graph. Recall@10 of 100,000 mixed MiniLM vectors in a graph that was built with 200
candidates: 0.954 with 200, 0.982 with 400, 0.985 with 600 (4 ms more than 400), 0.989 with 800. Built with 80: 0.953
with 400, 0.968 with 800, since whole clusters of near-equal texts stay out of reach."""
Found = list[tuple[int, float]]


def graph_name(index_id: int) -> str:
    return f"chunk_vectors_hnsw_{index_id}"


async def search_ranges(
    connection: psycopg.AsyncConnection[Any],
    index_id: int,
    vector: str,
    limit: int,
    starts: Sequence[int],
    ends: Sequence[int],
) -> Found:
    """Exact: (ordinal, cosine) of the best within the ranges."""
    # OFFSET 0 keeps the ranges apart: else the planner likes to sort the whole table first.
    query = sql.SQL(
        "WITH near AS MATERIALIZED (SELECT v.ordinal, -(v.embedding <#> %s::text::halfvec) AS cosine"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS r (a, b) CROSS JOIN LATERAL (SELECT ordinal, embedding"
        " FROM chunk_vectors WHERE index_id = {index} AND ordinal >= r.a AND ordinal < r.b OFFSET 0) AS v)"
        " SELECT ordinal, cosine FROM near ORDER BY cosine DESC, ordinal LIMIT {limit}"
    ).format(index=sql.Literal(index_id), limit=sql.Literal(limit))
    return await _with_settings(connection, {"enable_seqscan": "off"}, query, (vector, list(starts), list(ends)))


async def _with_settings(
    connection: psycopg.AsyncConnection[Any], settings: Mapping[str, str], query: sql.Composed, values: Sequence[Any]
) -> Found:
    """One way there and back. The settings hold to the end of the transaction."""
    names = [name for pair in settings.items() for name in pair]
    setting = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    async with connection.pipeline():
        await connection.execute(f"SELECT {setting}".encode(), names)
        cursor = await connection.execute(query, values, prepare=False)
        return await cursor.fetchall()


async def search_exact(
    connection: psycopg.AsyncConnection[Any], index_id: int, vector: str, limit: int, without: str
) -> Found:
    """Exact over the whole index. `without` is a multirange of ordinals that are left out."""
    query = sql.SQL(
        "SELECT ordinal, -(embedding <#> %s::text::halfvec) AS cosine FROM chunk_vectors"
        " WHERE index_id = {index}{but} ORDER BY cosine DESC, ordinal LIMIT {limit}"
    ).format(index=sql.Literal(index_id), but=_but(without), limit=sql.Literal(limit))
    cursor = await connection.execute(query, (vector, without) if without else (vector,), prepare=False)
    return await cursor.fetchall()


async def search_graph(
    connection: psycopg.AsyncConnection[Any],
    index_id: int,
    dimensions: int,
    vector: str,
    limit: int,
    *,
    within: str = "",
    without: str = "",
) -> Found:
    """By the graph; among the ordinals of a multirange, or of all but those of another. Exact when there is none.

    The scan goes on until enough pass the filter, so that a filter costs time and no results.
    """
    which = sql.SQL(" AND %s::int8multirange @> ordinal") if within else _but(without)
    query = sql.SQL(
        "WITH near AS MATERIALIZED (SELECT ordinal, embedding::halfvec({dim}) <#> %s::text::halfvec({dim}) AS distance"
        " FROM chunk_vectors WHERE index_id = {index}{which} ORDER BY distance LIMIT {limit})"
        " SELECT ordinal, -distance AS cosine FROM near ORDER BY cosine DESC, ordinal"
    ).format(
        index=sql.Literal(index_id), dim=sql.Literal(dimensions), limit=sql.Literal(limit), which=which
    )  # fmt: skip
    settings = {
        "hnsw.ef_search": str(max(EF_SEARCH, min(2 * limit, 1000))),
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": "200000",
        "hnsw.scan_mem_multiplier": "4",
        "enable_sort": "off",
        "enable_seqscan": "off",
    }
    values = [vector, within or without] if within or without else [vector]
    return await _with_settings(connection, settings, query, values)


def _but(without: str) -> sql.Composable:
    return sql.SQL(" AND NOT (%s::int8multirange @> ordinal)") if without else sql.SQL("")

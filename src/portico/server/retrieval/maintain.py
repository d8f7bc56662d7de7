"""Upkeep of one index: words of many documents merged into few segments, and the graph of vectors built or dropped.

Works on a connection of its own: what a killed process held is free again as soon as its connection ends.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from portico.server.retrieval.graph import keep_graph, wants_graph
from portico.server.retrieval.lexical import ENTRY, Entries, Ranges, unpack
from portico.server.storage import postings as rows
from portico.server.storage.chunks import DEAD, IndexRow, count_dead, delete_dead, list_unsearched, maybe_index, raw
from portico.server.storage.database import Database

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey

PACKED_MOST = 16
PACKED_ENTRIES = 2**15
"""So many small segments, or so many entries in them (8 bytes each), are merged; a search reads all that are left."""
SEGMENTS_MOST = 8
MERGED_AT_ONCE = 4_000_000
"""Entries of small segments that are in memory together."""
DEAD_MOST = 0.2
DEAD_EDITIONS = 1_000
BATCH_BYTES = 2**23
_LOCK = 0x706F7274
"""First half of the advisory lock, the second is the number of the index."""


async def maintain(database: Database, key: ProfileKey) -> None:
    """See `ChunkIndex.upkeep`."""
    async with database.begin() as connection:
        index = await maybe_index(connection, key)
        if index is None:
            return
        below = await raw(connection)
        work = bool(_levels(await rows.list_sizes(below, index.index_id)))
        work |= _is_littered(index, *await count_dead(below, index.index_id))
        work |= await wants_graph(below, index)
    if not work:
        return
    async with _own_connection(database) as own:
        if await _try_lock(own, index.index_id):
            await merge_words(own, index)
            await keep_graph(own, index)


async def merge_words(own: psycopg.AsyncConnection[Any], index: IndexRow) -> None:
    """Each merge is a transaction of its own; searches see all of it or nothing."""
    while True:
        async with own.transaction():
            levels = _levels(await rows.list_sizes(own, index.index_id))
            if not levels:
                break
            await _merge(own, index.index_id, levels)
    async with own.transaction():
        if _is_littered(index, *await count_dead(own, index.index_id)):
            await _purge(own, index.index_id)


def _levels(sizes: Collection[tuple[int, int, int]]) -> list[int]:
    """What is to be merged next: the small ones, or a level that is full."""
    for level, segments, entries in sizes:
        if level == 0 and (segments >= PACKED_MOST or entries >= PACKED_ENTRIES):
            return [0]
        if level > 0 and segments >= SEGMENTS_MOST:
            return [level]
    return []


def _level_of(entries: int) -> int:
    return 1 + max(0, int(math.log(max(entries, 1) / PACKED_ENTRIES, SEGMENTS_MOST)))


def _is_littered(index: IndexRow, editions: int, chunks: int) -> bool:
    return editions > DEAD_EDITIONS or chunks > DEAD_MOST * max(index.chunks, 1)


async def _merge(own: psycopg.AsyncConnection[Any], index_id: int, levels: list[int]) -> None:
    most = MERGED_AT_ONCE if levels == [0] else 2**62
    segments = await rows.lock_segments(own, index_id, levels, most)
    dead = await _dead_ranges(own, index_id)
    names = [segment for segment, _ in segments]
    if levels == [0]:
        packed = [unpack(data) for _, data in await rows.read_packed(own, index_id, names)]
        terms = np.concatenate([np.repeat(one.terms, np.diff(one.offsets)) for one in packed])
        entries = np.concatenate([one.entries for one in packed])
        await _write(own, index_id, terms, entries, dead)
    else:
        await _rewrite(own, index_id, names, dead)
    await rows.delete_segments(own, index_id, names)


async def _purge(own: psycopg.AsyncConnection[Any], index_id: int) -> None:
    """All that was merged, once more without what is gone; then nothing is left of it."""
    levels = list(range(1, 64))
    segments = await rows.lock_segments(own, index_id, levels, 2**62)
    gone = await list_unsearched(own, index_id)
    dead = Ranges.of([(first, count) for first, count, state in gone if state == DEAD])
    names = [segment for segment, _ in segments]
    if names:
        await _rewrite(own, index_id, names, dead)
        await rows.delete_segments(own, index_id, names)
    await delete_dead(own, index_id, [first for first, _, state in gone if state == DEAD])


async def _write(own: psycopg.AsyncConnection[Any], index_id: int, terms: Any, entries: Entries, dead: Ranges) -> None:
    """One new segment of entries in any order."""
    alive = ~dead.holds(entries["ordinal"])
    terms, entries = terms[alive], entries[alive]
    if not len(terms):
        return
    order = np.lexsort((entries["ordinal"], terms))
    terms, entries = terms[order], entries[order]
    segment = await rows.insert_segment(own, index_id, _level_of(len(terms)), len(terms))
    await rows.copy_postings(own, index_id, segment, _by_term(terms, entries))


def _by_term(terms: Any, entries: Entries) -> Iterator[tuple[int, bytes]]:
    starts = np.flatnonzero(np.concatenate(([True], terms[1:] != terms[:-1])))
    ends = np.append(starts[1:], len(terms))
    data, width = memoryview(entries.tobytes()), ENTRY.itemsize
    for term, start, end in zip(terms[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield term, bytes(data[start * width : end * width])


async def _rewrite(own: psycopg.AsyncConnection[Any], index_id: int, names: list[int], dead: Ranges) -> None:
    """Several segments to one, term by term; a bounded part of them is in memory."""
    segment, total = 0, 0
    async for block in _whole_terms(own, index_id, names):
        terms = np.repeat(
            np.array([term for term, _ in block], np.int64), [len(data) // ENTRY.itemsize for _, data in block]
        )
        entries = np.frombuffer(b"".join([data for _, data in block]), ENTRY)
        alive = ~dead.holds(entries["ordinal"])
        terms, entries = terms[alive], entries[alive]
        if not len(terms):
            continue
        order = np.lexsort((entries["ordinal"], terms))
        segment = segment or await rows.insert_segment(own, index_id, 1, 0)
        await rows.copy_postings(own, index_id, segment, _by_term(terms[order], entries[order]))
        total += len(terms)
    if segment:
        await rows.update_segment(own, index_id, segment, _level_of(total), total)


async def _whole_terms(
    own: psycopg.AsyncConnection[Any], index_id: int, names: list[int]
) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Blocks in which each term has all its entries."""
    held: list[tuple[int, bytes]] = []
    size = 0
    async for block in rows.stream_postings(own, index_id, names):
        held += block
        size += sum(len(data) for _, data in block)
        if size < BATCH_BYTES:
            continue
        last = held[-1][0]
        whole = [pair for pair in held if pair[0] != last]
        if whole:
            yield whole
        held = [pair for pair in held if pair[0] == last]
        size = sum(len(data) for _, data in held)
    if held:
        yield held


async def _dead_ranges(own: psycopg.AsyncConnection[Any], index_id: int) -> Ranges:
    return Ranges.of([(first, n) for first, n, state in await list_unsearched(own, index_id) if state == DEAD])


@asynccontextmanager
async def _own_connection(database: Database) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    own = await psycopg.AsyncConnection.connect(str(database.url), autocommit=True, application_name="portico upkeep")
    try:
        yield own
    finally:
        await own.close()


async def _try_lock(own: psycopg.AsyncConnection[Any], index_id: int) -> bool:
    cursor = await own.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK, index_id))
    row = await cursor.fetchone()
    return bool(row and row[0])

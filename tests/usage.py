"""Usage lines of a live server, read from its own PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg.rows import dict_row

from portico.server.storage.embedded import open_embedded
from tests.live import LiveServer, wait_until


async def _read(server: LiveServer, query: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    embedded = await open_embedded(server.data_dir)
    try:
        async with await psycopg.AsyncConnection.connect(str(embedded.url), row_factory=dict_row) as connection:
            return await (await connection.execute(query, values)).fetchall()
    finally:
        await embedded.close()


def list_usage(server: LiveServer) -> list[dict[str, Any]]:
    """All lines that have reached the database."""
    return asyncio.run(_read(server, "SELECT * FROM usage", ()))


def find_usage(server: LiveServer, request_id: str) -> dict[str, Any]:
    """The one line of a request; waits until it is flushed."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = asyncio.run(_read(server, "SELECT * FROM usage WHERE request_id = %s", (request_id,)))
        return bool(found)

    wait_until(there, f"usage line of {request_id}")
    assert len(found) == 1
    return found[0]


UNFINISHED = (
    "documents WHERE status NOT IN ('Success', 'Failed')",
    "jobs",
    "dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')",
)


def count_unfinished(server: LiveServer) -> int:
    """Documents that wait to be indexed, or are being, and all other work behind the door; also of what is deleted."""

    async def count() -> int:
        [engine] = await _read(server, "SELECT to_regclass('dbos.workflow_status') IS NOT NULL AS runs", ())
        counts = UNFINISHED if engine["runs"] else UNFINISHED[:-1]
        query = "SELECT " + " + ".join(f"(SELECT count(*) FROM {one})" for one in counts) + " AS open"
        return int((await _read(server, query, ()))[0]["open"])

    return asyncio.run(count())

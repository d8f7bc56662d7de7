"""The workers that live, each with the moment at which it was last seen. Times are those of the database."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = 0x504F52544F564552  # "PORTOVER": one worker at a time takes over from dead ones
_BEAT = text(
    "INSERT INTO workers (worker_id, host, process, version) VALUES (:worker, :host, :process, :version)"
    " ON CONFLICT (worker_id) DO UPDATE SET host = excluded.host, process = excluded.process,"
    " version = excluded.version, seen_at = now(),"
    " started_at = CASE WHEN workers.process = excluded.process THEN workers.started_at ELSE now() END"
)
_COUNT = text(
    "SELECT count(*) FILTER (WHERE seen_at > now() - make_interval(secs => :silence)),"
    " extract(epoch FROM now() - max(seen_at)) FROM workers"
)
_DELETE = text("DELETE FROM workers WHERE worker_id = ANY(:workers)")
_DELETE_SILENT = text("DELETE FROM workers WHERE seen_at < now() - make_interval(secs => :silence) RETURNING worker_id")


async def beat(connection: AsyncConnection, worker_id: str, host: str, process: int, version: str) -> None:
    """It lives, now."""
    values = {"worker": worker_id, "host": host, "process": process, "version": version}
    await connection.execute(_BEAT, values)


async def count_living(connection: AsyncConnection, silence_s: float) -> tuple[int, float | None]:
    """How many were seen within the last `silence_s`, and how long ago the last of all was seen, in seconds."""
    living, seen_s = (await connection.execute(_COUNT, {"silence": silence_s})).one()
    return int(living), None if seen_s is None else max(0.0, float(seen_s))


async def try_takeover(connection: AsyncConnection) -> bool:
    """True for the one worker that may take over from dead ones, until the end of this transaction."""
    return bool(await connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")))


async def delete_silent(connection: AsyncConnection, silence_s: float) -> list[str]:
    """Forgets the workers that were not seen for so long; their ids."""
    return [str(worker) for worker in await connection.scalars(_DELETE_SILENT, {"silence": silence_s})]


async def delete_workers(connection: AsyncConnection, worker_ids: Collection[str]) -> None:
    await connection.execute(_DELETE, {"workers": list(worker_ids)})

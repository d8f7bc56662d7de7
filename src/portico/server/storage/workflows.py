"""What the durable engine keeps in its schema `dbos`, as far as we ask: which runs are open, which are long over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SCHEMA = "dbos"
_EXISTS = text("SELECT to_regclass('dbos.workflow_status') IS NOT NULL")
_EXECUTORS = text(
    "SELECT DISTINCT executor_id FROM dbos.workflow_status w WHERE status = 'PENDING' AND executor_id IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM workers WHERE worker_id = w.executor_id)"
)
_LEFT = text("SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING' AND executor_id = :executor")
_COUNT_OPEN = text("SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')")
_OPEN = text("SELECT attributes FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')")
_ENDED = text(
    "SELECT workflow_uuid FROM dbos.workflow_status WHERE status NOT IN ('PENDING', 'ENQUEUED', 'DELAYED')"
    " AND updated_at < extract(epoch FROM now() - make_interval(secs => :age)) * 1000 LIMIT :limit"
)
_FAILURES = text(
    "SELECT count(*), count(*) FILTER (WHERE status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED') FROM dbos.workflow_status"
    " WHERE status IN ('ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED') AND attributes @> CAST(:attributes AS jsonb)"
)


async def exists(connection: AsyncConnection) -> bool:
    """False until the first worker of this database has made the schema."""
    return bool(await connection.scalar(_EXISTS))


async def list_orphaned_executors(connection: AsyncConnection) -> list[str]:
    """Those with open runs that are no known worker."""
    return [str(executor) for executor in await connection.scalars(_EXECUTORS)]


async def count_left(connection: AsyncConnection, executor_id: str) -> int:
    """Open runs of a worker that is just starting: what it was doing when it was killed."""
    return int(await connection.scalar(_LEFT, {"executor": executor_id}) or 0)


async def count_open(connection: AsyncConnection) -> int:
    """Runs that are not over."""
    return int(await connection.scalar(_COUNT_OPEN) or 0)


async def list_open(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The attributes of all runs that are not over: few, since a worker begins only what it has room for."""
    return [dict(attributes or {}) for attributes in await connection.scalars(_OPEN)]


async def list_ended(connection: AsyncConnection, age_s: float, limit: int) -> list[str]:
    """Runs that are over for so long."""
    return [str(run) for run in await connection.scalars(_ENDED, {"age": age_s, "limit": limit})]


async def count_failures(connection: AsyncConnection, attributes: str) -> tuple[int, int]:
    """How many runs with these attributes (JSON) ended in an error, and how many of them by ending their worker."""
    number, deadly = (await connection.execute(_FAILURES, {"attributes": attributes})).one()
    return int(number), int(deadly)

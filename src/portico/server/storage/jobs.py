"""Jobs that were ordered and wait for a worker. Written in the transaction that makes them necessary."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

CHANNEL = "portico_jobs"
"""Where the database tells that there are new ones."""
_INSERT = text(
    "INSERT INTO jobs (organization_id, project_id, job_id, name, arguments)"
    " VALUES (:organization, :project, :job, :name, CAST(:arguments AS jsonb))"
)
# From one project to the next by the index: reading ten thousand rows of one project would take as many steps.
_PROJECTS = text(
    """
    WITH RECURSIVE waiting AS (
        (SELECT organization_id, project_id FROM jobs ORDER BY organization_id, project_id LIMIT 1)
        UNION ALL
        SELECT next.organization_id, next.project_id FROM waiting, LATERAL (
            SELECT organization_id, project_id FROM jobs
            WHERE (organization_id, project_id) > (waiting.organization_id, waiting.project_id)
            ORDER BY organization_id, project_id LIMIT 1
        ) next
    )
    SELECT organization_id::text, project_id::text FROM waiting
    """
)
_TAKE = text(
    "SELECT organization_id::text, project_id::text, job_id::text, name, arguments FROM jobs"
    " WHERE organization_id = :organization AND project_id = :project AND name = ANY(:names)"
    " ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_DELETE = text("DELETE FROM jobs WHERE organization_id = :organization AND project_id = :project AND job_id = :job")
_BACKLOG = text(
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM (SELECT created_at FROM jobs) job"
)


@dataclass(frozen=True, slots=True)
class JobRow:
    organization_id: OrganizationId
    project_id: ProjectId
    job_id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a worker."""

    jobs: int
    oldest_s: float


async def insert_job(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    name: str,
    arguments: Mapping[str, Any],
) -> str:
    """The id of the new job, which is also the id of its workflow. `jobs/` knows what the name means."""
    return (await insert_jobs(connection, organization_id, project_id, name, [arguments]))[0]


async def insert_jobs(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    name: str,
    arguments: Sequence[Mapping[str, Any]],
) -> list[str]:
    """The same for many of one name; their ids in the order of their arguments."""
    whose = {"organization": organization_id, "project": project_id, "name": name}
    values = [{**whose, "job": str(uuid4()), "arguments": json.dumps(one)} for one in arguments]
    if values:
        await connection.execute(_INSERT, values)
    return [one["job"] for one in values]


async def list_projects(connection: AsyncConnection) -> list[tuple[OrganizationId, ProjectId]]:
    """The projects that have jobs."""
    return [(OrganizationId(o), ProjectId(p)) for o, p in await connection.execute(_PROJECTS)]


async def maybe_take(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, names: Collection[str]
) -> JobRow | None:
    """The oldest job of this project that nobody else is taking, locked until the end of the transaction."""
    values = {"organization": organization_id, "project": project_id, "names": list(names)}
    row = (await connection.execute(_TAKE, values)).one_or_none()
    return None if row is None else JobRow(*row)


async def delete_job(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, job_id: str
) -> None:
    await connection.execute(_DELETE, {"organization": organization_id, "project": project_id, "job": job_id})


async def count_jobs(connection: AsyncConnection) -> Backlog:
    """Of the whole installation."""
    number, oldest_s = (await connection.execute(_BACKLOG)).one()
    return Backlog(int(number), float(oldest_s))

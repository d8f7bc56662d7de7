"""Requests to assistants that were begun and are answered later. A query of one tenant takes its organization first.

Who works on a request says so again and again (`seen_at`); one that was not seen for long has lost its process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

Key = tuple[OrganizationId, ProjectId, str]
"""Whose, and which: organization, project, request."""
State = Literal["running", "completed", "failed", "cancelled"]
_COLUMNS = (
    "CAST(organization_id AS text) AS organization_id, CAST(project_id AS text) AS project_id, request_id, status,"
    " provider, answer, error_code, error_message, created_at, ended_at"
)
_IS = "organization_id = :organization AND project_id = :project AND request_id = :request_id"
_LOST = "ended_at IS NULL AND seen_at < now() - make_interval(secs => :lost_s)"


@dataclass(frozen=True, slots=True)
class AssistantRequestRow:
    """`answer` is the completion as JSON; `error_code` a documented id, 0 without a failure."""

    organization_id: OrganizationId
    project_id: ProjectId
    request_id: str
    status: State
    provider: str
    answer: str
    error_code: int
    error_message: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended; members as in its row."""

    status: State
    provider: str = ""
    answer: str = ""
    error_code: int = 0
    error_message: str = ""


async def insert_assistant_request(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, request_id: str
) -> None:
    statement = text(
        "INSERT INTO assistant_requests (organization_id, project_id, request_id, status)"
        " VALUES (:organization, :project, :request_id, 'running')"
    )
    await connection.execute(statement, _place(organization_id, project_id, request_id))


async def maybe_assistant_request(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, request_id: str
) -> AssistantRequestRow | None:
    query = text(f"SELECT {_COLUMNS} FROM assistant_requests WHERE {_IS}")
    row = (await connection.execute(query, _place(organization_id, project_id, request_id))).mappings().one_or_none()
    return None if row is None else AssistantRequestRow(**row)


async def end_assistant_request(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    request_id: str,
    outcome: Outcome,
    *,
    lost_s: float | None = None,
) -> None:
    """Writes how it ended; what was cancelled stays cancelled. With `lost_s` only when nobody has been seen at work on
    it for so many seconds, and it has not ended."""
    which = f"{_IS} AND {_LOST}" if lost_s is not None else f"{_IS} AND status <> 'cancelled'"
    statement = text(
        "UPDATE assistant_requests SET status = :status, provider = :provider, answer = :answer,"
        f" error_code = :error_code, error_message = :error_message, ended_at = now() WHERE {which}"
    )
    values = {name: getattr(outcome, name) for name in Outcome.__slots__}
    place = _place(organization_id, project_id, request_id)
    await connection.execute(statement, place | values | ({} if lost_s is None else {"lost_s": lost_s}))


async def cancel_assistant_request(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, request_id: str
) -> None:
    """Only when it has not ended; the process at work on it reads that when it says that it is there."""
    statement = text(
        f"UPDATE assistant_requests SET status = 'cancelled', ended_at = now() WHERE {_IS} AND ended_at IS NULL"
    )
    await connection.execute(statement, _place(organization_id, project_id, request_id))


async def mark_seen(connection: AsyncConnection, requests: Sequence[Key]) -> list[str]:
    """Says that this process works on these requests, of whichever tenants; gives those that were cancelled."""
    # Row by row of the primary key, whose last column alone is no index.
    statement = text(
        "UPDATE assistant_requests a SET seen_at = now()"
        " FROM unnest(CAST(:organizations AS uuid[]), CAST(:projects AS uuid[]), CAST(:requests AS text[]))"
        " AS mine (organization_id, project_id, request_id)"
        " WHERE a.organization_id = mine.organization_id AND a.project_id = mine.project_id"
        " AND a.request_id = mine.request_id RETURNING a.request_id, a.status"
    )
    organizations, projects, names = (list(part) for part in zip(*requests, strict=True))
    values = {"organizations": organizations, "projects": projects, "requests": names}
    rows = await connection.execute(statement, values)
    return [str(row.request_id) for row in rows if row.status == "cancelled"]


async def delete_old_assistant_requests(connection: AsyncConnection, days: int) -> int:
    """Of every organization; how many."""
    statement = text("DELETE FROM assistant_requests WHERE created_at < now() - make_interval(days => :days)")
    return (await connection.execute(statement, {"days": days})).rowcount


def _place(organization_id: OrganizationId, project_id: ProjectId, request_id: str) -> dict[str, str]:
    return {"organization": organization_id, "project": project_id, "request_id": request_id}

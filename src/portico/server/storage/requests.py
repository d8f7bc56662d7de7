"""Requests that are over, for whoever may see them: a page of usage lines, one line, and the texts that were kept.

The organization comes first in every query; without a project all of its projects are meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.usage import COLUMNS, Status, UsageLine

_COLUMNS = ", ".join(f"u.{name}" for name in COLUMNS)
# Ids of tokens are kept as text in usage, so that a line outlives whatever it names.
_SELECT = f"""
SELECT {_COLUMNS}, t.name AS token_name, x.prompt, x.input_text, x.output,
    f.answer_score, f.comments, p.email AS user_email
FROM usage u
LEFT JOIN request_texts x ON x.organization_id = u.organization_id AND x.request_id = u.request_id
LEFT JOIN feedback f ON f.organization_id = u.organization_id AND f.request_id = u.request_id
LEFT JOIN users p ON p.user_id::text = u.token_id
LEFT JOIN tokens t ON t.organization_id = CAST(CAST(:organization AS text) AS uuid) AND t.token_id::text = u.token_id
WHERE u.organization_id = :organization"""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request: its usage line, when it began, the name of its token (None when it is gone), its texts, if kept, and
    what was said about the answer: a score of 1 (good) or 2 (bad), and comments.

    `began` is the line's `at` to the microsecond: a float of today is not that exact.
    """

    line: UsageLine
    began: datetime
    token_name: str | None
    prompt: str | None
    input_text: str | None
    output: str | None
    answer_score: int | None = None
    comments: str | None = None
    user_email: str | None = None


Asked = Status | Literal["pending"]
"""What may be asked for: nothing that is stored is pending."""


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests: None means any. `project_id` None is the whole organization."""

    organization_id: OrganizationId
    project_id: ProjectId | None = None
    assistant: str | None = None
    status: Asked | None = None


async def list_requests(
    connection: AsyncConnection,
    wanted: RequestFilter,
    *,
    limit: int,
    skip: int = 0,
    behind: RequestRow | None = None,
) -> list[RequestRow]:
    """Newest first; `behind` goes on after the last row of the page before, at the same cost for every page."""
    query, values = _narrowed(wanted)
    if behind is not None:
        query += " AND (u.at, u.request_id) < (:began, :request_id)"
        values |= {"began": behind.began, "request_id": behind.line.request_id}
    query += " ORDER BY u.at DESC, u.request_id DESC LIMIT :limit OFFSET :skip"
    rows = await connection.execute(text(query), values | {"limit": limit, "skip": skip})
    return [_read(row) for row in rows.mappings()]


async def maybe_request(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, request_id: str
) -> RequestRow | None:
    """One request that is over, and flushed."""
    query, values = _narrowed(RequestFilter(organization_id, project_id))
    rows = await connection.execute(
        text(f"{query} AND u.request_id = :request_id"), values | {"request_id": request_id}
    )
    row = rows.mappings().one_or_none()
    return None if row is None else _read(row)


async def insert_texts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Texts of requests, with all members of the table; what is there already stays."""
    await connection.execute(
        text(
            "INSERT INTO request_texts (organization_id, request_id, project_id, at, prompt, input_text, output)"
            " VALUES (:organization_id, :request_id, :project_id, :at, :prompt, :input_text, :output)"
            " ON CONFLICT DO NOTHING"
        ),
        list(rows),
    )


async def delete_old_texts(connection: AsyncConnection, now: datetime, days: int) -> int:
    """Of every organization; how many."""
    statement = text("DELETE FROM request_texts WHERE at < :before")
    return (await connection.execute(statement, {"before": now - timedelta(days=days)})).rowcount


def _narrowed(wanted: RequestFilter) -> tuple[str, dict[str, Any]]:
    query = _SELECT
    values: dict[str, Any] = {"organization": wanted.organization_id}
    for column, value in (
        ("project_id", wanted.project_id),
        ("assistant", wanted.assistant),
        ("status", wanted.status),
    ):
        if value is not None:
            query += f" AND u.{column} = :{column}"
            values[column] = value
    return query, values


def _read(row: Mapping[Any, Any]) -> RequestRow:
    members = {name: row[name] for name in COLUMNS}
    began: datetime = members["at"]
    line = UsageLine(**members | {"at": began.timestamp()})
    return RequestRow(
        line,
        began,
        *(
            row[name]
            for name in ("token_name", "prompt", "input_text", "output", "answer_score", "comments", "user_email")
        ),
    )

"""Rows of feedback, one per request. Every query takes the organization first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """`answer_score` 1 is good, 2 is bad."""

    organization_id: OrganizationId
    project_id: ProjectId
    request_id: str
    origin: str
    answer_score: int
    comments: str


_PUT = text("""
    INSERT INTO feedback (organization_id, request_id, project_id, origin, answer_score, comments)
    VALUES (:organization, :request, :project, :origin, :score, :comments)
    ON CONFLICT (organization_id, request_id) DO UPDATE
    SET origin = EXCLUDED.origin, answer_score = EXCLUDED.answer_score, comments = EXCLUDED.comments, at = now()
""")


async def put_feedback(connection: AsyncConnection, row: FeedbackRow) -> None:
    """The last one counts."""
    await connection.execute(
        _PUT,
        {
            "organization": row.organization_id,
            "request": row.request_id,
            "project": row.project_id,
            "origin": row.origin,
            "score": row.answer_score,
            "comments": row.comments,
        },
    )

"""Sums over usage lines: in total, per day, per user, per agent. Each answer is computed by PostgreSQL in one query.

A user is whom the request names (X-Saia-User-Id, or `user` of the body), otherwise its token. An agent is the assistant
that the request was addressed to. Days are those of UTC; the organization comes first in every query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

_USER = "COALESCE(NULLIF(u.saia_user_id, ''), NULLIF(u.end_user, ''), u.token_id)"
_INPUT = "u.input_uncached + u.cache_read + u.cache_write_5m + u.cache_write_1h + u.audio_in"
_OUTPUT = "u.output_visible + u.reasoning + u.audio"
_SUMS = f"""
count(*) AS requests, count(*) FILTER (WHERE u.status = 'failed') AS errors,
COALESCE(sum(u.cost_picousd), 0)::float8 / 1e12 AS cost_usd, COALESCE(sum(u.total_ms), 0)::float8 AS total_ms,
COALESCE(sum({_INPUT}), 0)::bigint AS input, COALESCE(sum({_OUTPUT}), 0)::bigint AS output"""
_DAY = "(u.at AT TIME ZONE 'UTC')::date"
_NAME = "max(COALESCE(t.name, p.email)) AS name"
_TENANT = "CAST(CAST(:organization AS text) AS uuid)"
_TOKENS = (
    f"LEFT JOIN tokens t ON t.organization_id = {_TENANT} AND t.token_id::text = {_USER}"
    # By what the server wrote and never by what a caller sent: users are not of one organization.
    f" LEFT JOIN users p ON p.user_id::text = u.token_id AND u.token_id = {_USER}"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose requests, and of which days, both included; without a project all of the organization."""

    organization_id: OrganizationId
    project_id: ProjectId | None
    start: date
    end: date

    @property
    def days(self) -> int:
        return max(0, (self.end - self.start).days + 1)


@dataclass(frozen=True, slots=True)
class Sums:
    """`cost_usd` is a float for showing; `input` and `output` are tokens."""

    requests: int
    errors: int
    cost_usd: float
    total_ms: float
    input: int
    output: int

    @property
    def tokens(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many there were: with requests in the time, not in existence."""

    users: int
    agents: int
    projects: int


@dataclass(frozen=True, slots=True)
class UserSums:
    user: str
    name: str | None
    sums: Sums
    day: date | None = None


@dataclass(frozen=True, slots=True)
class AgentSums:
    agent: str
    sums: Sums
    model: str = ""


async def sum_all(connection: AsyncConnection, scope: Scope) -> Sums:
    (row,) = await _rows(connection, scope, f"SELECT {_SUMS} FROM usage u {{where}}")
    return _sums(row)


async def count_distinct(connection: AsyncConnection, scope: Scope) -> Distinct:
    (row,) = await _rows(
        connection,
        scope,
        f"SELECT count(DISTINCT {_USER}) AS users, count(DISTINCT NULLIF(u.assistant, '')) AS agents,"
        " count(DISTINCT u.project_id) AS projects FROM usage u {where}",
    )
    return Distinct(row["users"], row["agents"], row["projects"])


async def sum_by_day(connection: AsyncConnection, scope: Scope, agent: str | None = None) -> list[tuple[date, Sums]]:
    """Days without a request are not there."""
    narrowed = "AND u.assistant = :agent" if agent is not None else ""
    query = f"SELECT {_DAY} AS day, {_SUMS} FROM usage u {{where}} {narrowed} GROUP BY 1 ORDER BY 1"
    return [(row["day"], _sums(row)) for row in await _rows(connection, scope, query, agent=agent)]


async def sum_by_user(
    connection: AsyncConnection,
    scope: Scope,
    *,
    order: Literal["cost_usd", "requests"] = "requests",
    limit: int | None = None,
    agents_only: bool = False,
) -> list[UserSums]:
    """The greatest first; equal ones by name, so that an order stays what it was."""
    narrowed = "AND u.assistant <> ''" if agents_only else ""
    rows = await _rows(
        connection,
        scope,
        f"SELECT {_USER} AS who, {_NAME}, {_SUMS} FROM usage u {_TOKENS} {{where}} {narrowed}"
        f" GROUP BY 1 ORDER BY {order} DESC, 1 LIMIT :limit",
        limit=limit,
    )
    return [UserSums(row["who"], row["name"], _sums(row)) for row in rows]


async def sum_by_user_and_day(connection: AsyncConnection, scope: Scope) -> list[UserSums]:
    rows = await _rows(
        connection,
        scope,
        f"SELECT {_DAY} AS day, {_USER} AS who, {_NAME}, {_SUMS} FROM usage u {_TOKENS} {{where}}"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    return [UserSums(row["who"], row["name"], _sums(row), row["day"]) for row in rows]


async def sum_by_agent(
    connection: AsyncConnection, scope: Scope, *, order: Literal["requests", "tokens"], limit: int
) -> list[AgentSums]:
    by = "requests" if order == "requests" else f"sum({_INPUT} + {_OUTPUT})"
    rows = await _rows(
        connection,
        scope,
        f"SELECT u.assistant AS agent, {_SUMS} FROM usage u {{where}} AND u.assistant <> ''"
        f" GROUP BY 1 ORDER BY {by} DESC, 1 LIMIT :limit",
        limit=limit,
    )
    return [AgentSums(row["agent"], _sums(row)) for row in rows]


async def sum_by_agent_and_model(connection: AsyncConnection, scope: Scope) -> list[AgentSums]:
    rows = await _rows(
        connection,
        scope,
        f"SELECT u.assistant AS agent, u.model, {_SUMS} FROM usage u {{where}} AND u.assistant <> ''"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    return [AgentSums(row["agent"], _sums(row), row["model"]) for row in rows]


async def average_users(connection: AsyncConnection, scope: Scope, per: Literal["assistant", "project_id"]) -> float:
    """Users of the average assistant, or project, that had any; 0 when none had."""
    (row,) = await _rows(
        connection,
        scope,
        f"SELECT COALESCE(avg(users), 0)::float8 AS average FROM (SELECT count(DISTINCT {_USER}) AS users"
        f" FROM usage u {{where}} AND u.{per} <> '' GROUP BY u.{per}) AS each",
    )
    return float(row["average"])


async def _rows(connection: AsyncConnection, scope: Scope, query: str, **values: Any) -> list[RowMapping]:
    """`{where}` in the query becomes the scope."""
    where = "WHERE u.organization_id = :organization AND u.at >= :start"
    where += " AND u.at < CAST(:end AS timestamptz) + interval '24 hours'"
    if scope.project_id is not None:
        where += " AND u.project_id = :project"
        values["project"] = scope.project_id
    values |= {
        "organization": scope.organization_id,
        "start": _midnight(scope.start),
        "end": _midnight(scope.end),
    }
    return list((await connection.execute(text(query.replace("{where}", where)), values)).mappings())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _sums(row: RowMapping) -> Sums:
    return Sums(row["requests"], row["errors"], row["cost_usd"], row["total_ms"], row["input"], row["output"])

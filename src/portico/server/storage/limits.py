"""Rows of usage limits and rates. Every query takes the organization first, but for the one that fills the memory.

Amounts are whole numbers: 1e-12 USD where the unit is `Cost`, requests where it is `Requests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, TokenId

SubscriptionType = Literal["Freemium", "Daily", "Weekly", "Monthly"]
UsageUnit = Literal["Requests", "Cost"]
Member = Literal["hard", "soft", "renewable"]


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit with what has been reported as used. `project_id` None: of the organization.

    `emptied`: the last request that asked was refused. At most one of `cancelled_at` and `expired_at` is set.
    """

    organization_id: OrganizationId
    limit_id: str
    project_id: ProjectId | None
    subscription_type: SubscriptionType
    usage_unit: UsageUnit
    soft: int
    hard: int
    renewable: bool
    valid_from: datetime
    valid_until: datetime | None
    cancelled_at: datetime | None
    expired_at: datetime | None
    used: int
    emptied: bool

    @property
    def current(self) -> bool:
        return self.cancelled_at is None and self.expired_at is None


@dataclass(frozen=True, slots=True)
class NewLimit:
    """What a limit is made of; amounts as in LimitRow."""

    subscription_type: SubscriptionType
    usage_unit: UsageUnit
    soft: int
    hard: int
    renewable: bool
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class RateRow:
    """What a project, or one of its tokens, may ask for in a minute. None: no bound."""

    organization_id: OrganizationId
    rate_id: str
    project_id: ProjectId
    token_id: TokenId | None
    requests_per_minute: int | None
    tokens_per_minute: int | None


_COLUMNS = """l.organization_id::text, l.limit_id::text, l.project_id::text, l.subscription_type, l.usage_unit, l.soft,
    l.hard, l.renewable, l.valid_from, l.valid_until, l.cancelled_at, l.expired_at, a.used, a.emptied"""
_FROM = f"""SELECT {_COLUMNS} FROM usage_limits l
    JOIN lease_accounts a ON a.organization_id = l.organization_id AND a.account_id = l.limit_id"""
_WHOSE = "l.organization_id = CAST(:organization AS uuid) AND l.project_id IS NOT DISTINCT FROM CAST(:project AS uuid)"
_RATE = """SELECT organization_id::text, rate_id::text, project_id::text, token_id::text, requests_per_minute,
    tokens_per_minute FROM usage_rates"""
_CHANGES: dict[Member, str] = {
    "hard": "UPDATE usage_limits SET hard = :value",
    "soft": "UPDATE usage_limits SET soft = :value, soft_told_at = NULL",
    "renewable": "UPDATE usage_limits SET renewable = :value",
}


async def insert_limit(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, new: NewLimit
) -> LimitRow:
    """With its account. Raises IntegrityError when the organization or project has a current limit."""
    limit_id = str(uuid4())
    whose = {"organization": organization_id, "project": project_id}
    ended = "l.cancelled_at IS NOT NULL OR l.expired_at IS NOT NULL"
    await connection.execute(
        text(f"UPDATE usage_limits l SET latest = false WHERE {_WHOSE} AND l.latest AND ({ended})"), whose
    )
    await connection.execute(
        text(
            "INSERT INTO lease_accounts (organization_id, account_id, hard, closes_at)"
            " VALUES (CAST(:organization AS uuid), CAST(:limit AS uuid), :hard, :until)"
        ),
        {"organization": organization_id, "limit": limit_id, "hard": new.hard, "until": new.valid_until},
    )
    await connection.execute(
        text(
            "INSERT INTO usage_limits (organization_id, limit_id, project_id, subscription_type, usage_unit, soft,"
            " hard, renewable, valid_from, valid_until) VALUES (CAST(:organization AS uuid), CAST(:limit AS uuid),"
            " CAST(:project AS uuid), :type, :unit, :soft, :hard, :renewable, :from, :until)"
        ),
        {
            "organization": organization_id,
            "limit": limit_id,
            "project": project_id,
            "type": new.subscription_type,
            "unit": new.usage_unit,
            "soft": new.soft,
            "hard": new.hard,
            "renewable": new.renewable,
            "from": new.valid_from,
            "until": new.valid_until,
        },
    )
    row = await maybe_limit(connection, organization_id, project_id, limit_id)
    assert row is not None
    return row


async def list_limits(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> list[LimitRow]:
    """Newest first."""
    query = text(f"{_FROM} WHERE {_WHOSE} ORDER BY l.number DESC")
    return await _list(connection, query, {"organization": organization_id, "project": project_id})


async def maybe_limit(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, limit_id: str
) -> LimitRow | None:
    query = text(f"{_FROM} WHERE {_WHOSE} AND l.limit_id = CAST(:limit AS uuid)")
    values = {"organization": organization_id, "project": project_id, "limit": limit_id}
    found = await _list(connection, query, values)
    return found[0] if found else None


async def update_limit(
    connection: AsyncConnection, organization_id: OrganizationId, limit_id: str, member: Member, value: int | bool
) -> None:
    """One member of a limit; another hard limit opens the account again."""
    values = {"organization": organization_id, "limit": limit_id, "value": value}
    where = "WHERE organization_id = CAST(:organization AS uuid)"
    await connection.execute(text(f"{_CHANGES[member]} {where} AND limit_id = CAST(:limit AS uuid)"), values)
    if member == "hard":
        await connection.execute(
            text(
                f"UPDATE lease_accounts SET hard = :value, emptied = false {where}"
                " AND account_id = CAST(:limit AS uuid)"
            ),
            values,
        )


async def cancel_limit(connection: AsyncConnection, organization_id: OrganizationId, limit_id: str) -> None:
    """Nothing is granted from its account any more."""
    values = {"organization": organization_id, "limit": limit_id}
    where = "WHERE organization_id = CAST(:organization AS uuid)"
    await connection.execute(
        text(f"UPDATE usage_limits SET cancelled_at = now() {where} AND limit_id = CAST(:limit AS uuid)"), values
    )
    await connection.execute(
        text(f"UPDATE lease_accounts SET closes_at = now() {where} AND account_id = CAST(:limit AS uuid)"), values
    )


async def expire_limits(connection: AsyncConnection, organization_id: OrganizationId, now: datetime) -> list[LimitRow]:
    """Marks the limits whose period is over, and returns them as they were."""
    query = text(
        f"{_FROM} WHERE l.organization_id = CAST(:organization AS uuid) AND l.cancelled_at IS NULL"
        " AND l.expired_at IS NULL AND l.valid_until <= :now ORDER BY l.number FOR UPDATE OF l"
    )
    found = await _list(connection, query, {"organization": organization_id, "now": now})
    if found:
        await connection.execute(
            text(
                "UPDATE usage_limits SET expired_at = valid_until WHERE organization_id = CAST(:organization AS uuid)"
                " AND limit_id = ANY(CAST(:limits AS uuid[]))"
            ),
            {"organization": organization_id, "limits": [row.limit_id for row in found]},
        )
    return found


async def sum_projects(
    connection: AsyncConnection, organization_id: OrganizationId, *, without: ProjectId | None = None
) -> tuple[int, int]:
    """Soft and hard limits of the organization's projects added up: current ones, in money."""
    query = text(
        "SELECT coalesce(sum(soft), 0), coalesce(sum(hard), 0) FROM usage_limits l"
        " WHERE organization_id = CAST(:organization AS uuid) AND project_id IS NOT NULL AND usage_unit = 'Cost'"
        " AND cancelled_at IS NULL AND expired_at IS NULL AND project_id IS DISTINCT FROM CAST(:without AS uuid)"
        " AND EXISTS (SELECT 1 FROM projects p WHERE p.organization_id = l.organization_id"
        " AND p.project_id = l.project_id AND p.deleted_at IS NULL)"
    )
    row = (await connection.execute(query, {"organization": organization_id, "without": without})).one()
    return int(row[0]), int(row[1])


async def list_latest(connection: AsyncConnection, organization_ids: Sequence[OrganizationId]) -> list[LimitRow]:
    """The newest limit of each organization and project; of all tenants when none is named.

    Without those that organizations have cancelled. A project that has had a limit is never again without one, so what
    it cancelled still tells that it waits for the next (Usage Limits API reference), as long as there is the project.
    """
    alive = (
        "EXISTS (SELECT 1 FROM projects p WHERE p.organization_id = l.organization_id"
        " AND p.project_id = l.project_id AND p.deleted_at IS NULL)"
    )
    where = f"WHERE l.latest AND (l.cancelled_at IS NULL OR {alive})"
    if organization_ids:
        where += " AND l.organization_id = ANY(CAST(:ids AS uuid[]))"
    return await _list(
        connection, text(f"{_FROM} {where}"), {"ids": list(organization_ids)} if organization_ids else {}
    )


async def tell_soft(connection: AsyncConnection, organization_id: OrganizationId, limit_id: str) -> bool:
    """True for the one who is to tell that the soft limit is reached: the first to ask in this period."""
    query = text(
        "UPDATE usage_limits SET soft_told_at = now() WHERE organization_id = CAST(:organization AS uuid)"
        " AND limit_id = CAST(:limit AS uuid) AND soft_told_at IS NULL"
    )
    return (await connection.execute(query, {"organization": organization_id, "limit": limit_id})).rowcount == 1


async def list_rates(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId], project_id: ProjectId | None = None
) -> list[RateRow]:
    """Of these organizations, of all when none is named; or of one project."""
    parts = ["organization_id = ANY(CAST(:ids AS uuid[]))"] if organization_ids else []
    if project_id is not None:
        parts.append("project_id = CAST(:project AS uuid)")
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    values = {"ids": list(organization_ids), "project": project_id}
    used = {name: value for name, value in values.items() if f":{name}" in where}
    query = text(f"{_RATE}{where} ORDER BY token_id NULLS FIRST")
    return [RateRow(*row) for row in await connection.execute(query, used)]


async def put_rate(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    token_id: TokenId | None,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
) -> None:
    """The rate of a project or of one of its tokens, instead of the one before; none at all when both are None."""
    values = {"organization": organization_id, "project": project_id, "token": token_id}
    await connection.execute(
        text(
            "DELETE FROM usage_rates WHERE organization_id = CAST(:organization AS uuid)"
            " AND project_id = CAST(:project AS uuid) AND token_id IS NOT DISTINCT FROM CAST(:token AS uuid)"
        ),
        values,
    )
    if requests_per_minute is None and tokens_per_minute is None:
        return
    more = {"rate": str(uuid4()), "requests": requests_per_minute, "tokens": tokens_per_minute}
    await connection.execute(
        text(
            "INSERT INTO usage_rates VALUES (CAST(:organization AS uuid), CAST(:rate AS uuid),"
            " CAST(:project AS uuid), CAST(:token AS uuid), :requests, :tokens)"
        ),
        values | more,
    )


async def is_project_elsewhere(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId
) -> bool:
    """Whether another organization has a project of this GUID: the reference tells it from one that nobody has."""
    query = text(
        "SELECT count(*) FROM projects WHERE organization_id <> CAST(:organization AS uuid)"
        " AND project_id = CAST(:project AS uuid) AND deleted_at IS NULL"
    )
    return bool(await connection.scalar(query, {"organization": organization_id, "project": project_id}))


async def _list(connection: AsyncConnection, query: TextClause, values: dict[str, Any]) -> list[LimitRow]:
    return [_read(row) for row in await connection.execute(query, values)]


def _read(row: Row[Any]) -> LimitRow:
    values: list[Any] = [int(value) if isinstance(value, Decimal) else value for value in row]
    return LimitRow(*values)

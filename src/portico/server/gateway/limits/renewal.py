"""The change from one period of a limit to the next, by whoever sees first that it is due."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.gateway.limits.periods import end_of_period, start_of_period
from portico.server.ids import OrganizationId
from portico.server.storage.limits import NewLimit, expire_limits, insert_limit
from portico.server.storage.organizations import maybe_organization


async def renew_limits(connection: AsyncConnection, organization_id: OrganizationId, now: datetime) -> bool:
    """Expired limits are marked; the renewable ones of them begin anew, with the period that `now` lies in.

    The organization stays locked until the transaction ends. True when there was something to do.
    """
    await maybe_organization(connection, organization_id, lock=True)
    over = await expire_limits(connection, organization_id, now)
    for row in over:
        if row.renewable:
            begin = start_of_period(row.subscription_type, now)
            new = NewLimit(
                row.subscription_type, row.usage_unit, row.soft, row.hard, True,
                begin or now, end_of_period(row.subscription_type, now),
            )  # fmt: skip
            await insert_limit(connection, organization_id, row.project_id, new)
    return bool(over)

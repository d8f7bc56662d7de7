"""Leases of accounts: one round trip in which a worker reports what it spent, gives back, and takes what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Demand:
    """What a worker says about one account. `spent` and `keep` are totals since it began, so they may be sent twice.

    It gets `need` with up to `ahead` on top; when that does not fit, all that is left if it is at least `least`.
    `open_hard` and `closes_at` make the account when it is not there: an allowance that passes.
    """

    organization_id: OrganizationId
    account_id: str
    spent: int
    keep: int
    held: int
    need: int = 0
    least: int = 0
    ahead: int = 0
    open_hard: int | None = None
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer. `granted` is the total from now on; `free` what nobody holds; `idle` what others hold and do not use.

    `idle` is looked for only when the demand was not met; its holders are told to give it back.
    """

    account_id: str
    granted: int
    used: int
    hard: int
    free: int
    idle: int
    emptied: bool


_LEASE = text(
    "SELECT o_account::text, o_granted, o_used, o_hard, o_free, o_idle, o_emptied FROM portico_lease("
    "CAST(:worker AS uuid), CAST(:organizations AS uuid[]), CAST(:accounts AS uuid[]), CAST(:opens AS numeric[]),"
    " CAST(:closes AS timestamptz[]), CAST(:spends AS numeric[]), CAST(:keeps AS numeric[]),"
    " CAST(:helds AS numeric[]), CAST(:needs AS numeric[]), CAST(:leasts AS numeric[]), CAST(:aheads AS numeric[]))"
)


async def exchange(connection: AsyncConnection, worker_id: str, demands: Sequence[Demand]) -> dict[str, Granted]:
    """By account; one that is missing in the answer is gone."""
    values: dict[str, Any] = {
        "worker": worker_id,
        "organizations": [d.organization_id for d in demands],
        "accounts": [d.account_id for d in demands],
        "opens": [d.open_hard for d in demands],
        "closes": [d.closes_at for d in demands],
        "spends": [d.spent for d in demands],
        "keeps": [d.keep for d in demands],
        "helds": [d.held for d in demands],
        "needs": [d.need for d in demands],
        "leasts": [d.least for d in demands],
        "aheads": [d.ahead for d in demands],
    }
    rows = await connection.execute(_LEASE, values)
    return {
        account: Granted(account, int(granted), int(used), int(hard), int(free), int(idle), emptied)
        for account, granted, used, hard, free, idle, emptied in rows
    }


async def end_worker(connection: AsyncConnection, worker_id: str, spent: Mapping[str, int]) -> None:
    """Counts what the worker spent, by account, and gives back what it held. A second time does nothing."""
    query = text(
        "SELECT portico_lease_end(CAST(:worker AS uuid), CAST(:accounts AS uuid[]), CAST(:spends AS numeric[]))"
    )
    await connection.execute(query, {"worker": worker_id, "accounts": list(spent), "spends": list(spent.values())})


async def reap_workers(connection: AsyncConnection, after: timedelta) -> int:
    """Gives back what silent workers hold, and sweeps minutes that are over. The number of workers given up."""
    return int(await connection.scalar(text("SELECT portico_lease_reap(:after)"), {"after": after}) or 0)

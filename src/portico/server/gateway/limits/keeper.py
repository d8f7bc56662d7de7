"""The limits and rates of all tenants in memory, kept fresh by the changes of the database: Caller in, Policy out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from portico.server.access.caller import Caller
from portico.server.errors import PorticoError, QuotaExceeded
from portico.server.gateway.limits.alerts import Alerts
from portico.server.gateway.limits.bank import Bank
from portico.server.gateway.limits.policy import Gate, Policy
from portico.server.gateway.limits.purse import Purse, Unit
from portico.server.gateway.limits.render import write_limit
from portico.server.gateway.limits.renewal import renew_limits
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.clock import Clock, system_clock
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.limits import LimitRow, RateRow, list_latest, list_rates, maybe_limit, tell_soft
from portico.server.storage.secrets import InstallationKey

_TABLES = ("usage_limits", "usage_rates")
_DUE_LOOK_S = 1.0
_log = logging.getLogger("portico.limits")
Key = tuple[ProjectId | None, TokenId]


@dataclass(slots=True)
class _Tenant:
    """One organization: the newest limit of itself (None) and of its projects, its rates, and what was made of them."""

    limits: dict[ProjectId | None, LimitRow] = field(default_factory=dict)
    rates: list[RateRow] = field(default_factory=list)
    gates: dict[tuple[str, Unit], Gate] = field(default_factory=dict)
    policies: dict[Key, Policy | None] = field(default_factory=dict)


class Limits:
    """`of` on the hot path; `follow` for `Changes`, which also fills it at the start. One per process."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        key: InstallationKey,
        *,
        webhook: str = "",
        clock: Clock = system_clock,
    ) -> None:
        self.database = database
        self.key = key
        self.clock = clock
        self._bank = Bank(database, folder, clock, self._told)
        self._alerts = Alerts(webhook)
        self._tenants: dict[OrganizationId, _Tenant] = {}
        self._limits: dict[str, LimitRow] = {}
        self._soft_told: set[str] = set()
        self._hard_told: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    def start(self) -> None:
        """Raises OSError when the folder cannot be written."""
        self._bank.start()
        self._renewing = asyncio.create_task(self._renew_when_due(), name="limits-renewal")

    async def close(self) -> None:
        """Reports everything that was spent and gives all leases back."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)
        await self._bank.close()
        await self._alerts.close()

    def of(self, caller: Caller) -> Policy | None:
        """None when nothing bounds this caller, which is one look-up for a tenant without any limit."""
        tenant = self._tenants.get(caller.organization_id)
        if tenant is None:
            return None
        key = caller.project_id, caller.token_id
        try:
            return tenant.policies[key]
        except KeyError:
            return self._make_policy(tenant, caller.organization_id, key)

    async def require_room(self, caller: Caller) -> None:
        """Refuses callers who have nothing left, and takes nothing: before work that comes before the real estimate.

        Raises QuotaExceeded (429, id 154), TooManyRequests (429, id 9001). May be driven (kit/drive.py).
        """
        policy = self.of(caller)
        if policy is not None:
            (policy.try_take(1, 1) or await policy.take(1, 1)).drop()

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`."""
        idle = {one.organization_id for one in changes if one.organization_id and one.table == "lease_accounts"}
        if idle:
            self._bank.recall(idle)
        if UNKNOWN in changes:
            await self.refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table in _TABLES}:
            await self.refresh(*named)

    async def refresh(self, *organization_ids: OrganizationId) -> None:
        """Read the limits and rates of these organizations, or of all, anew. Leases are kept."""
        async with self._lock:  # an older answer must not overwrite a newer one
            async with self.database.begin() as connection:
                limits = await list_latest(connection, organization_ids)
                rates = await list_rates(connection, organization_ids)
            fresh: dict[OrganizationId, _Tenant] = {}
            for limit in limits:
                fresh.setdefault(limit.organization_id, _Tenant()).limits[limit.project_id] = limit
            for rate in rates:
                fresh.setdefault(rate.organization_id, _Tenant()).rates.append(rate)
            self._put(organization_ids or self._tenants.keys() | fresh.keys(), fresh)

    def _put(self, stale: Iterable[OrganizationId], fresh: dict[OrganizationId, _Tenant]) -> None:
        for organization_id in list(stale):
            old, new = self._tenants.pop(organization_id, None), fresh.get(organization_id)
            for limit in old.limits.values() if old else ():
                del self._limits[limit.limit_id]
            if new is not None:
                if old is not None and {r.rate_id: r for r in old.rates} == {r.rate_id: r for r in new.rates}:
                    new.gates = old.gates
                self._limits |= {limit.limit_id: limit for limit in new.limits.values()}
                self._tenants[organization_id] = new
            for limit in old.limits.values() if old else ():
                self._carry_over(limit)

    def _carry_over(self, old: LimitRow) -> None:
        """The purse of a limit that has changed learns of it; that of one which is over takes no more requests."""
        purse, new = self._bank.find(old.limit_id), self._limits.get(old.limit_id)
        if new is not None and new.soft > old.soft:
            self._soft_told.discard(new.limit_id)
        if purse is None:
            return
        if new is None or new.hard != old.hard:
            self._hard_told.discard(old.limit_id)
        if new is None or not new.current:
            purse.until = purse.usable_until = min(purse.until, self.clock())
            return
        purse.until = _moment(new.valid_until)
        purse.usable_until = min(purse.usable_until, purse.until)
        if new.hard != purse.hard:
            purse.hard = new.hard
            purse.left_until = -math.inf  # what was refused may fit now

    def _make_policy(self, tenant: _Tenant, organization_id: OrganizationId, key: Key) -> Policy | None:
        project_id, token_id = key
        limits = [tenant.limits[whose] for whose in dict.fromkeys((project_id, None)) if whose in tenant.limits]
        rates = [r for r in tenant.rates if r.project_id == project_id and r.token_id in (None, token_id)]
        policy: Policy | None = None
        if limits or rates:

            async def renew() -> Policy | None:
                await self.renew(organization_id)
                fresh = self._tenants.get(organization_id)
                return self._make_policy(fresh, organization_id, key) if fresh is not None else None

            policy = Policy(
                self._bank,
                self.clock,
                tuple(self._purse(limit) for limit in limits if limit.current),
                tuple(gate for rate in rates for gate in self._gates(tenant, rate)),
                renew,
                blocked=not all(limit.current for limit in limits),
            )
        tenant.policies[key] = policy
        return policy

    def _purse(self, limit: LimitRow) -> Purse:
        found = self._bank.find(limit.limit_id)
        if found is not None:
            return found
        limit_id = limit.limit_id

        def refuse(exhausted: bool) -> PorticoError:
            return self._refuse(limit_id, exhausted)

        unit = Unit.COST if limit.usage_unit == "Cost" else Unit.REQUESTS
        until = _moment(limit.valid_until)
        return self._bank.add(Purse(limit.organization_id, limit_id, unit, limit.hard, refuse, until=until))

    def _gates(self, tenant: _Tenant, rate: RateRow) -> list[Gate]:
        asked = (Unit.REQUESTS, rate.requests_per_minute), (Unit.TOKENS, rate.tokens_per_minute)
        return [
            tenant.gates.setdefault((rate.rate_id, unit), Gate(self._bank, self.clock, rate, unit, limit))
            for unit, limit in asked
            if limit is not None
        ]

    def _refuse(self, limit_id: str, exhausted: bool) -> PorticoError:
        """Retry-After: until the renewal; a second when only requests under way stand in the way."""
        limit = self._limits.get(limit_id)
        if not exhausted:
            return QuotaExceeded(retry_after_s=1)
        if limit_id not in self._hard_told:
            self._hard_told.add(limit_id)
            _log.error("the hard limit %s is reached: requests are refused", limit_id)
        if limit is None or not limit.renewable or limit.valid_until is None:
            return QuotaExceeded()
        return QuotaExceeded(retry_after_s=max(1.0, limit.valid_until.timestamp() - self.clock()))

    # renewal ------------------------------------------------------------------------------------------------

    async def renew(self, organization_id: OrganizationId) -> None:
        """Ends the periods of this organization that are over, and begins the next ones."""
        async with self.database.begin() as connection:
            changed = await renew_limits(connection, organization_id, self._now())
        if changed or self._is_due(organization_id):
            await self.refresh(organization_id)

    def _is_due(self, organization_id: OrganizationId) -> bool:
        tenant, now = self._tenants.get(organization_id), self.clock()
        rows = tenant.limits.values() if tenant is not None else ()
        return any(row.current and _moment(row.valid_until) <= now for row in rows)

    async def _renew_when_due(self) -> None:
        while True:
            await asyncio.sleep(_DUE_LOOK_S)
            for organization_id in [one for one in self._tenants if self._is_due(one)]:
                try:
                    await self.renew(organization_id)
                except Exception as error:  # a renewal that fails is tried again, and by the next request as well
                    known = isinstance(error, PorticoError)
                    _log.warning("a limit is not renewed yet: %s", error, exc_info=None if known else error)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    # news ---------------------------------------------------------------------------------------------------

    def _told(self, purse: Purse) -> None:
        """After each answer of the database: is the soft limit reached, is the hard one?"""
        limit = self._limits.get(purse.account_id)
        if limit is None or purse.used < max(1, limit.soft) or limit.limit_id in self._soft_told:
            return
        self._soft_told.add(limit.limit_id)
        task = asyncio.get_running_loop().create_task(self._tell(limit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, limit: LimitRow) -> None:
        """One of the workers tells: whoever marks the row first."""
        try:
            async with self.database.begin() as connection:
                first = await tell_soft(connection, limit.organization_id, limit.limit_id)
                row = await maybe_limit(connection, limit.organization_id, limit.project_id, limit.limit_id)
        except PorticoError as error:
            self._soft_told.discard(limit.limit_id)
            _log.warning("a soft limit is reached, which is told later: %s", error)
            return
        if first and row is not None:
            who = {"organizationId": row.organization_id, "projectId": row.project_id or ""}
            self._alerts.soft_reached({**who, **write_limit(row, self._now())})


def _moment(when: datetime | None) -> float:
    return math.inf if when is None else when.timestamp()

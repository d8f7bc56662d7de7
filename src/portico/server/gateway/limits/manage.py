"""The Usage Limits API behind its door: make, list, change and cancel limits of an organization and its projects.

Amounts go in as members of a JSON body and come out as wire shapes. Source: Usage Limits API reference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import maybe_project_id
from portico.server.access.policy import require
from portico.server.access.refusals import OrganizationNotFound, ProjectNotFound, ProjectNotInOrganization
from portico.server.errors import Conflict, NotFound, OutOfRange
from portico.server.gateway.limits.amounts import read_amount, read_word
from portico.server.gateway.limits.keeper import Limits
from portico.server.gateway.limits.periods import end_of_period
from portico.server.gateway.limits.render import show_limit
from portico.server.gateway.limits.renewal import renew_limits
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.guids import maybe_guid, read_guid
from portico.server.storage.limits import (
    LimitRow,
    NewLimit,
    SubscriptionType,
    UsageUnit,
    cancel_limit,
    insert_limit,
    is_project_elsewhere,
    list_limits,
    maybe_limit,
    sum_projects,
    update_limit,
)
from portico.server.storage.projects import maybe_project
from portico.wire.usage_limits import UsageLimit, UsageLimitList

_TYPES = ("Freemium", "Daily", "Weekly", "Monthly")
_RENEWALS = ("Renewable", "NonRenewable")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose limits a path names: an organization, or one of its projects."""

    organization_id: OrganizationId
    project_id: ProjectId | None = None


async def create(limits: Limits, caller: Caller, place: tuple[str, str | None], body: Mapping[str, Any]) -> UsageLimit:
    """A new limit, active from now on. Raises Conflict (409) while another one is; FieldRequired, OutOfRange (8)."""
    async with open_place(limits, caller, place) as (owner, connection, now):
        row = await insert(connection, owner, body, now)
        await _record(connection, limits, caller, "create", row)
    await limits.refresh(owner.organization_id)
    return show_limit(row, now)


async def insert(connection: AsyncConnection, owner: Owner, body: Mapping[str, Any], now: datetime) -> LimitRow:
    """The row of a new limit, within a transaction that `renew_limits` has begun. Raises what `create` does."""
    new = _read_new(body, owner, now)
    if any(row.current for row in await list_limits(connection, owner.organization_id, owner.project_id)):
        raise Conflict("Conflict: there is an active limit; cancel it first")
    await _fit(connection, owner, new.usage_unit, soft=new.soft, hard=new.hard)
    return await insert_limit(connection, owner.organization_id, owner.project_id, new)


async def list_all(limits: Limits, caller: Caller, place: tuple[str, str | None]) -> UsageLimitList:
    """Newest first; the ended ones too."""
    async with open_place(limits, caller, place) as (owner, connection, now):
        rows = await list_limits(connection, owner.organization_id, owner.project_id)
    return UsageLimitList(usage_limits=[show_limit(row, now) for row in rows])


async def latest(limits: Limits, caller: Caller, place: tuple[str, str | None], *, active: bool = False) -> UsageLimit:
    """The newest one; with `active` only if it is in force (status 1, or 3 when it is used up). Raises NotFound."""
    async with open_place(limits, caller, place) as (owner, connection, now):
        rows = await list_limits(connection, owner.organization_id, owner.project_id)
    if not rows or (active and not rows[0].current):
        raise NotFound
    return show_limit(rows[0], now)


async def cancel(limits: Limits, caller: Caller, place: tuple[str, str | None], limit_id: str) -> UsageLimit:
    """An organization is without a limit from now on; a project is refused everything until it has a new one.

    Raises NotFound; Conflict when it has ended already.
    """
    async with open_place(limits, caller, place) as (owner, connection, now):
        await _find_current(connection, owner, limit_id)
        await cancel_limit(connection, owner.organization_id, limit_id)
        row = await _find(connection, owner, limit_id)
        await _record(connection, limits, caller, "cancel", row)
    await limits.refresh(owner.organization_id)
    return show_limit(row, now)


async def change(
    limits: Limits, caller: Caller, place: tuple[str, str | None], limit_id: str, field: str, body: Mapping[str, Any]
) -> UsageLimit:
    """One of `hardLimit`, `softLimit`, `renewalStatus`. Raises NotFound, Conflict, FieldRequired, OutOfRange (8)."""
    async with open_place(limits, caller, place) as (owner, connection, now):
        old = await _find_current(connection, owner, limit_id)
        match field:
            case "hardLimit":
                hard = read_amount(body, field, old.usage_unit)
                if hard <= old.hard:
                    raise OutOfRange(field, "a new hard limit must be greater than the one before")
                await _fit(connection, owner, old.usage_unit, soft=None, hard=hard)
                await update_limit(connection, owner.organization_id, limit_id, "hard", hard)
            case "softLimit":
                soft = read_amount(body, field, old.usage_unit)
                if soft > old.hard:
                    raise OutOfRange(field, "it must not be greater than the hard limit")
                await _fit(connection, owner, old.usage_unit, soft=soft, hard=None)
                await update_limit(connection, owner.organization_id, limit_id, "soft", soft)
            case _:
                renewable = _read_renewal(body, old.subscription_type)
                await update_limit(connection, owner.organization_id, limit_id, "renewable", renewable)
        row = await _find(connection, owner, limit_id)
        await _record(connection, limits, caller, "update", row, field)
    await limits.refresh(owner.organization_id)
    return show_limit(row, now)


@asynccontextmanager
async def open_place(
    limits: Limits, caller: Caller, place: tuple[str, str | None]
) -> AsyncIterator[tuple[Owner, AsyncConnection, datetime]]:
    """One transaction on the limits of whom the path names, renewed where due; others of the tenant wait for it."""
    organization, project = place
    require(caller, "organization_limits" if project is None else "project_limits")
    if organization != caller.organization_name and maybe_guid(organization) != caller.organization_id:
        raise OrganizationNotFound
    now = datetime.fromtimestamp(limits.clock(), UTC)
    async with limits.database.begin() as connection:
        renewed = await renew_limits(connection, caller.organization_id, now)
        project_id = None if project is None else await find_project(connection, caller, project)
        yield Owner(caller.organization_id, project_id), connection, now
    if renewed:
        await limits.refresh(caller.organization_id)


async def find_project(connection: AsyncConnection, caller: Caller, named: str) -> ProjectId:
    """A project by GUID or name. Raises ProjectNotFound (2005); ProjectNotInOrganization (2006) for somebody else's,
    and with the token of another project."""
    project_id = await maybe_project_id(connection, caller, named)
    if project_id is None:
        raise ProjectNotFound
    if await maybe_project(connection, caller.organization_id, project_id) is None:
        if await is_project_elsewhere(connection, caller.organization_id, project_id):
            raise ProjectNotInOrganization
        raise ProjectNotFound
    if caller.scope == "project" and project_id != caller.project_id:
        raise ProjectNotInOrganization
    return project_id


async def _find(connection: AsyncConnection, owner: Owner, limit_id: str) -> LimitRow:
    wanted = read_guid(limit_id, NotFound)
    row = await maybe_limit(connection, owner.organization_id, owner.project_id, wanted)
    if row is None:
        raise NotFound
    return row


async def _find_current(connection: AsyncConnection, owner: Owner, limit_id: str) -> LimitRow:
    row = await _find(connection, owner, limit_id)
    if not row.current:
        raise Conflict("Conflict: the limit has ended")
    return row


async def _fit(
    connection: AsyncConnection, owner: Owner, unit: UsageUnit, *, soft: int | None, hard: int | None
) -> None:
    """An organization's limits are at least the sums of its projects' ones; only money can be added up.

    None: this one stays as it is. Raises OutOfRange naming the field.
    """
    if unit != "Cost":
        return
    wanted: dict[str, tuple[int | None, int | None]]
    sums = await sum_projects(connection, owner.organization_id, without=owner.project_id)
    if owner.project_id is None:
        wanted = {"softLimit": (sums[0], soft), "hardLimit": (sums[1], hard)}
        hint = "the limits of the projects add up to more"
    else:
        rows = await list_limits(connection, owner.organization_id, None)
        if not rows or not rows[0].current:
            return
        whole = rows[0]
        wanted = {
            "softLimit": (None if soft is None else sums[0] + soft, whole.soft),
            "hardLimit": (None if hard is None else sums[1] + hard, whole.hard),
        }
        hint = "the limits of the projects would add up to more than the organization's"
    for field, (parts, bound) in wanted.items():
        if parts is not None and bound is not None and parts > bound:
            raise OutOfRange(field, hint)


async def _record(
    connection: AsyncConnection, limits: Limits, caller: Caller, action: audit.Action, row: LimitRow, field: str = ""
) -> None:
    shown = show_limit(row, datetime.fromtimestamp(limits.clock(), UTC))
    details: dict[str, object] = {"unit": row.usage_unit, "soft": shown.soft_limit, "hard": shown.hard_limit}
    if field:
        details["changed"] = field
    await audit.record(
        connection, limits, caller, action, "usage_limit", shown.id, project_id=row.project_id or "", details=details
    )


def _read_new(body: Mapping[str, Any], owner: Owner, now: datetime) -> NewLimit:
    kind = cast(SubscriptionType, read_word(body, "subscriptionType", _TYPES))
    units = ("Cost",) if owner.project_id is None else ("Requests", "Cost")
    unit = cast(UsageUnit, read_word(body, "usageUnit", units))
    soft, hard = read_amount(body, "softLimit", unit), read_amount(body, "hardLimit", unit)
    if hard <= 0:
        raise OutOfRange("hardLimit", "it must be greater than 0")
    if soft > hard:
        raise OutOfRange("softLimit", "it must not be greater than the hard limit")
    renewable = False
    if kind != "Freemium" or body.get("renewalStatus") not in (None, ""):
        renewable = _read_renewal(body, kind)
    return NewLimit(kind, unit, soft, hard, renewable, now, end_of_period(kind, now))


def _read_renewal(body: Mapping[str, Any], kind: SubscriptionType) -> bool:
    renewable = read_word(body, "renewalStatus", _RENEWALS) == "Renewable"
    if renewable and kind == "Freemium":
        raise OutOfRange("renewalStatus", "Freemium is never renewed")
    return renewable

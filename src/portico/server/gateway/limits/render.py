"""Rows of limits and rates as the API shows them. Money is in USD there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from portico.server.kit.clock import wire_time
from portico.server.storage.limits import LimitRow, RateRow, UsageUnit
from portico.wire.tokens import ORGANIZATION_SCOPE, PROJECT_SCOPE
from portico.wire.usage_limits import UsageLimit, UsageRate

PICO_PER_USD = 10**12
ACTIVE, EXPIRED, EMPTY, CANCELLED = 1, 2, 3, 4


def show_limit(row: LimitRow, now: datetime) -> UsageLimit:
    """One limit; `now` decides whether its period is over."""
    return UsageLimit(
        id=row.limit_id,
        related_entity_name=ORGANIZATION_SCOPE if row.project_id is None else PROJECT_SCOPE,
        subscription_type=row.subscription_type,
        usage_unit=row.usage_unit,
        soft_limit=_amount(row.soft, row.usage_unit),
        hard_limit=_amount(row.hard, row.usage_unit),
        used_amount=_amount(row.used, row.usage_unit),
        remaining_usage=_amount(max(0, row.hard - row.used), row.usage_unit),
        renewal_status="Renewable" if row.renewable else "NonRenewable",
        status=_status(row, now),
        valid_from=wire_time(row.valid_from),
        valid_until="" if row.valid_until is None else wire_time(row.valid_until),
    )


def write_limit(row: LimitRow, now: datetime) -> dict[str, Any]:
    """The same as JSON members."""
    members: dict[str, Any] = msgspec.to_builtins(show_limit(row, now))
    return members


def show_rate(row: RateRow) -> UsageRate:
    return UsageRate(
        project_id=row.project_id,
        token_id=row.token_id or msgspec.UNSET,
        requests_per_minute=row.requests_per_minute or msgspec.UNSET,
        tokens_per_minute=row.tokens_per_minute or msgspec.UNSET,
    )


def _status(row: LimitRow, now: datetime) -> int:
    if row.cancelled_at is not None:
        return CANCELLED
    if row.expired_at is not None or (row.valid_until is not None and row.valid_until <= now):
        return EXPIRED
    return EMPTY if row.emptied or row.used >= row.hard else ACTIVE


def _amount(value: int, unit: UsageUnit) -> int | float:
    """Whole numbers without a fraction, as the reference shows them."""
    if unit == "Requests":
        return value
    whole, rest = divmod(value, PICO_PER_USD)
    return value / PICO_PER_USD if rest else whole

"""Usage limits and per-minute rates. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class UsageLimit(Shape, rename="camel"):
    """One limit of an organization or a project; amounts in USD or in requests, as `usage_unit` says.

    `status`: 1 active, 2 expired, 3 empty, 4 cancelled. Times are UTC; `valid_until` is "" when there is no end.
    """

    id: str = ""
    related_entity_name: str = ""
    subscription_type: str = ""
    usage_unit: str = ""
    soft_limit: int | float = 0
    hard_limit: int | float = 0
    used_amount: int | float = 0
    remaining_usage: int | float = 0
    renewal_status: str = ""
    status: int = 0
    valid_from: str = ""
    valid_until: str = ""


class UsageLimitList(Shape):
    """Answer of `GET .../limits`."""

    usage_limits: list[UsageLimit] = field(default_factory=list, name="usageLimits")


class UsageRate(Shape, rename="camel"):
    """What a project, or one token of it, may ask for in a minute; a member that is absent is not bounded."""

    project_id: str = ""
    token_id: str | UnsetType = UNSET
    requests_per_minute: int | UnsetType = UNSET
    tokens_per_minute: int | UnsetType = UNSET


class UsageRateList(Shape):
    """Answer of `GET .../rates`."""

    rates: list[UsageRate] = field(default_factory=list)

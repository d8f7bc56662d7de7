"""Usage limits and rates per minute, high level: typed objects. `project` None means the organization itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Literal

from portico.sdk.clients.usage_limits import AsyncUsageLimitsClient, UsageLimitsClient
from portico.sdk.managers.base import read, read_list
from portico.wire.usage_limits import UsageLimit, UsageRate

if TYPE_CHECKING:
    from portico.sdk.clients.usage_limits import Amount

SubscriptionType = Literal["Freemium", "Daily", "Weekly", "Monthly"]
UsageUnit = Literal["Requests", "Cost"]
RenewalStatus = Literal["Renewable", "NonRenewable"]


class UsageLimits:
    """`client.usage_limits`: what an organization or a project may use, and how much of it in a minute."""

    def __init__(self, client: UsageLimitsClient) -> None:
        self._client = client

    def create(
        self,
        organization: str,
        *,
        subscription_type: SubscriptionType,
        usage_unit: UsageUnit,
        soft_limit: Amount,
        hard_limit: Amount,
        renewal_status: RenewalStatus | None = None,
        project: str | None = None,
    ) -> UsageLimit:
        """A new limit, in USD or in requests. Raises RequestConflict while another one is active; BadRequest."""
        made = self._client.create_usage_limit(
            organization,
            subscription_type=subscription_type,
            usage_unit=usage_unit,
            soft_limit=soft_limit,
            hard_limit=hard_limit,
            renewal_status=renewal_status,
            project=project,
        )
        return read(UsageLimit, made)

    def list(self, organization: str, *, project: str | None = None) -> Iterator[UsageLimit]:
        """All of them, newest first."""
        yield from read_list(UsageLimit, self._client.list_usage_limits(organization, project=project), "usageLimits")

    def latest(self, organization: str, *, project: str | None = None) -> UsageLimit:
        """The newest one, whatever its status. Raises NotFound when there never was one."""
        return read(UsageLimit, self._client.get_latest_usage_limit(organization, project=project))

    def active(self, organization: str, *, project: str | None = None) -> UsageLimit:
        """The one in force, used up or not. Raises NotFound."""
        return read(UsageLimit, self._client.get_active_usage_limit(organization, project=project))

    def cancel(self, organization: str, limit_id: str, *, project: str | None = None) -> UsageLimit:
        """Ends a limit. Raises NotFound, RequestConflict when it has ended already."""
        return read(UsageLimit, self._client.delete_usage_limit(organization, limit_id, project=project))

    def set_hard_limit(
        self, organization: str, limit_id: str, hard_limit: Amount, *, project: str | None = None
    ) -> UsageLimit:
        """Raises BadRequest when it is not greater than the one before."""
        return read(UsageLimit, self._client.set_hard_limit(organization, limit_id, hard_limit, project=project))

    def set_soft_limit(
        self, organization: str, limit_id: str, soft_limit: Amount, *, project: str | None = None
    ) -> UsageLimit:
        """Raises BadRequest when it is greater than the hard limit."""
        return read(UsageLimit, self._client.set_soft_limit(organization, limit_id, soft_limit, project=project))

    def set_renewal_status(
        self, organization: str, limit_id: str, renewal_status: RenewalStatus, *, project: str | None = None
    ) -> UsageLimit:
        """Whether a new period begins when this one ends."""
        changed = self._client.set_renewal_status(organization, limit_id, renewal_status, project=project)
        return read(UsageLimit, changed)

    def rates(self, organization: str, project: str) -> Iterator[UsageRate]:
        """What the project and its tokens may ask for in a minute."""
        yield from read_list(UsageRate, self._client.list_rates(organization, project), "rates")

    def set_rate(
        self,
        organization: str,
        project: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        token_id: str | None = None,
    ) -> UsageRate:
        """Of the project, or of one token of it; what is left out is not bounded."""
        changed = self._client.set_rate(
            organization,
            project,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            token_id=token_id,
        )
        return read(UsageRate, changed)


class AsyncUsageLimits:
    """The same for asyncio."""

    def __init__(self, client: AsyncUsageLimitsClient) -> None:
        self._client = client

    async def create(
        self,
        organization: str,
        *,
        subscription_type: SubscriptionType,
        usage_unit: UsageUnit,
        soft_limit: Amount,
        hard_limit: Amount,
        renewal_status: RenewalStatus | None = None,
        project: str | None = None,
    ) -> UsageLimit:
        """A new limit, in USD or in requests. Raises RequestConflict while another one is active; BadRequest."""
        made = await self._client.create_usage_limit(
            organization,
            subscription_type=subscription_type,
            usage_unit=usage_unit,
            soft_limit=soft_limit,
            hard_limit=hard_limit,
            renewal_status=renewal_status,
            project=project,
        )
        return read(UsageLimit, made)

    async def list(self, organization: str, *, project: str | None = None) -> AsyncIterator[UsageLimit]:
        """All of them, newest first."""
        for one in read_list(
            UsageLimit, await self._client.list_usage_limits(organization, project=project), "usageLimits"
        ):
            yield one

    async def latest(self, organization: str, *, project: str | None = None) -> UsageLimit:
        """The newest one, whatever its status. Raises NotFound when there never was one."""
        return read(UsageLimit, await self._client.get_latest_usage_limit(organization, project=project))

    async def active(self, organization: str, *, project: str | None = None) -> UsageLimit:
        """The one in force, used up or not. Raises NotFound."""
        return read(UsageLimit, await self._client.get_active_usage_limit(organization, project=project))

    async def cancel(self, organization: str, limit_id: str, *, project: str | None = None) -> UsageLimit:
        """Ends a limit. Raises NotFound, RequestConflict when it has ended already."""
        return read(UsageLimit, await self._client.delete_usage_limit(organization, limit_id, project=project))

    async def set_hard_limit(
        self, organization: str, limit_id: str, hard_limit: Amount, *, project: str | None = None
    ) -> UsageLimit:
        """Raises BadRequest when it is not greater than the one before."""
        return read(UsageLimit, await self._client.set_hard_limit(organization, limit_id, hard_limit, project=project))

    async def set_soft_limit(
        self, organization: str, limit_id: str, soft_limit: Amount, *, project: str | None = None
    ) -> UsageLimit:
        """Raises BadRequest when it is greater than the hard limit."""
        return read(UsageLimit, await self._client.set_soft_limit(organization, limit_id, soft_limit, project=project))

    async def set_renewal_status(
        self, organization: str, limit_id: str, renewal_status: RenewalStatus, *, project: str | None = None
    ) -> UsageLimit:
        """Whether a new period begins when this one ends."""
        changed = await self._client.set_renewal_status(organization, limit_id, renewal_status, project=project)
        return read(UsageLimit, changed)

    async def rates(self, organization: str, project: str) -> AsyncIterator[UsageRate]:
        """What the project and its tokens may ask for in a minute."""
        for one in read_list(UsageRate, await self._client.list_rates(organization, project), "rates"):
            yield one

    async def set_rate(
        self,
        organization: str,
        project: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        token_id: str | None = None,
    ) -> UsageRate:
        """Of the project, or of one token of it; what is left out is not bounded."""
        changed = await self._client.set_rate(
            organization,
            project,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            token_id=token_id,
        )
        return read(UsageRate, changed)

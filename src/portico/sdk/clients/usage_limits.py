"""Usage limits and rates per minute, low level. `project` None means the organization itself.

Source: Usage Limits API reference, /v2/usageLimits; the rates are Portico's own.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

Amount = int | float


def create_call(
    organization: str,
    project: str | None,
    subscription_type: str,
    usage_unit: str,
    soft_limit: Amount,
    hard_limit: Amount,
    renewal_status: str | None,
) -> Call:
    body = given(
        {
            "subscriptionType": subscription_type,
            "usageUnit": usage_unit,
            "softLimit": soft_limit,
            "hardLimit": hard_limit,
            "renewalStatus": renewal_status,
        }
    )
    return send_json("POST", _path(organization, project), body, repeat=Repeat.NEVER)


def get_call(organization: str, project: str | None, which: str = "") -> Call:
    """All limits, or `/latest`, or `/active`."""
    return get(_path(organization, project) + which)


def cancel_call(organization: str, project: str | None, limit_id: str) -> Call:
    return Call("DELETE", _limit(organization, project, limit_id), repeat=Repeat.NEVER)


def change_call(organization: str, project: str | None, limit_id: str, member: str, value: Amount | str) -> Call:
    """`member`: hardLimit, softLimit or renewalStatus. The same hard limit a second time is refused: never repeated."""
    path = f"{_limit(organization, project, limit_id)}/{member}"
    repeat = Repeat.NEVER if member == "hardLimit" else Repeat.SAFE
    return send_json("PUT", path, {member: value}, repeat=repeat)


def rates_call(organization: str, project: str) -> Call:
    return get(_owner(organization, project) + "/rates")


def put_rate_call(
    organization: str,
    project: str,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    token_id: str | None,
) -> Call:
    body = given({"requestsPerMinute": requests_per_minute, "tokensPerMinute": tokens_per_minute, "tokenId": token_id})
    return send_json("PUT", _owner(organization, project) + "/rates", body, repeat=Repeat.SAFE)


def _owner(organization: str, project: str | None) -> str:
    path = f"/v2/usageLimits/organizations/{_segment(organization, 'organization')}"
    return path if project is None else f"{path}/projects/{_segment(project, 'project')}"


def _path(organization: str, project: str | None) -> str:
    return _owner(organization, project) + "/limits"


def _limit(organization: str, project: str | None, limit_id: str) -> str:
    return f"{_path(organization, project)}/{_segment(limit_id, 'limit')}"


def _segment(text: str, what: str) -> str:
    if not text.strip():
        raise PorticoError(f"The id of the {what} is empty.", hint="`portico tokens validate` shows whose token it is.")
    return path_segment(text)


class UsageLimitsClient(LowLevelClient):
    def create_usage_limit(
        self,
        organization: str,
        *,
        subscription_type: str,
        usage_unit: str,
        soft_limit: Amount,
        hard_limit: Amount,
        renewal_status: str | None = None,
        project: str | None = None,
    ) -> JsonObject:
        """POST .../limits: the limit, active from now on. `renewal_status` may be left out with Freemium only."""
        return self._json(
            create_call(organization, project, subscription_type, usage_unit, soft_limit, hard_limit, renewal_status)
        )

    def list_usage_limits(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits: `usageLimits`, newest first, the ended ones too."""
        return self._json(get_call(organization, project))

    def get_latest_usage_limit(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits/latest, whatever its status."""
        return self._json(get_call(organization, project, "/latest"))

    def get_active_usage_limit(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits/active: the one in force, used up or not."""
        return self._json(get_call(organization, project, "/active"))

    def delete_usage_limit(self, organization: str, limit_id: str, *, project: str | None = None) -> JsonObject:
        """DELETE .../limits/{id}: the limit, cancelled."""
        return self._json(cancel_call(organization, project, limit_id))

    def set_hard_limit(
        self, organization: str, limit_id: str, hard_limit: Amount, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/hardLimit: greater than the one before."""
        return self._json(change_call(organization, project, limit_id, "hardLimit", hard_limit))

    def set_soft_limit(
        self, organization: str, limit_id: str, soft_limit: Amount, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/softLimit: not greater than the hard limit."""
        return self._json(change_call(organization, project, limit_id, "softLimit", soft_limit))

    def set_renewal_status(
        self, organization: str, limit_id: str, renewal_status: str, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/renewalStatus: Renewable or NonRenewable."""
        return self._json(change_call(organization, project, limit_id, "renewalStatus", renewal_status))

    def list_rates(self, organization: str, project: str) -> JsonObject:
        """GET .../rates: `rates`, of the project and of its tokens."""
        return self._json(rates_call(organization, project))

    def set_rate(
        self,
        organization: str,
        project: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        token_id: str | None = None,
    ) -> JsonObject:
        """PUT .../rates: of the project, or of one token of it; what is left out is not bounded."""
        return self._json(put_rate_call(organization, project, requests_per_minute, tokens_per_minute, token_id))


class AsyncUsageLimitsClient(AsyncLowLevelClient):
    async def create_usage_limit(
        self,
        organization: str,
        *,
        subscription_type: str,
        usage_unit: str,
        soft_limit: Amount,
        hard_limit: Amount,
        renewal_status: str | None = None,
        project: str | None = None,
    ) -> JsonObject:
        """POST .../limits: the limit, active from now on. `renewal_status` may be left out with Freemium only."""
        return await self._json(
            create_call(organization, project, subscription_type, usage_unit, soft_limit, hard_limit, renewal_status)
        )

    async def list_usage_limits(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits: `usageLimits`, newest first, the ended ones too."""
        return await self._json(get_call(organization, project))

    async def get_latest_usage_limit(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits/latest, whatever its status."""
        return await self._json(get_call(organization, project, "/latest"))

    async def get_active_usage_limit(self, organization: str, *, project: str | None = None) -> JsonObject:
        """GET .../limits/active: the one in force, used up or not."""
        return await self._json(get_call(organization, project, "/active"))

    async def delete_usage_limit(self, organization: str, limit_id: str, *, project: str | None = None) -> JsonObject:
        """DELETE .../limits/{id}: the limit, cancelled."""
        return await self._json(cancel_call(organization, project, limit_id))

    async def set_hard_limit(
        self, organization: str, limit_id: str, hard_limit: Amount, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/hardLimit: greater than the one before."""
        return await self._json(change_call(organization, project, limit_id, "hardLimit", hard_limit))

    async def set_soft_limit(
        self, organization: str, limit_id: str, soft_limit: Amount, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/softLimit: not greater than the hard limit."""
        return await self._json(change_call(organization, project, limit_id, "softLimit", soft_limit))

    async def set_renewal_status(
        self, organization: str, limit_id: str, renewal_status: str, *, project: str | None = None
    ) -> JsonObject:
        """PUT .../limits/{id}/renewalStatus: Renewable or NonRenewable."""
        return await self._json(change_call(organization, project, limit_id, "renewalStatus", renewal_status))

    async def list_rates(self, organization: str, project: str) -> JsonObject:
        """GET .../rates: `rates`, of the project and of its tokens."""
        return await self._json(rates_call(organization, project))

    async def set_rate(
        self,
        organization: str,
        project: str,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        token_id: str | None = None,
    ) -> JsonObject:
        """PUT .../rates: of the project, or of one token of it; what is left out is not bounded."""
        return await self._json(put_rate_call(organization, project, requests_per_minute, tokens_per_minute, token_id))

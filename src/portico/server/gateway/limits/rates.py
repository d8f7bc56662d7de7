"""Rates per minute of a project and of its tokens: set, listed, taken away. Ours; the reference has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.errors import NotFound, PatternMismatch
from portico.server.gateway.limits.amounts import read_rate
from portico.server.gateway.limits.keeper import Limits
from portico.server.gateway.limits.manage import open_place
from portico.server.gateway.limits.render import show_rate
from portico.server.ids import TokenId
from portico.server.kit.guids import read_guid
from portico.server.storage.limits import list_rates, put_rate
from portico.server.storage.tokens import maybe_token
from portico.wire.usage_limits import UsageRate, UsageRateList


async def list_all(limits: Limits, caller: Caller, place: tuple[str, str]) -> UsageRateList:
    """The rate of the project first, then those of its tokens."""
    async with open_place(limits, caller, place) as (owner, connection, _):
        rows = await list_rates(connection, [owner.organization_id], owner.project_id)
    return UsageRateList(rates=[show_rate(row) for row in rows])


async def put(limits: Limits, caller: Caller, place: tuple[str, str], body: Mapping[str, Any]) -> UsageRate:
    """`requestsPerMinute`, `tokensPerMinute`, of the project or of the token `tokenId`; both left out: no bound.

    Raises OutOfRange, PatternMismatch, NotFound (the project has no such token).
    """
    requests, tokens = read_rate(body, "requestsPerMinute"), read_rate(body, "tokensPerMinute")
    token_id = _read_token(body)
    async with open_place(limits, caller, place) as (owner, connection, _):
        assert owner.project_id is not None
        if token_id is not None:
            found = await maybe_token(connection, owner.organization_id, token_id=token_id)
            if found is None or found.project_id != owner.project_id:
                raise NotFound
        await put_rate(connection, owner.organization_id, owner.project_id, token_id, requests, tokens)
        details = {"requestsPerMinute": requests, "tokensPerMinute": tokens}
        await audit.record(
            connection, limits, caller, "update", "usage_rate", token_id or owner.project_id,
            project_id=owner.project_id, details=details,
        )  # fmt: skip
        rows = await list_rates(connection, [owner.organization_id], owner.project_id)
    await limits.refresh(owner.organization_id)
    for row in rows:
        if row.token_id == token_id:
            return show_rate(row)
    return UsageRate(project_id=owner.project_id)


def _read_token(body: Mapping[str, Any]) -> TokenId | None:
    given = body.get("tokenId")
    if given is None or given == "":
        return None
    return TokenId(read_guid(str(given), PatternMismatch("tokenId", "write the GUID of a token")))

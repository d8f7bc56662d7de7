"""Usage limits and rates from the SDK: what is sent, what is read, what is never sent twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portico import AsyncPortico, Portico, PorticoError, RateLimited, RequestConflict
from tests.sdk.odd_server import OddServer, reply_json

ROOT = "/v2/usageLimits/organizations/acme"
LIMIT = {
    "id": "l-1", "relatedEntityName": "Pia.Data.Project", "subscriptionType": "Monthly", "usageUnit": "Cost",
    "softLimit": 80, "hardLimit": 100, "usedAmount": 1.5e-06, "remainingUsage": 99.9999985,
    "renewalStatus": "Renewable", "status": 1, "validFrom": "2026-05-01T00:00:00", "validUntil": "",
}  # fmt: skip


def test_a_limit_is_made_and_read(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(LIMIT, 201)
    made = client.usage_limits.create(
        "acme", subscription_type="Monthly", usage_unit="Cost", soft_limit=80, hard_limit=100,
        renewal_status="Renewable", project="p/1",
    )  # fmt: skip
    assert (made.id, made.hard_limit, made.used_amount, made.status) == ("l-1", 100, 1.5e-06, 1)
    assert (server.seen[0].method, server.seen[0].path) == ("POST", f"{ROOT}/projects/p/1/limits")
    assert server.seen[0].json == {
        "subscriptionType": "Monthly",
        "usageUnit": "Cost",
        "softLimit": 80,
        "hardLimit": 100,
        "renewalStatus": "Renewable",
    }


def test_every_call_has_its_address(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(LIMIT | {"usageLimits": [LIMIT], "rates": [{"tokenId": "t"}]})
    limits = client.usage_limits
    assert [one.id for one in limits.list("acme")] == ["l-1"]
    assert limits.latest("acme").valid_until == ""
    assert limits.active("acme", project="p").extra.keys() == {"usageLimits", "rates"}
    limits.cancel("acme", "l-1")
    limits.set_hard_limit("acme", "l-1", 150)
    limits.set_soft_limit("acme", "l-1", 0.5, project="p")
    limits.set_renewal_status("acme", "l-1", "NonRenewable")
    assert [one.token_id for one in limits.rates("acme", "p")] == ["t"]
    limits.set_rate("acme", "p", requests_per_minute=5, token_id="t")
    assert [(seen.method, seen.path.removeprefix(ROOT), seen.body and seen.json) for seen in server.seen] == [
        ("GET", "/limits", b""),
        ("GET", "/limits/latest", b""),
        ("GET", "/projects/p/limits/active", b""),
        ("DELETE", "/limits/l-1", b""),
        ("PUT", "/limits/l-1/hardLimit", {"hardLimit": 150}),
        ("PUT", "/projects/p/limits/l-1/softLimit", {"softLimit": 0.5}),
        ("PUT", "/limits/l-1/renewalStatus", {"renewalStatus": "NonRenewable"}),
        ("GET", "/projects/p/rates", b""),
        ("PUT", "/projects/p/rates", {"requestsPerMinute": 5, "tokenId": "t"}),
    ]


def test_the_same_for_asyncio(server: OddServer) -> None:
    server.answer = lambda seen: reply_json(LIMIT | {"usageLimits": [LIMIT, LIMIT]})

    async def ask() -> list[str]:
        async with AsyncPortico("key-1", server.url) as client:
            assert (await client.usage_limits.active("acme")).hard_limit == 100
            return [one.id async for one in client.usage_limits.list("acme", project="p")]

    assert asyncio.run(ask()) == ["l-1", "l-1"]


def test_a_conflict_and_an_exceeded_quota_have_their_classes(server: OddServer, client: Portico) -> None:
    answers: list[Any] = [
        reply_json({"errors": [{"id": 409, "description": "Conflict"}]}, 409),
        reply_json({"errors": [{"id": 154, "description": "Quota exceeded."}]}, 429),
    ]
    server.answer = lambda seen: answers.pop(0)
    with pytest.raises(RequestConflict):
        client.usage_limits.set_hard_limit("acme", "l-1", 3)
    with pytest.raises(RateLimited, match="Quota exceeded"):
        client.usage_limits.cancel("acme", "l-1")
    assert len(server.seen) == 2


def test_an_empty_id_is_refused_here(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="limit is empty"):
        client.usage_limits.cancel("acme", " ")
    assert server.seen == []

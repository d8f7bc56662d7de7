"""Requests and tokens per minute, of a project and of one of its tokens; off until they are set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portico.server.access.caller import Caller
from portico.server.errors import DatabaseAway, NotFound, OutOfRange, PatternMismatch, TooManyRequests
from portico.server.gateway.limits import rates
from portico.server.ids import TokenId
from portico.server.kit.clock import FixedClock
from portico.server.storage.tokens import insert_token
from tests.server.gateway.limits_house import Worker, make_caller

pytestmark = pytest.mark.anyio
MINUTE = 60.0


@pytest.fixture
def clock() -> FixedClock:
    """At the tenth second of the minute after this one: the database, whose clock runs, takes it for open."""
    return FixedClock((time.time() // 60 + 1) * 60 + 10)


@pytest.fixture
async def worker(database_url: str, tmp_path: Path, anyio_backend: object, clock: FixedClock) -> AsyncIterator[Worker]:
    opened = await Worker.open(database_url, tmp_path / "leases", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def caller(worker: Worker) -> Caller:
    """A token with a row of its own."""
    found = await make_caller(worker.database)
    async with worker.database.begin() as connection:
        row = await insert_token(connection, found.organization_id, found.project_id, b"h" * 32, "ci")
    return replace(found, token_id=row.token_id)


async def put(worker: Worker, caller: Caller, **body: Any) -> dict[str, Any]:
    assert caller.project_id is not None
    shown = await rates.put(worker.limits, caller, (caller.organization_id, caller.project_id), body)
    return shown.raw


async def listed(worker: Worker, caller: Caller) -> list[dict[str, Any]]:
    assert caller.project_id is not None
    found = await rates.list_all(worker.limits, caller, (caller.organization_id, caller.project_id))
    return [one.raw for one in found.rates]


async def test_requests_per_minute(worker: Worker, caller: Caller, clock: FixedClock) -> None:
    await put(worker, caller, requestsPerMinute=2)
    for _ in range(2):
        (await worker.take(caller)).settle(0, 0)
    with pytest.raises(TooManyRequests) as refusal:
        await worker.take(caller)
    error = refusal.value
    assert (error.status, error.id, error.message, error.retry_after_s) == (429, 9001, "Too many requests", 50)
    assert error.headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "50s",
    }
    clock.move(50)
    (await worker.take(caller)).settle(0, 0)


async def test_tokens_per_minute_are_held_and_then_settled(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, tokensPerMinute=100)
    (await worker.take(caller, 0, 90)).settle(0, 20)
    (await worker.take(caller, 0, 80)).settle(0, 80)
    with pytest.raises(TooManyRequests):
        await worker.take(caller, 0, 1)


async def test_a_request_larger_than_a_minute_takes_the_whole_minute(worker: Worker, caller: Caller) -> None:
    """Its worst case is an estimate from above: otherwise it could never be made."""
    await put(worker, caller, tokensPerMinute=100)
    (await worker.take(caller, 0, 100_000)).settle(0, 60)
    with pytest.raises(TooManyRequests):
        await worker.take(caller, 0, 50)
    (await worker.take(caller, 0, 40)).settle(0, 40)


async def test_a_failed_request_was_a_request_all_the_same(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, requestsPerMinute=1, tokensPerMinute=10)
    (await worker.take(caller, 0, 10)).release()
    with pytest.raises(TooManyRequests):
        await worker.take(caller, 0, 1)


async def test_headers_show_the_tightest_rate(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, requestsPerMinute=5)
    await put(worker, caller, requestsPerMinute=3, tokensPerMinute=1000, tokenId=caller.token_id)
    ticket = await worker.take(caller, 0, 100)
    ticket.settle(0, 40)
    headers = {name.decode(): value.decode() for name, value in ticket.headers()}
    assert headers == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "50s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "960",
        "x-ratelimit-reset-tokens": "50s",
    }


async def test_without_a_rate_there_are_no_headers(worker: Worker, caller: Caller) -> None:
    await worker.create(caller)
    assert (await worker.take(caller, 1)).headers() == []


async def test_the_rate_of_a_token_bounds_that_token_only(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, requestsPerMinute=1, tokenId=caller.token_id)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(TooManyRequests):
        await worker.take(caller)
    assert worker.limits.of(replace(caller, token_id=TokenId("another"))) is None


async def test_what_a_rate_refuses_does_not_touch_the_budget(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=2)
    await put(worker, caller, requestsPerMinute=1)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(TooManyRequests):
        await worker.take(caller)
    limit = await worker.latest(caller)
    assert limit.status == 1


async def test_two_workers_share_the_minute(
    worker: Worker, caller: Caller, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    await put(worker, caller, requestsPerMinute=40)
    other = await Worker.open(database_url, tmp_path / "leases", clock=clock)

    async def one(which: Worker) -> bool:
        try:
            (await which.take(caller)).settle(0, 0)
        except TooManyRequests:
            return False
        return True

    results = await asyncio.gather(*(one(which) for which in (worker, other) for _ in range(40)))
    assert sum(results) == 40
    await other.close()


async def test_a_minute_that_is_over_leaves_nothing_behind(worker: Worker, caller: Caller, clock: FixedClock) -> None:
    await put(worker, caller, requestsPerMinute=40)
    (await worker.take(caller)).settle(0, 0)
    clock.move(120)
    deadline = time.monotonic() + 60
    while worker.limits._bank._purses:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_new_minute_is_ready_before_it_begins(worker: Worker, caller: Caller, clock: FixedClock) -> None:
    await put(worker, caller, requestsPerMinute=1000)
    (await worker.take(caller)).settle(0, 0)
    clock.move(49)
    (await worker.take(caller)).settle(0, 0)
    deadline = time.monotonic() + 60
    while not any(purse.granted and purse.until > clock() + 2 for purse in worker.limits._bank._purses.values()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    clock.move(1)
    assert worker.policy(caller).try_take(0, 0) is not None


async def test_a_rate_lets_pass_while_the_database_is_away(
    worker: Worker, caller: Caller, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(worker, caller, requestsPerMinute=1)
    with monkeypatch.context() as patch:
        patch.setattr(worker.limits._bank, "_database", Away())
        for _ in range(3):
            ticket = await worker.take(caller)
            assert dict(ticket.headers())[b"x-ratelimit-remaining-requests"] == b"0"
            ticket.settle(0, 0)
    clock.move(60)
    deadline = time.monotonic() + 60
    while worker.limits._bank._away:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(TooManyRequests):
        await worker.take(caller)


class Away:
    """A database that does not answer."""

    def begin(self) -> Any:
        raise DatabaseAway(retry_after_s=1)


async def test_rates_are_listed_changed_and_taken_away(worker: Worker, caller: Caller) -> None:
    project, token = caller.project_id, caller.token_id
    assert await listed(worker, caller) == []
    assert await put(worker, caller, requestsPerMinute=5) == {"projectId": project, "requestsPerMinute": 5}
    await put(worker, caller, tokensPerMinute="7", tokenId=token)
    assert await listed(worker, caller) == [
        {"projectId": project, "requestsPerMinute": 5},
        {"projectId": project, "tokenId": token, "tokensPerMinute": 7},
    ]
    assert await put(worker, caller) == {"projectId": project}
    assert await put(worker, caller, tokenId=token, requestsPerMinute=None) == {"projectId": project}
    assert await listed(worker, caller) == []
    assert worker.limits.of(caller) is None


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"requestsPerMinute": 0}, OutOfRange),
        ({"requestsPerMinute": 1.5}, OutOfRange),
        ({"tokensPerMinute": -1}, OutOfRange),
        ({"tokensPerMinute": "many"}, PatternMismatch),
        ({"tokensPerMinute": True}, PatternMismatch),
        ({"tokenId": "x"}, PatternMismatch),
        ({"tokenId": "00000000-0000-4000-8000-000000000001", "requestsPerMinute": 1}, NotFound),
    ],
)
async def test_bad_rates_are_refused(worker: Worker, caller: Caller, body: dict[str, Any], refusal: type) -> None:
    with pytest.raises(refusal):
        await put(worker, caller, **body)
    assert await listed(worker, caller) == []

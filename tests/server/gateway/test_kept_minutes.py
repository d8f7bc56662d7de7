"""A policy keeps its purses for the minute: what changes meanwhile, and the next minute, take effect all the same."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portico.server.access.caller import Caller
from portico.server.access.organizations import projects as access_projects
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.errors import QuotaExceeded, TooManyRequests
from portico.server.gateway import projects
from portico.server.gateway.limits import Ticket, manage, rates
from portico.server.ids import TokenId
from portico.server.kit.clock import FixedClock
from portico.server.storage.tokens import insert_token
from tests.server.gateway.limits_house import KEY, USD, Worker, make_caller, owner_of

pytestmark = pytest.mark.anyio


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
async def other(database_url: str, tmp_path: Path, worker: Worker, clock: FixedClock) -> AsyncIterator[Worker]:
    opened = await Worker.open(database_url, tmp_path / "leases", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def caller(worker: Worker) -> Caller:
    return await make_caller(worker.database)


async def put(worker: Worker, caller: Caller, **body: Any) -> None:
    assert caller.project_id is not None
    await rates.put(worker.limits, caller, (caller.organization_id, caller.project_id), body)


def headers(ticket: Ticket) -> dict[str, str]:
    return {name.decode().removeprefix("x-ratelimit-"): value.decode() for name, value in ticket.headers()}


async def passes(worker: Worker, caller: Caller) -> bool:
    try:
        (await worker.take(caller)).settle(0, 0)
    except TooManyRequests:
        return False
    return True


async def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


# minutes ------------------------------------------------------------------------------------------------------


async def test_within_a_minute_the_purses_are_looked_up_once(
    worker: Worker, caller: Caller, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(worker, caller, requestsPerMinute=1000, tokensPerMinute=100_000)
    for _ in range(2):
        (await worker.take(caller, 0, 10)).settle(0, 5)
    with monkeypatch.context() as patch:
        patch.setattr(worker.limits._bank, "find", lambda _: pytest.fail("asked the bank again"))
        for left_s in ("50s", "49s", "48s"):
            ticket = worker.policy(caller).try_take(0, 10)
            assert ticket is not None
            assert headers(ticket)["reset-requests"] == headers(ticket)["reset-tokens"] == left_s
            ticket.settle(0, 5)
            clock.move(1)


@pytest.mark.parametrize("second", [10, 57, 58, 59, 59.999])
async def test_each_minute_has_its_whole_allowance_from_its_first_moment(
    worker: Worker, caller: Caller, clock: FixedClock, second: float
) -> None:
    """Also when the first request comes in the last two seconds, in which the next purse is made ready."""
    await put(worker, caller, requestsPerMinute=3)
    clock.move(second - 10)
    for pause in (60 - second, 0):
        assert [await passes(worker, caller) for _ in range(5)] == [True] * 3 + [False] * 2
        clock.move(pause)


async def test_a_request_that_ends_in_the_next_minute_counts_in_its_own(
    worker: Worker, caller: Caller, clock: FixedClock
) -> None:
    await put(worker, caller, tokensPerMinute=100)
    slow = await worker.take(caller, 0, 100)
    clock.move(50)
    first = await worker.take(caller, 0, 60)
    slow.settle(0, 100)
    assert headers(first)["remaining-tokens"] == "40"
    first.settle(0, 60)
    assert headers(await worker.take(caller, 0, 40))["remaining-tokens"] == "0"


async def test_all_tokens_of_a_project_go_on_to_the_same_purse(
    worker: Worker, caller: Caller, clock: FixedClock
) -> None:
    """Each has a policy of its own, and each policy keeps its purses: a minute is one minute for all of them."""
    others = [replace(caller, token_id=TokenId(f"00000000-0000-4000-8000-00000000000{n}")) for n in range(3)]
    await put(worker, caller, requestsPerMinute=4)
    for _ in range(3):
        assert sum([await passes(worker, one) for one in others for _ in range(2)]) == 4
        clock.move(49)  # two policies of three find out that the next minute is near
        assert not [one for one in others[:2] if await passes(worker, one)]
        clock.move(11)


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_clock_that_is_set_back_finds_the_minute_it_has_left(
    worker: Worker, caller: Caller, clock: FixedClock, forgotten: bool
) -> None:
    """Also when the purse of that minute has been put away meanwhile: what was spent of it stays spent."""
    await put(worker, caller, requestsPerMinute=2)
    assert [await passes(worker, caller) for _ in range(3)] == [True, True, False]
    (left,) = worker.limits._bank._purses
    clock.move(60)
    assert await passes(worker, caller)
    if forgotten:
        await eventually(lambda: worker.limits._bank.find(left) is None)
    clock.move(-60)
    assert not await passes(worker, caller)
    clock.move(60)
    assert [await passes(worker, caller) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_steps_no_minute_lets_more_pass_or_refuses_too_early(
    worker: Worker, caller: Caller, clock: FixedClock, seed: int
) -> None:
    chance = random.Random(seed)
    await put(worker, caller, requestsPerMinute=5)
    counted: dict[int, int] = {}
    for _ in range(80):
        minute = int(clock() // 60)
        expected = counted.get(minute, 0) < 5
        assert await passes(worker, caller) is expected, (seed, clock() % 60)
        counted[minute] = counted.get(minute, 0) + expected
        clock.move(chance.choice([0, 0, 0, 0.5, 1, 3, 20, 48, 59.5]))
    assert len(counted) > 3
    assert max(counted.values()) == 5


# changes ------------------------------------------------------------------------------------------------------


async def test_headers_show_a_rate_right_after_its_change(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, requestsPerMinute=10)
    before = await worker.take(caller)
    assert headers(before) == {"limit-requests": "10", "remaining-requests": "9", "reset-requests": "50s"}
    await put(worker, caller, requestsPerMinute=3, tokensPerMinute=1000)
    after = await worker.take(caller, 0, 100)
    assert headers(after) == {
        "limit-requests": "3", "remaining-requests": "2", "reset-requests": "50s",
        "limit-tokens": "1000", "remaining-tokens": "900", "reset-tokens": "50s",
    }  # fmt: skip
    before.settle(0, 0)
    assert headers(before)["limit-requests"] == "10", "what was promised when it began"
    await put(worker, caller, tokensPerMinute=1000)
    assert "limit-requests" not in headers(await worker.take(caller, 0, 1))


async def test_a_lower_rate_refuses_at_once_and_a_higher_one_lets_pass(worker: Worker, caller: Caller) -> None:
    await put(worker, caller, requestsPerMinute=100)
    assert all([await passes(worker, caller) for _ in range(3)])
    await put(worker, caller, requestsPerMinute=1)
    assert [await passes(worker, caller) for _ in range(2)] == [True, False]
    await put(worker, caller, requestsPerMinute=5)
    assert all([await passes(worker, caller) for _ in range(3)])
    await put(worker, caller)
    assert worker.limits.of(caller) is None


async def test_a_refusal_tells_what_is_left_of_its_own_minute(
    worker: Worker, caller: Caller, clock: FixedClock
) -> None:
    """The purse of the minute was made ready before the rates of the tenant were read anew."""
    await put(worker, caller, requestsPerMinute=3)
    clock.move(48.5)
    for _ in range(2):  # the second time round it makes the next minute ready
        await worker.take(caller)
    token = replace(caller, token_id=TokenId("00000000-0000-4000-8000-0000000000ff"))
    async with worker.database.begin() as connection:
        row = await insert_token(connection, caller.organization_id, caller.project_id, b"h" * 32, "ci")
    await put(worker, token, tokenId=row.token_id, requestsPerMinute=7)
    clock.move(1.5)
    assert [await passes(worker, token) for _ in range(3)] == [True] * 3
    with pytest.raises(TooManyRequests) as refusal:
        await worker.take(token)
    assert refusal.value.headers["x-ratelimit-remaining-requests"] == "0"
    assert refusal.value.headers["x-ratelimit-reset-requests"] == "60s"


async def test_a_budget_that_comes_and_goes_is_heeded_at_once(worker: Worker, caller: Caller) -> None:
    place = caller.organization_id, caller.project_id
    await put(worker, caller, requestsPerMinute=100)
    assert await passes(worker, caller)
    budget = await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    assert await passes(worker, caller)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)
    await manage.change(worker.limits, caller, place, budget.id, "hardLimit", {"hardLimit": 2})
    assert await passes(worker, caller)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)
    await manage.cancel(worker.limits, caller, place, budget.id)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=100)
    assert await passes(worker, caller)
    whole = await worker.create(caller, whole=True, softLimit=0, hardLimit=1)
    (await worker.take(caller, USD)).settle(USD, 1)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, 1)
    await manage.cancel(worker.limits, owner_of(caller), (caller.organization_id, None), whole.id)
    (await worker.take(caller, USD)).settle(USD, 1)


async def test_the_rates_and_the_budget_of_a_deleted_project_are_gone_everywhere(
    worker: Worker, other: Worker, caller: Caller
) -> None:
    owner, tenancy = owner_of(caller), Tenancy(worker.database, KEY, TokenSnapshot(worker.database, KEY))
    kept = await access_projects.create(tenancy, owner, "Another", None)
    neighbour = replace(caller, project_id=kept.project.project_id)
    for one in (caller, neighbour):
        await put(worker, one, requestsPerMinute=10)
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=100)
    await eventually(lambda: other.limits.of(caller) is not None and other.limits.of(neighbour) is not None)
    tickets = [await which.take(caller) for which in (worker, other)]
    assert caller.project_id is not None
    await projects.delete(tenancy, worker.limits, owner, caller.project_id)
    assert worker.limits.of(caller) is None
    await eventually(lambda: other.limits.of(caller) is None)
    for ticket in tickets:  # they were under way
        ticket.settle(1, 1)
    assert [headers(await which.take(neighbour))["limit-requests"] for which in (worker, other)] == ["10", "10"]
    await eventually(lambda: all(not w.limits._bank._away for w in (worker, other)))


# several workers ----------------------------------------------------------------------------------------------


async def test_two_workers_share_each_minute_with_purses_kept(
    worker: Worker, other: Worker, caller: Caller, clock: FixedClock
) -> None:
    await put(worker, caller, requestsPerMinute=30)
    await eventually(lambda: other.limits.of(caller) is not None)
    for _ in range(3):
        results = await asyncio.gather(*(passes(which, caller) for which in (worker, other) for _ in range(25)))
        assert sum(results) == 30
        clock.move(60)


async def test_a_change_of_a_rate_reaches_a_worker_that_keeps_its_purses(
    worker: Worker, other: Worker, caller: Caller
) -> None:
    await put(worker, caller, requestsPerMinute=30)
    await eventually(lambda: other.limits.of(caller) is not None)
    await asyncio.gather(*(passes(which, caller) for which in (worker, other) for _ in range(10)))
    old = other.policy(caller)
    await put(worker, caller, requestsPerMinute=4)
    await eventually(lambda: other.limits.of(caller) is not old)
    results = await asyncio.gather(*(passes(which, caller) for which in (worker, other) for _ in range(6)))
    assert sum(results) == 4
    with pytest.raises(TooManyRequests) as refusal:
        await other.take(caller)
    assert refusal.value.headers["x-ratelimit-limit-requests"] == "4"

"""May this caller spend this now: reserved before, settled after, and never more than the hard limit."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portico.server.access.caller import Caller
from portico.server.access.refusals import OrganizationNotFound, ProjectNotFound, ProjectNotInOrganization
from portico.server.errors import Conflict, DatabaseAway, NotFound, OutOfRange, QuotaExceeded, StartError
from portico.server.gateway.limits import Limits, manage
from portico.server.gateway.limits import bank as bank_module
from portico.server.gateway.limits.policy import Ticket
from portico.server.ids import ProjectId
from portico.server.kit.clock import FixedClock
from portico.server.kit.drive import Drive
from portico.server.storage.projects import insert_project
from tests.calls import count_steps
from tests.server.gateway.limits_house import KEY, USD, Worker, make_caller, owner_of

pytestmark = pytest.mark.anyio
DAY_S = 86_400


@pytest.fixture
async def worker(database_url: str, tmp_path: Path, anyio_backend: object) -> AsyncIterator[Worker]:
    opened = await Worker.open(database_url, tmp_path / "leases")
    yield opened
    await opened.close()


@pytest.fixture
async def other(database_url: str, tmp_path: Path, worker: Worker) -> AsyncIterator[Worker]:
    """A second worker on the same database."""
    opened = await Worker.open(database_url, tmp_path / "leases")
    yield opened
    await opened.close()


@pytest.fixture
async def caller(worker: Worker) -> Caller:
    return await make_caller(worker.database)


async def eventually(condition: Any, what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


async def set_back(worker: Worker, limit_id: str) -> None:
    """The period of a limit is over."""
    async with worker.database.begin() as connection:
        for query in (
            "UPDATE usage_limits SET valid_until = now() - interval '1 second' WHERE limit_id = :id",
            "UPDATE lease_accounts SET closes_at = now() - interval '1 second' WHERE account_id = :id",
        ):
            await connection.execute(text(query), {"id": limit_id})


async def test_without_a_limit_there_is_no_policy(worker: Worker, caller: Caller) -> None:
    assert worker.limits.of(caller) is None


async def test_request_n_plus_1_is_refused_and_the_limit_is_empty(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, usageUnit="Requests", softLimit=2, hardLimit=3)
    for _ in range(3):
        (await worker.take(caller, USD, 100)).settle(USD // 2, 50)
    with pytest.raises(QuotaExceeded) as refusal:
        await worker.take(caller, USD, 100)
    assert (refusal.value.status, refusal.value.id, refusal.value.message) == (429, 154, "Quota exceeded.")
    limit = await worker.latest(caller)
    assert (limit.status, limit.used_amount, limit.remaining_usage) == (3, 3, 0)


async def test_retry_after_lasts_until_the_renewal(database_url: str, tmp_path: Path, anyio_backend: object) -> None:
    noon = FixedClock((time.time() // DAY_S + 1.5) * DAY_S)  # tomorrow's: the day does not end in the midst of it
    worker = await Worker.open(database_url, tmp_path / "leases", clock=noon)
    caller = await make_caller(worker.database)
    await worker.create(caller, subscriptionType="Daily", usageUnit="Requests", softLimit=0, hardLimit=1)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(QuotaExceeded) as refusal:
        await worker.take(caller)
    assert refusal.value.retry_after_s == DAY_S / 2
    await worker.close()


async def test_retry_after_is_left_out_when_nothing_renews_it(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, subscriptionType="Freemium", renewalStatus=None, hardLimit=1, softLimit=0)
    (await worker.take(caller, USD)).settle(USD, 1)
    with pytest.raises(QuotaExceeded) as refusal:
        await worker.take(caller, 1)
    assert refusal.value.retry_after_s is None


async def test_raising_the_hard_limit_opens_it_again_and_lowering_is_refused(worker: Worker, caller: Caller) -> None:
    limit = await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)
    place = (caller.organization_id, caller.project_id)
    for lower in (1, 0.5):
        with pytest.raises(OutOfRange, match="hardLimit"):
            await manage.change(worker.limits, caller, place, limit.id, "hardLimit", {"hardLimit": lower})
    raised = await manage.change(worker.limits, caller, place, limit.id, "hardLimit", {"hardLimit": 2})
    assert (raised.status, raised.hard_limit, raised.remaining_usage) == (1, 2, 1)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)


async def test_a_failed_request_gives_back_what_was_held(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, softLimit=0, hardLimit=1)
    for _ in range(3):
        (await worker.take(caller, USD)).release()
    ticket = await worker.take(caller, USD)
    ticket.settle(USD // 4, 1)
    ticket.settle(USD, 1)  # only the first counts
    ticket.release()
    (await worker.take(caller, 3 * USD // 4)).settle(0, 0)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, USD)


async def test_what_does_not_fit_is_refused_and_what_fits_passes(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, softLimit=0, hardLimit=1)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, USD + 1)
    (await worker.take(caller, USD)).settle(USD, 1)
    assert (await worker.latest(caller)).remaining_usage in (0, 1)


async def test_a_refusal_because_of_requests_under_way_is_for_a_second(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, softLimit=0, hardLimit=1)
    under_way = await worker.take(caller, USD)
    with pytest.raises(QuotaExceeded) as refusal:
        await worker.take(caller, USD)
    assert refusal.value.retry_after_s == 1
    assert (await worker.latest(caller)).status == 1
    under_way.settle(0, 0)
    (await worker.take(caller, USD)).settle(0, 0)


async def test_usage_is_visible_within_a_second(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, softLimit=0, hardLimit=10)
    (await worker.take(caller, USD)).settle(1_234_567, 1)

    async def seen() -> bool:
        return (await worker.latest(caller)).used_amount == 1.234567e-06

    await eventually(seen, "the usage is reported")


async def test_a_project_is_bounded_by_its_own_limit_and_by_that_of_the_organization(
    worker: Worker, caller: Caller
) -> None:
    async with worker.database.begin() as connection:
        second = (await insert_project(connection, caller.organization_id, "Second")).project_id
    neighbour = replace(caller, project_id=second)
    await worker.create(caller, whole=True, softLimit=0, hardLimit=3)
    await worker.create(caller, softLimit=0, hardLimit=2)
    (await worker.take(caller, 2 * USD)).settle(2 * USD, 1)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, 1)
    (await worker.take(neighbour, USD)).settle(USD, 1)  # no limit of its own: the organization's balance
    with pytest.raises(QuotaExceeded):
        await worker.take(neighbour, 1)
    assert (await worker.latest(caller, whole=True)).status == 3


async def test_the_refused_part_of_two_limits_holds_nothing_back(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, whole=True, softLimit=0, hardLimit=3)
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    (await worker.take(caller, USD)).settle(USD, 1)
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            await worker.take(caller, 2 * USD)
    place = (caller.organization_id, caller.project_id)
    limit = await worker.latest(caller)
    await manage.change(worker.limits, caller, place, limit.id, "hardLimit", {"hardLimit": 2})
    (await worker.take(caller, 2 * USD)).settle(2 * USD, 1)


async def test_what_one_worker_does_not_use_another_finds(
    worker: Worker, other: Worker, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_module, "PATIENCE_S", 60.0)  # however busy the machine is
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=100)
    for _ in range(20):
        (await worker.take(caller)).settle(0, 0)  # by now it holds some ahead of need
    await other.limits.refresh(caller.organization_id)
    admitted = 0
    with pytest.raises(QuotaExceeded):
        while True:
            (await other.take(caller)).settle(0, 0)
            admitted += 1
    assert admitted == 80


async def test_a_second_request_asks_nobody(worker: Worker, caller: Caller) -> None:
    """Far from the limit a lease covers many requests: `try_take` gives a ticket without any wait."""
    await worker.create(caller, softLimit=0, hardLimit=1000)
    (await worker.take(caller, 1000)).settle(10, 1)
    tickets = [worker.policy(caller).try_take(1000, 1) for _ in range(2)]
    assert all(ticket is not None for ticket in tickets)


async def test_a_change_reaches_the_other_workers(worker: Worker, other: Worker, caller: Caller) -> None:
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)

    async def followed() -> bool:
        return other.limits.of(caller) is not None

    await eventually(followed, "the other worker knows the limit")
    (await other.take(caller)).settle(0, 0)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)


# periods -----------------------------------------------------------------------------------------------------


async def test_a_renewable_limit_begins_anew(worker: Worker, caller: Caller) -> None:
    old = await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    (await worker.take(caller)).settle(0, 0)
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)
    await set_back(worker, old.id)
    await worker.limits.refresh(caller.organization_id)
    (await worker.take(caller)).settle(0, 0)
    rows = await manage.list_all(worker.limits, caller, (caller.organization_id, caller.project_id))
    assert [row.status for row in rows.usage_limits] in ([1, 2], [3, 2])
    assert rows.usage_limits[0].id != old.id
    assert rows.usage_limits[1].used_amount == 1


async def test_a_limit_renews_without_a_request(worker: Worker, caller: Caller) -> None:
    old = await worker.create(caller, subscriptionType="Weekly")
    await set_back(worker, old.id)

    async def renewed() -> bool:
        async with worker.database.begin() as connection:
            found = await connection.scalar(text("SELECT count(*) FROM usage_limits WHERE expired_at IS NULL"))
            ended = await connection.scalar(text("SELECT count(*) FROM usage_limits WHERE expired_at IS NOT NULL"))
        return (found, ended) == (1, 1)

    await eventually(renewed, "the next period has begun")


async def test_a_limit_that_is_not_renewed_blocks_until_there_is_a_new_one(worker: Worker, caller: Caller) -> None:
    old = await worker.create(caller, renewalStatus="NonRenewable")
    (await worker.take(caller, 1)).settle(1, 1)
    await set_back(worker, old.id)
    await worker.limits.refresh(caller.organization_id)
    for _ in range(2):
        with pytest.raises(QuotaExceeded) as refusal:
            await worker.take(caller, 1)
    assert refusal.value.retry_after_s is None
    assert (await worker.latest(caller)).status == 2
    await worker.create(caller)
    (await worker.take(caller, 1)).settle(1, 1)


async def test_after_its_limit_was_cancelled_a_project_waits_for_a_new_one(worker: Worker, caller: Caller) -> None:
    """Usage Limits API reference: the state without limits does not come back."""
    limit = await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    ticket = await worker.take(caller)
    place = (caller.organization_id, caller.project_id)
    cancelled = await manage.cancel(worker.limits, caller, place, limit.id)
    assert cancelled.status == 4
    with pytest.raises(QuotaExceeded) as refusal:
        await worker.take(caller, 1)
    assert refusal.value.retry_after_s is None
    ticket.settle(0, 0)
    with pytest.raises(Conflict):
        await manage.cancel(worker.limits, caller, place, limit.id)

    async def counted() -> bool:
        return (await worker.latest(caller)).used_amount == 1

    await eventually(counted, "the request that was under way is still counted")
    await worker.limits.refresh()
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, 1)
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)
    (await worker.take(caller, 1)).settle(1, 1)


async def test_an_organization_that_cancelled_its_limit_has_none(worker: Worker, caller: Caller) -> None:
    limit = await worker.create(caller, whole=True, softLimit=0, hardLimit=1)
    await manage.cancel(worker.limits, owner_of(caller), (caller.organization_id, None), limit.id)
    assert worker.limits.of(caller) is None


# where requests run ------------------------------------------------------------------------------------------


async def test_a_driven_handler_can_take(worker: Worker, caller: Caller) -> None:
    """The hot lane runs coroutines without tasks (kit/drive.py)."""
    await worker.create(caller)
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_done(value: Any, error: BaseException | None) -> None:
        done.set_exception(error) if error else done.set_result(value)

    Drive(worker.policy(caller).take(1000, 1), on_done).step()
    (await done).settle(10, 1)


async def test_a_caller_who_leaves_while_asking_holds_nothing(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, usageUnit="Requests", softLimit=0, hardLimit=1)

    def dropped(ticket: Ticket | None, error: BaseException | None) -> None:
        """On a busy machine the database has answered before the caller leaves."""
        if ticket is not None:
            ticket.drop()

    for step in range(30):
        drive = Drive(worker.policy(caller).take(0, 0), dropped)
        drive.step()
        for _ in range(step):
            await asyncio.sleep(0)
        drive.cancel()

    async def free() -> bool:
        try:
            (await worker.take(caller)).settle(0, 0)
        except QuotaExceeded:
            return False
        return True

    await eventually(free, "the one request is still to be had")
    with pytest.raises(QuotaExceeded):
        await worker.take(caller)


async def test_a_lease_outlives_the_database_and_what_it_does_not_cover_is_503(worker: Worker, caller: Caller) -> None:
    await worker.create(caller, softLimit=0, hardLimit=1000)
    for _ in range(5):
        (await worker.take(caller, USD)).settle(USD, 1)
    await worker.changes.close()
    url = str(worker.database.url)
    await worker.database.close()
    worker.limits._bank._database = _Away()  # type: ignore[assignment]
    ticket = worker.policy(caller).try_take(USD, 1)
    assert ticket is not None
    ticket.settle(USD, 1)
    with pytest.raises(DatabaseAway):
        await worker.take(caller, 900 * USD)
    assert (worker.policy(caller).try_take(USD, 1)) is not None
    worker.database = worker.limits.database = worker.limits._bank._database = await type(worker.database).open(url)


class _Away:
    def begin(self) -> Any:
        raise DatabaseAway(retry_after_s=1)


async def test_closing_gives_everything_back(database_url: str, tmp_path: Path, worker: Worker, caller: Caller) -> None:
    limit = await worker.create(caller, softLimit=0, hardLimit=10)
    second = await Worker.open(database_url, tmp_path / "leases")
    (await second.take(caller, USD)).settle(7, 1)
    await second.close()
    async with worker.database.begin() as connection:
        query = text("SELECT used, reserved FROM lease_accounts WHERE account_id = :id")
        assert tuple(map(int, (await connection.execute(query, {"id": limit.id})).one())) == (7, 0)


async def test_a_host_that_is_gone_holds_its_lease_for_a_while_only(
    database_url: str, tmp_path: Path, worker: Worker, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.create(caller, softLimit=0, hardLimit=10)
    gone = await Worker.open(database_url, tmp_path / "another host")
    held = await gone.take(caller, 10 * USD)
    gone.limits._bank._task.cancel()  # type: ignore[union-attr]
    async with worker.database.begin() as connection:
        await connection.execute(text("UPDATE lease_workers SET seen_at = now() - interval '14 minutes'"))
    await worker.limits._bank._sweep()
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, USD)
    async with worker.database.begin() as connection:
        await connection.execute(text("UPDATE lease_workers SET seen_at = now() - interval '16 minutes'"))
    await worker.limits._bank._sweep()
    (await worker.take(caller, USD)).settle(USD, 1)
    held.settle(2 * USD, 1)  # its records turn up later: counted once
    await gone.close()
    assert (await worker.latest(caller)).used_amount in (2, 3)


# news --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any]]]:
    """An address for the webhook, and what was posted there."""
    posted: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/limits?key=1", posted
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_soft_limit_is_told_once(
    database_url: str,
    tmp_path: Path,
    anyio_backend: object,
    hook: tuple[str, list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "portico.limits")
    first = await Worker.open(database_url, tmp_path / "leases", webhook=hook[0])
    second = await Worker.open(database_url, tmp_path / "leases", webhook=hook[0])
    caller = await make_caller(first.database)
    limit = await first.create(caller, softLimit=1, hardLimit=10)
    await second.limits.refresh(caller.organization_id)
    for worker in (first, second, first):
        (await worker.take(caller, USD)).settle(USD, 1)

    async def told() -> bool:
        return bool(hook[1])

    await eventually(told, "the webhook is called")
    (await second.take(caller, USD)).settle(USD, 1)
    await first.close()
    await second.close()
    assert [(news["event"], news["id"]) for news in hook[1]] == [("softLimitReached", limit.id)]
    assert hook[1][0]["organizationId"] == caller.organization_id
    assert len([line for line in caplog.messages if "soft limit" in line]) == 1


async def test_a_webhook_that_is_no_web_address_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="PORTICO_LIMITS_WEBHOOK"):
        Limits(_Away(), tmp_path, KEY, webhook="file:///etc/passwd")  # type: ignore[arg-type]


@pytest.mark.parametrize("rounds", range(6))
async def test_an_end_is_not_lost_when_work_comes_at_the_same_moment(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    """Whatever the task is about when it is cancelled: `asyncio.wait_for` of Python 3.11 forgets it."""
    bank = worker.limits._bank
    monkeypatch.setattr(bank, "_next_tick", asyncio.get_running_loop().time() + 600)
    bank._wake.set()
    for _ in range(rounds):
        await asyncio.sleep(0)
    assert bank._task is not None
    bank._task.cancel()
    await asyncio.wait([bank._task], timeout=60)
    assert bank._task.cancelled()


async def test_a_policy_is_found_in_a_few_steps(worker: Worker, caller: Caller) -> None:
    """No limit at all is the common case: one look-up. Where there are limits it is two, however many there are."""
    stranger = replace(caller, organization_id=type(caller.organization_id)("x"))
    limited = [caller, *[await make_caller(worker.database, name) for name in ("b", "c", "d")]]
    for one in limited:
        await worker.create(one)
        assert count_steps(lambda: worker.limits.of(stranger)) <= 6
        assert count_steps(lambda: worker.limits.of(caller)) <= 9


async def test_the_tenant_of_another_project_has_no_part_in_it(worker: Worker, caller: Caller) -> None:
    await worker.create(caller)
    assert worker.limits.of(replace(caller, project_id=ProjectId("another"))) is None
    assert worker.limits.of(owner_of(caller)) is None


def test_leases_are_renewed_often_enough_to_show_usage_within_a_second() -> None:
    assert bank_module.TICK_S * 2 < 1


# whose limits ------------------------------------------------------------------------------------------------


async def test_projects_of_others_are_told_from_projects_of_nobody(worker: Worker, caller: Caller) -> None:
    neighbour = await make_caller(worker.database, "neighbour")
    owner, organization = owner_of(caller), caller.organization_id
    with pytest.raises(ProjectNotInOrganization):
        await manage.list_all(worker.limits, owner, (organization, neighbour.project_id))
    with pytest.raises(ProjectNotFound):
        await manage.list_all(worker.limits, owner, (organization, "00000000-0000-4000-8000-000000000009"))
    with pytest.raises(OrganizationNotFound):
        await manage.list_all(worker.limits, owner, (neighbour.organization_id, None))


async def test_the_token_of_one_project_does_not_reach_another(worker: Worker, caller: Caller) -> None:
    async with worker.database.begin() as connection:
        second = (await insert_project(connection, caller.organization_id, "Second")).project_id
    for named in (second, "Second"):
        with pytest.raises(ProjectNotInOrganization):
            await manage.list_all(worker.limits, caller, (caller.organization_id, named))


async def test_there_is_no_latest_limit_before_the_first(worker: Worker, caller: Caller) -> None:
    for whole in (True, False):
        with pytest.raises(NotFound):
            await worker.latest(caller, whole=whole)

"""Requests that are begun and asked about later: two processes over one database, and what happens when one is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import text

from portico.server.access.caller import Caller
from portico.server.assistants.desk import Desk
from portico.server.assistants.requests import AssistantRequests
from portico.server.errors import (
    AssistantNotFound,
    GuardrailBlocked,
    ProviderTimeout,
    RequestNotFound,
    ServerStopping,
    TooManyRequests,
)
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.requests.elsewhere import Elsewhere
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.requests.running import Running
from portico.server.ids import ProjectId
from portico.server.storage.changes import Changes
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest
from portico.wire.requests_log import RequestFailure, RequestStatus
from tests.server.access.house import House

pytestmark = pytest.mark.anyio

COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Bonjour"}}], "usage": {}}
ANSWER = Answer(json.dumps(COMPLETION).encode(), [(b"x-portico-provider", b"openai")])
LOST_S = 60.0
FOREIGN = ProjectId("11111111-2222-4333-8444-555555555555")


class Provider:
    """Answers when it is told to. `left` counts requests that nobody waits for any more."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.left = 0

    def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Awaitable[Answer | Stream]:
        return self._wait()

    async def _wait(self) -> Answer:
        try:
            return await asyncio.shield(self.told)
        except BaseException:
            self.left += not self.told.done()
            raise


class Unknown:
    def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Awaitable[Answer | Stream]:
        raise AssistantNotFound


class Process:
    """One server process as far as these requests go. `wait_s`: for what the others say."""

    def __init__(self, house: House, desk: object, wait_s: float = 0.4) -> None:
        database = house.tenancy.database
        self.running = Running()
        self.changes = Changes(database.url)
        requests = Requests(house.tenancy, self.running, Elsewhere(self.running, database, self.changes, wait_s))
        self.begun = AssistantRequests(
            house.tenancy, cast(Desk, desk), self.running, requests, days=7, beat_s=0.1, lost_s=LOST_S
        )

    async def start(self) -> None:
        await self.changes.start()
        self.begun.start()

    async def close(self) -> None:
        await self.begun.close()
        await self.changes.close()


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(house: House) -> AsyncIterator[Start]:
    opened: list[Process] = []

    async def one(desk: object, **more: float) -> Process:
        process = Process(house, desk, **more)
        await process.start()
        opened.append(process)
        return process

    yield one
    for process in opened:
        await process.close()


def request() -> ChatRequest:
    return ChatRequest(DirectModel("openai", "gpt-4o-mini"), {})


async def over(process: Process, caller: Caller, request_id: str = "r1") -> RequestStatus:
    """The status, once it is over; asked again and again, as callers do."""
    async with asyncio.timeout(60):
        while (found := await process.begun.find_status(caller, request_id)).status in ("pending", "running"):
            await asyncio.sleep(0.02)
    return found


async def test_an_answer_is_there_for_every_process_once_it_is_made(house: House, start: Start) -> None:
    provider, caller = Provider(), house.member
    here, there = await start(provider), await start(provider)
    begun = await here.begun.begin(caller, request(), "r1")
    assert (begun.status, begun.progress, begun.success, begun.request_id) == ("pending", 0, True, "r1")
    assert {(await p.begun.find_status(caller, "r1")).status for p in (here, there)} == {"running"}
    provider.told.set_result(ANSWER)
    for process in (here, there):
        found = await over(process, caller)
        assert (found.status, found.success, found.progress) == ("completed", True, 100)
        assert (found.text, found.provider_name) == ("Bonjour", "openai")
        assert json.loads(found.provider_response) == COMPLETION
    assert here.running.open_requests == 0


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ProviderTimeout(), 100, "Provider Request Timeout"),
        (GuardrailBlocked("x", 1.0), 422, "The request was blocked by guardrails due to a policy violation."),
        (ValueError("a bug, with a \0"), 500, "Internal Server Error"),
    ],
)
async def test_a_failure_is_kept_by_its_id(
    house: House, start: Start, error: Exception, code: int, message: str
) -> None:
    provider = Provider()
    process = await start(provider)
    await process.begun.begin(house.member, request(), "r1")
    provider.told.set_exception(error)
    found = await over(process, house.member)
    assert (found.status, found.success, found.text) == ("failed", False, "")
    assert found.error == RequestFailure(code, message)


async def test_an_answer_that_is_no_text_has_failed_and_leaves_nothing_behind(house: House, start: Start) -> None:
    provider = Provider()
    process = await start(provider)
    await process.begun.begin(house.member, request(), "r1")
    provider.told.set_result(Answer(b'{"choices": "\xff"}', []))
    found = await over(process, house.member)
    assert (found.status, found.error) == ("failed", RequestFailure(500, "Internal Server Error"))
    async with asyncio.timeout(60):
        while process.begun._begun:  # what was said in the database may be read before the work has left
            await asyncio.sleep(0.01)


async def test_an_answer_in_parts_is_told_as_one_text(house: House, start: Start) -> None:
    provider, parts = Provider(), [{"type": "thinking"}, {"type": "text", "text": "Bon"}, {"text": "jour"}]
    process = await start(provider)
    await process.begun.begin(house.member, request(), "r1")
    told = {"choices": [{"message": {"role": "assistant", "content": parts}}]}
    provider.told.set_result(Answer(json.dumps(told).encode(), []))
    assert (await over(process, house.member)).text == "Bonjour"


async def test_a_sign_of_life_touches_requests_of_the_same_place_only(house: House, start: Start) -> None:
    """A row of another project with the same id, cancelled there, ends nothing here."""
    provider, caller = Provider(), house.member
    async with house.tenancy.database.begin() as connection:
        statement = """INSERT INTO assistant_requests (organization_id, project_id, request_id, status, seen_at)
            VALUES (CAST(:organization AS uuid), CAST(:project AS uuid), 'r1', 'cancelled', '2020-01-01')"""
        values = {"organization": caller.organization_id, "project": FOREIGN}
        await connection.execute(text(statement), values)
    process = await start(provider)
    await process.begun.begin(caller, request(), "r1")
    await asyncio.sleep(0)
    await process.begun._say_seen()
    provider.told.set_result(ANSWER)
    assert (await over(process, caller)).status == "completed"
    async with house.tenancy.database.begin() as connection:
        query = "SELECT count(*) FROM assistant_requests WHERE seen_at = '2020-01-01'"
        assert await connection.scalar(text(query)) == 1


async def test_what_is_known_at_once_is_refused_and_not_kept(house: House, start: Start) -> None:
    process = await start(Unknown())
    with pytest.raises(AssistantNotFound):
        await process.begun.begin(house.member, request(), "r1")
    with pytest.raises(RequestNotFound):
        await process.begun.find_status(house.member, "r1")


async def test_a_request_is_cancelled_where_it_runs(house: House, start: Start) -> None:
    provider = Provider()
    process = await start(provider)
    await process.begun.begin(house.member, request(), "r1")
    await asyncio.sleep(0)
    assert (await process.begun.cancel(house.member, "r1")).status == "cancelled"
    assert provider.left == 1
    assert (await over(process, house.member)).status == "cancelled"


async def test_a_request_is_cancelled_from_another_process(house: House, start: Start) -> None:
    provider = Provider()
    here, there = await start(provider), await start(Provider(), wait_s=60.0)
    await here.begun.begin(house.member, request(), "r1")
    await asyncio.sleep(0)
    ended = await there.begun.cancel(house.member, "r1")
    assert (ended.status, ended.success) == ("cancelled", False)
    assert provider.left == 1
    assert (await over(here, house.member)).status == "cancelled"


async def test_a_cancellation_that_nobody_heard_is_read_with_the_next_sign_of_life(house: House, start: Start) -> None:
    provider = Provider()
    here, there = await start(provider), await start(Provider())
    await here.begun.begin(house.member, request(), "r1")
    await here.changes.close()  # it hears nothing any more
    assert (await there.begun.cancel(house.member, "r1")).status == "cancelled"
    async with asyncio.timeout(60):
        while not provider.left:
            await asyncio.sleep(0.02)
    assert (await over(here, house.member)).status == "cancelled"


async def test_what_is_over_cannot_be_cancelled(house: House, start: Start) -> None:
    provider = Provider()
    process = await start(provider)
    provider.told.set_result(ANSWER)
    await process.begun.begin(house.member, request(), "r1")
    await over(process, house.member)
    kept = await process.begun.cancel(house.member, "r1")
    assert (kept.status, kept.text) == ("completed", "Bonjour")


async def set_back(house: House, silent_s: float) -> None:
    """The last sign of life of all requests is so old."""
    async with house.tenancy.database.begin() as connection:
        query = "UPDATE assistant_requests SET seen_at = now() - make_interval(secs => :silent)"
        await connection.execute(text(query), {"silent": silent_s})


async def unseen_s(house: House) -> float:
    async with house.tenancy.database.begin() as connection:
        query = "SELECT extract(epoch FROM now() - min(seen_at)) FROM assistant_requests"
        return float(await connection.scalar(text(query)))


async def test_a_request_whose_process_is_gone_has_failed(house: House, start: Start) -> None:
    here, there = await start(Provider()), await start(Provider())
    await here.begun.begin(house.member, request(), "r1")
    beating = here.begun._beating
    assert beating is not None
    await set_back(house, LOST_S - 10)
    async with asyncio.timeout(60):
        while await unseen_s(house) > LOST_S - 20:  # until it has said that it is there
            await asyncio.sleep(0.02)
    assert (await there.begun.find_status(house.member, "r1")).status == "running"
    beating.cancel()  # as after kill -9: it says nothing any more
    with suppress(asyncio.CancelledError):
        await beating
    await set_back(house, LOST_S + 1)
    found = await there.begun.find_status(house.member, "r1")
    assert (found.status, found.success) == ("failed", False)
    assert found.error == RequestFailure(150, "The server that worked on it has stopped.")


async def test_a_server_that_stops_says_so(house: House, start: Start) -> None:
    here, there = await start(Provider()), await start(Provider())
    await here.begun.begin(house.member, request(), "r1")
    await here.begun.close()
    found = await over(there, house.member)
    assert found.error == RequestFailure(153, ServerStopping.text)


async def test_a_request_of_another_project_is_unknown(house: House, start: Start) -> None:
    provider = Provider()
    process = await start(provider)
    await process.begun.begin(house.member, request(), "r1")
    stranger = replace(house.member, project_id=FOREIGN)
    for call in (process.begun.find_status, process.begun.cancel):
        with pytest.raises(RequestNotFound):
            await call(stranger, "r1")
    assert provider.left == 0
    provider.told.set_result(ANSWER)
    assert (await over(process, house.member)).status == "completed"


async def test_a_process_takes_so_many_and_not_more(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.server.assistants.requests.MOST_BEGUN", 1)
    process = await start(Provider())
    await process.begun.begin(house.member, request(), "r1")
    with pytest.raises(TooManyRequests):
        await process.begun.begin(house.member, request(), "r2")


async def test_old_answers_are_forgotten(house: House, start: Start) -> None:
    provider = Provider()
    provider.told.set_result(ANSWER)
    first = await start(provider)
    await first.begun.begin(house.member, request(), "r1")
    await over(first, house.member)
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("UPDATE assistant_requests SET created_at = now() - interval '8 days'"))
    second = await start(provider)
    async with asyncio.timeout(60):
        while True:
            try:
                await second.begun.find_status(house.member, "r1")
            except RequestNotFound:
                break
            await asyncio.sleep(0.05)
    async with house.tenancy.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM assistant_requests"))).scalar_one() == 0

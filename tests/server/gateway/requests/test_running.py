"""Requests that run: who may see and end them, in this process and in others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from portico.server.access.caller import Caller
from portico.server.errors import RequestCancelled
from portico.server.gateway.requests.elsewhere import CHANNEL, Elsewhere, Wish
from portico.server.gateway.requests.running import Running
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database

pytestmark = pytest.mark.anyio


def caller(project: str = "p1", organization: str = "o1") -> Caller:
    return Caller(OrganizationId(organization), "Acme", TokenId("t1"), "project", ProjectId(project), "Sales")


class Work:
    """A request that notes what ended it."""

    def __init__(self, stream: bool = False) -> None:
        self.stream = stream
        self.errors: list[BaseException] = []

    def cancel(self, error: BaseException) -> None:
        self.errors.append(error)


async def test_what_runs_is_seen_by_its_project_only() -> None:
    running, work = Running(), Work()
    running.add("r1", caller(), work)
    assert running.has("r1", "o1", "p1")
    assert not running.has("r1", "o1", "p2") and not running.has("r1", "o2", "p1") and not running.has("r2", "o1", "p1")
    assert not running.cancel("r1", "o1", "p2") and work.errors == []
    assert running.cancel("r1", "o1", "p1")
    assert isinstance(work.errors[0], RequestCancelled)
    running.remove("r1")
    running.remove("r1")
    assert not running.has("r1", "o1", "p1")


async def test_open_requests_and_streams_are_counted() -> None:
    running = Running()
    for number in range(3):
        running.add(str(number), caller(), Work(stream=number > 0))
    assert (running.open_requests, running.open_streams) == (3, 2)


class Process:
    """What one server process has of it."""

    def __init__(self, database: Database) -> None:
        self.running = Running()
        self.changes = Changes(database.url)
        self.elsewhere = Elsewhere(self.running, database, self.changes, wait_s=60)
        self.changes.hear(CHANNEL, self._hear)
        self.questions = self.answered = 0

    def _hear(self, payload: str) -> None:
        answering = len(self.elsewhere._answering)
        self.elsewhere._hear(payload)
        self.answered += len(self.elsewhere._answering) - answering
        self.questions += '"type":"question"' in payload


@pytest.fixture
async def processes(database: Database, anyio_backend: object) -> AsyncIterator[tuple[Process, Process]]:
    both = Process(database), Process(database)
    for process in both:
        await process.changes.start()
    yield both
    for process in both:
        await process.changes.close()


async def unanswered(here: Process, there: Process, wish: Wish, who: Caller, request_id: str) -> bool:
    """Whether `there` has read the question and has nothing to say to it."""
    heard, answered = there.questions, there.answered
    asking = asyncio.create_task(here.elsewhere.ask(wish, who, request_id))
    async with asyncio.timeout(60):
        while there.questions == heard:
            await asyncio.sleep(0.01)
    silent = there.answered == answered and not asking.done()
    asking.cancel()
    await asyncio.wait([asking], timeout=60)
    return silent


async def test_a_request_of_another_process_is_found(processes: tuple[Process, Process]) -> None:
    here, there = processes
    there.running.add("r1", caller(), Work())
    assert await here.elsewhere.ask("find", caller(), "r1")
    assert await unanswered(here, there, "find", caller("p2"), "r1")
    assert await unanswered(here, there, "find", caller(), "r2")
    here.elsewhere._wait_s = 0.1
    assert not await here.elsewhere.ask("find", caller(), "r2"), "nobody waits for ever"


async def test_a_request_of_another_process_is_cancelled(processes: tuple[Process, Process]) -> None:
    here, there = processes
    work = Work()
    there.running.add("r1", caller(), work)
    assert await unanswered(here, there, "cancel", caller("p2"), "r1")
    assert work.errors == []
    assert await here.elsewhere.ask("cancel", caller(), "r1")
    assert [type(error) for error in work.errors] == [RequestCancelled]


async def test_many_questions_at_once_are_told_apart(processes: tuple[Process, Process]) -> None:
    here, there = processes
    for number in range(0, 20, 2):
        there.running.add(str(number), caller(), Work())
    even = asyncio.gather(*(here.elsewhere.ask("find", caller(), str(number)) for number in range(0, 20, 2)))
    odd = [asyncio.create_task(here.elsewhere.ask("find", caller(), str(number))) for number in range(1, 20, 2)]
    assert await even == [True] * 10
    async with asyncio.timeout(60):
        while there.questions < 20:
            await asyncio.sleep(0.01)
    assert there.answered == 10 and not any(task.done() for task in odd)
    for task in odd:
        task.cancel()
    await asyncio.wait(odd, timeout=60)


async def test_nonsense_on_the_channel_disturbs_nobody(processes: tuple[Process, Process], database_url: str) -> None:
    here, there = processes
    there.running.add("r1", caller(), Work())
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for payload in ("", "nonsense", "{}", '{"type":"answer","asker":"nobody"}'):
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
    assert await here.elsewhere.ask("find", caller(), "r1")

"""How many workers live and how much waits: as the database has it, asked once a second at most."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portico.server.errors import DatabaseAway
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage import work_status
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job
from portico.server.storage.work_status import Work, WorkStatus
from portico.server.storage.workers import beat
from tests.server.jobs.library import add_document, add_profile, order

pytestmark = pytest.mark.anyio


async def test_nothing_lives_and_nothing_waits_at_first(database: Database) -> None:
    assert await WorkStatus(database).maybe_read() == Work(living=0, seen_s=None, jobs=0, oldest_s=0.0)


async def test_a_silent_worker_does_not_live(database: Database) -> None:
    async with database.begin() as connection:
        for worker in ("a", "b", "c"):
            await beat(connection, worker, "host", 1, "0")
        await connection.execute(text("UPDATE workers SET seen_at = now() - interval '1 minute' WHERE worker_id = 'b'"))
        for _ in range(2):
            organization = OrganizationId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49")
            await insert_job(connection, organization, ProjectId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a50"), "any", {})
    work = await WorkStatus(database).maybe_read()
    assert work is not None and (work.living, work.jobs) == (2, 2)
    assert work.seen_s is not None and work.seen_s < 60 and work.oldest_s >= 0


async def test_many_questions_are_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_status, "_FRESH_S", 3600.0)  # the second has not passed, however slow the machine is
    status = WorkStatus(database)
    first = await status.maybe_read()
    assert await status.maybe_read() is first


async def test_the_queue_is_counted_with_what_is_under_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_status, "_QUEUE_FRESH_S", 3600.0)
    key = await add_profile(database)
    for status in ("Unknown", "Unknown", "Pending", "Success", "Failed"):
        await order(database, key, await add_document(database, key, status=status))
    status = WorkStatus(database)
    queue = await status.maybe_read_queue()
    assert queue is not None
    assert (queue.work.jobs, queue.work.living, queue.runs) == (5, 0, 0), "no worker has made its tables yet"
    assert queue.documents == {"Unknown": 2, "Starting": 0, "Pending": 1}
    assert await status.maybe_read_queue() is queue, "asked once in a while, however many ask"


async def test_runs_that_are_not_over_are_counted(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("CREATE SCHEMA dbos"))
        await connection.execute(text("CREATE TABLE dbos.workflow_status (status text)"))
        states = text("INSERT INTO dbos.workflow_status VALUES ('PENDING'), ('ENQUEUED'), ('SUCCESS'), ('ERROR')")
        await connection.execute(states)
    queue = await WorkStatus(database).maybe_read_queue()
    assert queue is not None and queue.runs == 2


async def test_a_database_that_is_away_is_no_error() -> None:
    class Away:
        def begin(self) -> object:
            raise DatabaseAway

    status = WorkStatus(Away())  # type: ignore[arg-type]
    assert await status.maybe_read() is None
    assert await status.maybe_read_queue() is None

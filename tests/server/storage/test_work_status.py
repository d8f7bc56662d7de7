"""How many workers live and how much waits: as the database has it, asked once a second at most."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portico.server.errors import DatabaseAway
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job
from portico.server.storage.work_status import Work, WorkStatus
from portico.server.storage.workers import beat

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


async def test_many_questions_are_one(database: Database) -> None:
    status = WorkStatus(database)
    first = await status.maybe_read()
    assert await status.maybe_read() is first


async def test_a_database_that_is_away_is_no_error() -> None:
    class Away:
        def begin(self) -> object:
            raise DatabaseAway

    assert await WorkStatus(Away()).maybe_read() is None  # type: ignore[arg-type]

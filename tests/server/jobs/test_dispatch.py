"""Which job is next: the projects take turns, and no job is taken twice or by a worker that does not know it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.dispatch import Dispatcher
from portico.server.jobs.faults import Faults
from portico.server.jobs.slots import Slots
from portico.server.storage.database import Database
from portico.server.storage.jobs import JobRow, count_jobs, insert_job, list_projects

pytestmark = pytest.mark.anyio
ORGANIZATION = OrganizationId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49")
OTHER = OrganizationId("6f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49")
BUSY, QUIET, THIRD = (ProjectId(f"00000000-0000-4000-8000-00000000000{n}") for n in range(3))


async def _no_workflow(_organization: str, _project: str, _arguments: dict[str, object]) -> None:
    raise AssertionError("nothing is run here")


class Recording(Dispatcher):
    """Starts nothing, and remembers what it should have started."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Slots(1), {"known": _no_workflow}, Faults({}))
        self.begun: list[JobRow] = []

    async def _start(self, job: JobRow) -> None:
        self.begun.append(job)
        await asyncio.sleep(0)


async def order(database: Database, project: ProjectId, number: int, name: str = "known") -> None:
    organization = OTHER if project == THIRD else ORGANIZATION
    async with database.begin() as connection:
        await insert_job(connection, organization, project, name, {"number": number})


async def test_a_project_with_many_jobs_does_not_starve_the_others(database: Database) -> None:
    for number in range(20):
        await order(database, BUSY, number)
    await order(database, QUIET, 100)
    await order(database, THIRD, 200)
    dispatcher = Recording(database)
    for _ in range(4):
        assert await dispatcher.begin_one()
    numbers = [job.arguments["number"] for job in dispatcher.begun]
    assert sorted(numbers[:3]) == [0, 100, 200]
    await order(database, QUIET, 101)
    await dispatcher.begin_one()
    assert dispatcher.begun[-1].arguments["number"] == 101, "what came last is next, its project waited longest"


async def test_jobs_of_a_project_are_begun_in_their_order_and_go(database: Database) -> None:
    for number in range(3):
        await order(database, BUSY, number)
    dispatcher = Recording(database)
    while await dispatcher.begin_one():
        pass
    assert [job.arguments["number"] for job in dispatcher.begun] == [0, 1, 2]
    async with database.begin() as connection:
        assert (await count_jobs(connection)).jobs == 0


async def test_two_workers_at_the_same_time_take_different_jobs(database: Database) -> None:
    for number in range(8):
        await order(database, BUSY, number)
    crew = [Recording(database) for _ in range(4)]
    await asyncio.gather(*(dispatcher.begin_one() for dispatcher in crew for _ in range(2)))
    numbers = sorted(job.arguments["number"] for dispatcher in crew for job in dispatcher.begun)
    assert len(numbers) == len(set(numbers))
    while await crew[0].begin_one():
        pass
    assert sorted(job.arguments["number"] for dispatcher in crew for job in dispatcher.begun) == list(range(8))


async def test_a_job_of_a_name_that_is_not_known_is_left_to_others(database: Database) -> None:
    await order(database, BUSY, 1, name="of a later version")
    await order(database, QUIET, 2)
    dispatcher = Recording(database)
    assert await dispatcher.begin_one()
    assert not await dispatcher.begin_one()
    assert [job.arguments["number"] for job in dispatcher.begun] == [2]


async def test_a_job_that_could_not_be_started_stays(database: Database) -> None:
    class Failing(Recording):
        async def _start(self, job: JobRow) -> None:
            raise RuntimeError("no engine")

    await order(database, BUSY, 1)
    with pytest.raises(RuntimeError):
        await Failing(database).begin_one()
    async with database.begin() as connection:
        backlog = await count_jobs(connection)
        assert backlog.jobs == 1 and backlog.oldest_s >= 0
        assert await list_projects(connection) == [(ORGANIZATION, BUSY)]


async def test_an_order_is_told_to_whoever_listens(database: Database) -> None:
    import psycopg

    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as listening:
        await listening.execute("LISTEN portico_jobs")
        await order(database, BUSY, 1)
        heard = [notify async for notify in listening.notifies(timeout=60, stop_after=1)]
    assert [notify.channel for notify in heard] == ["portico_jobs"]


async def test_the_projects_are_found_whatever_their_order(database: Database) -> None:
    for project in (THIRD, BUSY, QUIET, BUSY):
        await order(database, project, 0)
    async with database.begin() as connection:
        assert set(await list_projects(connection)) == {(ORGANIZATION, BUSY), (ORGANIZATION, QUIET), (OTHER, THIRD)}
        await connection.execute(text("DELETE FROM jobs"))
        assert await list_projects(connection) == []

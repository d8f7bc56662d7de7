"""What is counted against a run: turns in which it came no further, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from portico.server.errors import DatabaseAway
from portico.server.jobs import engine, patience, turns
from portico.server.jobs.slots import Slots
from portico.server.jobs.turns import ALONE, IN_COMPANY, GiveUp, Turns
from portico.server.storage import turns as rows
from portico.server.storage.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counted(database: Database) -> AsyncIterator[Turns]:
    """With the tables of the engine, which runs."""
    connections = engine.launch(database, "tester")
    yield Turns(database, Slots(2))
    engine.stop()
    connections.dispose()


async def count(database: Database) -> dict[str, int]:
    async with database.begin() as connection:
        return dict((await connection.execute(text("SELECT run_id, turns FROM turns"))).all())  # type: ignore[arg-type]


async def have(database: Database, run: str, number: int) -> None:
    """As if its workers had been killed."""
    async with database.begin() as connection:
        for _ in range(number):
            await rows.add_turn(connection, run)


async def test_a_turn_is_counted_when_it_begins_and_forgotten_when_the_run_ends(
    counted: Turns, database: Database
) -> None:
    await have(database, "a", 1)
    async with counted.take("a"):
        assert await count(database) == {"a": 2}
    assert await count(database) == {}


async def record_step(database: Database, run: str, number: int) -> None:
    """As the engine does."""
    async with database.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO dbos.workflow_status (workflow_uuid, status, name) VALUES (:run, 'PENDING', 'x')"
                " ON CONFLICT DO NOTHING"
            ),
            {"run": run},
        )
        await connection.execute(
            text(
                "INSERT INTO dbos.operation_outputs (workflow_uuid, function_id, function_name)"
                " VALUES (:run, :number, 'x')"
            ),
            {"run": run, "number": number},
        )


async def test_a_step_that_was_recorded_begins_the_count_anew(counted: Turns, database: Database) -> None:
    """Also when the worker was killed the moment after."""
    await have(database, "a", IN_COMPANY + ALONE)
    await record_step(database, "a", 1)
    with pytest.raises(KeyError):
        async with counted.take("a"):
            assert await count(database) == {"a": 1}
            await record_step(database, "a", 2)
            await record_step(database, "b", 1)
            raise KeyError
    await have(database, "a", 2)
    assert await count(database) == {"a": 2}


async def test_who_comes_further_within_a_step_begins_anew(counted: Turns, database: Database) -> None:
    await have(database, "a", 2)
    with pytest.raises(KeyError):
        async with counted.take("a"):
            await counted.progressed("a")
            assert await count(database) == {"a": 0}
            await counted.progressed("another run")
            raise KeyError
    assert await count(database) == {"a": 0}, "the run may go on elsewhere"
    await have(database, "a", 1)
    await counted.progressed("a")
    assert await count(database) == {"a": 1}, "it has no turn here"


@pytest.mark.parametrize(("further", "left"), [(False, 2), (True, 0)])
async def test_who_is_stopped_in_good_order_gets_the_turn_back(
    counted: Turns, database: Database, further: bool, left: int
) -> None:
    await have(database, "a", 2)
    began = asyncio.Event()

    async def run() -> None:
        async with counted.take("a"):
            if further:
                await counted.progressed("a")
            began.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(run())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(database) == {"a": left}


async def somebody_waits(counted: Turns) -> None:
    """Until somebody has asked for a turn that is not given yet."""
    async with asyncio.timeout(60):
        while not counted.slots._waiting:
            await asyncio.sleep(0.01)


async def test_who_waits_has_no_turn(counted: Turns, database: Database) -> None:
    waiting = counted.take("c")
    async with counted.take("a"), counted.take("b"):
        task = asyncio.create_task(waiting.__aenter__())
        await somebody_waits(counted)
        assert await count(database) == {"a": 1, "b": 1}
    await task
    await waiting.__aexit__(None, None, None)


@pytest.mark.parametrize("had", [IN_COMPANY - 1, IN_COMPANY, IN_COMPANY + ALONE - 1])
async def test_after_some_turns_they_are_had_alone(counted: Turns, database: Database, had: int) -> None:
    await have(database, "a", had)
    async with counted.take("a"):
        other = asyncio.create_task(counted.take("b").__aenter__())
        if had < IN_COMPANY:
            await asyncio.wait([other], timeout=60)
        else:
            await somebody_waits(counted)
        assert other.done() == (had < IN_COMPANY)
    await other


async def test_after_too_many_turns_there_is_no_other(counted: Turns, database: Database) -> None:
    await have(database, "a", IN_COMPANY + ALONE)
    with pytest.raises(GiveUp):
        async with counted.take("a"):
            raise AssertionError("it has no turn")
    await counted.forget("a")
    assert await count(database) == {}


async def test_a_database_that_is_away_is_waited_for(
    counted: Turns, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that raised it would be over, and its document lost."""
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(turns, "rows", Away(failures=2))
    async with counted.take("a"):
        assert await count(database) == {"a": 1}
        monkeypatch.setattr(turns, "rows", Away(failures=100))
        await counted.progressed("a")
    assert await count(database) == {"a": 1}, "it only counts for less; the housekeeping finds what is left"


class Away:
    """The queries, of which the first ones find no database."""

    def __init__(self, failures: int) -> None:
        self._left = failures

    def __getattr__(self, name: str) -> object:
        query = getattr(rows, name)

        async def run(*arguments: object) -> object:
            if self._left:
                self._left -= 1
                raise DatabaseAway
            return await query(*arguments)

        return run

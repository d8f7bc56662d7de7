"""No document is ever stuck: one that nobody works on is ordered again, or failed with a reason."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from portico.server.jobs import engine, evaluate_profile
from portico.server.jobs.housekeeping import FAILURES, Housekeeping
from portico.server.jobs.ingest_document import GAVE_UP
from portico.server.storage import evaluations, turns
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job
from portico.server.storage.search_profiles import ProfileKey
from tests.server.jobs.library import add_document, add_profile, status_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def housekeeping(database: Database) -> AsyncIterator[Housekeeping]:
    """With the tables of the engine, which runs."""
    connections = engine.launch(database, "tester")
    yield Housekeeping(database)
    engine.stop()
    connections.dispose()


async def add_run(database: Database, key: ProfileKey, document: str, status: str, *, age_s: float = 0.0) -> None:
    attributes = {"profile_id": key.profile_id, "document_id": document, "revision": 1}
    async with database.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, executor_id, attributes, updated_at)"
                " VALUES (gen_random_uuid()::text, :status, 'ingest_document', 'gone', CAST(:attributes AS jsonb),"
                " (extract(epoch FROM now()) - :age) * 1000)"
            ),
            {"status": status, "attributes": json.dumps(attributes), "age": age_s},
        )


async def jobs_of(database: Database) -> list[str]:
    async with database.begin() as connection:
        return [str(found) for found in await connection.scalars(text("SELECT arguments->>'document_id' FROM jobs"))]


async def test_a_document_that_nobody_works_on_is_ordered_again_once(
    housekeeping: Housekeeping, database: Database
) -> None:
    key = await add_profile(database)
    lost = [await add_document(database, key, status=s, age_s=120) for s in ("Unknown", "Starting", "Pending")]
    await add_document(database, key, status="Success", age_s=120)
    await add_document(database, key, status="Failed", age_s=120)
    await add_document(database, key, status="Pending", age_s=1)
    assert await housekeeping.order_stale() == 3
    assert sorted(await jobs_of(database)) == sorted(lost)
    assert await housekeeping.order_stale() == 0, "a job waits for each of them now"


@pytest.mark.parametrize("status", ["PENDING", "ENQUEUED", "DELAYED"])
async def test_a_document_with_an_open_run_is_left_alone(
    housekeeping: Housekeeping, database: Database, status: str
) -> None:
    key = await add_profile(database)
    document = await add_document(database, key, status="Pending", age_s=120)
    await add_run(database, key, document, status)
    assert await housekeeping.order_stale() == 0


async def test_what_failed_too_often_is_given_up_with_a_reason(housekeeping: Housekeeping, database: Database) -> None:
    key = await add_profile(database)
    often, deadly, once = [await add_document(database, key, status="Pending", age_s=120) for _ in range(3)]
    for _ in range(FAILURES):
        await add_run(database, key, often, "ERROR")
    await add_run(database, key, deadly, "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
    await add_run(database, key, once, "ERROR")
    assert await housekeeping.order_stale() == 3
    assert await jobs_of(database) == [once]
    assert await status_of(database, often) == await status_of(database, deadly) == ("Failed", GAVE_UP)


async def test_finished_runs_are_forgotten_after_a_while(housekeeping: Housekeeping, database: Database) -> None:
    key = await add_profile(database)
    document = await add_document(database, key)
    for status, age_s in (("SUCCESS", 7200), ("ERROR", 7200), ("SUCCESS", 10), ("PENDING", 7200)):
        await add_run(database, key, document, status, age_s=age_s)
    assert await housekeeping.forget_ended(kept_s=3600) == 2
    async with database.begin() as connection:
        left = await connection.scalars(text("SELECT status FROM dbos.workflow_status ORDER BY 1"))
        assert list(left) == ["PENDING", "SUCCESS"]


async def test_turns_of_runs_that_are_over_are_forgotten(housekeeping: Housekeeping, database: Database) -> None:
    key = await add_profile(database)
    for status in ("PENDING", "ENQUEUED", "SUCCESS", "ERROR"):
        await add_run(database, key, await add_document(database, key), status)
    async with database.begin() as connection:
        runs = dict((await connection.execute(text("SELECT workflow_uuid, status FROM dbos.workflow_status"))).all())
        for run in (*runs, "a run that the engine has forgotten"):
            await turns.add_turn(connection, run)
    await housekeeping.forget_ended()
    async with database.begin() as connection:
        left = await connection.scalars(text("SELECT run_id FROM turns"))
        assert sorted(runs[run] for run in left) == ["ENQUEUED", "PENDING"]


async def add_evaluation(database: Database, key: ProfileKey, *, age_s: float, status: str = "Running") -> str:
    evaluation = str(uuid4())
    async with database.begin() as connection:
        await evaluations.insert_evaluation(
            connection, key, evaluation, name="", method="auto", k=5, digest="", questions=[], settings={},
            created_by="",
        )  # fmt: skip
        await connection.execute(
            text(
                "UPDATE search_evaluations SET status = :status, created_at = now() - make_interval(secs => :age)"
                " WHERE evaluation_id = :evaluation"
            ),
            {"status": status, "age": age_s, "evaluation": evaluation},
        )
    return evaluation


async def test_an_evaluation_that_nobody_works_on_has_failed(housekeeping: Housekeeping, database: Database) -> None:
    key = await add_profile(database)
    lost = await add_evaluation(database, key, age_s=120)
    run, job = await add_evaluation(database, key, age_s=120), await add_evaluation(database, key, age_s=120)
    young, ended = await add_evaluation(database, key, age_s=1), await add_evaluation(database, key, age_s=120)
    async with database.begin() as connection:
        assert await evaluations.set_evaluation(connection, key, ended, "Success")
        await connection.execute(
            text(
                "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, attributes)"
                " VALUES ('r', 'PENDING', 'x', jsonb_build_object('evaluation_id', CAST(:one AS text)))"
            ),
            {"one": run},
        )
        await insert_job(connection, key.organization_id, key.project_id, "x", {"evaluation_id": job})
    assert await housekeeping.end_stale() == 1
    async with database.begin() as connection:
        rows = [await evaluations.maybe_evaluation(connection, key, one) for one in (lost, run, job, young, ended)]
    assert [row.status for row in rows if row] == ["Failed", "Running", "Running", "Running", "Success"]
    assert rows[0] is not None and rows[0].detail == evaluate_profile.GAVE_UP

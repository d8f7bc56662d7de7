"""Progress of a document is written only for the revision that is being worked on, and only until it is finished."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portico.server.storage import documents_progress as progress
from portico.server.storage.database import Database
from tests.server.jobs.library import add_document, add_profile

pytestmark = pytest.mark.anyio


async def test_the_life_of_a_document(database: Database) -> None:
    key = await add_profile(database)
    document = await add_document(database, key)
    async with database.begin() as connection:
        assert await progress.any_open(connection)
        assert await progress.set_status(connection, key, document, 1, "Starting")
        assert await progress.set_status(
            connection, key, document, 1, "Pending", "Page 2 was skipped.", pages=3, chunks=10, embedded=2
        )
        assert await progress.add_embedded(connection, key, document, 1, 5)
        row = await progress.maybe_ingested(connection, key, document, 1)
        assert row is not None and (row.chunks, row.embedded) == (10, 7)
        assert await progress.add_embedded(connection, key, document, 1, 500)
        assert await progress.set_status(connection, key, document, 1, "Success", embedded=10)
        found = (await connection.execute(text("SELECT status, detail, pages, chunks FROM documents"))).one()
        assert tuple(found) == ("Success", "Page 2 was skipped.", 3, 10), "what was skipped is still told"
        assert await connection.scalar(text("SELECT indexed_revision FROM documents")) == 1
        assert not await progress.any_open(connection)


@pytest.mark.parametrize("status", ["Success", "Failed"])
async def test_a_finished_document_is_not_touched_again(database: Database, status: str) -> None:
    key = await add_profile(database)
    document = await add_document(database, key, status=status)
    async with database.begin() as connection:
        assert not await progress.set_status(connection, key, document, 1, "Pending")
        assert not await progress.add_embedded(connection, key, document, 1, 1)
        assert await progress.maybe_ingested(connection, key, document, 1) is None
        assert await connection.scalar(text("SELECT status FROM documents")) == status


async def test_an_older_revision_and_another_tenant_change_nothing(database: Database) -> None:
    key, other = await add_profile(database), await add_profile(database)
    document = await add_document(database, key, revision=2)
    async with database.begin() as connection:
        assert not await progress.set_status(connection, key, document, 1, "Failed", "old")
        assert not await progress.set_status(connection, other, document, 2, "Failed", "foreign")
        assert await progress.maybe_blob(connection, other, document) is None
        assert await progress.maybe_blob(connection, key, document) is not None
        assert await progress.set_status(connection, key, document, 2, "Failed", "ours")


async def test_a_deleted_project_has_no_owner(database: Database) -> None:
    key = await add_profile(database)
    async with database.begin() as connection:
        owner = await progress.maybe_owner(connection, key.organization_id, key.project_id)
        assert owner == (key.organization_id, "Library")
        await connection.execute(text("UPDATE projects SET deleted_at = now()"))
        assert await progress.maybe_owner(connection, key.organization_id, key.project_id) is None

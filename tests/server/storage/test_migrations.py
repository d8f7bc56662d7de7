"""Migrations: from nothing to the newest schema, once, whoever comes first."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from portico.server import storage
from portico.server.errors import StartError
from portico.server.storage import migrations
from portico.server.storage.database import Database
from portico.server.storage.migrations import VERSION_TABLE, head, migrate
from portico.server.storage.usage import UsageLine

pytestmark = pytest.mark.anyio


async def test_empty_database_gets_the_newest_schema(empty_database_url: str) -> None:
    database = await Database.open(empty_database_url)
    assert await migrate(database) is True
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT version_num FROM portico_schema")) == head()
    await database.close()


async def test_second_start_has_nothing_to_do_and_is_fast(database: Database) -> None:
    begin = time.perf_counter()
    assert await migrate(database) is False
    assert time.perf_counter() - begin < 0.5


async def test_several_at_once_on_an_empty_database_migrate_once(empty_database_url: str) -> None:
    databases = [await Database.open(empty_database_url) for _ in range(4)]
    assert sorted(await asyncio.gather(*map(migrate, databases))) == [False, False, False, True]
    for database in databases:
        await database.close()


async def test_a_newer_schema_is_refused_with_a_clear_sentence(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE portico_schema SET version_num = '9999'"))
    with pytest.raises(StartError, match="newer release"):
        await migrate(database)


@pytest.mark.filterwarnings("ignore:Did not recognize type 'halfvec'")  # SQLAlchemy does not know pgvector
async def test_tables_of_the_code_are_those_of_the_migrations(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from portico.server.storage.database import metadata

    for module in pkgutil.iter_modules(storage.__path__):  # brings all tables into the metadata
        importlib.import_module(f"{storage.__name__}.{module.name}")

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        found = compare_metadata(context, metadata)
        # Tables without SQLAlchemy queries, and indexes, are written in the migration alone.
        return [one for one in found if one[0] not in ("remove_table", "remove_index", "remove_constraint")]

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_alembic_agrees_on_the_newest_revision() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads() == [head()]


async def test_usage_has_the_columns_of_the_journal_line(database: Database) -> None:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'usage' ORDER BY ordinal_position"
    async with database.begin() as connection:
        columns = (await connection.execute(text(query))).scalars().all()
    assert tuple(columns) == UsageLine.__struct_fields__

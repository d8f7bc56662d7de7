"""Migrations: from nothing to the newest schema, once, whoever comes first."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, TextClause, text

from portico.server import storage
from portico.server.errors import StartError
from portico.server.storage import migrations
from portico.server.storage.database import Database
from portico.server.storage.migrations import VERSION_TABLE, head, migrate
from portico.server.storage.migrations.versions import v0016_search_index
from portico.server.storage.usage import UsageLine

pytestmark = pytest.mark.anyio


async def test_empty_database_gets_the_newest_schema(empty_database_url: str) -> None:
    database = await Database.open(empty_database_url)
    assert await migrate(database) is True
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT version_num FROM portico_schema")) == head()
    await database.close()


async def test_second_start_has_nothing_to_do_and_only_looks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK", "no lock is taken, nor alembic loaded")
    monkeypatch.setitem(sys.modules, "alembic", None)
    assert await migrate(database) is False


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


class Asked:
    """A database that answers as one would whose pgvector is another; what it was told to do."""

    def __init__(self, installed: bool | None, offered: bool) -> None:
        self._installed, self._offered = installed, offered
        self.done: list[str] = []

    def get_bind(self) -> Asked:
        return self

    def scalar(self, query: TextClause) -> object:
        return self._installed if "pg_extension WHERE" in str(query) else self._offered or None

    def execute(self, statement: str) -> None:
        self.done.append(statement)


@pytest.mark.parametrize(
    ("installed", "what"), [(False, "it is older than 0.8"), (None, "it is not there, or needs a superuser")]
)
async def test_a_database_without_the_pgvector_that_is_needed_is_told_so(
    installed: bool | None, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`installed`: whether the version that is there is new enough; None when there is none."""
    asked = Asked(installed, offered=False)
    monkeypatch.setattr(v0016_search_index, "op", asked)
    with pytest.raises(StartError, match=r"extension pgvector 0\.8 or newer") as told:
        v0016_search_index.upgrade()
    assert what in str(told.value) and "CREATE EXTENSION vector" in str(told.value)
    assert asked.done == [], "nothing was made before"


async def test_a_pgvector_that_is_offered_is_made_and_one_that_is_there_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for installed, offered, first in ((None, True, "CREATE EXTENSION vector"), (True, False, "")):
        asked = Asked(installed, offered)
        monkeypatch.setattr(v0016_search_index, "op", asked)
        v0016_search_index.upgrade()
        assert (first or "CREATE TABLE search_indexes") in asked.done[0]


async def test_versions_of_pgvector_are_compared_as_numbers(empty_database_url: str) -> None:
    """The question itself, to a real database whose catalog says another version than is there."""
    query = v0016_search_index._FOUND
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert connection.execute(query).fetchone() is None
        connection.execute("CREATE EXTENSION vector")
        for version, is_enough in (("0.7.4", False), ("0.8.0", True), ("0.10.1", True), ("1.0", True)):
            connection.execute("UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", (version,))
            assert connection.execute(query).fetchone() == (is_enough,), version


async def test_a_start_on_a_database_with_an_old_pgvector_ends_with_the_sentence(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    database = await Database.open(empty_database_url)
    with pytest.raises(StartError, match=r"pgvector 0\.8 or newer in its database, and it is older than 0\.8"):
        await migrate(database)
    await database.close()

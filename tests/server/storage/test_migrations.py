"""Migrations: from nothing to the newest schema, once, whoever comes first."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import text

from portico.server.storage.database import Database, StartError
from portico.server.storage.migrations import head, migrate

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

"""Opening a database, and living through its absence."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portico.server.errors import DatabaseAway, StartError
from portico.server.settings import Secret
from portico.server.storage import database as module
from portico.server.storage.changes import UNKNOWN, Change, Changes
from portico.server.storage.database import Database, read_url
from portico.server.storage.migrations import migrate
from tests.server.storage.scratch_postgres import ScratchPostgres

pytestmark = pytest.mark.anyio


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this host that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


async def test_unreachable_database_is_named_without_its_password(closed_port: int) -> None:
    port = closed_port
    with pytest.raises(StartError) as refusal:
        await Database.open(Secret(f"postgresql://ana:s3cret@127.0.0.1:{port}/portico"))
    assert f"127.0.0.1:{port}/portico" in str(refusal.value)
    assert "cannot be opened" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


async def test_unknown_database_is_named(postgres_url: str) -> None:
    with pytest.raises(StartError, match="nowhere"):
        await Database.open(postgres_url.replace("/postgres?", "/nowhere?"))


async def test_old_server_is_refused_with_both_versions(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_VERSION", 99)
    with pytest.raises(StartError, match=r"is PostgreSQL 1\d\.\d+; Portico needs 99 or newer"):
        await Database.open(database_url)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:s3cret@h/d", "postgresql://u:s3cret@h:port/d"])
async def test_url_that_is_none_of_postgresql_is_refused(url: str) -> None:
    with pytest.raises(StartError) as refusal:
        await Database.open(url)
    assert "PORTICO_DATABASE_URL" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
async def test_any_scheme_of_postgresql_will_do(scheme: str) -> None:
    assert read_url(f"{scheme}://u:p@h/d").render_as_string(hide_password=False) == "postgresql+psycopg://u:p@h/d"


async def test_url_for_other_drivers_keeps_password_and_socket(database: Database, database_url: str) -> None:
    opened = await Database.open(database.url)
    assert opened.url == database.url
    assert "Secret" in repr(opened.url)
    await opened.close()


async def test_failed_transaction_is_rolled_back(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO installation (key_check) VALUES ('x')"))
            raise RuntimeError
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM installation")) == 0


async def test_lost_connections_cost_nobody_a_request(database: Database) -> None:
    async with database.begin() as connection:
        mine = await connection.scalar(text("SELECT pg_backend_pid()"))
    other = await Database.open(database.url)
    async with other.begin() as connection:
        await connection.execute(text(f"SELECT pg_terminate_backend({mine})"))
    await other.close()
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_stopped_database_is_503_and_found_again_when_it_is_back() -> None:
    with tempfile.TemporaryDirectory(prefix="p") as folder, ScratchPostgres(Path(folder)) as server:
        database = await Database.open(server.url)
        await migrate(database)
        seen: list[Change] = []

        async def note(changes: frozenset[Change]) -> None:
            seen.extend(changes)

        changes = Changes(database.url)
        changes.subscribe(note)
        await changes.start()
        assert seen == [UNKNOWN]
        server.stop()
        with pytest.raises(DatabaseAway) as refusal:
            async with database.begin() as connection:
                await connection.execute(text("SELECT 1"))
        assert (refusal.value.status, refusal.value.retry_after_s) == (503, 1)
        server.start()
        async with database.begin() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
        deadline = time.monotonic() + 60
        while len(seen) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert seen == [UNKNOWN, UNKNOWN]
        await changes.close()
        await database.close()


async def test_a_probe_asks_once_a_second_however_many_want_to_know(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, asked = database.begin, []
    monkeypatch.setattr(module, "_PROBE_S", 3600.0)  # the second has not passed, however slow the machine is
    monkeypatch.setattr(database, "begin", lambda: asked.append(1) or begin())
    await asyncio.gather(*(database.probe() for _ in range(50)))
    assert len(asked) == 1
    monkeypatch.setattr(module, "_PROBE_S", 0.0)
    await database.probe()
    assert len(asked) == 2


async def test_a_probe_of_a_database_that_is_away_says_so_to_all() -> None:
    with tempfile.TemporaryDirectory(prefix="p") as folder, ScratchPostgres(Path(folder)) as server:
        database = await Database.open(server.url)
        server.stop()
        told = await asyncio.gather(*(database.probe() for _ in range(5)), return_exceptions=True)
        assert [type(one) for one in told] == [DatabaseAway] * 5
        await database.close()


async def test_an_error_for_the_log_holds_no_values(database: Database) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with database.begin() as connection:
            await connection.execute(text("SELECT 1 / (length(:value) - length(:value))"), {"value": "s3cret"})
    assert "s3cret" not in str(failure.value)

"""News of the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import text

from portico.server.settings import Secret
from portico.server.storage.changes import UNKNOWN, Change, Changes
from portico.server.storage.database import Database
from portico.server.storage.organizations import delete_organization, insert_organization
from portico.server.storage.projects import insert_project
from portico.server.storage.tokens import insert_token, revoke_token, update_token

pytestmark = pytest.mark.anyio


class Reader:
    """A subscriber that notes what it hears, and may fail."""

    def __init__(self) -> None:
        self.heard: list[Change] = []
        self.failures = 0

    async def __call__(self, changes: frozenset[Change]) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a failure made by the test")
        self.heard.extend(changes)


async def until(check: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_every_kind_of_row_is_announced_with_its_tenant(database: Database) -> None:
    reader, changes = Reader(), Changes(database.url)
    changes.subscribe(reader)
    await changes.start()
    assert reader.heard == [UNKNOWN]
    async with database.begin() as connection:
        acme = (await insert_organization(connection, "Acme")).organization_id
        project = await insert_project(connection, acme, "Sales")
        token = await insert_token(connection, acme, project.project_id, b"h" * 32, "ci")
    expected = {UNKNOWN, Change("organizations", acme), Change("projects", acme), Change("tokens", acme)}
    await until(lambda: set(reader.heard) == expected)
    reader.heard.clear()
    async with database.begin() as connection:
        await update_token(connection, acme, token.token_id, blocked=True)
        await revoke_token(connection, acme, token.token_id)
    await until(lambda: reader.heard == [Change("tokens", acme)])
    reader.heard.clear()
    async with database.begin() as connection:
        await delete_organization(connection, acme)
    await until(lambda: reader.heard == [Change("organizations", acme)])
    await changes.close()


async def test_change_that_is_rolled_back_is_no_news(database: Database) -> None:
    reader, changes = Reader(), Changes(database.url)
    changes.subscribe(reader)
    await changes.start()
    with pytest.raises(RuntimeError):
        async with database.begin() as connection:
            await insert_organization(connection, "Never")
            raise RuntimeError
    async with database.begin() as connection:
        acme = (await insert_organization(connection, "Acme")).organization_id
    await until(lambda: len(reader.heard) > 1)
    assert reader.heard == [UNKNOWN, Change("organizations", acme)]
    await changes.close()


async def test_subscriber_that_fails_is_told_to_look_at_everything(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reader, changes = Reader(), Changes(database.url)
    changes.subscribe(reader)
    await changes.start()
    reader.failures = 2
    async with database.begin() as connection:
        await insert_organization(connection, "Acme")
    await until(lambda: reader.heard == [UNKNOWN, UNKNOWN])
    assert "a failure made by the test" in caplog.text
    await changes.close()


async def test_first_failure_is_raised_by_start(database: Database) -> None:
    reader, changes = Reader(), Changes(database.url)
    reader.failures = 1
    changes.subscribe(reader)
    with pytest.raises(RuntimeError):
        await changes.start()
    await changes.close()
    lost = Changes(Secret("postgresql://u@127.0.0.1:1/x"))
    with pytest.raises(psycopg.OperationalError):
        await lost.start()
    await lost.close()


async def test_payload_without_a_tenant_means_look_at_everything(database: Database) -> None:
    reader, changes = Reader(), Changes(database.url)
    changes.subscribe(reader)
    await changes.start()
    async with database.begin() as connection:
        await connection.execute(text("SELECT pg_notify('portico_changes', 'catalog')"))
    await until(lambda: reader.heard == [UNKNOWN, UNKNOWN])
    await changes.close()


async def test_another_channel_is_heard_and_does_not_put_off_the_look_around(database: Database) -> None:
    reader, changes, heard = Reader(), Changes(database.url, safety_net_s=0.3), list[str]()
    changes.subscribe(reader)
    changes.hear("other", heard.append)
    await changes.start()
    reader.heard.clear()
    sent = 0
    deadline = time.monotonic() + 60
    while not reader.heard:  # all the time something comes on the other channel
        assert time.monotonic() < deadline
        async with database.begin() as connection:
            await connection.execute(text("SELECT pg_notify('other', :number)"), {"number": str(sent)})
        sent += 1
        await asyncio.sleep(0.02)
    await until(lambda: len(heard) == sent)
    assert heard == [str(number) for number in range(sent)]
    assert reader.heard[0] == UNKNOWN
    await changes.close()

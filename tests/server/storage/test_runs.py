"""Runs of assistants in the audit log: one entry per usage line, whatever is killed, repeated or refused on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from portico.server.access.audit.log import check_chain
from portico.server.ids import OrganizationId
from portico.server.storage.database import Database
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.segment import Segment
from portico.wire.audit import AuditCheck
from tests.server.storage.test_journal import SMALL, AppendingChild, make_line
from tests.server.storage.test_usage import query

ORGANIZATION = "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49"
OTHER = "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a50"
KEY = b"k" * 32


async def flush(journal: Journal, url: str) -> int:
    flusher = UsageFlusher(journal, url, audit_key=KEY)
    try:
        return await flusher.flush()
    finally:
        await flusher.close(60)


async def check(url: str, organization: str = ORGANIZATION) -> AuditCheck:
    database = await Database.open(url)
    try:
        return await check_chain(database, KEY, OrganizationId(organization))
    finally:
        await database.close()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", SMALL)


def test_a_run_is_told_and_a_direct_call_is_not(database_url: str, journal: Journal) -> None:
    journal.append(make_line(1, organization_id=ORGANIZATION))
    journal.append(make_line(2, organization_id=ORGANIZATION, assistant='Say "hi", Ñandú', revision=3, status="failed"))
    assert asyncio.run(flush(journal, database_url)) == 2
    assert query(
        database_url, "SELECT actor_kind, actor_id, action, kind, target_id, request_id, project_id, details FROM audit"
    ) == [
        (
            "token",
            "token",
            "run",
            "assistant",
            'Say "hi", Ñandú',
            "request-2",
            "project",
            '{"revision":3,"model":"openai/gpt-4o","status":"failed"}',
        )
    ]
    assert asyncio.run(check(database_url)).valid


def test_runs_of_many_organizations_in_one_batch_keep_their_chains(database_url: str, journal: Journal) -> None:
    for number in range(600):
        journal.append(make_line(number, organization_id=(ORGANIZATION, OTHER)[number % 2], assistant="A"))
    asyncio.run(flush(journal, database_url))
    for organization in (ORGANIZATION, OTHER):
        found = asyncio.run(check(database_url, organization))
        assert (found.valid, found.entries) == (True, 300)


def test_lines_that_are_sent_twice_are_told_once(database_url: str, journal: Journal) -> None:
    for number in range(30):
        journal.append(make_line(number, organization_id=ORGANIZATION, assistant="A"))
    asyncio.run(flush(journal, database_url))
    segment = Segment.open(journal.current)
    segment.flushed = 0  # as if the process had died between the commit and the offset
    segment.close()
    journal.append(make_line(30, organization_id=ORGANIZATION, assistant="A"))
    asyncio.run(flush(journal, database_url))
    told = query(database_url, "SELECT request_id FROM audit ORDER BY sequence")
    assert [row[0] for row in told] == [f"request-{number}" for number in range(31)]
    assert asyncio.run(check(database_url)).valid


def test_a_line_that_is_refused_costs_its_entry_and_no_other(database_url: str, journal: Journal) -> None:
    journal.append(make_line(1, organization_id=ORGANIZATION, assistant="A"))
    journal.append(make_line(2, organization_id=ORGANIZATION, assistant="A", attempts=2**40))
    journal.append(make_line(3, organization_id=ORGANIZATION, assistant="A"))
    asyncio.run(flush(journal, database_url))
    assert query(database_url, "SELECT request_id FROM audit ORDER BY sequence") == [("request-1",), ("request-3",)]
    assert (journal.directory / "refused.jsonl").is_file()


def test_kill_9_leaves_one_entry_for_each_run(database_url: str, tmp_path: Path) -> None:
    children = [AppendingChild(tmp_path, database_url) for _ in range(2)]
    for child in children:
        child.run_until(8_000)
        child.kill()
    journal = Journal(tmp_path)
    asyncio.run(flush(journal, database_url))
    journal.close()
    runs = query(database_url, "SELECT request_id FROM usage WHERE assistant <> '' ORDER BY 1")
    assert query(database_url, "SELECT request_id FROM audit ORDER BY 1") == runs
    assert len(runs) > 1_600
    found = asyncio.run(check(database_url))
    assert (found.valid, found.entries) == (True, len(runs))


def test_who_ran_it_is_named(database_url: str, journal: Journal) -> None:
    token, user = OTHER, "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a51"
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO organizations (organization_id, name) VALUES (%s, 'O')", (ORGANIZATION,))
        connection.execute(
            "INSERT INTO tokens (organization_id, token_id, name, hash) VALUES (%s, %s, 'ci', sha256('x'))",
            (ORGANIZATION, token),
        )
        connection.execute("INSERT INTO users (user_id, email) VALUES (%s, 'ana@example.com')", (user,))
    for number, actor in enumerate((token, user, "gone")):
        journal.append(make_line(number, organization_id=ORGANIZATION, assistant="A", token_id=actor))
    asyncio.run(flush(journal, database_url))
    assert query(database_url, "SELECT actor_kind, actor_id, actor_name FROM audit ORDER BY sequence") == [
        ("token", token, "ci"),
        ("user", user, "ana@example.com"),
        ("token", "gone", ""),
    ]
    assert asyncio.run(check(database_url)).valid

"""The log of texts: what is kept, what is cut, what is dropped, and when it is forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.gateway.requests import log as request_log
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.texts import StreamedText, read_output, read_question
from portico.server.storage.database import Database
from portico.server.storage.requests import insert_texts
from tests.server.gateway.requests.test_running import caller

pytestmark = pytest.mark.anyio


def make_log(database: Database, **members: Any) -> RequestLog:
    return RequestLog(database, **{"enabled": True, "limit_bytes": 100, "days": 30, "interval_s": 0.01, **members})


def stored(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT request_id, project_id, prompt, input_text, output FROM request_texts ORDER BY request_id"
        ).fetchall()


async def test_texts_reach_the_table_by_themselves(database: Database, database_url: str) -> None:
    log = make_log(database)
    log.start()
    for number in range(450):
        log.append(f"r{number:04d}", caller(), "be kind", "hello", "good day")
    async with asyncio.timeout(60):
        while log.waiting:
            await asyncio.sleep(0.01)
    await log.close()
    rows = stored(database_url)
    assert len(rows) == 450 and rows[0] == ("r0000", "p1", "be kind", "hello", "good day")


async def test_texts_that_come_while_others_are_written_wait_for_the_next_turn(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a flush under load never ends, and writes a text or two at a time."""
    log = make_log(database)

    async def insert_under_load(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
        await insert_texts(connection, rows)
        if rows[0]["request_id"] == "first":
            log.append("later", caller(), "", "", "")

    monkeypatch.setattr(request_log, "insert_texts", insert_under_load)
    log.append("first", caller(), "", "", "")
    await log.flush()
    assert [row[0] for row in stored(database_url)] == ["first"] and log.waiting == 1


async def test_nothing_is_kept_unless_wanted(database: Database, database_url: str) -> None:
    log = make_log(database, enabled=False)
    log.start()
    log.append("r1", caller(), "a", "b", "c")
    await log.close()
    assert log.waiting == 0 and stored(database_url) == []


async def test_texts_are_cut_between_characters_and_made_storable(database: Database, database_url: str) -> None:
    log = make_log(database, limit_bytes=10)
    log.append("r1", caller(), "ñ" * 20, "a\0b\ud800", "x" * 11)
    await log.flush()
    assert stored(database_url) == [("r1", "p1", "ñ" * 5, "a\ufffdb?", "x" * 10)]


async def test_a_request_is_kept_once(database: Database, database_url: str) -> None:
    log = make_log(database)
    log.append("r1", caller(), "", "first", "")
    await log.flush()
    log.append("r1", caller(), "", "second", "")
    await log.flush()
    assert [row[3] for row in stored(database_url)] == ["first"]


async def test_too_many_are_dropped_and_said_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(request_log, "MOST_WAITING", 3)
    log = make_log(database)
    for number in range(5):
        log.append(str(number), caller(), "", "", "")
    assert (log.waiting, log.dropped) == (3, 2)
    monkeypatch.setattr(request_log, "MOST_WAITING_CHARACTERS", 10)
    fresh = make_log(database)
    fresh.append("1", caller(), "x" * 8, "", "")
    fresh.append("2", caller(), "x" * 8, "", "")
    assert (fresh.waiting, fresh.dropped) == (1, 1)
    assert caplog.text.count("are dropped") == 2


async def test_old_texts_are_forgotten_also_when_the_log_is_off(database: Database, database_url: str) -> None:
    row = {"organization_id": "o1", "project_id": "p1", "prompt": "", "input_text": "", "output": ""}
    times = {"old": datetime(2020, 1, 1, tzinfo=UTC), "young": datetime.now(UTC)}
    async with database.begin() as connection:
        await insert_texts(connection, [row | {"request_id": name, "at": at} for name, at in times.items()])
    log = make_log(database, enabled=False)
    log.start()
    async with asyncio.timeout(60):
        while len(stored(database_url)) == 2:
            await asyncio.sleep(0.01)
    await log.close()
    assert [name for name, *_ in stored(database_url)] == ["young"]


async def test_a_database_that_is_away_keeps_texts_waiting(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = make_log(database)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE request_texts RENAME TO gone")
        log.append("r1", caller(), "", "hello", "")
        log.start()
        async with asyncio.timeout(60):
            while "wait for the database" not in caplog.text:
                await asyncio.sleep(0.01)
        connection.execute("ALTER TABLE gone RENAME TO request_texts")
    await log.close()
    assert [row[3] for row in stored(database_url)] == ["hello"]
    assert caplog.text.count("wait for the database") == 1


# what is a text of a request ---------------------------------------------------------------------------------


async def test_instructions_and_the_last_question_are_read() -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be short."}]},
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {
            "role": "user",
            "content": [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": "data:..."}}],
        },
    ]
    assert read_question(json.dumps(messages).encode()) == ("Be kind.\n\nBe short.", "And this?\n[image_url]")


@pytest.mark.parametrize("messages", [b"[]", b"{}", b"nonsense", b'[{"role":"tool"}]', b'[{"role":7}]'])
async def test_odd_messages_have_no_texts(messages: bytes) -> None:
    assert read_question(messages) == ("", "")


async def test_output_is_the_text_or_the_tool_calls() -> None:
    assert read_output(b'[{"message":{"role":"assistant","content":"Hi"}}]') == "Hi"
    calls = b'[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]'
    assert read_output(calls) == '[{"id":"1"}]'
    assert [read_output(odd) for odd in (b"[]", b"nonsense", b"[{}]")] == ["", "", ""]


async def test_a_streamed_text_is_collected_up_to_a_bound() -> None:
    text = StreamedText(8)
    text.feed([b'{"choices":[{"delta":{"content":"Hel"}}]}', b'{"choices":[]}', b"nonsense"])
    text.feed([b'{"choices":[{"delta":{"content":"lo wor"}}]}', b'{"choices":[{"delta":{"content":"ld"}}]}'])
    assert text.text == "Hello wor"

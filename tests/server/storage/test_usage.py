"""From the journal to a real PostgreSQL: each line once, whatever is killed, stopped or refused on the way."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from portico.server.storage.database import Database
from portico.server.storage.flush import INTERVAL_S, Row, UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.migrations import migrate
from portico.server.storage.segment import RECORD_BYTES, Segment
from portico.server.storage.usage import COLUMNS
from tests.server.storage.scratch_postgres import ScratchPostgres
from tests.server.storage.test_journal import SMALL, AppendingChild, make_line


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal", SMALL)
    yield journal
    journal.close()


def query(database_url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement).fetchall()


def stored_numbers(database_url: str) -> list[object]:
    return [row[0] for row in query(database_url, "SELECT input_uncached FROM usage ORDER BY input_uncached")]


async def until(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.02)


async def flush_once(journal: Journal, url: str) -> int:
    flusher = UsageFlusher(journal, url)
    try:
        return await flusher.flush()
    finally:
        await flusher.close(60)


def test_every_field_reaches_its_column(database_url: str, journal: Journal) -> None:
    journal.append(make_line(5, estimated=True, stream=True, status="cancelled", cost_picousd=2**62, total_ms=0.125))
    assert asyncio.run(flush_once(journal, database_url)) == 1
    (row,) = query(database_url, f"SELECT {', '.join(COLUMNS)} FROM usage")
    found = dict(zip(COLUMNS, row, strict=True))
    expected = {name: getattr(make_line(5), name) for name in COLUMNS}
    expected |= {"estimated": True, "stream": True, "status": "cancelled", "cost_picousd": 2**62, "total_ms": 0.125}
    expected["at"] = datetime.fromtimestamp(1_790_000_000.25, UTC)
    assert found == expected


def test_hostile_texts_are_stored_as_they_are(database_url: str, journal: Journal) -> None:
    texts = [
        "a\tb",
        'say "hi", he said',
        ",",
        "null",
        "\\.",
        "line\nbreak\r",
        "\\N",
        "",
        "ñ日本\u2028",
        "'; DROP TABLE usage; --",
    ]
    for number, text in enumerate(texts):
        journal.append(make_line(number, model=text))
    asyncio.run(flush_once(journal, database_url))
    assert [row[0] for row in query(database_url, "SELECT model FROM usage ORDER BY input_uncached")] == texts


def test_nul_which_postgresql_cannot_store_is_replaced(database_url: str, journal: Journal) -> None:
    journal.append(make_line(1, finish_reason="a\0b"))
    asyncio.run(flush_once(journal, database_url))
    assert query(database_url, "SELECT finish_reason FROM usage") == [("a\ufffdb",)]


def test_lines_are_stored_by_themselves_and_finished_segments_go(database_url: str, journal: Journal) -> None:
    async def run() -> None:
        flusher = UsageFlusher(journal, database_url)
        flusher.start()
        for number in range(2_000):
            journal.append(make_line(number))
        assert len(journal.own.list_segments()) > 3
        await until(lambda: len(stored_numbers(database_url)) == 2_000)
        await until(lambda: len(journal.own.list_segments()) <= 2)
        journal.append(make_line(2_000))
        await until(lambda: len(stored_numbers(database_url)) == 2_001)
        await flusher.close(60)

    asyncio.run(run())
    assert stored_numbers(database_url) == list(range(2_001))


def test_lines_that_come_while_others_are_stored_wait_for_the_next_turn(database_url: str, journal: Journal) -> None:
    """Else a flush under load never ends, and stores a line or two at a time."""

    async def run() -> None:
        flusher = UsageFlusher(journal, database_url)
        store, batches = flusher._store, []

        async def store_under_load(rows: Sequence[Row]) -> None:
            batches.append(len(rows))
            if len(batches) < 5:
                journal.append(make_line(len(batches)))
            await store(rows)

        flusher._store = store_under_load  # type: ignore[method-assign]
        journal.append(make_line(0))
        assert await flusher.flush() == 1 and batches == [1]
        journal.append(make_line(10))
        assert await flusher.flush() == 2 and batches == [1, 2]
        await flusher.close()

    asyncio.run(run())
    assert stored_numbers(database_url) == [0, 1, 2, 3, 4, 10], "the close takes all"


def test_the_flusher_comes_round_at_least_once_a_second() -> None:
    assert INTERVAL_S < 1.0


def test_close_flushes_the_rest(database_url: str, journal: Journal) -> None:
    async def run() -> None:
        flusher = UsageFlusher(journal, database_url, interval_s=3_600)
        flusher.start()
        await asyncio.sleep(0)
        for number in range(300):
            journal.append(make_line(number))
        await flusher.close(60)

    asyncio.run(run())
    assert stored_numbers(database_url) == list(range(300))


def test_a_crash_between_commit_and_offset_doubles_nothing(database_url: str, journal: Journal) -> None:
    for number in range(100):
        journal.append(make_line(number))
    asyncio.run(flush_once(journal, database_url))
    segment = Segment.open(journal.current)
    segment.flushed = 0  # as if the process had died before it wrote the offset
    segment.close()
    journal.append(make_line(100))
    asyncio.run(flush_once(journal, database_url))
    assert stored_numbers(database_url) == list(range(101))


def test_kill_9_while_appending_and_flushing_loses_and_doubles_nothing(database_url: str, tmp_path: Path) -> None:
    children = [AppendingChild(tmp_path, database_url) for _ in range(2)]
    for child in children:
        child.run_until(20_000)
        child.halt()  # else the other one would see to the folder of one that is dead
    for child in children:
        child.kill()
    journal = Journal(tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3
    asyncio.run(flush_once(journal, database_url))
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [journal.own.path]
    journal.close()
    for child in children:
        rows = query(database_url, f"SELECT input_uncached FROM usage WHERE request_id LIKE '{child.pid}-%' ORDER BY 1")
        assert [number for (number,) in rows] == list(range(len(rows)))
        assert len(rows) > child.last >= 20_000


@pytest.fixture
def stoppable() -> Iterator[ScratchPostgres]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, ScratchPostgres(Path(folder)) as server:
        yield server


def test_database_away_keeps_lines_until_it_is_back(
    stoppable: ScratchPostgres, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        database = await Database.open(stoppable.url)
        await migrate(database)
        await database.close()
        flusher = UsageFlusher(journal, stoppable.url, interval_s=0.05)
        flusher.start()
        journal.append(make_line(0))
        await until(lambda: stored_numbers(stoppable.url) == [0])
        await asyncio.to_thread(stoppable.stop)
        for number in range(1, 1_000):
            journal.append(make_line(number))
        await until(lambda: "wait in the journal" in caplog.text)
        await asyncio.to_thread(stoppable.start)
        await until(lambda: len(stored_numbers(stoppable.url)) == 1_000)
        await flusher.close(60)

    asyncio.run(run())
    assert stored_numbers(stoppable.url) == list(range(1_000))
    assert caplog.text.count("wait in the journal") == 1


def test_close_without_a_database_keeps_the_lines_for_the_next_start(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Journal(tmp_path, SMALL)
    first.append(make_line(1))
    asyncio.run(UsageFlusher(first, "postgresql://nobody@127.0.0.1:1/none").close())
    first.close()
    assert "stay in the journal" in caplog.text
    second = Journal(tmp_path, SMALL)
    asyncio.run(flush_once(second, database_url))
    second.close()
    assert stored_numbers(database_url) == [1]


def test_a_torn_last_record_is_logged_and_the_others_stored(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Journal(tmp_path, SMALL)
    first.append(make_line(1))
    end = first._current.used_bytes
    first.append(make_line(2))
    path = first.current
    first.close()
    with path.open("r+b") as file:
        file.seek(end + RECORD_BYTES + 10)
        file.write(b"\xff" * 20)
    second = Journal(tmp_path, SMALL)
    asyncio.run(flush_once(second, database_url))
    second.close()
    assert stored_numbers(database_url) == [1]
    assert "the last record is torn" in caplog.text


def test_a_damaged_segment_is_left_aside_and_the_others_stored(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Journal(tmp_path, SMALL)
    first.append(make_line(1))
    damaged = first.own.path / "0000000000.segment"
    damaged.write_bytes(b"nonsense")
    first.close()
    second = Journal(tmp_path, SMALL)
    asyncio.run(flush_once(second, database_url))
    second.close()
    assert stored_numbers(database_url) == [1]
    assert damaged.with_suffix(".damaged").exists()
    assert "Left aside" in caplog.text


def test_a_line_that_postgresql_refuses_is_set_aside_and_holds_up_nobody(database_url: str, journal: Journal) -> None:
    for number in range(50):
        journal.append(make_line(number, attempts=2**40 if number == 17 else 1))
    asyncio.run(flush_once(journal, database_url))
    assert stored_numbers(database_url) == [number for number in range(50) if number != 17]
    (refused,) = (journal.directory / "refused.jsonl").read_text().splitlines()
    assert json.loads(refused)["line"].startswith('"request-17"')


def test_an_unreadable_line_is_set_aside(database_url: str, journal: Journal) -> None:
    journal._current.append(b"\xc1 not msgpack")
    journal.append(make_line(1, at=float("inf")))
    journal.append(make_line(2))
    asyncio.run(flush_once(journal, database_url))
    assert stored_numbers(database_url) == [2]
    assert len((journal.directory / "refused.jsonl").read_text().splitlines()) == 2


def test_two_processes_flush_side_by_side(database_url: str, tmp_path: Path) -> None:
    async def run() -> None:
        journals = [Journal(tmp_path, SMALL) for _ in range(2)]
        flushers = [UsageFlusher(journal, database_url, interval_s=0.01) for journal in journals]
        for flusher in flushers:
            flusher.start()
        for number in range(2_000):
            journals[number % 2].append(make_line(number))
            if number % 100 == 0:
                await asyncio.sleep(0.001)
        for flusher, journal in zip(flushers, journals, strict=True):
            await flusher.close(60)
            journal.close()

    asyncio.run(run())
    assert stored_numbers(database_url) == list(range(2_000))

"""What metering costs: one append to the journal, and one line on its way to PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import uvloop

from benchmarks.gateway import postgres
from portico.server.storage.database import Database
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.migrations import migrate
from portico.server.storage.usage import UsageLine

LINES = 20_000


def make_line() -> UsageLine:
    one = "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49"
    return UsageLine(
        f"chatcmpl-{secrets.token_hex(12)}", one, one, one, time.time(), "chat", "openai", "gpt-4o", "openai/gpt-4o",
        True, "completed", 200, 1, 12.345, 67.891, "stop", 1200, 300, 0, 0, 450, 0, 0, 0, False, 7_875_000_000,
    )  # fmt: skip


def measure(runs: int, folder: Path) -> dict[str, list[float]]:
    """Microseconds per line: of an append; of the flusher's own processor time; of the whole way until the commit."""
    with postgres(folder / "pg-journal") as url:
        return uvloop.run(_measure(runs, folder, url))


async def _measure(runs: int, folder: Path, url: str) -> dict[str, list[float]]:
    database = await Database.open(url)
    await migrate(database)
    await database.close()
    journal = Journal(folder / "journal")
    flusher = UsageFlusher(journal, url)
    found: dict[str, list[float]] = {"append_us": [], "flush_cpu_us": [], "flush_us": []}
    for _ in range(runs):
        lines = [make_line() for _ in range(LINES)]
        began = time.perf_counter()
        for line in lines:
            journal.append(line)
        appended, used = time.perf_counter(), time.process_time()
        await flusher.flush()
        found["append_us"].append((appended - began) / LINES * 1e6)
        found["flush_cpu_us"].append((time.process_time() - used) / LINES * 1e6)
        found["flush_us"].append((time.perf_counter() - appended) / LINES * 1e6)
        await asyncio.sleep(0)
    await flusher.close()
    journal.close()
    return found

"""Several worker processes on one budget: never a micro-unit too much, nothing left lying, nothing lost by kill -9."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portico.server.access.caller import Caller
from portico.server.errors import QuotaExceeded
from portico.server.storage.migrations import migrate
from tests.live import ROOT
from tests.server.gateway.limits_house import USD, Worker, make_caller
from tests.server.storage.scratch_postgres import ScratchPostgres

pytestmark = pytest.mark.anyio
COST = 700_001_000_007
"""1e-12 USD; a number that no lease is a round multiple of."""


class Process:
    """One worker process."""

    def __init__(self, url: str, folder: Path, caller: Caller, seed: int) -> None:
        command = [sys.executable, "-m", "tests.server.gateway.limits_process", url, str(folder)]
        command += [caller.organization_id, str(caller.project_id), str(seed)]
        self.popen = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def hear(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def result(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.hear())
        return found

    def end(self) -> None:
        if self.popen.poll() is None:
            self.tell("")
        self.popen.communicate(timeout=60)


@contextmanager
def processes(count: int, url: str, folder: Path, caller: Caller) -> Iterator[list[Process]]:
    started = [Process(url, folder, caller, seed) for seed in range(count)]
    try:
        assert [one.hear() for one in started] == ["ready"] * count
        yield started
    finally:
        for one in started:
            one.popen.kill()
            one.popen.wait()
            for pipe in (one.popen.stdin, one.popen.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()


@pytest.fixture
def postgres() -> Iterator[ScratchPostgres]:
    """A PostgreSQL of this test's own, to be stopped and started."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder, ScratchPostgres(Path(folder)) as running:
        yield running


@pytest.fixture
def url(postgres: ScratchPostgres) -> str:
    return postgres.url


@pytest.fixture
async def worker(url: str, tmp_path: Path, anyio_backend: object) -> AsyncIterator[Worker]:
    from portico.server.storage.database import Database

    database = await Database.open(url)
    await migrate(database)
    await database.close()
    opened = await Worker.open(url, tmp_path / "leases")
    yield opened
    await opened.close()


def account(url: str, limit_id: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        query = "SELECT hard, used, reserved FROM lease_accounts WHERE account_id = %s"
        row = connection.execute(query, (limit_id,)).fetchone()
    assert row is not None
    return dict(zip(("hard", "used", "reserved"), map(int, row), strict=True))


async def test_200_parallel_calls_of_4_processes_never_overspend(worker: Worker, url: str, tmp_path: Path) -> None:
    """HC-29. Each holds what it costs: exactly as many pass as the budget pays for, whoever asks."""
    caller = await make_caller(worker.database)
    limit = await worker.create(caller, softLimit=0, hardLimit=60)
    with processes(4, url, tmp_path / "leases", caller) as four:
        for one in four:
            one.tell(f"50 {COST} {COST}")
        results = [one.result() for one in four]
        for one in four:
            await asyncio.to_thread(one.end)
    fitting = 60 * USD // COST
    assert sum(r["admitted"] for r in results) == fitting
    assert account(url, limit.id) == {"hard": 60 * USD, "used": fitting * COST, "reserved": 0}
    with pytest.raises(QuotaExceeded):
        await worker.take(caller, COST)
    assert (await worker.latest(caller)).status == 3


async def test_real_costs_below_the_worst_leave_room_and_never_overspend(
    worker: Worker, url: str, tmp_path: Path
) -> None:
    caller = await make_caller(worker.database)
    project = await worker.create(caller, softLimit=0, hardLimit=40)
    whole = await worker.create(caller, whole=True, softLimit=0, hardLimit=45)
    with processes(4, url, tmp_path / "leases", caller) as four:
        spent = 0
        for _ in range(3):  # what settled calls have left is found by later ones
            for one in four:
                one.tell(f"50 {COST} 1")
            spent += sum(one.result()["spent"] for one in four)
        for one in four:
            await asyncio.to_thread(one.end)
    assert 35 * USD < spent <= 40 * USD
    assert account(url, project.id) == {"hard": 40 * USD, "used": spent, "reserved": 0}
    assert account(url, whole.id) == {"hard": 45 * USD, "used": spent, "reserved": 0}


async def test_what_a_killed_process_spent_is_counted_and_the_rest_comes_back(
    worker: Worker, url: str, tmp_path: Path
) -> None:
    caller = await make_caller(worker.database)
    limit = await worker.create(caller, softLimit=0, hardLimit=60)
    with processes(1, url, tmp_path / "leases", caller) as (one,):
        one.tell(f"30 {COST} 1")
        spent = one.result()["spent"]
        one.tell("die")
        one.popen.wait(60)
    bank = worker.limits._bank
    bank._next_claim = 0.0  # now, and not within the next ten seconds
    deadline = asyncio.get_running_loop().time() + 60
    own = [tmp_path / "leases" / f"{bank.worker_id}.spending"]
    while list((tmp_path / "leases").iterdir()) != own:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    assert account(url, limit.id) == {"hard": 60 * USD, "used": spent, "reserved": 0}


async def test_a_database_that_is_away_for_a_while_refuses_nobody_and_loses_nothing(
    worker: Worker, postgres: ScratchPostgres, url: str
) -> None:
    caller = await make_caller(worker.database)
    limit = await worker.create(caller, softLimit=0, hardLimit=1_000_000)
    spent = 0

    async def load(seconds: float) -> None:
        nonlocal spent
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            tickets = [await worker.take(caller, COST, 10) for _ in range(5)]
            await asyncio.sleep(0.01)
            for ticket in tickets:
                ticket.settle(COST // 10, 10)
                spent += COST // 10

    await load(2)
    await asyncio.to_thread(postgres.stop)
    await load(3)
    await asyncio.to_thread(postgres.start)
    await load(1)
    deadline = asyncio.get_running_loop().time() + 60
    while account(url, limit.id)["used"] != spent:
        assert asyncio.get_running_loop().time() < deadline, (account(url, limit.id), spent)
        await asyncio.sleep(0.1)

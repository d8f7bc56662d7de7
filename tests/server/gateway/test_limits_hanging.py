"""A database that takes a question and does not answer, nor ends it when it is cancelled at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from portico.server.errors import DatabaseAway, QuotaExceeded
from portico.server.gateway.limits import bank as module
from portico.server.gateway.limits.bank import Bank
from portico.server.gateway.limits.purse import Purse, Unit
from portico.server.ids import OrganizationId

pytestmark = pytest.mark.anyio


class Hanging:
    """As psycopg does it: a cancelled query is waited for, here until `ends`."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()
        self.at_once = self.most_at_once = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await self.ends.wait()
            raise
        finally:
            self.at_once -= 1
        yield None


def purse(*, rate: bool) -> Purse:
    until = time.time() + 60
    return Purse(
        OrganizationId(uuid4()), str(uuid4()), Unit.REQUESTS, 100, lambda _: QuotaExceeded(), until=until, opens=rate
    )


async def test_a_database_that_hangs_keeps_no_request_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: object
) -> None:
    """A rate lets pass, a budget refuses; and the database is never asked twice at once."""
    monkeypatch.setattr(module, "_ANSWER_S", 0.1)
    database = Hanging()
    bank = Bank(cast(Any, database), tmp_path, time.time, lambda _: None)
    bank.start()
    try:
        for _ in range(2):  # the first one finds out
            rate, budget = bank.add(purse(rate=True)), bank.add(purse(rate=False))
            async with asyncio.TaskGroup() as group:
                group.create_task(bank.want(rate, 2))
                refused = group.create_task(_refused(bank, budget))
            assert refused.result()
            assert rate.held == 2 and budget.held == 0
        await asyncio.sleep(0.3)
        database.ends.set()
        await asyncio.sleep(0.3)
        assert database.most_at_once == 1
    finally:
        database.ends.set()
        await bank.close()


async def _refused(bank: Bank, budget: Purse) -> bool:
    try:
        await bank.want(budget, 2)
    except DatabaseAway:
        return True
    return False

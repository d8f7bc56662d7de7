"""The texts of requests, kept only where they are asked for: a bounded queue in, batches to PostgreSQL out.

Nothing here may slow a request down or fail one: what cannot be kept is dropped, counted and said once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from portico.server.access.caller import Caller
from portico.server.errors import DatabaseAway
from portico.server.storage.database import Database
from portico.server.storage.requests import delete_old_texts, insert_texts

INTERVAL_S = 0.5
FORGET_EVERY_S = 3_600.0
BATCH = 200
MOST_WAITING = 10_000
MOST_WAITING_CHARACTERS = 32 * 1024 * 1024
_log = logging.getLogger(__name__)


class RequestLog:
    """One per process. `enabled` says whether texts are wanted: ask it before making them."""

    def __init__(
        self, database: Database, *, enabled: bool, limit_bytes: int, days: int, interval_s: float = INTERVAL_S
    ) -> None:
        self.enabled = enabled
        self._database = database
        self.limit_bytes = limit_bytes
        self._days = days
        self._interval_s = interval_s
        self._waiting: deque[dict[str, Any]] = deque()
        self._characters = 0
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self.dropped = 0

    def append(self, request_id: str, caller: Caller, prompt: str, input_text: str, output: str) -> None:
        """Keeps the texts, each cut to its limit. No I/O; does nothing unless `enabled`."""
        if not self.enabled:
            return
        texts = [self._cut(prompt), self._cut(input_text), self._cut(output)]
        size = sum(map(len, texts))
        if len(self._waiting) >= MOST_WAITING or self._characters + size > MOST_WAITING_CHARACTERS:
            self._drop()
            return
        self._characters += size
        self._waiting.append(
            {
                "organization_id": caller.organization_id,
                "request_id": request_id,
                "project_id": caller.project_id or "",
                "at": datetime.now(UTC),
                "prompt": texts[0],
                "input_text": texts[1],
                "output": texts[2],
            }
        )

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        """Also when texts are not wanted (any more): those that were kept are forgotten in their time."""
        self._task = asyncio.create_task(self._run(), name="request-log")

    async def close(self, deadline_s: float = 5.0) -> None:
        """Writes what waits."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        try:
            async with asyncio.timeout(deadline_s):
                await self.flush()
        except (DatabaseAway, SQLAlchemyError, TimeoutError) as error:
            _log.warning("The texts of %d requests are lost: %s", len(self._waiting), error)

    async def flush(self) -> None:
        """What waits now; what comes meanwhile makes a batch of its own, later. Raises DatabaseAway, SQLAlchemyError;
        what was not written then waits on."""
        left = len(self._waiting)
        while left and self._waiting:
            batch = [self._waiting[place] for place in range(min(BATCH, left, len(self._waiting)))]
            async with self._database.begin() as connection:
                await insert_texts(connection, batch)
            left -= len(batch)
            for row in batch:
                self._waiting.popleft()
                self._characters -= len(row["prompt"]) + len(row["input_text"]) + len(row["output"])

    async def forget(self) -> int:
        """Deletes what has become too old; how many."""
        async with self._database.begin() as connection:
            return await delete_old_texts(connection, datetime.now(UTC), self._days)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            try:
                await self.flush()
                if loop.time() >= forget_at:
                    await self.forget()
                    forget_at = loop.time() + FORGET_EVERY_S
                self._away = False
            except (DatabaseAway, SQLAlchemyError) as error:
                if not self._away:
                    _log.warning("Texts of requests wait for the database: %s", error)
                self._away = True
            await asyncio.sleep(self._interval_s)

    def _cut(self, text: str) -> str:
        """As PostgreSQL can store it: no NUL, no half of a surrogate pair."""
        data = text[: self.limit_bytes].encode("utf-8", "replace")[: self.limit_bytes]
        return data.decode("utf-8", "ignore").replace("\0", "\ufffd")

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            _log.warning("Texts of requests are dropped: the database does not take them fast enough.")

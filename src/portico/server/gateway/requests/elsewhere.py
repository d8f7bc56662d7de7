"""Requests that other processes are answering: asked about, and cancelled, over a channel of PostgreSQL.

A question names a request and its project; the process that is answering it does what is asked and says so.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Literal

import msgspec
from sqlalchemy import text

from portico.server.access.caller import Caller
from portico.server.errors import DatabaseAway
from portico.server.gateway.requests.running import Running
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database

CHANNEL = "portico_cancel"
WAIT_S = 0.5
Wish = Literal["find", "cancel"]


class _Question(msgspec.Struct, tag="question"):
    asker: str
    wish: Wish
    request_id: str
    organization_id: str
    project_id: str | None


class _Answer(msgspec.Struct, tag="answer"):
    """There is such a request; one that has none keeps silent."""

    asker: str


_read = msgspec.json.Decoder(_Question | _Answer).decode
_write = msgspec.json.Encoder().encode


class Elsewhere:
    """One per process. Listens from its making on, once `changes` has been started."""

    def __init__(self, running: Running, database: Database, changes: Changes, wait_s: float = WAIT_S) -> None:
        self._running = running
        self._database = database
        self._wait_s = wait_s
        self._asked: dict[str, asyncio.Future[None]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        changes.hear(CHANNEL, self._hear)

    async def ask(self, wish: Wish, caller: Caller, request_id: str) -> bool:
        """Whether another process has it, and with `cancel` has ended it. Raises DatabaseAway."""
        asker = secrets.token_hex(8)
        answered = self._asked[asker] = asyncio.get_running_loop().create_future()
        try:
            await self._tell(_Question(asker, wish, request_id, caller.organization_id, caller.project_id))
            async with asyncio.timeout(self._wait_s):
                await answered
        except TimeoutError:
            return False
        finally:
            del self._asked[asker]
        return True

    def _hear(self, payload: str) -> None:
        """Called with what came over the channel, in the loop."""
        try:
            message = _read(payload)
        except msgspec.DecodeError:  # of a newer version, or of nobody of ours
            return
        if isinstance(message, _Answer):
            asked = self._asked.get(message.asker)
            if asked is not None and not asked.done():
                asked.set_result(None)
        elif message.asker not in self._asked and self._has(message):
            task = asyncio.get_running_loop().create_task(self._confirm(message.asker))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def _has(self, question: _Question) -> bool:
        does = self._running.cancel if question.wish == "cancel" else self._running.has
        return does(question.request_id, question.organization_id, question.project_id)

    async def _confirm(self, asker: str) -> None:
        try:
            await self._tell(_Answer(asker))
        except DatabaseAway:  # the asker reads the same from its own connection
            return

    async def _tell(self, message: _Question | _Answer) -> None:
        async with self._database.begin() as connection:
            statement = text("SELECT pg_notify(:channel, :payload)")
            await connection.execute(statement, {"channel": CHANNEL, "payload": _write(message).decode()})

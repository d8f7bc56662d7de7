"""News of the database: which rows of whom have changed, told to every process by LISTEN within milliseconds.

The triggers of the schema send `<table> <organization id>`; whoever keeps a copy in memory subscribes here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import psycopg
from psycopg import sql

from portico.server.errors import PorticoError
from portico.server.ids import OrganizationId
from portico.server.settings import Secret

CHANNEL = "portico_changes"
SAFETY_NET_S = 30.0
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of a table changed, of one tenant. None: something may have been missed, look at everything."""

    table: str | None = None
    organization_id: OrganizationId | None = None


UNKNOWN = Change()
Subscriber = Callable[[frozenset[Change]], Awaitable[None]]


class Changes:
    """One listening connection of this process. Subscribe first; `start` returns when all subscribers know it all."""

    def __init__(self, url: Secret, *, safety_net_s: float = SAFETY_NET_S, connect_timeout_s: int = 10) -> None:
        self._url = url
        self._safety_net_s = safety_net_s
        self._connect_timeout_s = connect_timeout_s
        self._pause_s = _SHORTEST_PAUSE_S
        self._subscribers: list[Subscriber] = []
        self._listeners: dict[str, Callable[[str], None]] = {}
        self._ready: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called with the changes that came together; with UNKNOWN after each (re)connection and every 30 s."""
        self._subscribers.append(subscriber)

    def hear(self, channel: str, listener: Callable[[str], None]) -> None:
        """Another channel on the same connection, before `start`: called with each payload. It must not raise.

        What is sent while the connection is away is never heard; who needs to know more asks again.
        """
        self._listeners[channel] = listener

    async def start(self) -> None:
        """Raises what went wrong when the first connection, or the first call of a subscriber, fails."""
        self._ready = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(self._ready), name="portico-changes")
        await self._ready

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, ready: asyncio.Future[None]) -> None:
        while True:
            try:
                await self._listen(ready)
            except Exception as error:  # a follower that stops for any reason would leave blocked tokens usable
                if not ready.done():
                    ready.set_exception(error)
                    return
                known = isinstance(error, psycopg.Error | PorticoError | OSError)
                log.warning(
                    "changes of the database are not followed, next try in %.1f s: %s",
                    self._pause_s,
                    str(error).strip(),
                    exc_info=None if known else error,
                )
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen(self, ready: asyncio.Future[None]) -> NoReturn:
        """Until the connection is lost or a subscriber fails: both raise."""
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=self._connect_timeout_s, application_name="portico-changes"
        )
        async with connection:
            # Listening begins before the first look, so that no change falls in between.
            for channel in (CHANNEL, *self._listeners):
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            await self._tell(frozenset((UNKNOWN,)))
            self._pause_s = _SHORTEST_PAUSE_S
            if not ready.done():
                ready.set_result(None)
            loop = asyncio.get_running_loop()
            look_at = loop.time() + self._safety_net_s
            while True:
                changes, heard = await self._wait_for_news(connection, max(0.0, look_at - loop.time()))
                if not changes and heard:
                    continue
                look_at = loop.time() + self._safety_net_s
                if not changes:
                    # A connection whose other end vanished stays silent for ever; a question finds out.
                    async with asyncio.timeout(self._connect_timeout_s):
                        await connection.execute("SELECT 1")
                await self._tell(changes or frozenset((UNKNOWN,)))

    async def _wait_for_news(
        self, connection: psycopg.AsyncConnection, timeout_s: float
    ) -> tuple[frozenset[Change], bool]:
        """Changes that came together, and whether anything came on other channels; nothing at all after a while."""
        changes, heard = [], False
        async for notify in connection.notifies(timeout=timeout_s, stop_after=1):
            listener = self._listeners.get(notify.channel)
            if listener is not None:
                heard = True
                listener(notify.payload)
            else:
                changes.append(_read(notify.payload))
        return frozenset(changes), heard

    async def _tell(self, changes: frozenset[Change]) -> None:
        for subscriber in self._subscribers:
            await subscriber(changes)


def _read(payload: str) -> Change:
    table, _, organization_id = payload.partition(" ")
    return Change(table, OrganizationId(organization_id)) if organization_id else UNKNOWN

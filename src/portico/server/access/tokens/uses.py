"""When a token was last used: noted in memory as requests pass the guard, written in the background in batches."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from portico.server.access.caller import Caller
from portico.server.errors import PorticoError
from portico.server.ids import OrganizationId, TokenId
from portico.server.storage.database import Database
from portico.server.storage.token_uses import write_uses

FLUSH_S = 5.0
_log = logging.getLogger("portico.tokens")


class TokenUses:
    """One per process. `note` costs a request one store into a dict; the time is that at which a batch is written."""

    def __init__(self, database: Database, *, flush_s: float = FLUSH_S) -> None:
        self._database = database
        self._flush_s = flush_s
        self._used: dict[TokenId, OrganizationId] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, caller: Caller) -> None:
        if caller.user_id is None:  # users have sessions and no token
            self._used[caller.token_id] = caller.organization_id

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="portico-token-uses")

    async def close(self) -> None:
        """Writes what is noted still."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def flush(self) -> None:
        """A batch that cannot be written waits for the next one: of a token, the last use is what counts."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._database.begin() as connection:
                await write_uses(connection, used, datetime.now(UTC))
        except (SQLAlchemyError, PorticoError, OSError) as error:
            self._used = used | self._used
            _log.warning("the last use of %d tokens is not written yet: %s", len(used), str(error).strip())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._flush_s)
            await self.flush()

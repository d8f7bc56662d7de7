"""Access tokens that are had for a credential: fetched through the transport, kept while they hold, once at a time.

In: a credential, and how one service exchanges it. Out: its token; one near its end is exchanged while it still serves.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from portico.server.errors import ProviderError
from portico.server.kit.clock import Clock
from portico.server.kit.drive import run
from portico.server.providers.base import Credential, Endpoint, Outgoing
from portico.server.providers.transport import Transport

EARLY_S = 300.0
"""How long before its end a token is exchanged; one that lives shortly, after three quarters of its life."""
LAST_S = 10.0
"""A token with less than this left is not sent any more: it might end on the way."""
AGAIN_S = 10.0
"""How long a token that still serves is left alone when its exchange has failed."""
ACCOUNTS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one service gives tokens; pure. `write` may raise ProviderNotConfigured for a credential that is none.

    `read` gives the token and for how many seconds it holds; `refuse` gets status, headers and body of a refusal.
    """

    write: Callable[[Credential], tuple[Endpoint, Outgoing]]
    read: Callable[[bytes], tuple[str, float]]
    refuse: Callable[[int, dict[bytes, bytes], bytes], ProviderError]


@dataclass(slots=True)
class _Held:
    token: str = ""
    renew_at: float = -math.inf
    ends_at: float = -math.inf
    refresh: asyncio.Task[None] | None = None


class AccessTokens:
    """One per adapter. Its clock is monotonic, so that a clock set back keeps no dead token."""

    def __init__(self, transport: Transport, exchange: Exchange, clock: Clock = time.monotonic) -> None:
        self._transport = transport
        self._exchange = exchange
        self._clock = clock
        self._held: dict[Credential, _Held] = {}

    async def find(self, credential: Credential) -> str:
        """Raises ProviderError when none can be had, ProviderNotConfigured for a credential that cannot be one."""
        held = self._held.get(credential)
        if held is None:
            if len(self._held) >= ACCOUNTS_KEPT:  # keys that were exchanged are never asked for again
                self._held.clear()
            held = self._held[credential] = _Held()
        now = self._clock()
        if now < held.renew_at:
            return held.token
        if held.refresh is None:
            held.refresh = asyncio.get_running_loop().create_task(self._refresh(credential, held))
            held.refresh.add_done_callback(_look)
        if now >= held.ends_at - LAST_S:
            await asyncio.shield(held.refresh)  # a caller who leaves must not take it away from the others
        return held.token

    async def _refresh(self, credential: Credential, held: _Held) -> None:
        try:
            held.token, holds_s = await run(self._fetch(credential))
            now = self._clock()
            held.ends_at = now + holds_s
            held.renew_at = now + max(holds_s - EARLY_S, holds_s * 0.75)
        except BaseException:
            now = self._clock()
            if now < held.ends_at - LAST_S:
                held.renew_at = now + AGAIN_S
            raise
        finally:
            held.refresh = None

    async def _fetch(self, credential: Credential) -> tuple[str, float]:
        endpoint, outgoing = self._exchange.write(credential)
        transport = self._transport
        while True:
            reply = transport.maybe_send(endpoint, outgoing) or await transport.send(endpoint, outgoing)
            try:
                await reply.signal
                if reply.untouched:
                    continue  # an idle connection was closed just as it was taken
                reply.raise_error()
                if reply.status >= 400:
                    raise self._exchange.refuse(reply.status, reply.headers, reply.whole())
                return self._exchange.read(reply.whole())
            finally:
                transport.end(reply)


def _look(task: asyncio.Task[None]) -> None:
    """Its error belongs to those who wait for it; when nobody does, the next to ask tries again."""
    if not task.cancelled():
        task.exception()

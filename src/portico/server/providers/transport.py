"""Sends what an adapter wrote, and gives the reply back; the only door from the house to the providers.

One transport per process: it owns the pools, the TLS context and the timer that ends silent exchanges.
"""

from __future__ import annotations

import asyncio
import ssl
import time

from portico.server.providers.base import Endpoint, Outgoing
from portico.server.providers.http1 import Connection, Origin, Pool, Reply

ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
SWEEP_S = 0.5


class Transport:
    """Shared by all requests of a process. `start` and `close` belong to the event loop's life."""

    def __init__(self, *, request_timeout_s: float, gap_timeout_s: float, connect_timeout_s: float) -> None:
        self._request_timeout_s = request_timeout_s
        self._gap_timeout_s = gap_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._active: set[Reply] = set()
        self._pools: dict[tuple[str, int, bool], Pool] = {}
        self._heads: dict[tuple[Endpoint, str], tuple[Pool, bytes]] = {}
        self._tls: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[Connection]] = set()

    def start(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for reply in list(self._active):
            reply.abandon()
        for pool in self._pools.values():
            pool.close()

    def maybe_send(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply | None:
        """Writes the request to an idle connection; None when there is none.

        Await the reply's `signal`: it is set when the head (streamed) or the whole answer (plain) is there, or the
        exchange has failed (`raise_error`). Whoever gets the reply must `end` it.
        """
        pool, head = self._head(endpoint, outgoing.path)
        connection = pool.idle()
        return None if connection is None else self._start(connection, head, outgoing)

    async def send(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply:
        """The same on a new connection. Raises ProviderError when it cannot be made."""
        pool, head = self._head(endpoint, outgoing.path)
        return self._start(await self._connect(pool), head, outgoing)

    def _start(self, connection: Connection, head: bytes, outgoing: Outgoing) -> Reply:
        limit_s = min(outgoing.timeout_s, self._request_timeout_s) if outgoing.timeout_s else self._request_timeout_s
        gap_s = self._gap_timeout_s if outgoing.stream else 0.0
        reply = Reply(not outgoing.stream, time.monotonic() + limit_s, gap_s, ANSWER_LIMIT_BYTES)
        self._active.add(reply)
        connection.send(b"%b%d\r\n\r\n%b" % (head, len(outgoing.body), outgoing.body), reply)
        return reply

    def end(self, reply: Reply) -> None:
        self._active.discard(reply)
        reply.abandon()

    async def _connect(self, pool: Pool) -> Connection:
        task = asyncio.get_running_loop().create_task(pool.connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        try:
            return await task
        except asyncio.CancelledError:
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().abort()  # it was made just as the caller left; nobody else knows it
            raise

    def _head(self, endpoint: Endpoint, path: str) -> tuple[Pool, bytes]:
        """Pool and the constant part of the request head for one endpoint and path; made once."""
        known = self._heads.get((endpoint, path))
        if known is not None:
            return known
        origin = Origin.of(endpoint.base_url)
        pool = self._pools.get((origin.host, origin.port, origin.tls))
        if pool is None:
            tls = self._tls_context() if origin.tls else None
            pool = Pool(origin, self._active, self._connect_timeout_s, tls)
            self._pools[(origin.host, origin.port, origin.tls)] = pool
        key = f"authorization: Bearer {endpoint.key}\r\n" if endpoint.key else ""
        text = (
            f"POST {origin.prefix}{path} HTTP/1.1\r\nhost: {origin.host_header}\r\n{key}"
            "content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: portico\r\ncontent-length: "
        )
        made = self._heads[(endpoint, path)] = (pool, text.encode("latin-1"))
        return made

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _sweep(self) -> None:
        """Ends exchanges that outlived their deadline: one timer for all instead of one for each."""
        now = time.monotonic()
        for reply in [r for r in self._active if r.deadline < now]:
            self._active.discard(reply)
            reply.time_out()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

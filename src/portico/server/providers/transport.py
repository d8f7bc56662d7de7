"""Sends what an adapter wrote, and gives the reply back; the only door from the house to the providers.

One transport per process: it owns the pools, the TLS context and the timer that ends silent exchanges.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence

from portico.server.errors import ProviderOvercapacity, ProviderUnknown
from portico.server.providers.base import Endpoint, Header, Outgoing
from portico.server.providers.http1 import Connection, Pool, Reply
from portico.server.providers.origin import Origin

ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
SWEEP_S = 0.5
TRIM_S = 5.0
"""How often idle connections are looked at."""
UNUSED_S = 300.0
"""How long an origin without a connection is remembered: tenants name origins of their own, and change them."""
HEADS_KEPT = 4096
JSON = "application/json"
_JSON_LINE = b"content-type: application/json\r\n"


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
        self._trimmed_at = 0.0
        self._connecting: dict[asyncio.Task[Connection], Pool] = {}
        self._unused_since: dict[Pool, float] = {}
        self.may_reach: Callable[[str, str], bool] = lambda host, address: True
        """Whether a host may be called at the address that its name has led to just now."""

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
        pool, head = self._head(endpoint, outgoing)
        connection = pool.idle()
        return None if connection is None else self._start(connection, head, outgoing)

    async def send(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply:
        """The same on a new connection. Raises ProviderError when it cannot be made."""
        pool, head = self._head(endpoint, outgoing)
        return self._start(await self._connect(pool), head, outgoing)

    def _start(self, connection: Connection, head: bytes, outgoing: Outgoing) -> Reply:
        limit_s = min(outgoing.timeout_s, self._request_timeout_s) if outgoing.timeout_s else self._request_timeout_s
        gap_s = self._gap_timeout_s if outgoing.stream else 0.0
        reply = Reply(not outgoing.stream, time.monotonic() + limit_s, gap_s, ANSWER_LIMIT_BYTES)
        self._active.add(reply)
        if outgoing.headers or outgoing.content_type != JSON:
            own = _lines((*outgoing.headers, ("content-type", outgoing.content_type)))
        else:
            own = _JSON_LINE
        body = outgoing.body
        connection.send(b"%b%bcontent-length: %d\r\n\r\n%b" % (head, own, len(body), body), reply)
        return reply

    def end(self, reply: Reply, *, finished: bool = False) -> None:
        """`finished`: the provider has said its last word; its connection is used again once the answer has ended."""
        if finished and reply.finish():
            return
        self._active.discard(reply)
        reply.abandon()

    async def _connect(self, pool: Pool) -> Connection:
        task = asyncio.get_running_loop().create_task(pool.connect())
        self._connecting[task] = pool
        task.add_done_callback(self._connecting.pop)
        try:
            connection = await task
        except BaseException:  # whatever ends the request: a caller that leaves, a request that is cancelled
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().abort()  # it was made just as the caller left; nobody else knows it
            raise
        peer = connection.transport.get_extra_info("peername")
        if peer and not self.may_reach(pool.host, str(peer[0])):
            connection.abort()
            raise ProviderOvercapacity("the provider's name leads into a network that this server does not call")
        return connection

    def _head(self, endpoint: Endpoint, outgoing: Outgoing) -> tuple[Pool, bytes]:
        """Pool and the constant part of the request head for one endpoint and path; made once."""
        known = self._heads.get((endpoint, outgoing.path))
        if known is not None and outgoing.method == "POST":
            return known
        origin = Origin.of(endpoint.base_url)
        key = (origin.host, origin.port, origin.tls)
        pool = self._pools.get(key)
        if pool is None:
            tls = self._tls_context() if origin.tls else None
            pool = self._pools[key] = Pool(origin, self._active, self._connect_timeout_s, tls)
        made = (pool, _head_of(origin, endpoint, outgoing))
        if outgoing.method == "POST":
            if len(self._heads) >= HEADS_KEPT:  # keys change, local models move to new ports, paths name models
                self._heads.clear()
            self._heads[endpoint, outgoing.path] = made
        return made

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _sweep(self) -> None:
        """Ends exchanges that outlived their deadline: one timer for all instead of one for each. Trims the pools."""
        now = time.monotonic()
        for reply in [r for r in self._active if r.deadline < now]:
            self._active.discard(reply)
            reply.time_out()
        if now - self._trimmed_at >= TRIM_S:
            self._trimmed_at = now
            for pool in self._pools.values():
                pool.trim(now)
            self._forget_unused(now)
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _forget_unused(self, now: float) -> None:
        """Lets go the pools that nothing hangs on, and the heads that lead to them."""
        connecting = set(self._connecting.values())
        gone: set[Pool] = set()
        for key, pool in list(self._pools.items()):
            if pool.connections or pool in connecting:
                self._unused_since.pop(pool, None)
            elif now - self._unused_since.setdefault(pool, now) >= UNUSED_S:
                gone.add(self._pools.pop(key))
                del self._unused_since[pool]
        if gone:
            self._heads = {key: made for key, made in self._heads.items() if made[0] not in gone}


def _head_of(origin: Origin, endpoint: Endpoint, outgoing: Outgoing) -> bytes:
    path = origin.prefix + outgoing.path
    if not path.isascii() or any(c <= " " for c in path):
        raise ProviderUnknown("the address of the provider holds a character that no address may have")
    first = f"{outgoing.method} {path} HTTP/1.1\r\nhost: {origin.host_header}\r\n"
    return first.encode("latin-1") + _lines(endpoint.headers) + _OWN_LINES


def _lines(headers: Sequence[Header]) -> bytes:
    """Header lines. A line break in a value would begin a header of its own: it is refused."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise ProviderUnknown("a header for the provider holds a line break")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise ProviderUnknown("a key or a setting of the provider holds a character that no header may have") from None


_OWN_LINES = b"accept-encoding: identity\r\nuser-agent: portico\r\n"

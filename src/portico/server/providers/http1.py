"""The hot HTTP/1.1 client: pooled connections, one write per request, and the answer handed on in the parser's turn.

In: an origin, a request as bytes. Out: a `Reply` whose head, body or chunks are awaited (kit/drive.py).
"""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from typing import Any, cast

import httptools
import msgspec

from portico.server.errors import ProviderError, ProviderSilent, ProviderTimeout, ProviderUnknown
from portico.server.kit.drive import Signal
from portico.server.providers.origin import Origin

HIGH_WATER_BYTES = 256 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
INFLATED_LIMIT_BYTES = 16 * 1024 * 1024
"""What one read of a packed answer, a quarter of a MiB, may become: a bomb becomes a thousand times as much."""
RESEND_WITHIN_S = 1.0
"""A reused connection lost so soon after a request was closed before it; later, the provider has worked on it."""
REST_LIMIT_BYTES, REST_WITHIN_S = 4096, 1.0
"""What may still come of a stream that has said its last word: the end of its transfer coding, a comment."""
IDLE_LONGEST_S, IDLE_MOST = 90.0, 256
"""How long a connection waits to be used again, and how many to one origin do."""


class Reply(msgspec.Struct, eq=False):
    """One answer of a provider. Await its `signal`, then either `read_all()`, or `take()` and `more()` until None."""

    _whole: bool
    deadline: float
    gap_s: float
    _limit: int
    status: int = 0
    raw_headers: dict[bytes, bytes] = {}  # names as they came; of two with one name the first
    complete: bool = False
    started: bool = False
    untouched: bool = False  # lost on a reused connection before any byte of the answer: may be sent again
    signal: Signal = msgspec.field(default_factory=Signal)
    _headers: dict[bytes, bytes] | None = None
    _size: int = 0
    _buffer: list[bytes] = []
    _error: ProviderError | None = None
    _inflate: Any = None
    _connection: Any = None
    _finished: bool = False
    _whole_until: float = 0.0

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Names in lower case."""
        if self._headers is None:
            self._headers = {name.lower(): value for name, value in reversed(self.raw_headers.items())}
        return self._headers

    def raise_error(self) -> None:
        """What broke the exchange, if something did."""
        if self._error is not None:
            raise self._error

    async def read_all(self) -> bytes:
        """The body to its end, whether it was announced as a stream or not. Raises ProviderError."""
        parts: list[bytes] = []
        size = 0
        while (chunk := await self.next_chunk()) is not None:
            parts.append(chunk)
            size += len(chunk)
            if size > self._limit:
                raise ProviderUnknown(f"the provider's answer is larger than {self._limit} bytes")
        return b"".join(parts)

    def whole(self) -> bytes:
        """The body of a complete reply."""
        self.raise_error()
        return self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)

    def take(self) -> bytes | None:
        """What has arrived since the last call, b"" when nothing has, None at the end. Raises ProviderError."""
        buffer = self._buffer
        if not buffer:
            self.raise_error()
            return None if self.complete else b""
        chunk = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        connection = self._connection
        if connection is not None and connection.paused:
            connection.resume()
        return chunk

    def more(self) -> Signal:
        """To be awaited when more is needed: set when there is something to take, an end or an error included."""
        signal = self.signal
        if not (self._buffer or self.complete or self._error is not None):
            signal.is_set = False
        return signal

    async def next_chunk(self) -> bytes | None:
        """Waits for what `take` gives. Raises ProviderError when the stream breaks."""
        while (chunk := self.take()) == b"":
            await self.more()
        return chunk

    def abandon(self) -> None:
        """The reader is gone: an unfinished answer closes its connection, so that the provider stops working."""
        connection, self._connection = self._connection, None
        if connection is not None and not self.complete:
            connection.abort()

    def expect_head(self, until: float) -> None:
        """The provider has to begin by then; a whole answer may come to its end later, as late as it might before."""
        if not self.started and until < self.deadline:
            self._whole_until, self.deadline = self.deadline, until

    def finish(self) -> bool:
        """The reader has all it wants. Whether the connection waits for the end of the answer, to be used again."""
        connection = self._connection
        if connection is None or self.complete or self._error is not None or not connection.alive:
            return False
        self._finished = True
        self._buffer.clear()
        self._size = 0
        self.deadline = time.monotonic() + REST_WITHIN_S
        connection.resume()
        return True

    # called by the connection -------------------------------------------------------------------------------

    def _on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.status, self.raw_headers, self.started = status, headers, True
        for name in headers:
            if len(name) == 16 and name.lower() == b"content-encoding":
                self._inflate = _maybe_inflater(headers[name].strip().lower())
                break
        if self.gap_s:
            self.deadline = time.monotonic() + self.gap_s
        elif self._whole_until:
            self.deadline = self._whole_until

    def _on_body(self, data: bytes) -> None:
        """A piece of the body; those of a plain stream come past it, see `Connection.on_body`."""
        if self._finished:
            self._size += len(data)
            if self._size > REST_LIMIT_BYTES:
                self.abandon()
            return
        if self._inflate is not None:
            data = self._inflate.decompress(data, INFLATED_LIMIT_BYTES)
            if self._inflate.unconsumed_tail:
                self._fail(ProviderUnknown(f"a piece of the answer is larger than {INFLATED_LIMIT_BYTES} bytes"))
                self.abandon()
                return
        self._buffer.append(data)
        self._size += len(data)
        if self._whole and self._size > self._limit:
            self._fail(ProviderUnknown(f"the provider's answer is larger than {self._limit} bytes"))
            self.abandon()

    def _on_read(self) -> None:
        """All of one read of a stream is parsed: wakes its reader, once for its head and all its pieces."""
        if not self._finished:
            self.deadline = time.monotonic() + self.gap_s
        if self._size > HIGH_WATER_BYTES and self._connection is not None:
            self._connection.pause()
        self.signal.set()

    def _on_complete(self) -> None:
        self.complete = True
        self._connection = None
        self.signal.set()

    def _fail(self, error: ProviderError) -> None:
        if self.complete or self._error is not None:
            return
        self._error = error
        self.signal.set()

    def time_out(self) -> None:
        self._fail(ProviderSilent() if self._whole_until and not self.started else ProviderTimeout())
        self.abandon()


def _maybe_inflater(encoding: bytes) -> zlib._Decompress | None:
    if encoding in (b"gzip", b"x-gzip"):
        return zlib.decompressobj(wbits=47)
    return zlib.decompressobj() if encoding == b"deflate" else None


class Connection(asyncio.Protocol):
    """One connection to a provider; carries one exchange at a time and goes back to its pool in between."""

    __slots__ = (
        "_head_size", "_headers", "_pool", "_sent_at", "alive", "on_header", "parser", "paused", "reply", "seen_idle",
        "served", "transport",
    )  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.reply: Reply | None = None
        self.alive = False
        self.served = 0
        self._head_size = 0
        self.paused = False
        self._sent_at = 0.0
        self.seen_idle = -1, 0.0  # after how many answers it was found idle, and when: see `Pool.trim`
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.setdefault  # called by the parser for each of them: no Python in between
        self.transport: asyncio.Transport
        self.parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, reply: Reply) -> None:
        self.reply = reply
        reply._connection = self
        self._head_size = 0
        self._sent_at = time.monotonic()
        self.transport.write(request)

    def abort(self) -> None:
        self.alive = False
        self.transport.abort()

    def pause(self) -> None:
        if not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            self.transport.resume_reading()

    # asyncio ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclass of it
        self.alive = True
        self._pool.connections += 1

    def data_received(self, data: bytes) -> None:
        reply = self.reply
        if reply is None:  # a provider that speaks unasked, or a late rest of an abandoned answer
            self.abort()
            return
        if not reply.started:
            self._head_size += len(data)
        try:
            self.parser.feed_data(data)
            if reply.started:
                if not reply._whole:
                    reply._on_read()
            elif self._head_size > HEAD_LIMIT_BYTES:
                raise ProviderUnknown("the head of the provider's answer is too large")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, zlib.error, ProviderError) as error:
            current, self.reply = self.reply, None
            self.abort()
            garbled = ProviderUnknown("the provider's answer is not valid HTTP")
            for broken in (reply, current):  # two, when the first ended well and the next was sent at once
                if broken is not None:
                    broken._fail(error if isinstance(error, ProviderError) else garbled)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._pool.forget(self)
        reply, self.reply = self.reply, None
        if reply is None:
            return
        if reply.started and b"content-length" not in reply.headers and b"transfer-encoding" not in reply.headers:
            reply._on_complete()  # a body that ends with the connection
            return
        quickly = time.monotonic() - self._sent_at < RESEND_WITHIN_S
        reply.untouched = quickly and self.served > 0 and self._head_size == 0
        reply._fail(ProviderUnknown("the connection to the provider was lost"))

    # httptools ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers.clear()

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if self.reply is not None and status >= 200:
            self.reply._on_head(status, self._headers.copy())

    def on_body(self, body: bytes) -> None:
        reply = self.reply
        if reply is None:
            return
        if reply._whole or reply._inflate is not None or reply._finished:
            reply._on_body(body)
        else:  # of a stream there are many
            reply._buffer.append(body)
            reply._size += len(body)

    def on_message_complete(self) -> None:
        reply = self.reply
        if reply is None or not reply.started:  # 100 Continue and its like
            return
        self.reply = None
        self.served += 1
        if self.parser.should_keep_alive():
            self._pool.take_back(self)
        else:
            self.alive = False
            self.transport.close()
        self.resume()
        self._pool.active.discard(reply)
        reply._on_complete()


class Pool:
    """Connections to one origin: idle ones last in, first out."""

    __slots__ = ("_connect_timeout_s", "_idle", "_origin", "_ssl", "active", "connections", "host")

    def __init__(
        self, origin: Origin, active: set[Reply], connect_timeout_s: float, tls: ssl.SSLContext | None
    ) -> None:
        self._origin = origin
        self.host = origin.host
        self._idle: list[Connection] = []
        self._connect_timeout_s = connect_timeout_s
        self._ssl = tls
        self.active = active
        self.connections = 0  # idle or at work

    def idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive and not connection.transport.is_closing():
                return connection
        return None

    def take_back(self, connection: Connection) -> None:
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        self.connections -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def trim(self, now: float) -> None:
        """Closes what has been idle too long, and of too many those that lie lowest, used least lately. A timer calls
        it, so that nothing has to be noted when a connection comes back."""
        oldest = len(self._idle) - IDLE_MOST
        for place, connection in enumerate(self._idle):
            if connection.seen_idle[0] != connection.served:
                connection.seen_idle = connection.served, now
            if place < oldest or now - connection.seen_idle[1] >= IDLE_LONGEST_S:
                connection.alive = False
                connection.transport.close()
        self._idle[:] = [connection for connection in self._idle if connection.alive]

    async def connect(self) -> Connection:
        """A new connection. Runs in a task of its own, see kit/drive.py. Raises ProviderError."""
        origin = self._origin
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), origin.host, origin.port, ssl=self._ssl
                )
        except TimeoutError:
            raise ProviderTimeout("the provider did not accept a connection in time") from None
        except ssl.SSLError as error:
            raise ProviderUnknown(f"no secure connection to the provider: {error.reason}") from None
        except (OSError, UnicodeError):  # the latter for a name that cannot be one
            raise ProviderUnknown("the provider cannot be reached") from None
        return connection

    def close(self) -> None:
        for connection in self._idle:
            connection.transport.close()
        self._idle.clear()

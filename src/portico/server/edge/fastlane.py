"""The fast lane: POSTs on the hot paths go from uvicorn's parser straight to their handler, without a framework.

Everything else on the same connection takes uvicorn's ordinary way to the application. Keep-alive, pipelining,
limits, shutdown and TLS stay uvicorn's; only the start of a request and its answer are ours.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portico.server.edge.fast_exchange import CONTINUE, FastExchange
from portico.server.edge.guard import Guard
from portico.server.edge.stream import Handler
from portico.server.errors import BadInputText, PayloadTooLarge, PorticoError
from portico.server.services import Services

EARLY_GUARD_BYTES = 64 * 1024
"""A body from this size on is read only for a caller who has shown a valid credential."""
HEAD_LIMIT_BYTES = 256 * 1024
LINGER_S = 1.0
LINGER_LONGEST_S = 30.0
"""How long a refused client may be silent, and go on sending, so that it reads the refusal, not a reset connection."""
_SLASHES = re.compile(r"/{2,}")


class FastLane:
    """What the connections of one process share: the table of hot paths, the guard, and one timer for all of them."""

    def __init__(self, services: Services, guard: Guard, routes: Mapping[str, Handler]) -> None:
        self.services = services
        self.guard = guard
        self.routes = {path.encode(): (path, handler) for path, handler in routes.items()}
        self.access_log = services.settings.access_log
        self.body_limit = services.settings.body_limit_bytes
        self.connections: set[Any] = set()  # uvicorn's own, of both lanes
        self._silence_s = services.settings.keep_alive_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(min(1.0, self._silence_s / 2), self._tick)

    def close(self) -> None:
        """What is still open after the time of grace learns that the server stops."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self.connections):
            if isinstance(connection.active, FastExchange):
                connection.active.break_off()

    def find(self, url: bytes) -> tuple[str, Handler] | None:
        """The hot path of a request target; repeated slashes and a trailing one are forgiven."""
        path = url.partition(b"?")[0]
        return self.routes.get(path) or self.routes.get(_SLASHES.sub("/", path.decode("latin-1")).rstrip("/").encode())

    def _tick(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            connection.look_after(now, self._silence_s)
        self.start()


class LaneProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the fast lane in it. `lane` is set by a subclass made in `app/serving.py`."""

    lane: FastLane
    writing_paused = False
    idle_since = 0.0
    heard_at = 0.0
    linger_until = 0.0
    active: Any = None  # the cycle whose turn it is; `cycle` is the one that was parsed last
    _deaf = False  # nothing that comes now is read: the last answer has been decided
    _broken = ""  # why nothing behind the requests that were understood can be
    _in_head = False
    _head_bytes = 0
    _unchecked: FastExchange | None = None  # its head has come, its body not yet
    _date: tuple[object, bytes] = (None, b"")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.lane.connections = self.connections
        self.idle_since = time.monotonic()

    def date(self) -> bytes:
        """uvicorn's default headers (date), joined once a second."""
        defaults = self.server_state.default_headers
        cls = type(self)
        if cls._date[0] is not defaults:
            cls._date = (defaults, b"".join([b"%b: %b\r\n" % header for header in defaults]))
        return cls._date[1]

    def look_after(self, now: float, silence_s: float) -> None:
        """Once a second: a silent stream gets a comment; idle, lingering and stuck connections are closed."""
        if self._is_partial() and now - self.heard_at > self.timeout_keep_alive:
            self.transport.close()
        elif isinstance(self.active, FastExchange):
            if self.active.stream and not self.active.disconnected:
                self.active.break_silence(now, silence_s)
        elif self._deaf:
            if now - self.idle_since > LINGER_S or now > self.linger_until:
                self.transport.close()
        elif self.idle_since and now - self.idle_since > self.timeout_keep_alive:
            self.timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """uvicorn's, but for the timer of an idle connection: the lane's tick closes those, one timer for all."""
        self.active = None
        if self._broken and (not self.pipeline or self.pipeline[-1][0].more_body):
            self._refuse_rest(self._broken)
        elif self.pipeline or not isinstance(self.cycle, FastExchange):
            self.heard_at = time.monotonic()  # from now on the client may be waited for again
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            if not self.transport.is_closing():
                self.flow.resume_reading()
                self.idle_since = self.heard_at = time.monotonic()

    def linger(self) -> None:
        """Lets the client send the rest of its request into the void; the lane's tick closes the connection."""
        self._deaf = True
        self.idle_since = time.monotonic()
        self.linger_until = self.idle_since + LINGER_LONGEST_S

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self.idle_since = time.monotonic()
            return
        self.idle_since = 0.0
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline(upgrade, data)
        except httptools.HttpParserError:
            self.send_400_response("the request is not valid HTTP")
        if self._unchecked is not None:
            self._check_waiting()
        if self._is_partial():
            self.heard_at = time.monotonic()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self.send_400_response("the head of the request is too large")

    def _is_partial(self) -> bool:
        """Whether the client owes us a part of a request, and none before it is still being answered."""
        cycle = self.cycle
        if self.pipeline or (cycle is not None and not (cycle.more_body or cycle.response_complete)):
            return False
        return self._in_head or (cycle is not None and cycle.more_body)

    def _decline(self, upgrade: httptools.HttpParserUpgrade, data: bytes) -> None:
        """An offer to upgrade (h2c from Java's client, a WebSocket) is declined: the request is read without it."""
        if self.parser.get_method() == b"CONNECT":
            self.send_400_response("this server is no proxy")
            return
        kept = [header for header in self.headers if header[0] not in (b"upgrade", b"connection")]
        head = b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        head += b"".join([b"%b: %b\r\n" % header for header in kept])
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(head + b"\r\n" + data[upgrade.args[0] :])

    def send_400_response(self, msg: str) -> None:
        """In the documented shape, and behind the answers that are owed already."""
        self._deaf = True
        cycle = self.active
        if isinstance(cycle, FastExchange) and cycle.more_body:
            cycle.refuse(BadInputText(f"Bad Input Text: {msg}"))
        elif cycle is None or (cycle.more_body and not cycle.response_started):
            self._refuse_rest(msg)
        else:
            self._broken = msg

    def _refuse_rest(self, why: str) -> None:
        """The last answer of a connection that cannot be understood any more."""
        self._broken = ""
        if self.transport.is_closing():
            return
        if self.active is not None:
            self.active.disconnected = True
            self.active.message_event.set()
        self.pipeline.clear()
        refused = FastExchange("", [], _protocol=self, keep_alive=False, chunked=False)
        self.cycle = refused  # type: ignore[assignment]
        refused.turn = True
        refused.refuse(BadInputText(f"Bad Input Text: {why}"))

    def connection_lost(self, exc: Exception | None) -> None:
        waiting, active = [cycle for cycle, _ in self.pipeline], self.active
        self.pipeline.clear()
        super().connection_lost(exc)
        for cycle in (*waiting, active):
            if cycle is not None and cycle is not self.cycle and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def on_message_begin(self) -> None:
        """uvicorn's, without its scope: that is made in `_begin_scope` for the requests that need one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head, self._head_bytes = True, 0

    def _begin_scope(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expect
        self.scope["headers"] = headers

    def on_headers_complete(self) -> None:
        self._in_head = False
        parser = self.parser
        if parser.should_upgrade():
            return
        found = self.lane.find(self.url) if parser.get_method() == b"POST" else None
        if found is None:
            self._begin_scope()
            super().on_headers_complete()
            return
        version = parser.get_http_version()
        existing: Any = self.cycle
        exchange = FastExchange(
            found[0], self.headers, _protocol=self, _handler=found[1],
            keep_alive=version != "1.0" and parser.should_keep_alive(), chunked=version != "1.0",
        )  # fmt: skip
        self.cycle = exchange  # type: ignore[assignment]
        self._unchecked = exchange
        if existing is None or existing.response_complete:
            exchange.turn = True
            self.active = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, None))  # type: ignore[arg-type]

    def _check_waiting(self) -> None:
        """A request whose body did not come with its head: refused now if it is going to be, else asked to go on."""
        exchange, self._unchecked = self._unchecked, None
        if exchange is None or not exchange.more_body or self._refuse_early(exchange):
            return
        if self.expect_100_continue:
            exchange.expects = True
            if exchange.turn:
                self.transport.write(CONTINUE)

    def _refuse_early(self, exchange: FastExchange) -> bool:
        """Answers a large request before its body is read, when it would be refused anyway."""
        length = exchange.header(b"content-length")
        size = int(length) if length and length.isdigit() else 0
        if size < EARLY_GUARD_BYTES and not self.expect_100_continue:
            return False
        if self._refuse_stranger(exchange):
            return True
        if size > self.lane.body_limit:
            exchange.refuse(PayloadTooLarge())
        return size > self.lane.body_limit

    def _refuse_stranger(self, exchange: FastExchange) -> bool:
        """Answers a large request of somebody without a valid credential, before more of it is kept."""
        try:
            self.lane.guard.refuse_stranger(exchange.headers)
        except PorticoError as error:
            exchange.refuse(error)
            return True
        return False

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.active = cycle
        if not isinstance(cycle, FastExchange):
            super()._start_asgi_task(cycle, app)
            return
        cycle.turn = True
        # not from here: hundreds of requests in one packet would be answered on one stack
        self.loop.call_soon(cycle.start)

    def on_body(self, body: bytes) -> None:
        exchange: Any = self.cycle
        if not isinstance(exchange, FastExchange):
            super().on_body(body)
        elif not exchange.response_complete and exchange.refusal is None:
            if exchange.body:
                exchange.more(body)
            else:
                exchange.body = body
            size = len(exchange.body)
            if size > self.lane.body_limit:
                exchange.refuse(PayloadTooLarge())
            elif size >= EARLY_GUARD_BYTES > size - len(body):  # sent in chunks, its length was not announced
                self._refuse_stranger(exchange)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        exchange: Any = self.cycle
        if not isinstance(exchange, FastExchange):
            super().on_message_complete()
        elif not exchange.response_complete and exchange.refusal is None:
            exchange.more_body = False
            self._unchecked = None
            if exchange.turn:
                exchange.run()

    def pause_writing(self) -> None:
        self.writing_paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self.writing_paused = False
        super().resume_writing()
        if isinstance(self.active, FastExchange):
            self.active.resume_writing()

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
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from portico.server.edge.access_log import log_request
from portico.server.edge.errors import error_headers, execution_body
from portico.server.edge.exchange import Exchange
from portico.server.edge.guard import Guard
from portico.server.edge.stream import Handler, run_exchange
from portico.server.errors import BadInputText, PayloadTooLarge, PorticoError, ServerStopping
from portico.server.kit.drive import Drive, Signal
from portico.server.services import Services

EARLY_GUARD_BYTES = 64 * 1024
"""A body from this size on is read only for a caller who has shown a valid credential."""
HEAD_LIMIT_BYTES = 256 * 1024
LINGER_S = 1.0
LINGER_LONGEST_S = 30.0
"""How long a refused client may be silent, and go on sending, so that it reads the refusal, not a reset connection."""
_SLASHES = re.compile(r"/{2,}")
_CACHE = b"x-saia-cache: BYPASS\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _NoEvent:
    """Stands where uvicorn keeps the event of an ASGI request; its `set` is how we learn that the client left."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: FastExchange) -> None:
        self._exchange = exchange

    def set(self) -> None:
        if self._exchange.disconnected:
            self._exchange.hang_up()


class FastExchange(Exchange):
    """An exchange on a uvicorn connection. Has the members that uvicorn's protocol expects of a request cycle."""

    __slots__ = (
        "_drained", "_drive", "_handler", "_lane", "_protocol", "chunked", "disconnected", "expects", "keep_alive",
        "message_event", "more_body", "refusal", "response_complete", "started_at", "turn",
    )  # fmt: skip

    def __init__(
        self, lane: FastLane, protocol: LaneProtocol, handler: Handler, path: str, headers: list[tuple[bytes, bytes]],
        keep_alive: bool, chunked: bool,
    ) -> None:  # fmt: skip
        super().__init__(path, headers)
        self.body = bytearray()
        self._lane = lane
        self._protocol = protocol
        self._handler = handler
        self._drive: Drive[None] | None = None
        self._drained: Signal | None = None
        self.keep_alive = keep_alive
        self.chunked = chunked
        self.more_body = True
        self.turn = False
        self.expects = False
        self.refusal: PorticoError | None = None
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NoEvent(self)
        self.started_at = time.perf_counter()

    def start(self) -> None:
        """Its turn has come, behind the requests that were sent before it on the same connection."""
        if self.disconnected:
            return
        if self.refusal is not None:
            self.refuse(self.refusal)
        elif not self.more_body:
            self.run()
        elif self.expects:
            self._protocol.transport.write(CONTINUE)

    def refuse(self, error: PorticoError) -> None:
        """Answers without the handler, and ends the connection; not before its turn."""
        self.refusal = error
        self.body = b""
        if self.turn:
            self.keep_alive = False
            self.respond(error.status, execution_body(error, self.request_id), error_headers(error))

    def run(self) -> None:
        lane = self._lane
        self._drive = Drive(run_exchange(lane.services, lane.guard, self._handler, self), self._done)
        self._drive.step()

    def _done(self, _value: None, error: BaseException | None) -> None:
        self._lane.streams.discard(self)
        if self._lane.access_log:
            log_request("POST", self.path, self.status or 499, time.perf_counter() - self.started_at, self.request_id)
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._protocol.transport.abort()
            raise error

    def hang_up(self) -> None:
        """The client is gone: whatever the handler waits for ends now (HC-16)."""
        self._lane.streams.discard(self)
        if self._drive is not None:
            self._drive.cancel()

    def break_off(self) -> None:
        """The server stops: an error as the answer, or as the last event of a stream."""
        if self._drive is not None:
            self._drive.cancel(ServerStopping())
        elif self.turn:
            self.refuse(ServerStopping())

    # the answer ---------------------------------------------------------------------------------------------

    def respond(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.status = status
        self.started = True
        extra = b"".join([b"%b: %b\r\n" % header for header in headers]) if headers else b""
        self._write(
            b"%bcontent-type: application/json\r\nx-request-id: %b\r\n%b%b%b%bcontent-length: %d\r\n\r\n%b"
            % (
                STATUS_LINE[status], self.request_id.encode(), _CACHE, extra, self._lane.date(self._protocol),
                self._connection(), len(body), body,
            )
        )  # fmt: skip
        self._complete()

    def open_stream(self) -> None:
        if self.started:
            return
        self.started = True
        self.status = 200
        framing = b"transfer-encoding: chunked\r\n" if self.chunked else b""
        self._write(
            b"%bcontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
            b"x-request-id: %b\r\n%b%b%b%b\r\n"
            % (
                STATUS_LINE[200], self.request_id.encode(), _CACHE, framing, self._lane.date(self._protocol),
                self._connection(),
            )
        )  # fmt: skip

    def write(self, data: bytes) -> None:
        self.last_write = time.monotonic()
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def finish(self) -> None:
        if self.chunked:
            self._write(b"0\r\n\r\n")
        else:
            self.keep_alive = False
        self._complete()

    def drained(self) -> Signal | None:
        if not self._protocol.writing_paused:
            return None
        self._drained = Signal()
        return self._drained

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _write(self, data: bytes) -> None:
        if not self.disconnected:
            self._protocol.transport.write(data)

    def _connection(self) -> bytes:
        return b"" if self.keep_alive else b"connection: close\r\n"

    def _complete(self) -> None:
        if self.response_complete:
            return
        self.response_complete = True
        self.body = b""
        self._lane.streams.discard(self)
        if self.more_body:  # the rest of the body cannot be told from a next request: let it pass, then close
            self._protocol.linger()
        elif not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()


class FastLane:
    """What the connections of one process share: the table of hot paths, the guard, and the keep-alive timer."""

    def __init__(self, services: Services, guard: Guard, routes: Mapping[str, Handler]) -> None:
        self.services = services
        self.guard = guard
        self.routes = {path.encode(): (path, handler) for path, handler in routes.items()}
        self.access_log = services.settings.access_log
        self.body_limit = services.settings.body_limit_bytes
        self.streams: set[FastExchange] = set()
        self.idle: set[LaneProtocol] = set()
        self.lingering: set[LaneProtocol] = set()
        self._silence_s = services.settings.keep_alive_s
        self._timer: asyncio.TimerHandle | None = None
        self._date: tuple[object, bytes] = (None, b"")

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(min(1.0, self._silence_s / 2), self._tick)

    def close(self) -> None:
        """What is still open after the time of grace learns that the server stops."""
        if self._timer is not None:
            self._timer.cancel()
        for exchange in list(self.streams):
            exchange.break_off()

    def find(self, url: bytes) -> tuple[str, Handler] | None:
        """The hot path of a request target; repeated slashes and a trailing one are forgiven."""
        path = url.partition(b"?")[0]
        return self.routes.get(path) or self.routes.get(_SLASHES.sub("/", path.decode("latin-1")).rstrip("/").encode())

    def date(self, protocol: LaneProtocol) -> bytes:
        """uvicorn's default headers (date), joined once a second."""
        defaults = protocol.server_state.default_headers
        if self._date[0] is not defaults:
            self._date = (defaults, b"".join([b"%b: %b\r\n" % header for header in defaults]))
        return self._date[1]

    def _tick(self) -> None:
        now = time.monotonic()
        for exchange in list(self.streams):
            if exchange.stream and not exchange.disconnected:
                exchange.break_silence(now, self._silence_s)
        for connection in [c for c in self.idle if now - c.idle_since > c.timeout_keep_alive]:
            connection.timeout_keep_alive_handler()
        for connection in [c for c in self.lingering if now - c.idle_since > LINGER_S or now > c.linger_until]:
            connection.transport.close()
        self.start()


class LaneProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the fast lane in it. `lane` is set by a subclass made in `app.py`."""

    lane: FastLane
    writing_paused = False
    idle_since = 0.0
    linger_until = 0.0
    active: Any = None  # the cycle whose turn it is; `cycle` is the one that was parsed last
    _deaf = False  # nothing that comes now is read: the last answer has been decided
    _broken = ""  # why nothing behind the requests that were understood can be
    _in_head = False
    _head_bytes = 0

    def on_response_complete(self) -> None:
        """uvicorn's, but for the timer of an idle connection: the lane's tick closes those, one timer for all."""
        self.active = None
        if self._broken and (not self.pipeline or self.pipeline[-1][0].more_body):
            self._refuse_rest(self._broken)
        elif self.pipeline or not isinstance(self.cycle, FastExchange):
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            if not self.transport.is_closing():
                self.flow.resume_reading()
                self.idle_since = time.monotonic()
                self.lane.idle.add(self)

    def linger(self) -> None:
        """Lets the client send the rest of its request into the void; the lane's tick closes the connection."""
        self._deaf = True
        self.idle_since = time.monotonic()
        self.linger_until = self.idle_since + LINGER_LONGEST_S
        self.lane.lingering.add(self)

    def data_received(self, data: bytes) -> None:
        self.lane.idle.discard(self)
        if self._deaf:
            self.idle_since = time.monotonic()
            return
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.send_400_response("the request is not valid HTTP")
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self.send_400_response("the head of the request is too large")

    def _feed(self, data: bytes) -> None:
        """An offer to upgrade (h2c from Java's client, a WebSocket) is declined: the request is read without it."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self.parser.get_method() == b"CONNECT":
                    self.send_400_response("this server is no proxy")
                    return
                version = self.parser.get_http_version().encode()
                head = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
                head += b"".join([b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"])
                data = head + b"\r\n" + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

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
        refused = FastExchange(self.lane, self, _nobody, "", [], keep_alive=False, chunked=False)
        self.cycle = refused  # type: ignore[assignment]
        refused.turn = True
        refused.refuse(BadInputText(f"Bad Input Text: {why}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lane.idle.discard(self)
        self.lane.lingering.discard(self)
        waiting, active = [cycle for cycle, _ in self.pipeline], self.active
        self.pipeline.clear()
        super().connection_lost(exc)
        for cycle in (*waiting, active):
            if cycle is not None and cycle is not self.cycle and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.parser.should_upgrade():
            return
        found = self.lane.find(self.url) if self.parser.get_method() == b"POST" else None
        if found is None:
            super().on_headers_complete()
            return
        version = self.parser.get_http_version()
        existing = self.cycle
        exchange = FastExchange(
            self.lane, self, found[1], found[0], self.headers,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(), chunked=version != "1.0",
        )  # fmt: skip
        self.cycle = exchange  # type: ignore[assignment]
        if existing is None or existing.response_complete:
            exchange.turn = True
            self.active = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, None))  # type: ignore[arg-type]
        if self._refuse_early(exchange):
            return
        self.lane.streams.add(exchange)
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
        try:
            self.lane.guard.admit(exchange.headers)
            if size > self.lane.body_limit:
                raise PayloadTooLarge
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
            exchange.body += body
            if len(exchange.body) > self.lane.body_limit:
                exchange.refuse(PayloadTooLarge())

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        exchange: Any = self.cycle
        if not isinstance(exchange, FastExchange):
            super().on_message_complete()
        elif not exchange.response_complete:
            exchange.more_body = False
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


async def _nobody(*_: object) -> bytes:
    raise AssertionError("a refused request has no handler")

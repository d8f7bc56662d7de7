"""One hot request on a uvicorn connection: how it runs, and how its answer becomes bytes."""

from __future__ import annotations

import asyncio
import time
from itertools import chain
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from portico.server.edge.access_log import log_request
from portico.server.edge.exchange import Exchange, Headers
from portico.server.edge.stream import run_exchange
from portico.server.errors import PorticoError, ServerStopping
from portico.server.kit.drive import Drive, Signal

_CACHE = {use: b"x-saia-cache: %b\r\n" % use.encode() for use in ("HIT", "MISS", "BYPASS")}
_LINE = b"%b: %b\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class FastExchange(Exchange, eq=False):
    """Has the members that uvicorn's protocol expects of a request cycle; `turn` says whether it may answer yet."""

    _protocol: Any = None
    _handler: Any = None
    keep_alive: bool = True
    chunked: bool = True
    more_body: bool = True
    turn: bool = False
    expects: bool = False
    refusal: PorticoError | None = None
    response_complete: bool = False
    disconnected: bool = False
    _drive: Any = None
    _drained: Signal | None = None
    _unsent: bytes = b""
    _began: float = msgspec.field(default_factory=time.monotonic)

    @property
    def message_event(self) -> FastExchange:
        """uvicorn sets the event of a cycle when its client is gone; ours is the exchange itself."""
        return self

    def set(self) -> None:
        if self.disconnected:
            self.hang_up()

    def more(self, body: bytes) -> None:
        """A further piece of the body; most come in one."""
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)
        self.body += body

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
            self.respond_error(error)

    def run(self) -> None:
        lane = self._protocol.lane
        drive = Drive(run_exchange(lane.services, lane.guard, self._handler, self), self._done)
        self._drive = drive
        drive.step()

    def _done(self, _value: None, error: BaseException | None) -> None:
        self._drive = None
        if self._protocol.lane.access_log:
            log_request("POST", self.path, self.status or 499, time.monotonic() - self._began, self.request_id)
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._protocol.transport.abort()
            raise error

    def hang_up(self) -> None:
        """The client is gone: whatever the handler waits for ends now (HC-16)."""
        if self._drive is not None:
            self._drive.cancel()

    def cancel(self, error: BaseException) -> None:
        if self._drive is not None:
            self._drive.cancel(error)

    def break_off(self) -> None:
        """The server stops: an error as the answer, or as the last event of a stream."""
        if self._drive is not None:
            self._drive.cancel(ServerStopping())
        elif self.turn:
            self.refuse(ServerStopping())

    # the answer ---------------------------------------------------------------------------------------------

    def respond(
        self, status: int, body: bytes, headers: Headers | None = None, content_type: bytes = b"application/json"
    ) -> None:
        self.status = status
        self.started = True
        answer = (
            b"%bcontent-type: %b\r\nx-request-id: %b\r\n%b%b%b%bcontent-length: %d\r\n\r\n%b"
            % (
                STATUS_LINE[status], content_type, self.request_id.encode(), _CACHE[self.cache], _lines(headers),
                self._protocol.date(),
                b"" if self.keep_alive else b"connection: close\r\n", len(body), body,
            )
        )  # fmt: skip
        if not self.disconnected:
            self._protocol.transport.write(answer)
        self._complete()

    def open_stream(self, headers: Headers | None = None) -> None:
        """The head waits for the first event: both go out in one write (HC-32)."""
        if self.started:
            return
        self.started = True
        self.status = 200
        self._unsent = (
            b"%bcontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
            b"x-request-id: %b\r\n%b%b%b%b%b\r\n"
            % (
                STATUS_LINE[200], self.request_id.encode(), _CACHE[self.cache], _lines(headers), self._protocol.date(),
                b"transfer-encoding: chunked\r\n" if self.chunked else b"",
                b"" if self.keep_alive else b"connection: close\r\n",
            )
        )  # fmt: skip

    def write(self, data: bytes, last: bool = False) -> Signal | None:
        self.last_write = time.monotonic()
        unsent, self._unsent = self._unsent, b""
        protocol = self._protocol
        if self.chunked:
            data = b"%b%x\r\n%b\r\n%b" % (unsent, len(data), data, b"0\r\n\r\n" if last else b"")
        elif unsent:
            data = unsent + data
        if not self.disconnected:
            protocol.transport.write(data)
        if last:
            if not self.chunked:
                self.keep_alive = False
            self._complete()
        elif protocol.writing_paused:
            if self._drained is None:  # else somebody waits already, and this is a comment against silence
                self._drained = Signal()
            return self._drained
        return None

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _complete(self) -> None:
        if self.response_complete:
            return
        self.response_complete = True
        self.body = b""
        if self.more_body:  # the rest of the body cannot be told from a next request: let it pass, then close
            self._protocol.linger()
        elif not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()


def _lines(headers: Headers | None) -> bytes:
    """One formatting for all: it costs little more than that of a single header."""
    return _LINE * len(headers) % tuple(chain.from_iterable(headers)) if headers else b""

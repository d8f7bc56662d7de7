"""The hot paths for whoever runs the application without our protocol class: same guard, same handlers, plain ASGI."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from portico.server.edge.exchange import Exchange, Headers
from portico.server.edge.guard import Guard
from portico.server.edge.stream import Handler, run_exchange
from portico.server.errors import PayloadTooLarge, PorticoError
from portico.server.kit.drive import Drive, Signal, run
from portico.server.services import Services

Scope = dict[str, Any]
QUEUE_EVENTS = 64


class AsgiExchange(Exchange, eq=False):
    """Answers become ASGI messages in a queue; `write` holds the handler back when the queue is long."""

    queue: asyncio.Queue[dict[str, Any] | None] = msgspec.field(default_factory=asyncio.Queue)
    _drained: Signal | None = None
    _drive: Drive[None] | None = None

    def respond(
        self, status: int, body: bytes, headers: Headers | None = None, content_type: bytes = b"application/json"
    ) -> None:
        own = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
        self._start(status, own + (headers or []))
        self.queue.put_nowait({"type": "http.response.body", "body": body, "more_body": False})
        self.queue.put_nowait(None)

    def open_stream(self, headers: Headers | None = None) -> None:
        if not self.started:
            self._start(
                200,
                [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-cache"),
                    (b"x-accel-buffering", b"no"),
                    *(headers or ()),
                ],
            )

    def write(self, data: bytes, last: bool = False) -> Signal | None:
        self.queue.put_nowait({"type": "http.response.body", "body": data, "more_body": not last})
        if last:
            self.queue.put_nowait(None)
        if last or self.queue.qsize() < QUEUE_EVENTS:
            return None
        if self._drained is None:  # else somebody waits already, and this is a comment against silence
            self._drained = Signal()
        return self._drained

    def begun(self, drive: Drive[None]) -> None:
        self._drive = drive

    def cancel(self, error: BaseException) -> None:
        if self._drive is not None:
            self._drive.cancel(error)

    def taken(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status
        headers += [(b"x-request-id", self.request_id.encode()), (b"x-saia-cache", self.cache.encode())]
        self.queue.put_nowait({"type": "http.response.start", "status": status, "headers": headers})


async def serve_hot(services: Services, guard: Guard, handler: Handler, scope: Scope, receive: Any, send: Any) -> None:
    """One hot request over ASGI; the client's hang-up cancels the handler."""
    exchange = AsgiExchange(scope["path"], list(scope["headers"]))
    try:
        guard.refuse_stranger(exchange.headers)
        body = await _maybe_body(receive, services.settings.body_limit_bytes)
    except PorticoError as error:
        exchange.respond_error(error)
        while (message := exchange.queue.get_nowait()) is not None:
            await send(message)
        return
    if body is None:
        return
    exchange.body = body
    work = asyncio.ensure_future(run(run_exchange(services, guard, handler, exchange), exchange.begun))
    gone = asyncio.ensure_future(_until_gone(receive))
    gone.add_done_callback(lambda _: work.cancel())
    try:
        while (message := await _next(exchange, work, services.settings.keep_alive_s)) is not None:
            await send(message)
            exchange.taken()
    finally:
        gone.cancel()
        work.cancel()


async def _next(exchange: AsgiExchange, work: asyncio.Future[None], silence_s: float) -> dict[str, Any] | None:
    """The next message; a keep-alive comment after silence; None at the end."""
    while True:
        waiting: asyncio.Future[dict[str, Any] | None] = asyncio.ensure_future(exchange.queue.get())
        either: list[asyncio.Future[Any]] = [waiting, work]
        await asyncio.wait(either, timeout=silence_s, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        if work.done() and exchange.queue.empty():
            return None
        exchange.break_silence(asyncio.get_running_loop().time(), 0.0)


async def _maybe_body(receive: Any, limit_bytes: int) -> bytes | None:
    """The whole body, or None when the client left before its end. Raises PayloadTooLarge."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit_bytes:
            raise PayloadTooLarge
        if not message.get("more_body"):
            return b"".join(parts)


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

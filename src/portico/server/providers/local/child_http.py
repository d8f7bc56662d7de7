"""The HTTP that the embedding children speak on loopback: plain ASGI, a key of their own, OpenAI's shape of errors."""

from __future__ import annotations

import asyncio
import hmac
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import nullcontext
from typing import Any, TypeVar

import msgspec
import numpy as np
import uvicorn

from portico.server.kit.shared_process.report import report_ready

from .child import Orders
from .encoder import Vectors

Message = MutableMapping[str, Any]
Headers = dict[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[bytes, Headers], Awaitable[list[bytes] | Iterator[bytes]]]
"""Body and headers of a request to the pieces of a JSON answer. Raises Refusal."""

ROWS_PER_WRITE = 64
BODY_LIMIT_BYTES = 64 * 1024 * 1024
T = TypeVar("T")


class Refusal(Exception):
    """What the caller has to change, in OpenAI's members of an error."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        self.status, self.message, self.param, self.code = status, message, param, code


class Hangup(Exception):
    """The caller has gone."""


class App:
    """The ASGI application: `GET /health`, and a POST for each path of `handlers`.

    With `at_once`, no more bodies than that are read and worked on; the others wait in their sockets.
    """

    def __init__(self, orders: Orders, handlers: dict[str, Handler], at_once: int = 0) -> None:
        self._authorization = f"Bearer {orders.key}".encode()
        self._handlers = handlers
        self._turns = asyncio.Semaphore(at_once) if at_once else nullcontext()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except Refusal as refusal:
            await _send(send, refusal.status, [_error_body(refusal)])
        except Hangup:
            return

    async def _route(self, scope: Message, receive: Receive, send: Send) -> None:
        if (scope["method"], scope["path"]) == ("GET", "/health"):
            await _send(send, 200, [b'{"status":"ok"}'])
            return
        handler = self._handlers.get(scope["path"]) if scope["method"] == "POST" else None
        if handler is None:
            raise Refusal(404, "Not found")
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            raise Refusal(401, "Invalid API key", code="invalid_api_key")
        async with self._turns:
            body = await _read_body(receive)
            answer = await _unless_gone(handler(body, headers), receive)
        await _send(send, 200, answer)


async def _unless_gone(answer: Awaitable[T], receive: Receive) -> T:
    """Does the work, and drops it when the caller hangs up."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(receive())  # the body is read: what comes now is http.disconnect
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Hangup
        return work.result()
    finally:
        work.cancel()
        gone.cancel()


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Hangup
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT_BYTES:
            raise Refusal(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
        if not message.get("more_body"):
            return bytes(body)


def write_vectors(vectors: Vectors, form: str, model: str, tokens: int) -> Iterator[bytes]:
    """The JSON answer, some rows at a time: as text a vector is five times as large as in memory."""
    yield b'{"object":"list","data":['
    for start in range(0, len(vectors), ROWS_PER_WRITE):
        block = vectors[start : start + ROWS_PER_WRITE]
        shown: list[Any]
        if form == "base64":
            shown = [b64encode(row.astype("<f4").tobytes()).decode() for row in block]
        else:
            shown = block.astype(np.float64).round(9).tolist()  # a float32 holds no more than that
        data = [{"object": "embedding", "index": start + i, "embedding": e} for i, e in enumerate(shown)]
        yield (b"," if start else b"") + msgspec.json.encode(data)[1:-1]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    yield b'],"model":' + msgspec.json.encode(model) + b',"usage":' + msgspec.json.encode(usage) + b"}"


def _error_body(refusal: Refusal) -> bytes:
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    error = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}
    return msgspec.json.encode({"error": error})


async def _send(send: Send, status: int, pieces: list[bytes] | Iterator[bytes]) -> None:
    headers = [(b"content-type", b"application/json")]
    if isinstance(pieces, list):
        headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def serve(orders: Orders, app: App, **info: Any) -> None:
    """Answers on a port of its own until it is told to stop; the port and `info` go to the supervisor."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    report_ready({"port": listener.getsockname()[1], "key": orders.key, **info})
    uvicorn.Server(config).run(sockets=[listener])

"""A process that serves text embeddings on loopback: a plain ASGI function over the encoder, with a key of its own.

`POST /v1/embeddings` as OpenAI has it (`input`, `encoding_format`, `dimensions`), `GET /health`. Vectors have
length 1; a text of more than 512 tokens is refused, never cut.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Literal

import msgspec
import numpy as np
import uvicorn

from portico.server.kit.shared_process.report import report_ready

from .batcher import Batcher
from .child import Orders, check_memory, explain_load_failure
from .encoder import DIMENSIONS, MAX_TOKENS, Encoder, TextTooLong, Vectors

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ROWS_PER_WRITE = 64
BODY_LIMIT_BYTES = 64 * 1024 * 1024


class Question(msgspec.Struct):
    """The body of a request. `model` is not looked at: there is one."""

    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


class Refusal(Exception):
    """What the caller has to change, in OpenAI's members of an error."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        self.status, self.message, self.param, self.code = status, message, param, code


class Hangup(Exception):
    """The caller has gone."""


class App:
    """The ASGI application."""

    def __init__(self, orders: Orders, encoder: Encoder) -> None:
        self._orders, self._encoder = orders, encoder
        self._authorization = f"Bearer {orders.key}".encode()
        self._batcher: Batcher | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except Refusal as refusal:
            await _send(send, refusal.status, [_error_body(refusal)])
        except Hangup:
            return

    async def _route(self, scope: Message, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"]:
            case "GET", "/health":
                await _send(send, 200, [b'{"status":"ok"}'])
            case "POST", "/v1/embeddings":
                if not hmac.compare_digest(dict(scope["headers"]).get(b"authorization", b""), self._authorization):
                    raise Refusal(401, "Invalid API key", code="invalid_api_key")
                question = _read_question(await _read_body(receive))
                await _unless_gone(self._answer(question, send), receive)
            case _:
                raise Refusal(404, "Not found")

    async def _answer(self, question: Question, send: Send) -> None:
        texts = [question.input] if isinstance(question.input, str) else question.input
        if self._batcher is None:  # made here, for it belongs to the running loop
            self._batcher = Batcher(self._encoder, self._orders.threads)
        try:
            rows = await self._batcher.tokenize(texts)
        except TextTooLong as error:
            raise Refusal(400, str(error), "input", "context_length_exceeded") from None
        vectors = np.empty((len(rows), DIMENSIONS), np.float32)
        async for indexes, found in self._batcher.embed(rows):
            vectors[indexes] = found
        tokens = sum(map(len, rows))
        await _send(send, 200, _pieces(vectors, question.encoding_format, self._orders.model, tokens))


async def _unless_gone(answer: Awaitable[None], receive: Receive) -> None:
    """Does the work, and drops it when the caller hangs up."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(receive())  # the body is read: what comes now is http.disconnect
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Hangup
        work.result()
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


def _read_question(body: bytes) -> Question:
    try:
        question = msgspec.json.decode(body, type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = ". Token arrays are not understood: send text" if "$.input[" in str(error) else ""
        raise Refusal(400, f"{error}{hint}", "input" if "$.input" in str(error) else None) from None
    if not question.input or ("" in question.input and isinstance(question.input, list)):
        raise Refusal(400, "input must hold at least one text, and no empty one", "input")
    if question.dimensions not in (None, DIMENSIONS):
        raise Refusal(400, f"dimensions must be {DIMENSIONS} for this model", "dimensions")
    return question


def _pieces(vectors: Vectors, form: str, model: str, tokens: int) -> Iterator[bytes]:
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


def main() -> None:
    orders = Orders.read()
    check_memory(orders)
    try:
        encoder = Encoder(orders.files[0], orders.files[1])
    except Exception as error:  # the libraries raise classes of their own, and plain Exception
        explain_load_failure(orders, error)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        App(orders, encoder),
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    report_ready({"port": listener.getsockname()[1], "key": orders.key, "max_tokens": MAX_TOKENS})
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()

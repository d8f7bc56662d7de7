"""A provider on loopback that answers as it is told: whole, streamed, byte by byte, wrongly, or not at all.

It records what it was asked. The openai SDK talks to it in `tests/providers`, so that its shapes are those of OpenAI.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-up",
    "object": "chat.completion",
    "created": 1764000000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there", "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
    "system_fingerprint": "fp_1",
}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1764000000, "model": "gpt-4o-mini"}
    return {**head, "choices": [choice], **more}


def usage_chunk() -> dict[str, Any]:
    return {**chunk({}), "choices": [], "usage": COMPLETION["usage"]}


def sse(*events: Any) -> bytes:
    """Events as OpenAI writes them; strings pass as they are."""
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return b"".join(f"data: {text}\n\n".encode() for text in texts)


HELLO = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello"}),
    chunk({"content": " there"}),
    chunk({}, "stop"),
    usage_chunk(),
    "[DONE]",
)


@dataclass
class Asked:
    """One request that arrived. `body` is the parsed JSON, or the bytes themselves when they are none."""

    path: str
    headers: dict[str, str]
    body: Any
    method: str = "POST"
    raw_body: bytes = b""


@dataclass
class Reply:
    """What to answer. Pieces of a `body` go out as chunks, `gap_s` apart; `cut` drops the connection behind them."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    gap_s: float = 0.0
    delay_s: float = 0.0
    cut: bool = False
    raw: bytes | None = None


def whole(body: Any = None, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(
        status,
        json.dumps(COMPLETION if body is None else body).encode(),
        {"Content-Type": "application/json", **headers},
    )


def stream(body: bytes | Iterable[bytes] = HELLO, **more: Any) -> Reply:
    """An event stream."""
    return Reply(200, body, {"Content-Type": "text/event-stream"}, **more)


Script = Callable[[Asked], Reply]


class Held:
    """A script that gives its answer when `let_go` was called, not before; the end of the block lets go, too."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._go = threading.Event()

    def __call__(self, _: Asked) -> Reply:
        assert self._go.wait(120)
        return self._reply

    def let_go(self) -> None:
        self._go.set()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()


class Upstream:
    """The provider. `script` decides each answer; `asked` holds the requests; `hang_ups` counts clients that left."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.hang_ups = 0
        self.rounds = 0
        self.script: Script = answer_well
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Upstream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def root(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The base URL as OpenAI has it."""
        return f"{self.root}/v1"

    def reset(self) -> None:
        """Begins a round: who hangs up on an answer of an earlier one, which may still be going out, does not count."""
        self.rounds += 1
        self.asked.clear()
        self.hang_ups = 0
        self.script = answer_well

    def replies(self, *replies: Reply) -> None:
        """These answers, one after the other; the last one again and again."""
        left = list(replies)
        self.script = lambda _: left.pop(0) if len(left) > 1 else left[0]


def answer_well(asked: Asked) -> Reply:
    """What OpenAI would answer to a correct request."""
    if asked.path.endswith("/embeddings"):
        inputs = asked.body["input"]
        data = [{"object": "embedding", "index": i, "embedding": [0.6, -0.8]} for i in range(len(inputs))]
        usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
        return whole({"object": "list", "model": asked.body["model"], "data": data, "usage": usage})
    if asked.body.get("stream"):
        return stream()
    return whole()


def _read_body(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:  # a form, an upload
        return body


class _Server(ThreadingHTTPServer):
    upstream: Upstream
    daemon_threads = True
    request_queue_size = 1024  # more than come at once: whose first packet is dropped tries again seconds later

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {k.lower(): v for k, v in self.headers.items()}
        sent = self.rfile.read(length)
        asked = Asked(self.path, headers, _read_body(sent), self.command, sent)
        upstream = self.server.upstream
        began_in = upstream.rounds
        upstream.asked.append(asked)
        reply = upstream.script(asked)
        time.sleep(reply.delay_s)
        try:
            self._send(reply)
        except OSError:
            upstream.hang_ups += began_in == upstream.rounds
            self.close_connection = True

    do_GET = do_POST

    def _send(self, reply: Reply) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes) and not reply.cut:
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(reply.gap_s)
        if reply.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

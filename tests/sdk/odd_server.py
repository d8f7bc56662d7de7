"""A small HTTP server that does what it is told: answers, stalls, drops connections, streams oddly. For tests only."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FOREVER = 3600.0


@dataclass
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered. `pieces` are sent chunked, one by one; a float among them is a pause in seconds.

    No pause outlasts the test: one of `FOREVER` holds that the client does not wait for its end.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes | float] | None = None
    cut: bool = False
    stall_s: float = 0.0
    drop: bool = False


def reply_json(value: object, status: int = 200, **headers: str) -> Reply:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **names})


def frame(value: object) -> bytes:
    """One frame of an event stream; not ASCII-safe on purpose."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def text_chunk(text: str, **more: object) -> dict[str, object]:
    return {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
        **more,
    }


def finish_chunk(reason: str = "stop") -> dict[str, object]:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


DONE = b"data: [DONE]\n\n"


def reply_stream(*pieces: bytes | float, content_type: str = "text/event-stream", cut: bool = False) -> Reply:
    return Reply(headers={"Content-Type": content_type, "X-Request-Id": "req-1"}, pieces=pieces, cut=cut)


Answer = Callable[[Seen], Reply]


class OddServer:
    """`url` and the requests `seen`. Answers come from `answer`; replies put into `script` go first, in order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: list[Reply] = []
        self.answer: Answer = lambda seen: reply_json({"path": seen.path})
        self.hung_up = threading.Event()
        self.released = threading.Event()
        self.connections = 0
        self._server = _Listener(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def next_reply(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        return self.script.pop(0) if self.script else self.answer(seen)

    @contextmanager
    def running(self) -> Iterator[OddServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


def _handler(server: OddServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(server.next_reply(Seen(self.command, unquote(parts.path), query, headers, body)))

        do_GET = do_POST = do_PUT = do_DELETE = do

        def _send(self, reply: Reply) -> None:
            if reply.stall_s:
                server.released.wait(reply.stall_s)
            if reply.drop:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.pieces is None:
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body) + (10 if reply.cut else 0)))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection |= reply.cut
            else:
                self._send_pieces(reply, reply.pieces)
            with suppress(OSError):
                self.wfile.flush()

        def _send_pieces(self, reply: Reply, pieces: Iterable[bytes | float]) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            try:
                for piece in pieces:
                    self.wfile.flush()  # the last piece leaves together with the end of the body
                    if isinstance(piece, bytes):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    else:
                        server.released.wait(piece)
                if not reply.cut:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                server.hung_up.set()
                self.close_connection = True
            self.close_connection |= reply.cut

    return Handler

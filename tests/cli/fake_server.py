"""A small HTTP server that answers as told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Answer:
    """A status, and a JSON body or the pieces of a stream; a piece may be an Event to wait for."""

    body: object = None
    status: int = 200
    stream: Iterable[bytes | threading.Event] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeServer:
    """Answers are kept by method and path; several for one path are given in turn, the last one again and again."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[Asked] = []
        self.hung_up = threading.Event()
        self.url = ""

    def answer(self, method: str, path: str, *answers: object) -> None:
        self.answers[method, path] = [a if isinstance(a, Answer) else Answer(a) for a in answers]

    def find(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        found = self.answers.get((asked.method, asked.path))
        if not found:
            return Answer({"errors": [{"id": 404, "description": "Bad Endpoint"}]}, 404)
        return found.pop(0) if len(found) > 1 else found[0]

    def last(self, path: str) -> Asked:
        return next(asked for asked in reversed(self.asked) if asked.path == path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def log_message(self, format: str, *args: object) -> None: ...

    def _handle(self) -> None:
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_form = headers.get("content-type", "").startswith(("multipart/", "application/x-www-form-urlencoded"))
        asked = Asked(self.command, url.path, query, headers, raw if is_form else json.loads(raw) if raw else None)
        answer = self.fake.find(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.stream is None:
            self._send_json(answer.body)
        else:
            self._send_stream(answer.stream)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def _send_json(self, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_header("Content-Type", "application/octet-stream" if data is body else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_stream(self, pieces: Iterable[bytes | threading.Event]) -> None:
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for piece in pieces:
                if isinstance(piece, bytes):
                    self.wfile.write(piece)
                    self.wfile.flush()
                else:
                    self._wait(piece)
        except OSError:
            self.fake.hung_up.set()

    def _wait(self, until: threading.Event) -> None:
        """Keep the stream silent until told to go on, or until the client has hung up."""
        while not until.wait(0.05):
            self.wfile.write(b": keep-alive\n\n")
            self.wfile.flush()


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

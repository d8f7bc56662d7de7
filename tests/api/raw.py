"""HTTP by hand: bytes go to the server as they are written, answers come back one by one from the same connection."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from tests.live import Answer, LiveServer

CHAT_PATH = "/v1/chat/completions"
ASKED = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
PATIENCE_S = 60.0
"""No request may stay without an answer for so long."""


class Wire:
    """One connection. Waiting for longer than PATIENCE_S fails the test: the server hangs."""

    def __init__(self, server: LiveServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
        self._held = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def wait_for(self, mark: bytes) -> None:
        """Until this has come; `answer` reads it with the rest."""
        while mark not in self._held:
            self._more()

    def answer(self, *, bodiless: bool = False) -> Answer:
        """The next answer, whole. `bodiless` for the answer to a HEAD. ConnectionError when there is none."""
        while True:
            lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            if status >= 200:
                break
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        return Answer(status, headers, b"" if bodiless else self._body(headers))

    def interim(self) -> int:
        """The status of a 1xx answer."""
        return int(self._until(b"\r\n\r\n").split()[1])

    def is_closed(self) -> bool:
        """Waits for the end of the connection; false when bytes come instead."""
        return not self._held and not self._receive()

    def rest(self) -> bytes:
        """What comes until the server closes."""
        while piece := self._receive():
            self._held += piece
        held, self._held = self._held, b""
        return held

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 18)
        except ConnectionResetError:
            return b""

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return self.rest()
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._take(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._held:
            self._more()
        found, _, self._held = self._held.partition(mark)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            self._more()
        found, self._held = self._held[:size], self._held[size:]
        return found

    def _more(self) -> None:
        piece = self._receive()
        if not piece:
            raise ConnectionError(f"the server closed the connection; before that it said {self._held[:200]!r}")
        self._held += piece


def request(
    server: LiveServer,
    body: Any = None,
    *,
    method: str = "POST",
    path: str = CHAT_PATH,
    version: str = "1.1",
    token: str | None = "",
    length: int | None = -1,
    extra: str = "",
) -> bytes:
    """The bytes of a request. `body` becomes JSON unless it is bytes; `length` None leaves Content-Length out."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{version}", "Host: test"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token or server.token()}")
    if length is not None:
        lines.append(f"Content-Length: {len(data) if length < 0 else length}")
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode("latin-1") + data


def chunked(server: LiveServer, pieces: list[bytes], **more: Any) -> bytes:
    """A request whose body comes in these pieces, by chunked transfer encoding."""
    head = request(server, length=None, extra="Transfer-Encoding: chunked\r\n", **more)
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def ask(server: LiveServer, raw: bytes, **more: Any) -> Answer:
    """One request on a connection of its own."""
    with Wire(server) as wire:
        wire.send(raw)
        return wire.answer(**more)


def stands_still(value: Callable[[], int], for_s: float = 0.3) -> bool:
    """Whether something has begun to count up and goes on no more."""
    before = value()
    time.sleep(for_s)
    return bool(before and before == value())


def check_refused(answer: Answer, status: int, number: int | None = None) -> str:
    """A refusal in the documented envelope of the execution APIs, complete and without a trace; its message."""
    assert answer.status == status, answer.body[:500]
    assert answer.headers["content-type"].startswith("application/json")
    assert b"Traceback" not in answer.body and b'File "' not in answer.body
    body = answer.json()
    assert body["requestId"] == answer.headers["x-request-id"]
    assert (body["success"], body["status"]) == (False, "failed")
    [listed] = body["errors"]
    assert listed["description"] == body["error"]["message"]
    if number is not None:
        assert listed["id"] == number, body
    return str(listed["description"])

"""One hot request and the way its answer goes back. The two lanes differ in how bytes leave, and in nothing else."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from portico.server.kit.drive import Signal
from portico.server.kit.request_ids import new_request_id

KEEP_ALIVE = b": keep-alive\n\n"


class Exchange(ABC):
    """`headers` are lower-case names and raw values; `body` is whole when the handler runs.

    `stream` is set by the handler once it has read that the caller wants a stream: from then on a keep-alive
    comment may open the answer before the provider's first byte (HC-14).
    """

    __slots__ = ("body", "caller", "headers", "last_write", "path", "request_id", "started", "status", "stream")

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        self.path = path
        self.headers = headers
        self.body: bytes | bytearray = b""
        self.request_id = new_request_id()
        self.stream = False
        self.started = False
        self.status = 0
        self.last_write = time.monotonic()

    def header(self, name: bytes) -> str | None:
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1").strip()
        return None

    @abstractmethod
    def respond(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        """A whole JSON answer; ends the exchange."""

    @abstractmethod
    def open_stream(self) -> None:
        """Status 200 and the headers of an event stream. Idempotent."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Whole events of an open stream."""

    @abstractmethod
    def drained(self) -> Signal | None:
        """None when the client keeps up, else what to wait for before writing more."""

    @abstractmethod
    def finish(self) -> None:
        """The end of an open stream."""

    def break_silence(self, now: float, silence_s: float) -> None:
        if self.stream and now - self.last_write >= silence_s:
            self.open_stream()
            self.write(KEEP_ALIVE)

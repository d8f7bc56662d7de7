"""One hot request and the way its answer goes back. The two lanes differ in how bytes leave, and in nothing else."""

from __future__ import annotations

import time

import msgspec

from portico.server.edge.dialects import dialect_of
from portico.server.errors import PorticoError
from portico.server.kit.drive import Signal
from portico.server.kit.request_ids import new_request_id

Headers = list[tuple[bytes, bytes]]


class Exchange(msgspec.Struct, eq=False):
    """`headers` are lower-case names and raw values; `body` is whole when the handler runs.

    `stream` is set by the handler once it has read that the caller wants a stream: from then on a keep-alive
    comment may open the answer before the provider's first byte (HC-14). `cache` goes out as X-Saia-Cache.
    """

    path: str
    headers: Headers
    request_id: str = msgspec.field(default_factory=new_request_id)
    body: bytes | bytearray = b""
    stream: bool = False
    started: bool = False
    status: int = 0
    cache: str = "BYPASS"
    last_write: float = msgspec.field(default_factory=time.monotonic)

    def header(self, name: bytes) -> str | None:
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1").strip()
        return None

    def respond(
        self, status: int, body: bytes, headers: Headers | None = None, content_type: bytes = b"application/json"
    ) -> None:
        """A whole answer; ends the exchange."""
        raise NotImplementedError

    def respond_error(self, error: PorticoError) -> None:
        """A refusal in the words of the API that was called; ends the exchange."""
        status, body, headers = dialect_of(self.path).refuse(error, self.request_id)
        self.respond(status, body, headers)

    def open_stream(self, headers: Headers | None = None) -> None:
        """Status 200 and the headers of an event stream. Idempotent."""
        raise NotImplementedError

    def write(self, data: bytes, last: bool = False) -> Signal | None:
        """Whole events of an open stream; with `last` they end it. None when the client keeps up, else what to wait
        for before writing more."""
        raise NotImplementedError

    def cancel(self, error: BaseException) -> None:
        """Raises `error` where the handler waits; no effect once it is over."""
        raise NotImplementedError

    def break_silence(self, now: float, silence_s: float) -> None:
        if self.stream and now - self.last_write >= silence_s:
            self.open_stream()
            self.write(dialect_of(self.path).keep_alive)

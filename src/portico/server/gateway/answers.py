"""What a verb of the switchboard gives back: a whole body, or a stream that has begun, and the headers of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from portico.server.gateway.metering import Meter
from portico.server.gateway.routing import Answered, Choice
from portico.server.kit.drive import Signal
from portico.server.providers.base import Turn
from portico.server.providers.http1 import Reply
from portico.wire.sse import DONE

Headers = list[tuple[bytes, bytes]]
CacheUse = Literal["", "HIT", "MISS", "BYPASS"]
JSON = b"application/json"
ADJUSTED = b"x-portico-adjusted"
ADJUSTED_LONGEST = 512
_ID = (b"id", b"Id", b"ID")
"""How the name of a header with a request id ends; looked at first, because lower-casing all names costs more."""
READY = Signal(True)
"""What `Stream.more` gives when nothing has to be waited for."""
_NOT_FOR_A_HEADER = bytes(set(range(256)) - set(range(0x20, 0x7F)))


class Answer(msgspec.Struct):
    """A whole answer. `headers` tell what happened on the way; `cache` goes out as X-Saia-Cache."""

    body: bytes
    headers: Headers = []
    cache: CacheUse = "BYPASS"
    content_type: bytes = JSON
    status: int = 200


class Stream:
    """An answer being streamed. `take()` until it gives None, awaiting `more()` in between; then `close()`.

    An error out of `take()` is one after the first byte: the stream is over, without an end of its own.
    `framed`: what is taken are whole events, not the JSON of one; `end` is the event behind the last.
    """

    headers: Headers | None = None
    cache: CacheUse = "BYPASS"
    framed = False
    end = DONE

    def take(self) -> Sequence[bytes] | None:
        """JSON texts of the chunks that have arrived; none when nothing has, None at the end."""
        raise NotImplementedError

    def more(self) -> Signal:
        """Set when there is something to take again, the end or an error included."""
        raise NotImplementedError

    def close(self, error: BaseException | None = None) -> None:
        """Ends the answer in whatever way it ended. Idempotent."""
        raise NotImplementedError


class ReadyStream(Stream):
    """A stream of which everything is there. It meters nothing."""

    def __init__(self, chunks: list[bytes], headers: Headers | None = None, cache: CacheUse = "BYPASS") -> None:
        self._chunks: list[bytes] | None = chunks
        self.headers, self.cache = headers, cache

    def take(self) -> Sequence[bytes] | None:
        chunks, self._chunks = self._chunks, None
        return chunks

    def more(self) -> Signal:
        return READY

    def close(self, error: BaseException | None = None) -> None:
        self._chunks = None


def tell_answered(meter: Meter, answered: Answered[Any]) -> Headers:
    """Says who answered: to the meter, and in the headers of the answer, with what is left of the caller's rates."""
    theirs = provider_request_id(answered.choice, answered.reply)
    turn = meter.answered_by(answered.choice, answered.attempts, theirs)
    headers = headers_of(answered.choice, answered.attempts, turn, theirs)
    return headers if meter.ticket is None else headers + meter.ticket.headers()


def headers_of(choice: Choice, attempts: int, turn: Turn, theirs: bytes) -> Headers:
    """Who answered, after how many tries, with what changed of the request, and under which id of the provider's."""
    headers = [(b"x-portico-provider", choice.label), (b"x-portico-attempts", b"%d" % attempts)]
    if turn.adjusted:
        headers.append((ADJUSTED, _presentable("; ".join(turn.adjusted).encode())[:ADJUSTED_LONGEST]))
    if theirs:
        headers.append((b"x-portico-provider-request-id", theirs))
    return headers


def provider_request_id(choice: Choice, reply: Reply) -> bytes:
    """The provider's own id of the request; empty when it tells none."""
    names = choice.target.adapter.request_id_headers
    for name in reply.raw_headers:
        if name[-2:] in _ID and name.lower() in names:
            return _presentable(reply.raw_headers[name].strip())[:128]
    return b""


def _presentable(value: bytes) -> bytes:
    return value.translate(None, _NOT_FOR_A_HEADER)

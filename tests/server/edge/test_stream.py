"""In which order a stream is sent and put on record."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from portico.server.edge.asgi_lane import QUEUE_EVENTS, AsgiExchange
from portico.server.edge.exchange import Exchange
from portico.server.edge.fast_exchange import FastExchange
from portico.server.edge.stream import _send_stream
from portico.server.gateway.answers import READY, Headers, Stream
from portico.server.kit.drive import Signal, run

pytestmark = pytest.mark.anyio


class Told(Exchange, kw_only=True):
    """An exchange that remembers what happened to it."""

    events: list[object]

    def open_stream(self, headers: Headers | None = None) -> None:
        self.started = True

    def write(self, data: bytes, last: bool = False) -> None:
        self.events.append(data)


class Chunks(Stream):
    def __init__(self, events: list[object], *chunks: bytes | Exception) -> None:
        self._events = events
        self._left = list(chunks)

    def take(self) -> Sequence[bytes] | None:
        if not self._left:
            return None
        chunk = self._left.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return [chunk]

    def more(self) -> Signal:
        return READY

    def close(self, error: BaseException | None = None) -> None:
        self._events.append(("closed", error))


async def test_a_whole_stream_is_on_record_before_its_end_is_sent() -> None:
    """A process that dies right after the end was sent has kept the usage line."""
    events: list[object] = []
    await run(_send_stream(Told(path="/chat", headers=[], events=events), Chunks(events, b"{}")))
    assert events == [b"data: {}\n\n", ("closed", None), b"data: [DONE]\n\n"]


async def test_a_stream_that_breaks_is_closed_once_with_its_error() -> None:
    events: list[object] = []
    broken = ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        await run(_send_stream(Told(path="/chat", headers=[], events=events), Chunks(events, b"{}", broken)))
    assert events == [b"data: {}\n\n", ("closed", broken)]


def test_a_comment_against_silence_does_not_lose_who_waits_for_a_slow_client() -> None:
    """The lane writes it while the handler waits: what wakes the handler is still the same."""
    protocol = SimpleNamespace(
        writing_paused=True, transport=SimpleNamespace(write=lambda data: None), date=lambda: b""
    )
    exchange = FastExchange("/chat", [], _protocol=protocol, stream=True)
    exchange.open_stream()
    waited = exchange.write(b"data: {}\n\n")
    exchange.break_silence(exchange.last_write + 10, 10)
    exchange.resume_writing()
    assert waited is not None and waited.is_set


async def test_the_same_on_the_other_lane() -> None:
    exchange = AsgiExchange("/chat", [], stream=True)
    exchange.open_stream()
    waited = [exchange.write(b"data: {}\n\n") for _ in range(QUEUE_EVENTS)][-1]
    exchange.break_silence(exchange.last_write + 10, 10)
    exchange.taken()
    assert waited is not None and waited.is_set

"""Answers already given, for chat: whether one may be used, how it is told again, and how a new one is kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.server.catalog.entry import Model
from portico.server.gateway.answers import Answer, ReadyStream, Stream
from portico.server.gateway.cache import AnswerCache, Entry, Recorder, as_chunks, as_whole, make_entry
from portico.server.gateway.metering import Meter
from portico.server.providers.base import Members, Tokens, Turn
from portico.wire.requests import ChatRequest


class Keeping(msgspec.Struct):
    """The place in the cache that the answer of `model` to one request will have. `recorder` listens to a stream.

    Another target of an alias, or a fallback, may answer instead: that is not kept as an answer of this model.
    """

    cache: AnswerCache
    key: bytes
    model: Model
    recorder: Recorder | None = None
    entry: Entry | None = None

    def take_whole(self, members: Members, tokens: Tokens | None) -> None:
        """A whole answer with its usage, to be kept unless it is one that may not be."""
        self.entry = make_entry(members, tokens or Tokens())

    def keep_whole(self) -> None:
        """Keeps what was taken, now that it has passed all checks."""
        if self.entry is not None:
            self.cache.store(self.key, self.entry)

    def keep_stream(self, meter: Meter) -> None:
        """Keeps what was listened to. Only for a stream that has reached its end."""
        if self.recorder is None or meter.turn is None or meter.turn.tokens is None or meter.model is not self.model:
            return
        entry = self.recorder.finish(meter.turn.tokens, meter.usage())
        if entry is not None:
            self.cache.store(self.key, entry)


async def find_entry(cache: AnswerCache, key: bytes) -> Entry | None:
    """From memory, or from PostgreSQL where it is known to be there."""
    entry = cache.find(key)
    if entry is None and cache.stored(key):
        return await cache.fetch(key)
    return entry


def replay(entry: Entry, request: ChatRequest, meter: Meter) -> Answer | Stream:
    """The answer once more, as the caller wants it; it costs nothing. The meter of a whole one is left open."""
    meter.turn = Turn(keep_usage=request.include_usage, tokens=None, finish_reason=entry.finish_reason)
    meter.cache = "HIT"
    headers = [(b"x-portico-attempts", b"0")]
    if request.stream:
        return Replayed(as_chunks(entry, request.include_usage, meter.request_id), meter, headers)
    return Answer(as_whole(entry, meter.request_id), headers, cache="HIT")


class Replayed(ReadyStream):
    """One out of the cache, with its usage line."""

    def __init__(self, chunks: list[bytes], meter: Meter, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(chunks, headers, "HIT")
        self._meter: Meter | None = meter

    def take(self) -> Sequence[bytes] | None:
        chunks = super().take()
        if chunks is not None and self._meter is not None:
            self._meter.mark_first_byte()
        return chunks

    def close(self, error: BaseException | None = None) -> None:
        meter, self._meter = self._meter, None
        if meter is None:
            return
        if error is None:
            meter.close("completed", 200)
        else:
            meter.fail(error)

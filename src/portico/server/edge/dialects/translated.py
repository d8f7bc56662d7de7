"""A chat answer on its way to a caller of another API: the whole one rewritten, the stream as that API's events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from portico.server.edge.dialects.steps import ChunkReader, Head, Step, read_whole
from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import Answer, Stream
from portico.server.kit.drive import Signal


class Writer(Protocol):
    """Tells one answer in the words of an API. `begin` first, then `write` for each step, then one of the others."""

    end: bytes
    """The event behind the last one of a stream."""

    def begin(self, head: Head) -> bytes: ...
    def write(self, step: Step) -> bytes: ...
    def finish(self, usage: dict[str, Any]) -> bytes:
        """The last events of a stream."""
        ...

    def whole(self, usage: dict[str, Any]) -> bytes:
        """The body of an answer in one piece."""
        ...


def translate(answer: Answer | Stream, writer: Writer) -> Answer | Stream:
    """The same answer in the writer's words; headers and cache use stay."""
    if isinstance(answer, Stream):
        return Translated(answer, writer)
    head, steps, usage = read_whole(answer.body)
    writer.begin(head)
    for step in steps:
        writer.write(step)
    answer.body = writer.whole(usage)
    return answer


class Translated(Stream):
    """Chunks of another stream as events. What the other one raises passes; it is closed with this one."""

    framed = True

    def __init__(self, inner: Stream, writer: Writer) -> None:
        self._inner = inner
        self._writer = writer
        self._reader = ChunkReader()
        self._begun = self._ended = False
        self.headers = inner.headers
        self.cache = inner.cache
        self.end = writer.end

    def take(self) -> Sequence[bytes] | None:
        if self._ended:
            return None
        chunks = self._inner.take()
        if chunks is None:
            self._ended = True
            if not self._begun:
                raise ProviderUnknown("the provider's stream held no answer")
            return (self._writer.finish(self._reader.usage or {}),)
        events = [self._events(chunk) for chunk in chunks]
        return [event for event in events if event]

    def _events(self, chunk: bytes) -> bytes:
        steps = self._reader.read(chunk)
        told = [self._writer.write(step) for step in steps] if self._begun else self._begin(steps)
        return b"".join(told)

    def _begin(self, steps: list[Step]) -> list[bytes]:
        if self._reader.head is None:
            return []
        self._begun = True
        return [self._writer.begin(self._reader.head), *(self._writer.write(step) for step in steps)]

    def more(self) -> Signal:
        return self._inner.more()

    def close(self, error: BaseException | None = None) -> None:
        self._inner.close(error)

"""A streamed response as the user holds it: an iterator over typed events, with helpers for text and for the whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Self

from portico.sdk.errors import StreamInterrupted
from portico.sdk.managers.base import read
from portico.sdk.streams import AsyncJsonStream, JsonStream
from portico.wire.responses import Response, ResponseEvent

TEXT = "response.output_text.delta"
_ENDS = ("response.completed", "response.incomplete")


class ResponseStream:
    """A streamed response: iterate over its events. Close it, or use it as a context manager.

    Errors in the stream are raised: StreamFailed (told by the server), StreamInterrupted (cut off).
    """

    def __init__(self, frames: JsonStream) -> None:
        self._frames = frames
        self._final: Response | None = None

    @property
    def request_id(self) -> str | None:
        return self._frames.request_id

    def __iter__(self) -> Iterator[ResponseEvent]:
        return self

    def __next__(self) -> ResponseEvent:
        event = read(ResponseEvent, next(self._frames))
        self._final = _final_of(event) or self._final
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def text_stream(self) -> Iterator[str]:
        """The text, piece by piece."""
        return (event.delta for event in self if event.type == TEXT)

    def get_final_response(self) -> Response:
        """Reads what is left and gives the whole response."""
        for _ in self:
            pass
        return _required(self._final, self.request_id)

    def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        self._frames.close()


class AsyncResponseStream:
    """The same for asyncio: `async for event in stream`."""

    def __init__(self, frames: AsyncJsonStream) -> None:
        self._frames = frames
        self._final: Response | None = None

    @property
    def request_id(self) -> str | None:
        return self._frames.request_id

    def __aiter__(self) -> AsyncIterator[ResponseEvent]:
        return self

    async def __anext__(self) -> ResponseEvent:
        event = read(ResponseEvent, await anext(self._frames))
        self._final = _final_of(event) or self._final
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def text_stream(self) -> AsyncIterator[str]:
        """The text, piece by piece."""
        async for event in self:
            if event.type == TEXT:
                yield event.delta

    async def get_final_response(self) -> Response:
        """Reads what is left and gives the whole response."""
        async for _ in self:
            pass
        return _required(self._final, self.request_id)

    async def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        await self._frames.close()


def _final_of(event: ResponseEvent) -> Response | None:
    return event.response if event.type in _ENDS else None


def _required(final: Response | None, request_id: str | None) -> Response:
    if final is None:
        raise StreamInterrupted("The stream ended before the response was complete.", request_id=request_id)
    return final

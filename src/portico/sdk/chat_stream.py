"""A streamed answer as the user holds it: an iterator over events, with helpers for text and for the whole answer."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Self

from portico.sdk.events import ChatAssembler, ChatEvent, TextDelta
from portico.sdk.streams import AsyncJsonStream, JsonStream
from portico.wire.chat import ChatCompletion


class ChatStream:
    """A streamed answer: iterate over its events. Close it, or use it as a context manager.

    Errors in the stream are raised: StreamFailed (told by the server), StreamInterrupted (cut off).
    """

    def __init__(self, frames: JsonStream) -> None:
        self._frames = frames
        self._assembler = ChatAssembler()
        self._ready: deque[ChatEvent] = deque()
        self._ended = False

    @property
    def request_id(self) -> str | None:
        return self._frames.request_id

    def __iter__(self) -> Iterator[ChatEvent]:
        return self

    def __next__(self) -> ChatEvent:
        while not self._ready:
            frame = next(self._frames, None)
            if frame is not None:
                self._ready += self._assembler.feed(frame)
            elif self._ended:
                raise StopIteration
            else:
                self._ended = True
                self._ready += self._assembler.end()
        return self._ready.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def text_stream(self) -> Iterator[str]:
        """The text of the first choice, piece by piece."""
        for event in self:
            if isinstance(event, TextDelta) and event.index == 0:
                yield event.text

    def get_final_completion(self) -> ChatCompletion:
        """Reads what is left and gives the whole answer."""
        for _ in self:
            pass
        return self._assembler.completion()

    def get_final_text(self) -> str:
        """Reads what is left and gives the text of the first choice."""
        return self.get_final_completion().text

    @property
    def completion_so_far(self) -> ChatCompletion:
        """The answer as far as it was read; what is left when a stream breaks."""
        return self._assembler.completion()

    def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        self._frames.close()


class AsyncChatStream:
    """The same for asyncio: `async for event in stream`."""

    def __init__(self, frames: AsyncJsonStream) -> None:
        self._frames = frames
        self._assembler = ChatAssembler()
        self._ready: deque[ChatEvent] = deque()
        self._ended = False

    @property
    def request_id(self) -> str | None:
        return self._frames.request_id

    def __aiter__(self) -> AsyncIterator[ChatEvent]:
        return self

    async def __anext__(self) -> ChatEvent:
        while not self._ready:
            frame = await anext(self._frames, None)
            if frame is not None:
                self._ready += self._assembler.feed(frame)
            elif self._ended:
                raise StopAsyncIteration
            else:
                self._ended = True
                self._ready += self._assembler.end()
        return self._ready.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def text_stream(self) -> AsyncIterator[str]:
        """The text of the first choice, piece by piece."""
        async for event in self:
            if isinstance(event, TextDelta) and event.index == 0:
                yield event.text

    async def get_final_completion(self) -> ChatCompletion:
        """Reads what is left and gives the whole answer."""
        async for _ in self:
            pass
        return self._assembler.completion()

    async def get_final_text(self) -> str:
        """Reads what is left and gives the text of the first choice."""
        return (await self.get_final_completion()).text

    @property
    def completion_so_far(self) -> ChatCompletion:
        """The answer as far as it was read; what is left when a stream breaks."""
        return self._assembler.completion()

    async def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        await self._frames.close()

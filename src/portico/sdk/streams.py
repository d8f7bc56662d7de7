"""Streamed answers as JSON: pieces of bytes in, one object per frame out. The low level of streaming.

`FrameReader` judges without I/O: frames, errors, the end. `JsonStream` and `AsyncJsonStream` drive it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec

from portico.sdk import errors
from portico.sdk.byte_stream import AsyncByteStream, ByteStream
from portico.sdk.call import Answer, JsonObject
from portico.sdk.failures import api_error, is_failure, read_json, stream_failure
from portico.wire.sse import Event, FrameTooLarge, SSEDecoder


class FrameReader:
    """Bytes in by `feed`, JSON objects out by `pop`. `finished` turns true at `[DONE]`; nothing after it is read.

    An end without `[DONE]` passes only when every choice had told its finish reason; else it is StreamInterrupted.
    An error waits until the objects before it were popped.
    """

    def __init__(self, head: Answer) -> None:
        self.finished = False
        self._head = head
        self._decoder = SSEDecoder()
        self._ready: deque[JsonObject] = deque()
        self._error: errors.PorticoError | None = None
        self._whole: list[bytes] | None = [] if "json" in head.headers.get("content-type", "") else None
        self._begun = False
        self._pending_choices: set[int] = set()
        self._any_finish = False

    def pop(self) -> JsonObject | None:
        """The next object; None when more bytes are needed, or none will come. Raises PorticoError."""
        if self._ready:
            return self._ready.popleft()
        if self._error is not None:
            raise self._error
        return None

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes; b"" is the end of the connection."""
        try:
            if not piece:
                self._end()
            elif self._is_plain(piece):
                assert self._whole is not None
                self._whole.append(piece)
            else:
                self._read(self._decoder.feed(piece))
        except FrameTooLarge as error:
            self._error = errors.StreamError(f"The stream cannot be read: {error}.", request_id=self._head.request_id)
        except errors.PorticoError as error:
            self._error = error
        self.finished = self.finished or self._error is not None

    def _is_plain(self, piece: bytes) -> bool:
        """JSON and no event stream, whatever the header says: an error told late, or a server that cannot stream."""
        if not self._begun and self._whole is None and (first := piece.lstrip()):
            self._begun = True
            if first.startswith(b"{"):
                self._whole = []
        return self._whole is not None

    def _end(self) -> None:
        if self._whole is not None:
            answer = Answer(self._head.status, self._head.headers, b"".join(self._whole))
            self._ready.append(_as_chunk(read_json(answer)))
        else:
            try:
                self._read(self._decoder.close())
            except errors.StreamFailed:
                raise
            except errors.StreamError:
                raise self._interrupted() from None  # half a frame is no JSON because it is half
            if not self.finished and (self._pending_choices or not self._any_finish):
                raise self._interrupted()
        self.finished = True

    def _read(self, events: list[Event]) -> None:
        for event in events:
            text = event.data.strip()
            if text == b"[DONE]":
                self.finished = True
                return
            if text:
                self._ready.append(self._object(text))

    def _object(self, text: bytes) -> JsonObject:
        try:
            frame: Any = msgspec.json.decode(text)
        except ValueError:
            shown = text[:80].decode("utf-8", "replace")
            raise errors.StreamError(
                f"A frame of the stream is no JSON: {shown!r}.",
                request_id=self._head.request_id,
                hint="The answer is not complete: ask again.",
            ) from None
        if not isinstance(frame, dict):
            raise errors.StreamError("A frame of the stream is no object.", request_id=self._head.request_id)
        if is_failure(frame):
            raise stream_failure(frame, self._head.request_id)
        self._note_choices(frame)
        return frame

    def _note_choices(self, frame: JsonObject) -> None:
        for choice in frame.get("choices") or ():
            if isinstance(choice, dict):
                index = choice.get("index") or 0
                if choice.get("finish_reason"):
                    self._any_finish = True
                    self._pending_choices.discard(index)
                elif choice.get("delta"):
                    self._pending_choices.add(index)

    def _interrupted(self) -> errors.StreamInterrupted:
        return errors.StreamInterrupted(
            "The stream ended before the answer was complete.", request_id=self._head.request_id
        )


class JsonStream:
    """An open stream: iterate over its frames as they arrive. Close it, or use it as a context manager."""

    def __init__(self, source: ByteStream) -> None:
        self._source = source
        self._reader = FrameReader(source.head)

    @property
    def request_id(self) -> str | None:
        return self._source.head.request_id

    def __iter__(self) -> Iterator[JsonObject]:
        return self

    def __next__(self) -> JsonObject:
        while (frame := self._reader.pop()) is None:
            if self._reader.finished:
                raise StopIteration
            self._pull()
        return frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        self._source.close()

    def _pull(self) -> None:
        if self._source.closed:
            raise _closed(self.request_id)
        try:
            self._reader.feed(self._source.read())
        except errors.ConnectionLost as error:
            self.close()
            raise _cut(error, self.request_id) from None
        except BaseException:
            self.close()
            raise
        if self._reader.finished:
            self.close()


class AsyncJsonStream:
    """The same for asyncio."""

    def __init__(self, source: AsyncByteStream) -> None:
        self._source = source
        self._reader = FrameReader(source.head)

    @property
    def request_id(self) -> str | None:
        return self._source.head.request_id

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self

    async def __anext__(self) -> JsonObject:
        while (frame := self._reader.pop()) is None:
            if self._reader.finished:
                raise StopAsyncIteration
            await self._pull()
        return frame

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        await self._source.close()

    async def _pull(self) -> None:
        if self._source.closed:
            raise _closed(self.request_id)
        try:
            self._reader.feed(await self._source.read())
        except errors.ConnectionLost as error:
            await self.close()
            raise _cut(error, self.request_id) from None
        except BaseException:
            await self.close()
            raise
        if self._reader.finished:
            await self.close()


def _cut(error: errors.ConnectionLost, request_id: str | None) -> errors.StreamInterrupted:
    return errors.StreamInterrupted(f"The stream was cut off: {error.message}", request_id=request_id)


def _closed(request_id: str | None) -> errors.StreamError:
    return errors.StreamError("This stream was closed before its end.", request_id=request_id)


def _as_chunk(body: Any) -> JsonObject:
    """A whole completion as the one chunk of a stream: its messages become deltas."""
    if not isinstance(body, dict):
        raise errors.InvalidAnswer("The server answered a streamed call with JSON that is no object.")
    if is_failure(body):
        raise api_error(200, body)
    choices = [
        {**choice, "delta": choice.get("message") or {}} if isinstance(choice, dict) else choice
        for choice in body.get("choices") or ()
    ]
    for choice in choices:
        if isinstance(choice, dict):
            choice.pop("message", None)
    return {**body, "choices": choices}

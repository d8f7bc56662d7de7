"""Streamed answers as JSON: pieces of bytes in, one object per frame out. The low level of streaming.

`FrameReader` judges without I/O: frames, errors, the end. `JsonStream` and `AsyncJsonStream` drive it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec

from portico.sdk import errors
from portico.sdk.call import Answer, JsonObject
from portico.sdk.failures import api_error, is_failure, read_json, stream_failure
from portico.sdk.transport import AsyncByteStream, ByteStream
from portico.wire.sse import FrameTooLarge, SSEDecoder


class FrameReader:
    """Bytes to JSON objects. `finished` turns true at `[DONE]`; what comes after it is not read.

    An end without `[DONE]` passes only when every choice had told its finish reason; else it is StreamInterrupted.
    """

    def __init__(self, head: Answer) -> None:
        self.finished = False
        self._head = head
        self._decoder = SSEDecoder()
        self._whole: list[bytes] | None = [] if "json" in head.headers.get("content-type", "") else None
        self._begun = False
        self._pending_choices: set[int] = set()
        self._any_finish = False

    def feed(self, piece: bytes) -> list[JsonObject]:
        """The objects completed by these bytes. Raises StreamFailed, StreamError."""
        if not self._begun and self._whole is None and (first := piece.lstrip()):
            self._begun = True
            if first.startswith(b"{"):
                # Plain JSON, whatever the header says: an error told late, or a server that cannot stream.
                self._whole = []
        if self._whole is not None:
            self._whole.append(piece)
            return []
        try:
            return self._read([event.data for event in self._decoder.feed(piece)])
        except FrameTooLarge as error:
            raise errors.StreamError(f"The stream cannot be read: {error}.", request_id=self._head.request_id) from None

    def end(self) -> list[JsonObject]:
        """The objects left when the connection ended. Raises StreamInterrupted, or the error of a plain body."""
        if self._whole is not None:
            self.finished = True
            answer = Answer(self._head.status, self._head.headers, b"".join(self._whole))
            return [_as_chunk(read_json(answer))]
        try:
            rest = self._read([event.data for event in self._decoder.close()])
        except errors.StreamFailed:
            raise
        except errors.StreamError:
            raise self._interrupted() from None
        if not self.finished and (self._pending_choices or not self._any_finish):
            raise self._interrupted()
        self.finished = True
        return rest

    def _read(self, frames: list[bytes]) -> list[JsonObject]:
        objects: list[JsonObject] = []
        for data in frames:
            if self.finished:
                break
            text = data.strip()
            if text == b"[DONE]":
                self.finished = True
            elif text:
                objects.append(self._object(text))
        return objects

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
        self._frames = self._run()

    @property
    def request_id(self) -> str | None:
        return self._source.head.request_id

    def __iter__(self) -> Iterator[JsonObject]:
        return self

    def __next__(self) -> JsonObject:
        return next(self._frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        self._source.close()

    def _run(self) -> Iterator[JsonObject]:
        try:
            while not self._reader.finished:
                if self._source.closed:
                    raise _closed(self.request_id)
                try:
                    piece = self._source.read()
                except errors.ConnectionLost as error:
                    raise _cut(error, self.request_id) from None
                yield from self._reader.feed(piece) if piece else self._reader.end()
        finally:
            self._source.close()


class AsyncJsonStream:
    """The same for asyncio."""

    def __init__(self, source: AsyncByteStream) -> None:
        self._source = source
        self._reader = FrameReader(source.head)
        self._frames = self._run()

    @property
    def request_id(self) -> str | None:
        return self._source.head.request_id

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self

    async def __anext__(self) -> JsonObject:
        return await anext(self._frames)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hangs up; the server stops working on the answer."""
        await self._source.close()

    async def _run(self) -> AsyncIterator[JsonObject]:
        try:
            while not self._reader.finished:
                if self._source.closed:
                    raise _closed(self.request_id)
                try:
                    piece = await self._source.read()
                except errors.ConnectionLost as error:
                    raise _cut(error, self.request_id) from None
                for frame in self._reader.feed(piece) if piece else self._reader.end():
                    yield frame
        finally:
            await self._source.close()


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

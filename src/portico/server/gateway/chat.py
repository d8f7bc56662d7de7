"""Chat completions: a request and who asks it become a provider's answer, whole or chunk by chunk, metered."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from portico.server.access.caller import Caller
from portico.server.errors import PorticoError, ProviderUnknown
from portico.server.gateway.metering import Meter
from portico.server.gateway.parameters import fit_parameters
from portico.server.gateway.routing import Answered, Attempt, Executor, Targets
from portico.server.kit.drive import Signal
from portico.server.providers.base import Members, Outgoing, Target, Turn
from portico.server.providers.http1 import Reply
from portico.server.storage.journal import Journal
from portico.wire.model_ref import BareModel, DirectModel
from portico.wire.requests import ChatRequest
from portico.wire.sse import FrameTooLarge, SSEDecoder

_encode = msgspec.json.Encoder().encode


class WholeChat(Attempt[Members]):
    """A completion in one piece."""

    __slots__ = ("_meter", "_request")

    def __init__(self, request: ChatRequest, meter: Meter) -> None:
        self._request = request
        self._meter = meter

    def write(self, target: Target) -> Outgoing:
        turn = self._meter.turn = Turn(keep_usage=True)
        return target.adapter.write_chat(self._request, target, turn)

    def read(self, target: Target, body: bytes) -> Members:
        assert self._meter.turn is not None
        return target.adapter.read_chat(body, self._request, self._meter.turn)

    def finish(self, answered: Answered[Members], executor: Executor) -> bytes:
        """The answer as JSON, with usage and request id; and its usage line."""
        executor.end(answered)
        meter, members = self._meter, answered.value
        meter.attempts, meter.target = answered.attempts, answered.target
        turn = meter.turn
        assert turn is not None
        if turn.tokens is None:
            turn.content_frames = len(members.get("choices", b"")) // 4
            meter.estimate(self._request.body_bytes)
        members["usage"] = meter.usage()
        members["requestId"] = meter.request_id
        body = _encode(members)
        meter.close("completed", 200)
        return body


class ChatStream(Attempt[None]):
    """An answer being streamed, already begun. `take()` until it gives None, `more()` in between; then `close()`.

    A ProviderError out of `take()` is an error after the first byte: the stream is over, without `[DONE]`.
    """

    def __init__(self, executor: Executor, request: ChatRequest, meter: Meter) -> None:
        self._executor = executor
        self._request = request
        self._meter = meter
        self._turn = Turn(keep_usage=request.include_usage)
        self._decoder = SSEDecoder()
        self._ready: list[bytes] = []
        self._ended = False
        self._broken: PorticoError | None = None
        self._closed = False
        self._head: _Head | None = None  # of the first chunk; the usage chunk has the same id, time and model
        self._answered: Answered[None] | None = None

    def write(self, target: Target) -> Outgoing:
        """What goes to one target; each try begins with a clean turn."""
        self._turn = self._meter.turn = Turn(keep_usage=self._request.include_usage)
        self._decoder = SSEDecoder()
        self._ready, self._ended, self._head = [], False, None
        return target.adapter.write_chat(self._request, target, self._turn)

    async def begin(self, target: Target, reply: Reply) -> None:
        """Reads up to the first chunk of output, so that an error before it can still be tried elsewhere (HC-13)."""
        if reply.headers.get(b"content-type", b"").startswith(b"application/json"):
            self._take_whole(target, await reply.read_all())
            return
        while not self._ready and not self._ended:
            self._read(target, reply)
            if not self._ready and not self._ended:
                await reply.more()

    def go_on(self, answered: Answered[None]) -> ChatStream:
        """The stream itself, now that a target has begun to answer."""
        self._answered = answered
        self._meter.attempts, self._meter.target = answered.attempts, answered.target
        return self

    def take(self) -> Sequence[bytes] | None:
        """JSON texts of the chunks that have arrived; none when nothing has (await `more()`), None at the end."""
        answered = self._answered
        assert answered is not None
        if not self._ready and not self._ended and self._broken is None:
            self._read(answered.target, answered.reply)
        if not self._ready:
            if self._broken is not None:
                raise self._broken
            return None if self._ended else ()
        ready, self._ready = self._ready, []
        self._meter.mark_first_byte()
        return ready

    def more(self) -> Signal:
        """Set when there is something to take again."""
        assert self._answered is not None
        return self._answered.reply.more()

    def _read(self, target: Target, reply: Reply) -> None:
        data = reply.take()
        if data == b"":
            return
        try:
            self._take(target, data)
        except PorticoError as error:
            if not self._ready:
                raise
            self._broken = error  # what came before it in the same bytes goes out first

    def _take(self, target: Target, data: bytes | None) -> None:
        """Bytes of the provider to chunks; None is the end of the stream."""
        try:
            events = self._decoder.close() if data is None else self._decoder.feed(data)
        except FrameTooLarge as error:
            raise ProviderUnknown(f"the provider's stream is unreadable: {error}") from None
        for event in events:
            if event.done:
                self._end()
                return
            frames = target.adapter.read_frame(event.data, self._request, self._turn)
            if self._head is None and frames and self._request.include_usage:
                self._head = _read_head(frames[0])
            self._ready += frames
        if data is None and not self._ended:
            if not self._turn.finish_reason:
                raise ProviderUnknown("the provider's stream ended before the answer did")
            self._end()

    def _take_whole(self, target: Target, body: bytes) -> None:
        """A provider that answers a streamed request in one piece: one chunk instead of many (HC-11)."""
        self._turn.content_frames = 1
        members = target.adapter.read_chat(body, self._request, self._turn)
        self._ready.append(_as_chunk(members))
        self._end()

    def _end(self) -> None:
        self._ended = True
        if not self._request.include_usage:
            return
        self._meter.estimate(self._request.body_bytes)
        head = self._head or _Head()
        self._ready.append(
            _encode(
                {
                    "id": head.id or f"chatcmpl-{self._meter.request_id}",
                    "object": "chat.completion.chunk",
                    "created": head.created or int(time.time()),
                    "model": head.model or (self._meter.model.name if self._meter.model else ""),
                    "choices": [],
                    "usage": self._meter.usage(),
                }
            )
        )

    def close(self, error: BaseException | None = None) -> None:
        """Ends the answer: gives the provider's connection back or cuts it, and writes the usage line. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._answered is not None:
            self._executor.end(self._answered)
        self._meter.estimate(self._request.body_bytes)
        if error is None:
            self._meter.close("completed", 200)
        else:
            self._meter.fail(error)


class _Head(msgspec.Struct):
    id: str | None = None
    created: int | None = None
    model: str | None = None


def _read_head(frame: bytes) -> _Head:
    try:
        return msgspec.json.decode(frame, type=_Head)
    except msgspec.DecodeError:  # `created` with a fraction, a number as `id`: ours are as good
        return _Head()


class _WholeChoice(msgspec.Struct):
    index: int = 0
    finish_reason: str | None = None
    message: msgspec.Raw = msgspec.Raw(b"{}")


def _as_chunk(members: Members) -> bytes:
    choices = msgspec.json.decode(members["choices"], type=list[_WholeChoice])
    members = {k: v for k, v in members.items() if k != "usage"}
    members["object"] = "chat.completion.chunk"
    members["choices"] = [{"index": c.index, "delta": c.message, "finish_reason": c.finish_reason} for c in choices]
    return _encode(members)


class ChatGateway:
    """The chat verb of the switchboard. One per process."""

    def __init__(self, targets: Targets, executor: Executor, journal: Journal) -> None:
        self._targets = targets
        self._executor = executor
        self._journal = journal

    async def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> bytes | ChatStream:
        """The whole answer as JSON, or a stream that has begun. Raises an error of our tree before the first byte."""
        meter = Meter(self._journal, caller, request_id, "chat", request.stream)
        meter.admit()  # not metered: there is no room for its line
        try:
            assert isinstance(request.ref, DirectModel | BareModel)  # the desk has taken all others
            model, targets = self._targets.find(request.ref, "Chat")
            meter.model, meter.target = model, targets[0]
            fit_parameters(request, model)
            if not request.stream:
                whole = WholeChat(request, meter)
                return whole.finish(await self._executor.send(targets, whole), self._executor)
            stream = ChatStream(self._executor, request, meter)
            return stream.go_on(await self._executor.send(targets, stream))
        except BaseException as error:
            meter.fail(error)
            raise

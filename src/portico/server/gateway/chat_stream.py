"""A chat completion being streamed: a provider's bytes become chunks in the documented shape, metered as they pass."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.gateway.chat_cache import Keeping
from portico.server.gateway.metering import Meter
from portico.server.gateway.parameters import fit_request, refuse_dropped
from portico.server.gateway.provider_stream import ProviderStream
from portico.server.gateway.routing import Answered, Choice, Executor
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Frame, Members, Outgoing, Target, Turn
from portico.server.providers.counts import guess
from portico.server.providers.http1 import Reply
from portico.wire.requests import ChatRequest

_encode = msgspec.json.Encoder().encode
_HAS_USAGE = re.compile(rb'"usage"\s*:')
"""Within a text each quote has a backslash before it: only a member matches."""


class ChatStream(ProviderStream):
    """A chat completion, chunk by chunk."""

    def __init__(
        self,
        executor: Executor,
        request: ChatRequest,
        meter: Meter,
        keeping: Keeping | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__(executor, meter, request.body_bytes)
        self._keeping = keeping
        self._strict = strict
        self._request = self._fitted = request
        self._turn = Turn(keep_usage=request.include_usage)
        self._head: _Head | None = None  # of the first chunk; the usage chunk has the same id, time and model
        self._tells_usage = request.include_usage and request.dialect == "chat"

    def write(self, choice: Choice) -> Outgoing:
        """What goes to one target; each try begins with a clean turn."""
        turn = self._turn = self._meter.turn = Turn(keep_usage=self._request.include_usage)
        self._ready, self._ended, self._head = [], False, None
        adapter = choice.target.adapter
        self._decoder = adapter.decoder()
        fitted = self._fitted = fit_request(self._request, choice.model, turn, strict=self._strict)
        if self._keeping is not None:
            self._recorder = self._keeping.recorder = self._keeping.cache.recorder()
        outgoing = adapter.write_chat(fitted, choice.target, turn)
        if self._strict:
            refuse_dropped(fitted, turn)
        return outgoing

    async def begin(self, choice: Choice, reply: Reply) -> None:
        if reply.headers.get(b"content-type", b"").startswith(b"application/json"):
            self._take_whole(choice.target, await reply.read_all())
        else:
            await super().begin(choice, reply)

    def go_on(self, answered: Answered[None]) -> ChatStream:
        """The stream itself, now that a target has begun to answer."""
        self._go_on(answered)
        if self._ended:
            self._tell_usage()  # the end came with the beginning, before it was known whose price holds
        return self

    def _take_frames(self, target: Target, frames: Sequence[Frame], *, last: bool) -> None:
        read, ready = target.adapter.read_frame, self._ready
        for frame in frames:
            if frame.done:
                self._end(target)
                return
            chunks = read(frame.data, self._fitted, self._turn)
            if self._head is None and chunks and self._request.include_usage:
                self._head = _read_head(chunks[0])
            ready += map(_with_null_usage, chunks) if self._tells_usage else chunks
        if last and not self._ended:
            self._end(target)

    def _take_whole(self, target: Target, body: bytes) -> None:
        """A provider that answers a streamed request in one piece: one chunk instead of many (HC-11)."""
        members = target.adapter.read_chat(body, self._fitted, self._turn)
        self._turn.seen_tokens = guess(bytes(members["choices"]))
        chunk = _as_chunk(members)
        self._ready.append(_with_null_usage(chunk) if self._tells_usage else chunk)
        self._finish()

    def _end(self, target: Target) -> None:
        """The provider has said its last word; without a reason to finish it was cut off instead."""
        chunks = target.adapter.end_frames(self._fitted, self._turn)
        self._ready += map(_with_null_usage, chunks) if self._tells_usage else chunks
        if not self._turn.finish_reason:
            raise ProviderUnknown("the provider's stream ended before the answer did")
        self._finish()

    def _finish(self) -> None:
        self._ended = True
        if self._answered is not None:
            self._tell_usage()

    def _tell_usage(self) -> None:
        """The chunk with usage and costs, for those who asked for it."""
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

    def _keep(self) -> None:
        if self._keeping is not None:
            self._keeping.keep_stream(self._meter)


class _Head(msgspec.Struct):
    id: str | None = None
    created: int | None = None
    model: str | None = None


def _read_head(frame: bytes) -> _Head:
    try:
        return msgspec.json.decode(frame, type=_Head)
    except msgspec.DecodeError:  # `created` with a fraction, a number as `id`: ours are as good
        return _Head()


def _with_null_usage(chunk: bytes) -> bytes:
    """Every chunk has a `usage` for those who asked for it, and all but the last have none to tell (HC-09)."""
    return chunk if _HAS_USAGE.search(chunk) else b'%b,"usage":null}' % chunk.rstrip()[:-1]


class _WholeChoice(msgspec.Struct):
    index: int = 0
    finish_reason: str | None = None
    message: msgspec.Raw = msgspec.Raw(b"{}")


def _as_chunk(members: Members) -> bytes:
    choices = msgspec.json.decode(members["choices"], type=list[_WholeChoice])
    members = {k: v for k, v in members.items() if k != "usage"}
    members["object"] = "chat.completion.chunk"
    members["choices"] = [{"index": c.index, "delta": c.message, "finish_reason": c.finish_reason} for c in choices]
    return ascii_encode(members)

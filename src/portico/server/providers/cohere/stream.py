"""Events of Cohere's chat stream to chunks of the documented shape; the state of one stream between them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers import answer_tool
from portico.server.providers.base import Turn
from portico.server.providers.chunks import ChunkWriter
from portico.server.providers.cohere.answer import Citation, ToolCall, Usage, cite, finish_of, take_usage
from portico.server.providers.counts import guess

_NOTHING: tuple[bytes, ...] = ()


class _Content(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None


class _Message(msgspec.Struct):
    content: _Content | list[_Content] | None = None
    tool_calls: ToolCall | list[ToolCall] | None = None
    tool_plan: str | None = None
    citations: Citation | list[Citation] | None = None


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    error: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None


_EVENT = msgspec.json.Decoder(_Event)


class Reader:
    """One stream, or one whole answer, of `model`. `unwrap`: calls of the answer tool are the content; texts wait."""

    __slots__ = ("_call", "_calls", "_empty", "_held", "_thoughts", "_unwrapped", "_writer", "model", "unwrap")

    def __init__(self, model: str = "", unwrap: bool = False) -> None:
        self.model = model
        self.unwrap = unwrap
        self._writer = ChunkWriter("", model)
        self._calls: dict[int, int] = {}  # index of the event to index of the call, -1 for the answer tool's
        self._empty: set[int] = set()
        self._thoughts: list[str] = []
        self._held: list[str] = []
        self._unwrapped = False

    def read(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        """One event. Raises ProviderError for a failure among them."""
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is no event of a chat") from None
        delta = event.delta
        message = delta.message if delta is not None else None
        match event.type:
            case "content-delta" | "content-start" if message is not None:
                return self._content(message.content, turn)
            case "tool-call-delta" if message is not None:
                return self._arguments(event.index or 0, message, turn)
            case "tool-call-start" if message is not None:
                return self._begin_call(event.index or 0, message, turn)
            case "tool-call-end":
                return self._end_call(event.index or 0)
            case "tool-plan-delta" if message is not None and message.tool_plan:
                return self._think(message.tool_plan, turn)
            case "message-start":
                self._writer = ChunkWriter(event.id or "", self.model)
            case "citation-start" if message is not None and message.citations is not None:
                return self._cite(message.citations)
            case "message-end" if delta is not None:
                return self._end(delta, turn)
        return _NOTHING

    def _content(self, content: _Content | list[_Content] | None, turn: Turn) -> Sequence[bytes]:
        made: list[bytes] = []
        for part in content if isinstance(content, list) else (content,):
            if part is None:
                continue
            if part.thinking:
                made += self._think(part.thinking, turn)
            if part.text:
                turn.seen_tokens += guess(part.text)
                if self.unwrap:
                    self._held.append(part.text)
                else:
                    made += self._thought()
                    made.append(self._writer.text(part.text))
        return made

    def _think(self, text: str, turn: Turn) -> Sequence[bytes]:
        turn.seen_tokens += guess(text)
        self._thoughts.append(text)
        return (self._writer.reasoning(text),)

    def _thought(self) -> Sequence[bytes]:
        """The thoughts so far as a block, which the caller may send back."""
        if not self._thoughts:
            return _NOTHING
        block = {"type": "thinking", "thinking": "".join(self._thoughts)}
        self._thoughts.clear()
        return (self._writer.members({"thinking_blocks": [block]}),)

    def _begin_call(self, index: int, message: _Message, turn: Turn) -> Sequence[bytes]:
        call = _first(message.tool_calls)
        if call is None or call.function is None:
            return _NOTHING
        function = call.function
        made = list(self._thought())
        if self.unwrap and function.name == answer_tool.NAME:
            self._calls[index] = -1
            self._unwrapped = True
        else:
            made.append(self._writer.begin_call(call.id, function.name or ""))
            self._calls[index] = self._writer.calls - 1
        self._empty.add(index)
        if function.arguments:
            made += self._arguments(index, message, turn)
        return made

    def _arguments(self, index: int, message: _Message, turn: Turn) -> Sequence[bytes]:
        call = _first(message.tool_calls)
        text = call and call.function and call.function.arguments
        if not text:
            return _NOTHING
        position = self._calls.get(index)
        if position is None:
            raise ProviderUnknown("the provider's stream goes on with a tool call that has not begun")
        turn.seen_tokens += guess(text)
        self._empty.discard(index)
        return (self._writer.text(text) if position < 0 else self._writer.arguments(text, position),)

    def _end_call(self, index: int) -> Sequence[bytes]:
        """A call without input gives an empty object (HC-02)."""
        if index not in self._empty:
            return _NOTHING
        self._empty.discard(index)
        position = self._calls[index]
        return (self._writer.text("{}") if position < 0 else self._writer.arguments("{}", position),)

    def _cite(self, citations: Citation | list[Citation]) -> Sequence[bytes]:
        found = cite(citations if isinstance(citations, list) else [citations])
        return (self._writer.members({"annotations": found}),) if found else _NOTHING

    def _end(self, delta: _Delta, turn: Turn) -> Sequence[bytes]:
        take_usage(delta.usage, turn)
        if delta.finish_reason is None and delta.error is None:
            return _NOTHING
        reason = delta.finish_reason or "ERROR"
        finish = finish_of(reason, self._writer.calls > 0, self._unwrapped, delta.error or "")
        made = list(self._thought())
        for index in sorted(self._empty):
            made += self._end_call(index)
        if self._held and not self._unwrapped:
            made.append(self._writer.text("".join(self._held)))
        turn.finish_reason = finish
        made.append(self._writer.finish(finish))
        return made


def _first(calls: ToolCall | list[ToolCall] | None) -> ToolCall | None:
    if isinstance(calls, list):
        return calls[0] if calls else None
    return calls

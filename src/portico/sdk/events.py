"""What happens in a streamed answer, as typed events, and the answer put together from them.

`ChatAssembler` reads chunks without I/O; the streams of `chat_stream.py` drive it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portico.sdk.call import JsonObject
from portico.wire.chat import ChatCompletion, FunctionCall, ToolCall, Usage
from portico.wire.tolerant import read_shape


class TextDelta(msgspec.Struct, frozen=True):
    """More text of choice `index`."""

    text: str
    index: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True):
    """More of what the model thinks aloud, when the provider shows it."""

    text: str
    index: int = 0


class ToolCallDelta(msgspec.Struct, frozen=True):
    """More of a tool call: `position` counts the calls of a choice, `arguments` is a piece of JSON text."""

    position: int
    id: str
    name: str
    arguments: str
    index: int = 0


class ToolCallReady(msgspec.Struct, frozen=True):
    """A tool call is whole and may be run."""

    tool_call: ToolCall
    index: int = 0


class Finish(msgspec.Struct, frozen=True):
    """Choice `index` has ended: stop, length, tool_calls or content_filter."""

    reason: str
    index: int = 0


class UsageEvent(msgspec.Struct, frozen=True):
    """Tokens and costs of the whole answer."""

    usage: Usage


class PlatformEvent(msgspec.Struct, frozen=True):
    """An event of the platform between the chunks: `saia.rag.documents`, `saia.metadata.tool.started` ..."""

    name: str
    data: Any


ChatEvent = TextDelta | ReasoningDelta | ToolCallDelta | ToolCallReady | Finish | UsageEvent | PlatformEvent


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    announced: bool = False

    def as_json(self) -> JsonObject:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    role: str = "assistant"
    finish_reason: str | None = None
    more: JsonObject = field(default_factory=dict)

    def as_json(self, index: int) -> JsonObject:
        message: JsonObject = {"role": self.role, "content": "".join(self.text), **self.more}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        if self.refusal:
            message["refusal"] = "".join(self.refusal)
        if self.calls:
            message["tool_calls"] = [self.calls[position].as_json() for position in sorted(self.calls)]
        return {"index": index, "message": message, "finish_reason": self.finish_reason}


_DELTA_MEMBERS = frozenset({"role", "content", "reasoning_content", "refusal", "tool_calls", "function_call"})


class ChatAssembler:
    """Chunks in, events out; `completion` is the answer so far."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._envelope: JsonObject = {}

    def feed(self, chunk: JsonObject) -> list[ChatEvent]:
        """The events of one chunk, in order."""
        events: list[ChatEvent] = []
        if isinstance(name := chunk.get("event"), str):
            self._keep_platform_data(name, chunk.get("data"))
            events.append(PlatformEvent(name, chunk.get("data")))
        else:
            self._envelope |= {k: v for k, v in chunk.items() if k not in ("choices", "usage") and v is not None}
        for entry in chunk.get("choices") or ():
            if isinstance(entry, dict):
                events += self._read_choice(entry)
        if isinstance(usage := chunk.get("usage"), dict) and usage:
            self._envelope["usage"] = usage
            events.append(UsageEvent(read_shape(Usage, usage)))
        return events

    def end(self) -> list[ChatEvent]:
        """The tool calls that no finish reason had closed when the stream ended."""
        return [event for index, choice in self._choices.items() for event in _announce(choice, index)]

    def completion(self) -> ChatCompletion:
        """The answer as it would have come in one piece; `documents` of a RAG assistant are in `extra`."""
        choices = [self._choices[index].as_json(index) for index in sorted(self._choices)]
        return read_shape(ChatCompletion, {**self._envelope, "object": "chat.completion", "choices": choices})

    def _keep_platform_data(self, name: str, data: Any) -> None:
        if name == "saia.rag.documents" and isinstance(data, dict):
            for member in ("documents", "result", "usage", "text"):
                if data.get(member):
                    self._envelope.setdefault(member, data[member])

    def _read_choice(self, entry: JsonObject) -> list[ChatEvent]:
        index = entry.get("index") or 0
        choice = self._choices.setdefault(index, _Choice())
        delta = entry.get("delta") or {}
        events: list[ChatEvent] = []
        choice.role = delta.get("role") or choice.role
        if isinstance(thought := delta.get("reasoning_content"), str) and thought:
            choice.reasoning.append(thought)
            events.append(ReasoningDelta(thought, index))
        if text := _text(delta.get("content")):
            choice.text.append(text)
            events.append(TextDelta(text, index))
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            choice.refusal.append(refusal)
        choice.more |= {k: v for k, v in delta.items() if k not in _DELTA_MEMBERS and v is not None}
        reason = entry.get("finish_reason")
        # Some servers send the calls whole, and only with the last chunk, in a `message` beside the delta.
        calls = delta.get("tool_calls") or (entry.get("message") or {}).get("tool_calls") or ()
        for fragment in calls:
            if isinstance(fragment, dict):
                events += _read_fragment(choice, fragment, index, whole=bool(reason))
        if reason:
            choice.finish_reason = reason
            events += _announce(choice, index)
            events.append(Finish(reason, index))
        return events


def _read_fragment(choice: _Choice, fragment: JsonObject, index: int, *, whole: bool) -> list[ChatEvent]:
    function = fragment.get("function") or {}
    number, name = fragment.get("id") or "", function.get("name") or ""
    arguments = function.get("arguments") or ""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)  # an object where the documents promise its text
    position = _position(choice, fragment.get("index"), number)
    call = choice.calls.setdefault(position, _Call())
    if whole and call.arguments and number == call.id and name and _is_json(arguments):
        call.arguments = arguments  # the finished call repeated, not a further piece of it
        return []
    events: list[ChatEvent] = []
    if not call.id and not call.arguments:
        events += _announce(choice, index, before=position)  # a new call: those before it may be whole
    call.id, call.name = call.id or number, call.name or name
    call.arguments += arguments
    events.append(ToolCallDelta(position, call.id, call.name, arguments, index))
    return events


def _position(choice: _Choice, given: Any, number: str) -> int:
    """Which call a fragment belongs to: by its index, else by its id, else the last one."""
    known = next((place for place, call in choice.calls.items() if number and call.id == number), None)
    if known is not None:
        return known
    last = max(choice.calls, default=-1)
    if isinstance(given, int):
        taken = choice.calls.get(given)
        # Two calls under one index: a second id opens a new call.
        return last + 1 if taken is not None and number and taken.id and taken.id != number else given
    return last + 1 if number or last < 0 else last


def _announce(choice: _Choice, index: int, before: int | None = None) -> list[ChatEvent]:
    events: list[ChatEvent] = []
    for position in sorted(choice.calls):
        call = choice.calls[position]
        # Before the end only what reads as JSON is surely whole: calls may come interleaved.
        if not call.announced and (before is None or (position < before and _is_json(call.arguments))):
            call.announced = True
            call.arguments = call.arguments or "{}"
            function = FunctionCall(name=call.name, arguments=call.arguments)
            events.append(ToolCallReady(ToolCall(id=call.id, function=function), index))
    return events


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""

"""Answers of Converse and events of ConverseStream in the documented shape: Bedrock's JSON in, chunks out."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.bedrock.errors import read_stream_error
from portico.server.providers.bedrock.shapes import (
    DELTA,
    MESSAGE_STOP,
    METADATA,
    START,
    STOP,
    WHOLE,
    Block,
    Citation,
    ReasoningDelta,
    ReasoningText,
    ToolUse,
    Usage,
)
from portico.server.providers.chunks import ChunkWriter, call_member, whole_answer
from portico.server.providers.counts import guess, take_tokens

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "malformed_model_output": "stop",
    "malformed_tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_SERVER_TOOL = "server_tool_use"


class _OpenCall(msgspec.Struct):
    """A tool call whose block is open; `index` -1: its input is the answer itself, -2: it is none of the caller's."""

    index: int
    empty: bool = True


class _OpenThought(msgspec.Struct):
    pieces: list[str] = []
    signature: str = ""
    redacted: list[str] = []


class Reader:
    """One answer as it comes. `answer_tool` is the tool whose input is the answer (HC-23), "" when there is none."""

    __slots__ = ("_answer_tool", "_calls", "_inclusive", "_kinds", "_model", "_thoughts", "_writer")

    def __init__(self, model: str, answer_tool: str, inclusive_usage: bool) -> None:
        self._model = model
        self._answer_tool = answer_tool
        self._inclusive = inclusive_usage
        self._writer = ChunkWriter(_new_id(), model)
        self._calls: dict[int, _OpenCall] = {}
        self._thoughts: dict[int, _OpenThought] = {}
        self._kinds: dict[bytes, Callable[[bytes, Turn], Sequence[bytes]]] = {
            b"contentBlockDelta": self._read_delta,
            b"contentBlockStart": self._read_start,
            b"contentBlockStop": self._read_stop,
            b"messageStop": self._read_message_stop,
            b"metadata": self._read_metadata,
        }

    def read_event(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        """One message of the event stream, its type in front. Raises ProviderError, also for an exception event."""
        kind, _, payload = data.partition(b"\n")
        read = self._kinds.get(kind)
        if read is None:
            if kind[:1] == b"!":
                raise read_stream_error(kind[1:], payload)
            return ()  # messageStart, and what is added to the protocol later
        try:
            return read(payload, turn)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is no event of its API") from None

    def _read_delta(self, payload: bytes, turn: Turn) -> Sequence[bytes]:
        event = DELTA.decode(payload)
        delta = event.delta
        if delta.text:
            turn.seen_tokens += guess(delta.text)
            return (self._writer.text(delta.text),)
        if delta.toolUse is not None:
            return self._read_input(delta.toolUse.input, event.contentBlockIndex, turn)
        if delta.reasoningContent is not None:
            return self._read_thought(delta.reasoningContent, event.contentBlockIndex, turn)
        if delta.citation is not None:
            annotations = _annotations([delta.citation])
            return (self._writer.members({"annotations": annotations}),) if annotations else ()
        return ()

    def _read_input(self, piece: str, index: int, turn: Turn) -> Sequence[bytes]:
        call = self._calls.get(index)
        if call is None or not piece:
            return ()
        call.empty = False
        if call.index == -2:
            return ()
        turn.seen_tokens += guess(piece)
        return (self._writer.text(piece) if call.index == -1 else self._writer.arguments(piece, call.index),)

    def _read_thought(self, delta: ReasoningDelta, index: int, turn: Turn) -> Sequence[bytes]:
        thought = self._thoughts.get(index)
        if thought is None:
            thought = self._thoughts[index] = _OpenThought()
        thought.signature += delta.signature or ""
        if delta.redactedContent:
            thought.redacted.append(delta.redactedContent)
        if not delta.text:
            return ()
        turn.seen_tokens += guess(delta.text)
        thought.pieces.append(delta.text)
        return (self._writer.reasoning(delta.text),)

    def _read_start(self, payload: bytes, turn: Turn) -> Sequence[bytes]:
        event = START.decode(payload)
        call = event.start.toolUse
        if call is None:
            return ()
        turn.seen_tokens += 1
        if call.type == _SERVER_TOOL or call.name == self._answer_tool:
            self._calls[event.contentBlockIndex] = _OpenCall(-2 if call.type == _SERVER_TOOL else -1)
            return ()
        chunk = self._writer.begin_call(call.toolUseId, call.name)
        self._calls[event.contentBlockIndex] = _OpenCall(self._writer.calls - 1)
        return (chunk,)

    def _read_stop(self, payload: bytes, turn: Turn) -> Sequence[bytes]:
        index = STOP.decode(payload).contentBlockIndex
        thought = self._thoughts.pop(index, None)
        if thought is not None:
            block = _thinking_block("".join(thought.pieces), thought.signature, _joined(thought.redacted))
            return (self._writer.members({"thinking_blocks": [block]}),) if block else ()
        call = self._calls.pop(index, None)
        if call is None or not call.empty or call.index == -2:
            return ()
        return (self._writer.text("{}") if call.index == -1 else self._writer.arguments("{}", call.index),)

    def _read_message_stop(self, payload: bytes, turn: Turn) -> Sequence[bytes]:
        reason = _finish(MESSAGE_STOP.decode(payload).stopReason, self._writer.calls > 0)
        turn.finish_reason = reason
        return (self._writer.finish(reason),)

    def _read_metadata(self, payload: bytes, turn: Turn) -> Sequence[bytes]:
        self._take_usage(METADATA.decode(payload).usage, turn)
        return ()

    def read_whole(self, body: bytes, turn: Turn) -> Members:
        """The whole answer of Converse. Raises ProviderUnknown when it is none."""
        try:
            whole = WHOLE.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not one of its API") from None
        texts: list[str] = []
        calls: list[Members] = []
        thoughts: list[str] = []
        more: dict[str, list[Any]] = {"thinking_blocks": [], "annotations": []}
        for block in whole.output.message.content:
            texts.append(self._text_of(block))
            if block.citationsContent is not None:
                more["annotations"] += _annotations(block.citationsContent.citations)
            if block.toolUse is not None and block.toolUse.name != self._answer_tool:
                calls += _call_of(block.toolUse)
            if block.reasoningContent is not None:
                text = block.reasoningContent.reasoningText or ReasoningText()
                thoughts.append(text.text)
                kept = _thinking_block(text.text, text.signature or "", block.reasoningContent.redactedContent or "")
                more["thinking_blocks"] += [kept] if kept else []
        turn.finish_reason = _finish(whole.stopReason, bool(calls))
        self._take_usage(whole.usage, turn)
        return whole_answer(
            _new_id(),
            self._model,
            content="".join(texts),
            finish_reason=turn.finish_reason,
            calls=calls,
            reasoning="".join(thoughts),
            more={name: values for name, values in more.items() if values},
        )

    def _text_of(self, block: Block) -> str:
        if block.text is not None:
            return block.text
        if block.citationsContent is not None:
            return "".join(piece.text for piece in block.citationsContent.content)
        if block.toolUse is not None and block.toolUse.name == self._answer_tool:
            return bytes(block.toolUse.input).decode() or "{}"
        return ""

    def _take_usage(self, usage: Usage | None, turn: Turn) -> None:
        """Bedrock's input count is without the cached tokens, but for the models named in `family` (HC-24)."""
        if usage is None:
            return
        read, written = usage.cacheReadInputTokens or 0, usage.cacheWriteInputTokens or 0
        uncached = usage.inputTokens
        if self._inclusive:
            uncached = max(0, uncached - read - written)
        hour = sum(detail.inputTokens for detail in usage.cacheDetails or () if detail.ttl == "1h")
        tokens = Tokens(
            input_uncached=uncached,
            cache_read=read,
            cache_write_5m=max(0, written - hour),
            cache_write_1h=min(hour, written),
            output_visible=usage.outputTokens,
        )
        take_tokens(tokens, turn)


def _new_id() -> str:
    """Converse gives its answers no id in the body."""
    return f"chatcmpl-{secrets.token_hex(12)}"


def _finish(reason: str, has_calls: bool) -> str:
    """A reason of the documented four; a call that is the answer itself ends with `stop`."""
    finish = _FINISH.get(reason, "stop")
    if finish in ("stop", "tool_calls"):
        return "tool_calls" if has_calls and not reason.startswith("malformed") else "stop"
    return finish


def _call_of(call: ToolUse) -> list[Members]:
    if call.type == _SERVER_TOOL:
        return []
    return [call_member(call.toolUseId, call.name, bytes(call.input).decode())]


def _joined(blobs: list[str]) -> str:
    """Pieces of one blob, each base64 of its own."""
    if len(blobs) < 2:
        return "".join(blobs)
    try:
        return base64.b64encode(b"".join(map(base64.b64decode, blobs))).decode()
    except binascii.Error:
        raise ProviderUnknown("the provider's stream holds redacted thoughts that are not base64") from None


def _thinking_block(text: str, signature: str, redacted: str) -> dict[str, str] | None:
    """What the caller sends back word for word (HC-05); None when it could not be sent back."""
    if redacted:
        return {"type": "redacted_thinking", "data": redacted}
    return {"type": "thinking", "thinking": text, "signature": signature} if signature else None


def _annotations(citations: Sequence[Citation]) -> list[dict[str, Any]]:
    """Sources on the web in the shape of section 9.2 of the Chat API reference; those in documents have no address."""
    found: list[dict[str, Any]] = []
    for citation in citations:
        web = citation.location and citation.location.web
        if web and web.url:
            found.append({"type": "url_citation", "url_citation": {"url": web.url, "title": citation.title or ""}})
    return found

"""Tells a chat answer as a message of the Messages API: content blocks one after the other, then why it stopped.

Source: platform.claude.com/docs/en/api/messages and build-with-claude/streaming.
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.edge.dialects.steps import (
    CallBegin,
    CallEnd,
    CallPiece,
    Cited,
    End,
    Head,
    Refusal,
    Step,
    Text,
    Thought,
    ThoughtBlock,
)
from portico.server.kit.ascii_json import ascii_encode

STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_NATIVE = frozenset({"pause_turn", "model_context_window_exceeded", "refusal", "stop_sequence"})
_COSTS = ("prompt_cost", "completion_cost", "total_cost", "currency")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
Json = dict[str, Any]


def event(name: str, data: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), ascii_encode({"type": name, **data}))


class MessageWriter:
    """One answer. Blocks follow each other, as the readers of this API expect: one is open at a time."""

    end = event("message_stop", {})

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._message: Json = {}
        self._blocks: list[Json] = []
        self._pieces: list[str] = []
        self._open = ""
        self._stop = "end_turn"
        self._stop_sequence: str | None = None

    def begin(self, head: Head) -> bytes:
        """Input tokens are not known yet; `message_delta` tells them."""
        given = head.id.removeprefix("chatcmpl-").removeprefix("msg_") or self._request_id.replace("-", "")
        self._message = {"id": f"msg_{given}", "type": "message", "role": "assistant", "model": head.model}
        usage = {"input_tokens": 0, "output_tokens": 0}
        rest: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return event("message_start", {"message": {**self._message, **rest}})

    def write(self, step: Step) -> bytes:
        match step:
            case Text() | Refusal():
                return self._piece("text", {"type": "text", "text": ""}, "text_delta", "text", step.text)
            case Thought():
                return self._piece("thinking", _THINKING, "thinking_delta", "thinking", step.text)
            case ThoughtBlock():
                return self._thought_block(step.block)
            case CallBegin():
                return self._start("tool_use", {"type": "tool_use", "id": step.id, "name": step.name, "input": {}})
            case CallPiece():
                self._pieces.append(step.text)
                return self._delta({"type": "input_json_delta", "partial_json": step.text})
            case CallEnd():
                return self._close()
            case End():
                self._stop_sequence = step.stop_sequence
                self._stop = step.native if step.native in _NATIVE else STOPS.get(step.reason, "end_turn")
                return self._close()
            case Cited():
                return b""  # citations of this API quote what they cite, which a chat answer does not tell

    def finish(self, usage: Json) -> bytes:
        delta = {"stop_reason": self._stop, "stop_sequence": self._stop_sequence}
        return self._close() + event("message_delta", {"delta": delta, "usage": read_usage(usage)})

    def whole(self, usage: Json) -> bytes:
        self._close()
        end = {"stop_reason": self._stop, "stop_sequence": self._stop_sequence, "usage": read_usage(usage)}
        told = {**self._message, "content": self._blocks, **end, "requestId": self._request_id}
        return ascii_encode(told)

    def _piece(self, kind: str, empty: Json, delta_type: str, member: str, text: str) -> bytes:
        started = b"" if self._open == kind else self._start(kind, dict(empty))
        self._pieces.append(text)
        return started + self._delta({"type": delta_type, member: text})

    def _thought_block(self, block: Json) -> bytes:
        """The signature ends the thoughts that were told already; redacted ones, and hidden ones, come whole."""
        if block.get("type") == "redacted_thinking":
            whole = {"type": "redacted_thinking", "data": block.get("data") or ""}
            return self._start("redacted_thinking", whole) + self._close()
        started = b""
        if self._open != "thinking":
            started = self._start("thinking", dict(_THINKING))
            if block.get("thinking"):
                self._pieces.append(block["thinking"])
                started += self._delta({"type": "thinking_delta", "thinking": block["thinking"]})
        signature = str(block.get("signature") or "")
        self._blocks[-1]["signature"] = signature
        signed = self._delta({"type": "signature_delta", "signature": signature}) if signature else b""
        return started + signed + self._close()

    def _start(self, kind: str, block: Json) -> bytes:
        closed = self._close()
        self._open = kind
        self._pieces = []
        told = event("content_block_start", {"index": len(self._blocks), "content_block": block})
        self._blocks.append(block)
        return closed + told

    def _delta(self, delta: Json) -> bytes:
        return event("content_block_delta", {"index": len(self._blocks) - 1, "delta": delta})

    def _close(self) -> bytes:
        if not self._open:
            return b""
        block, text = self._blocks[-1], "".join(self._pieces)
        if self._open == "tool_use":
            block["input"] = _input(text)
        elif self._open in ("text", "thinking"):
            block[self._open] = text
        self._open = ""
        return event("content_block_stop", {"index": len(self._blocks) - 1})


def read_usage(usage: Json) -> Json:
    """Disjoint counts, as this API has them: `input_tokens` neither read from nor written to a cache; and the costs."""
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    counts: Json = {
        "input_tokens": max(0, (usage.get("prompt_tokens") or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.get("completion_tokens") or 0,
    }
    if "server_tool_use" in usage:
        counts["server_tool_use"] = usage["server_tool_use"]
    return counts | {name: usage[name] for name in _COSTS if name in usage}


def _input(arguments: str) -> Any:
    """The arguments as the model wrote them; what is no object, because a limit cut it, is told as text."""
    if not arguments.strip():
        return {}
    try:
        _OBJECT.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {"not_json": arguments}
    return msgspec.Raw(arguments.encode())


_THINKING: Json = {"type": "thinking", "thinking": "", "signature": ""}

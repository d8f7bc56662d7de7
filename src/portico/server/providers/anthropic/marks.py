"""Cache breakpoints: `cache_control` members of the caller's messages and tools, found again by what they stand on.

A mark belongs to a part of a message, to a whole message (then to its last part), or to a tool.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from portico.server.providers.conversation import Call, Media, Part, Result, Text, read_value
from portico.wire.requests import NULL, ChatRequest

_WORD = b"cache_control"
_ENDING = 96  # of an address or of base64: enough to tell files apart

Marks = dict[str, deque[Any]]
"""What a part is known by, to the marks of all parts known by it, in order; None where there is no mark."""


def read_marks(request: ChatRequest) -> Marks:
    """Empty for nearly all requests: those without the word."""
    marks: Marks = defaultdict(deque)
    if bytes(request.members.get("messages", NULL)).find(_WORD) < 0:  # `in` would try the word as a number first
        return marks
    for message in read_value(request, "messages"):
        own = message.get("cache_control")
        content = message.get("content")
        if message.get("role") in ("tool", "function"):
            inner = (
                [p.get("cache_control") for p in content if isinstance(p, dict)] if isinstance(content, list) else []
            )
            marks[f"result {message.get('tool_call_id') or ''}"].append(own or next(filter(None, inner), None))
            continue
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        keys = [(_key_of(part), part.get("cache_control")) for part in parts if isinstance(part, dict)]
        calls = message.get("tool_calls") if message.get("role") == "assistant" else None
        keys += [(f"call {call.get('id') or ''}", call.get("cache_control")) for call in calls or ()]
        known = [(key, mark) for key, mark in keys if key]
        for position, (key, mark) in enumerate(known, 1):
            marks[key].append(mark or (own if position == len(known) else None))
    return marks


def maybe_mark(marks: Marks, part: Part) -> Any:
    """The mark of a part, to be asked once for each part, in order."""
    match part:
        case Text():
            key = f"text {part.text}"
        case Media():
            key = f"file {(part.url or part.data)[-_ENDING:]}"
        case Result():
            key = f"result {part.id}"
        case Call():
            key = f"call {part.id}"
        case _:
            return None
    waiting = marks.get(key)
    return waiting.popleft() if waiting else None


def tool_marks(request: ChatRequest) -> dict[str, Any]:
    """Marks of function tools by the tool's name."""
    if _WORD not in bytes(request.members.get("tools", NULL)):
        return {}
    found: dict[str, Any] = {}
    for tool in read_value(request, "tools"):
        function = tool.get("function")
        if isinstance(function, dict):
            found[function["name"]] = tool.get("cache_control") or function.get("cache_control")
    return found


def _key_of(part: dict[str, Any]) -> str:
    kind = part.get("type") or ""
    inner = part.get(kind)
    if kind in ("text", "refusal"):
        return f"text {inner}" if inner else ""
    if isinstance(inner, dict):
        inner = inner.get("url") or inner.get("file_data") or inner.get("data")
    return f"file {inner[-_ENDING:]}" if isinstance(inner, str) else ""

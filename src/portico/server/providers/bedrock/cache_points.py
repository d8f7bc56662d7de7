"""`cache_control` of a caller as cache points of Bedrock: a mark behind each marked part, found again when blocks are
written. In: a ChatRequest. Out: the same request with marks among its texts."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from portico.server.providers.conversation import read_value
from portico.wire.requests import ChatRequest

_MARK = "\x00portico:cache:"
"""No caller's text begins with a NUL; one that does gets a cache point, which harms nobody."""


def mark_cache_points(request: ChatRequest) -> ChatRequest:
    """The request itself when nothing in its messages is marked."""
    raw = request.members.get("messages")
    if raw is None or b'"cache_control"' not in bytes(raw):
        return request
    messages = [_marked(message) for message in read_value(request, "messages")]
    members = {**request.members, "messages": msgspec.Raw(msgspec.json.encode(messages))}
    return replace(request, members=members)


def _marked(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    parts: list[Any] = [content] if isinstance(content, str) else list(content or ())
    found: list[Any] = []
    for part in parts:
        found.append({"type": "text", "text": part} if isinstance(part, str) else part)
        control = part.get("cache_control") if isinstance(part, dict) else None
        if isinstance(control, dict):
            found.append({"type": "text", "text": _MARK + str(control.get("ttl") or "")})
    control = message.get("cache_control")  # some clients mark the whole message
    if isinstance(control, dict):
        found.append({"type": "text", "text": _MARK + str(control.get("ttl") or "")})
    return {**message, "content": found}


def maybe_cache_point(text: str) -> dict[str, Any] | None:
    """The block for a mark; None for any other text."""
    return cache_point(text[len(_MARK) :]) if text.startswith(_MARK) else None


def cache_point(ttl: str) -> dict[str, Any]:
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl in ("5m", "1h") else {})}}

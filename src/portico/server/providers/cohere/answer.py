"""The shapes of Cohere's chat answers, and what they have in common whole and streamed: ends, usage, citations."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import ContextLengthExceeded, ProviderError, ProviderTimeout, ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.cohere.errors import hide_keys
from portico.server.providers.openai_errors import ProviderContextTooLong, presentable

_FINISHES = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "USER_CANCEL": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}


class Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    id: str = ""
    function: Function | None = None


class _Source(msgspec.Struct):
    type: str = ""
    document: dict[str, Any] | None = None


class Citation(msgspec.Struct):
    """`start` and `end` count characters of the text; sources that are documents may have an address."""

    start: int | None = None
    end: int | None = None
    sources: list[_Source] | None = None


class _Counts(msgspec.Struct):
    input_tokens: float | None = None
    output_tokens: float | None = None
    image_tokens: float | None = None
    search_units: float | None = None


class Usage(msgspec.Struct):
    """`billed_units` leave out what Cohere adds to a prompt itself; they are what is paid for."""

    billed_units: _Counts | None = None
    tokens: _Counts | None = None
    cached_tokens: float | None = None


def take_usage(usage: Usage | None, turn: Turn) -> None:
    counts = usage and (usage.billed_units or usage.tokens)
    if usage is None or not counts or counts.input_tokens is None:
        return
    prompt = int(counts.input_tokens)
    cached = min(int(usage.cached_tokens or 0), prompt)
    turn.tokens = Tokens(
        input_uncached=prompt - cached, cache_read=cached, output_visible=int(counts.output_tokens or 0)
    )
    turn.usage_members = {
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def finish_of(reason: str, calls: bool, unwrapped: bool, error: str = "") -> str:
    """The documented reason (HC-10). Raises ProviderError for an answer that failed on its way."""
    if reason == "TOOL_CALL" and unwrapped and not calls:
        return "stop"
    if reason in ("ERROR", "ERROR_LIMIT", "TIMEOUT"):
        raise _failure(reason, error)
    return _FINISHES.get(reason, "stop")


def _failure(reason: str, error: str) -> ProviderError:
    message = presentable(hide_keys(error)) or None
    if reason == "ERROR_LIMIT":
        return ProviderContextTooLong(message or ContextLengthExceeded.text, "messages")
    return ProviderTimeout(message) if reason == "TIMEOUT" else ProviderUnknown(message)


def cite(citations: list[Citation]) -> list[Members]:
    """Citations of sources with an address, in the documented shape."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": url,
                "title": str((source.document or {}).get("title") or ""),
                "start_index": cited.start or 0,
                "end_index": cited.end or 0,
            },
        }
        for cited in citations
        for source in cited.sources or ()
        if (url := _address(source.document or {}))
    ]


def _address(document: dict[str, Any]) -> str:
    url = document.get("url")
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else ""

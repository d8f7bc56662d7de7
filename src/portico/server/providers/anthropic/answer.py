"""The shapes of the Messages API's answers, and what they have in common whole and streamed: ends and usage."""

from __future__ import annotations

import msgspec

from portico.server.providers.base import Members, Tokens

EMPTY = msgspec.Raw(b"")
STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TELLING = ("pause_turn", "model_context_window_exceeded", "refusal")


class Citation(msgspec.Struct):
    """Where a text comes from; only those with an address can be told in the documented shape."""

    type: str = ""
    url: str | None = None
    source: str | None = None
    title: str | None = None

    @property
    def address(self) -> str:
        if self.url:
            return self.url
        return self.source if self.source and self.source.startswith(("http://", "https://")) else ""


class Block(msgspec.Struct):
    """A content block of any type; members of other types are empty."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = EMPTY
    citations: list[Citation] | None = None


class StopDetails(msgspec.Struct):
    category: str | None = None
    explanation: str | None = None


class _Creation(msgspec.Struct):
    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int = 0


class _ServerTools(msgspec.Struct):
    web_search_requests: int = 0


class Usage(msgspec.Struct):
    """Counts up to now; None is not told. `input_tokens` are those neither read from nor written to the cache."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Creation | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None

    def update(self, newer: Usage) -> None:
        """Takes over what `newer` tells: its counts are totals, not additions (HC-09)."""
        for name in self.__struct_fields__:
            value = getattr(newer, name)
            if value is not None:
                setattr(self, name, value)

    def tokens(self) -> Tokens:
        """Disjoint (HC-24). What was written to the cache without a time to live counts as five minutes."""
        split = self.cache_creation or _NOT_SPLIT
        hour, minutes = split.ephemeral_1h_input_tokens, split.ephemeral_5m_input_tokens
        if self.cache_creation_input_tokens is not None:
            hour = min(hour, self.cache_creation_input_tokens)
            minutes = self.cache_creation_input_tokens - hour
        output = self.output_tokens or 0
        reasoning = min(self.output_tokens_details.thinking_tokens, output) if self.output_tokens_details else 0
        return Tokens(
            input_uncached=self.input_tokens or 0,
            cache_read=self.cache_read_input_tokens or 0,
            cache_write_5m=minutes,
            cache_write_1h=hour,
            output_visible=output - reasoning,
            reasoning=reasoning,
        )

    def members(self, tokens: Tokens) -> Members:
        """The details in the documented shape; totals and costs are the gateway's."""
        members: Members = {
            "prompt_tokens_details": {
                "cached_tokens": tokens.cache_read,
                "cache_write_tokens": tokens.cache_write_5m + tokens.cache_write_1h,
            },
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
        }
        if self.server_tool_use is not None and self.server_tool_use.web_search_requests:
            members["server_tool_use"] = {"web_search_requests": self.server_tool_use.web_search_requests}
        return members


_NOT_SPLIT = _Creation()


class Message(msgspec.Struct):
    """A whole answer, or the beginning of a streamed one."""

    id: str = ""
    model: str = ""
    content: list[Block] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Usage | None = None
    type: str = ""
    error: msgspec.Raw = EMPTY


def finish_of(stop_reason: str, calls: bool, unwrapped: bool) -> str:
    """The documented reason (HC-10). A call of the answer tool alone is an ordinary end."""
    if stop_reason == "tool_use" and unwrapped and not calls:
        return "stop"
    return STOPS.get(stop_reason, "stop")


def end_members(stop_reason: str, details: StopDetails | None, stop_sequence: str | None) -> Members:
    """Members of the message that tell more about its end than the documented reason can."""
    members: Members = {}
    if stop_sequence:
        return {"native_finish_reason": stop_reason, "stop_sequence": stop_sequence}
    if stop_reason in _TELLING:
        members["native_finish_reason"] = stop_reason
    if stop_reason == "refusal":
        told = details and (details.explanation or details.category)
        members["refusal"] = told or "The model refused to answer."
    return members


def thinking_member(block: Block) -> Members:
    """A block of thoughts as the caller gets it and has to send it back (HC-05)."""
    if block.type == "redacted_thinking":
        return {"type": "redacted_thinking", "data": block.data or ""}
    return {"type": "thinking", "thinking": block.thinking or "", "signature": block.signature or ""}


def cite(citations: list[Citation], start: int, end: int) -> list[Members]:
    """Citations of the text between two positions, in characters of the whole content."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": cited.address,
                "title": cited.title or "",
                "start_index": start,
                "end_index": end,
            },
        }
        for cited in citations
        if cited.address
    ]

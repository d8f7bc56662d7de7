"""A whole answer of the Messages API to the documented shape."""

from __future__ import annotations

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers import answer_tool
from portico.server.providers.anthropic.answer import (
    EMPTY,
    Message,
    cite,
    end_members,
    finish_of,
    thinking_member,
)
from portico.server.providers.anthropic.errors import error_in_body
from portico.server.providers.anthropic.paused import PAUSED
from portico.server.providers.base import Members, Turn
from portico.server.providers.chunks import call_member, whole_answer

_MESSAGE = msgspec.json.Decoder(Message)


def read_whole(body: bytes, unwrap: bool, turn: Turn) -> Members:
    """Raises ProviderError for an answer that is none."""
    try:
        message = _MESSAGE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a message") from None
    if message.type == "error" or message.error != EMPTY:
        raise error_in_body(message.error)
    if message.stop_reason is None:
        raise ProviderUnknown("the provider's answer has no end")
    if message.usage is not None:
        turn.tokens = tokens = message.usage.tokens()
        turn.usage_members = message.usage.members(tokens)
    turn.paused = message.stop_reason == PAUSED
    return _read_content(message, message.stop_reason, unwrap, turn)


def _read_content(message: Message, stop_reason: str, unwrap: bool, turn: Turn) -> Members:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Members] = []
    answers: list[str] = []
    more: Members = end_members(stop_reason, message.stop_details, message.stop_sequence)
    for block in message.content:
        if block.type == "text":
            start = sum(map(len, texts))
            texts.append(block.text or "")
            if block.citations:
                found = cite(block.citations, start, start + len(texts[-1]))
                more.setdefault("annotations", []).extend(found)
        elif block.type == "tool_use":
            arguments = bytes(block.input).decode()
            if unwrap and block.name == answer_tool.NAME:
                answers.append(arguments)
            else:
                calls.append(call_member(block.id, block.name, arguments))
        elif block.type in ("thinking", "redacted_thinking"):
            thoughts.append(block.thinking or "")
            more.setdefault("thinking_blocks", []).append(thinking_member(block))
    turn.finish_reason = finish_of(stop_reason, bool(calls), bool(answers))
    return whole_answer(
        message.id,
        message.model,
        content="".join(answers or texts),
        finish_reason=turn.finish_reason,
        calls=calls,
        reasoning="".join(thoughts),
        more=more,
    )

"""A whole answer of Cohere's chat API to the documented shape."""

from __future__ import annotations

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers import answer_tool
from portico.server.providers.base import Members, Turn
from portico.server.providers.chunks import call_member, whole_answer
from portico.server.providers.cohere.answer import Citation, ToolCall, Usage, cite, finish_of, take_usage


class _Content(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None


class _Message(msgspec.Struct):
    content: list[_Content] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_plan: str | None = None
    citations: list[Citation] | None = None


class _Answer(msgspec.Struct):
    finish_reason: str
    message: _Message
    id: str = ""
    usage: Usage | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def read_whole(body: bytes, model: str, unwrap: bool, turn: Turn) -> Members:
    """Raises ProviderError for an answer that is none. `model`: Cohere's answers do not name it."""
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a chat answer") from None
    take_usage(answer.usage, turn)
    message = answer.message
    content = message.content or ()
    thoughts = (message.tool_plan or "") + "".join(part.thinking or "" for part in content)
    calls, answers = _read_calls(message.tool_calls or [], unwrap)
    turn.finish_reason = finish_of(answer.finish_reason, bool(calls), bool(answers))
    more: Members = {}
    if thoughts:
        more["thinking_blocks"] = [{"type": "thinking", "thinking": thoughts}]
    if message.citations and (found := cite(message.citations)):
        more["annotations"] = found
    return whole_answer(
        answer.id,
        model,
        content="".join(answers) or "".join(part.text or "" for part in content),
        finish_reason=turn.finish_reason,
        calls=calls,
        reasoning=thoughts,
        more=more,
    )


def _read_calls(given: list[ToolCall], unwrap: bool) -> tuple[list[Members], list[str]]:
    """Calls of the caller's tools, and the arguments of the answer tool's."""
    calls: list[Members] = []
    answers: list[str] = []
    for call in given:
        name = (call.function and call.function.name) or ""
        arguments = (call.function and call.function.arguments) or ""
        if unwrap and name == answer_tool.NAME:
            answers.append(arguments)
        else:
            calls.append(call_member(call.id, name, arguments))
    return calls, answers

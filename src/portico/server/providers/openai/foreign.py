"""Chat requests that were made of another API's: without what only that API knows, in the plainest chat form.

Servers that speak like OpenAI differ in what they refuse; texts as strings and results as texts all of them take.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from portico.server.errors import PatternMismatch
from portico.server.providers.base import Members, Turn
from portico.server.providers.conversation import read_value
from portico.wire.requests import NULL, ChatRequest

_encode = msgspec.json.Encoder().encode
_FOREIGN = ("cache_control", "anthropic_beta", "prompt_cache_key", "safety_identifier")
"""Left out without a word: they change no answer."""
_THOUGHTS = ("thinking", "redacted_thinking")
_HAS_THOUGHTS = re.compile(rb'_blocks"')
"""Looked for where the text lies, for the messages may hold pictures: a copy would take longer than the search."""
_OURS = frozenset({"thinking_blocks", "reasoning_content", "native_finish_reason", "stop_sequence"})
_LONGEST_USER = 64
_BEHIND = "The files of the tool's result are in the next message."
Json = dict[str, Any]


def as_own(request: ChatRequest, turn: Turn) -> ChatRequest:
    """The request as this protocol has it. Raises PatternMismatch for a tool that only another provider runs."""
    if request.dialect == "chat":
        return _without_thoughts(request)
    return msgspec.structs.replace(request, members=_own_members(request, turn), dialect="chat")


def _without_thoughts(request: ChatRequest) -> ChatRequest:
    """Without what answers of other protocols have beside this one's members: who asks another model than before, or is
    led to one by a fallback, sends it back (HC-05)."""
    raw: Any = request.members.get("messages", NULL)
    if _HAS_THOUGHTS.search(raw) is None:
        return request
    messages = [
        {name: value for name, value in message.items() if name not in _OURS}
        if "thinking_blocks" in message
        else message
        for message in read_value(request, "messages")
    ]
    members = {**request.members, "messages": msgspec.Raw(_encode(messages))}
    return msgspec.structs.replace(request, members=members)


def _own_members(request: ChatRequest, turn: Turn) -> Members:
    members: Members = dict(request.members)
    for name in _FOREIGN:
        members.pop(name, None)
    if members.pop("top_k", NULL) != NULL:  # no member of this protocol, though some of its servers know it
        turn.adjusted.append("top_k dropped")
    if request.dialect == "messages" and members.get("service_tier", NULL) == msgspec.Raw(b'"standard_only"'):
        del members["service_tier"]
    members["messages"] = msgspec.Raw(_encode(_messages(read_value(request, "messages"))))
    if request.has_tools:
        members["tools"] = msgspec.Raw(_encode([own_tool(tool) for tool in read_value(request, "tools")]))
    else:
        members.pop("parallel_tool_calls", None)
    user = read_value(request, "user")
    if isinstance(user, str) and len(user) > _LONGEST_USER:  # OpenAI's bound; the same for the same user
        members["user"] = msgspec.Raw(_encode(hashlib.blake2b(user.encode(), digest_size=16).hexdigest()))
    return members


def own_tool(tool: Json) -> Json:
    """A function tool without marks. Raises PatternMismatch for any other."""
    if not isinstance(tool.get("function"), dict):
        raise PatternMismatch("tools", f"the model does not know the tool '{tool.get('type')}' of another provider")
    return {"type": "function", "function": tool["function"]}


def _messages(given: list[Json]) -> list[Json]:
    """Files in tool results stand in a message of the user behind the results: results are texts here."""
    made: list[Json] = []
    files: list[Json] = []
    for message in given:
        if message["role"] == "tool":
            text, found = _result(message.get("content"))
            files += found
            made.append({"role": "tool", "tool_call_id": message.get("tool_call_id"), "content": text})
            continue
        if files and message["role"] == "user":
            content = message.get("content")
            own = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
            message = {**message, "content": [*files, *own]}
            files = []
        elif files:
            made.append({"role": "user", "content": files})
            files = []
        made.append(_message(message))
    if files:
        made.append({"role": "user", "content": files})
    return made


def _message(message: Json) -> Json:
    content = message.get("content")
    kept = {name: value for name, value in message.items() if name not in ("cache_control", "thinking_blocks")}
    if isinstance(content, list):
        parts = [_part(part) for part in content if part.get("type") not in _THOUGHTS]
        if all(part["type"] == "text" for part in parts):
            between = "" if message["role"] == "assistant" else "\n\n"
            kept["content"] = between.join(part["text"] for part in parts)
        else:
            kept["content"] = parts
    if "tool_calls" in message:
        kept["tool_calls"] = [
            {name: value for name, value in call.items() if name != "cache_control"} for call in message["tool_calls"]
        ]
        kept["content"] = kept.get("content") or None
    return kept


def _part(part: Json) -> Json:
    return {name: value for name, value in part.items() if name != "cache_control"}


def _result(content: Any) -> tuple[str, list[Json]]:
    if not isinstance(content, list):
        return content or "", []
    texts = [part["text"] for part in content if part.get("type") == "text"]
    files = [_part(part) for part in content if part.get("type") != "text"]
    return "\n".join([*texts, *([_BEHIND] if files else [])]), files

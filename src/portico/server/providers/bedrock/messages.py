"""The conversation as system blocks and messages of the Converse API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from portico.server.providers.bedrock.cache_points import maybe_cache_point
from portico.server.providers.bedrock.family import Family
from portico.server.providers.bedrock.files import Block, Files
from portico.server.providers.conversation import (
    Call,
    Conversation,
    Media,
    Part,
    Result,
    Text,
    Thought,
    Turned,
    fitting_id,
)

_ID = r"[a-zA-Z0-9_-]{1,64}"
_LONGEST_ID = 64
_FILLER = "."
"""A text that means nothing, where the API demands one and the caller said none."""


def write_system(texts: Iterable[str], family: Family) -> list[Block]:
    blocks: list[Block] = []
    for text in texts:
        point = maybe_cache_point(text)
        if point is None:
            if text.strip():
                blocks.append({"text": text})
        elif blocks and family.cache_points:
            blocks.append(point)
    return blocks


def write_messages(conversation: Conversation, family: Family) -> list[Block]:
    """Messages that alternate, begin with the user, and hold no blank text: the API refuses all others (HC-20)."""
    files = Files()
    messages: list[Block] = []
    for turn in conversation.turns:
        blocks = _write_turn(turn, family, files)
        if not blocks:
            continue
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": turn.role, "content": blocks})
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": [{"text": _FILLER}]})
    _trim_prefill(messages[-1])
    return messages


def _write_turn(turn: Turned, family: Family, files: Files) -> list[Block]:
    blocks: list[Block] = []
    for part in turn.parts:
        blocks += _write_part(part, family, files)
    kinds = {kind for block in blocks for kind in block}
    if kinds == {"cachePoint"}:
        return []
    if "document" in kinds and "text" not in kinds:
        blocks.append({"text": _FILLER})
    return blocks


def _write_part(part: Part, family: Family, files: Files) -> list[Block]:
    if isinstance(part, Text):
        return _write_text(part.text, family)
    if isinstance(part, Media):
        return [files.block(part)]
    if isinstance(part, Call):
        call_id = fitting_id(part.id, _ID, _LONGEST_ID)
        return [{"toolUse": {"toolUseId": call_id, "name": part.name, "input": _arguments(part.arguments)}}]
    if isinstance(part, Result):
        return _write_result(part, family, files)
    return _write_thought(part) if family.claude else []


def _write_text(text: str, family: Family) -> list[Block]:
    point = maybe_cache_point(text)
    if point is not None:
        return [point] if family.cache_points else []
    return [{"text": text}] if text.strip() else []


def _write_result(result: Result, family: Family, files: Files) -> list[Block]:
    """The text goes as text even when it is JSON: a JSON document would be written anew on the way (HC-02)."""
    content: list[Block] = []
    points: list[Block] = []
    for part in result.parts:
        for block in _write_part(part, family, files):
            (points if "cachePoint" in block else content).append(block)
    result_id = fitting_id(result.id, _ID, _LONGEST_ID)
    return [{"toolResult": {"toolUseId": result_id, "content": content or [{"text": _FILLER}]}}, *points]


def _write_thought(thought: Thought) -> list[Block]:
    """Word for word, or not at all: Claude takes no thoughts without its signature (HC-05)."""
    if thought.data:
        return [{"reasoningContent": {"redactedContent": thought.data}}]
    if thought.signature:
        return [{"reasoningContent": {"reasoningText": {"text": thought.text, "signature": thought.signature}}}]
    return []


def _arguments(text: str) -> msgspec.Raw | dict[str, Any]:
    """The object as the model wrote it; a text that is none is wrapped, since the API takes objects only."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": text}
    return msgspec.Raw(text.encode())


def _trim_prefill(last: Block) -> None:
    """The beginning of an answer may not end with blanks."""
    tail = last["content"][-1]
    if last["role"] == "assistant" and "text" in tail:
        tail["text"] = tail["text"].rstrip()


def open_tool_turn_lacks_thoughts(messages: list[Block]) -> bool:
    """Results wait for an answer, and the calls they belong to stand without the thoughts that led to them (HC-05)."""
    if len(messages) < 2 or not any("toolResult" in block for block in messages[-1]["content"]):
        return False
    return not any("reasoningContent" in block for block in messages[-2]["content"])


def names_of_calls(messages: list[Block]) -> list[str]:
    """The tools that the history speaks of, each once."""
    names = (block["toolUse"]["name"] for message in messages for block in message["content"] if "toolUse" in block)
    return list(dict.fromkeys(names))

"""Turns of a conversation to messages of Cohere's chat API, which has roles for system texts and for tool results."""

from __future__ import annotations

from typing import Any

from portico.server.errors import MediaNotSupported
from portico.server.providers.base import Traits, Turn
from portico.server.providers.conversation import (
    TEXTUAL,
    Call,
    Conversation,
    Media,
    Result,
    Text,
    Thought,
    Turned,
    text_of,
)
from portico.server.providers.unsupported import note_once

Block = dict[str, Any]


def write_messages(conversation: Conversation, traits: Traits, turn: Turn) -> list[Block]:
    """System texts first, each a message. Raises MediaNotSupported for files that are neither picture nor text."""
    messages: list[Block] = [{"role": "system", "content": text} for text in conversation.system]
    for turned in conversation.turns:
        if turned.role == "assistant":
            messages.append(_assistant(turned, traits, turn))
        else:
            messages += _user(turned, turn)
    return messages


def _user(turned: Turned, turn: Turn) -> list[Block]:
    """Results stand before the rest of their turn, each in a message of its own."""
    messages = [_result(part, turn) for part in turned.parts if isinstance(part, Result)]
    parts = [part for part in turned.parts if isinstance(part, Text | Media)]
    if len(parts) == 1 and isinstance(parts[0], Text):
        messages.append({"role": "user", "content": parts[0].text})
    elif parts:
        messages.append({"role": "user", "content": [_part(part) for part in parts]})
    return messages


def _result(part: Result, turn: Turn) -> Block:
    texts: list[str] = []
    for inner in part.parts:
        if isinstance(inner, Text):
            texts.append(inner.text)
        elif _is_text(inner):
            texts.append(text_of(inner))
        else:
            note_once("file of a tool result dropped", turn)
    return {"role": "tool", "tool_call_id": part.id, "content": "\n".join(texts)}


def _assistant(turned: Turned, traits: Traits, turn: Turn) -> Block:
    """Thoughts go back as such to models that think; to others those before tool calls are their plan."""
    texts = [part.text for part in turned.parts if isinstance(part, Text)]
    calls = [_call(part) for part in turned.parts if isinstance(part, Call)]
    thoughts = "\n".join(part.text for part in turned.parts if isinstance(part, Thought) and part.text)
    if any(isinstance(part, Media) for part in turned.parts):
        note_once("file of the assistant dropped", turn)
    message: Block = {"role": "assistant"}
    text = "".join(texts)
    if thoughts and traits.thinking_mode != "none":
        message["content"] = [{"type": "thinking", "thinking": thoughts}]
        if text:
            message["content"].append({"type": "text", "text": text})
    elif text:
        message["content"] = text
    if calls:
        message["tool_calls"] = calls
        if thoughts and traits.thinking_mode == "none":
            message["tool_plan"] = thoughts
    elif "content" not in message:
        message["content"] = ""
    return message


def _call(part: Call) -> Block:
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}


def _part(part: Text | Media) -> Block:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.kind == "image":
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    if _is_text(part):
        return {"type": "text", "text": f"{part.name}\n{text_of(part)}" if part.name else text_of(part)}
    raise MediaNotSupported(param="messages")


def _is_text(media: Media) -> bool:
    return not media.url and (media.kind == "text" or media.media_type in TEXTUAL)

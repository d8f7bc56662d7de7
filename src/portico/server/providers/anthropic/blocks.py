"""Turns of a conversation to messages of the Messages API: texts, files, tool calls, results, thoughts."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import MediaNotSupported
from portico.server.providers.anthropic.marks import Marks, maybe_mark
from portico.server.providers.base import Turn
from portico.server.providers.conversation import (
    TEXTUAL,
    Call,
    Conversation,
    Media,
    Part,
    Result,
    Text,
    Thought,
    Turned,
    fitting_id,
    text_of,
)
from portico.server.providers.unsupported import note_once

Block = dict[str, Any]

ID_PATTERN = r"[a-zA-Z0-9_-]+"
LONGEST_ID = 64
_MAGIC = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
_PICTURES = frozenset(_MAGIC.values())
_PDF = "application/pdf"
_PDF_START = "JVBER"
_ARGUMENTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BEGIN: Block = {"role": "user", "content": "."}


def write_messages(conversation: Conversation, marks: Marks, turn: Turn) -> list[Block]:
    """The first message is the user's, none is empty, and an answer that is begun ends without blanks."""
    messages = [message for turned in conversation.turns if (message := _message(turned, marks, turn))]
    if not messages or messages[0]["role"] == "assistant":
        messages.insert(0, _BEGIN)
        turn.adjusted.append("first user message added")
    last = messages[-1]
    if last["role"] == "assistant":
        _trim_end(last)
    return messages


def write_system(conversation: Conversation, marks: Marks) -> list[Block]:
    """System texts as blocks, in order."""
    return [_marked({"type": "text", "text": text}, Text(text), marks) for text in conversation.system]


def _message(turned: Turned, marks: Marks, turn: Turn) -> Block | None:
    parts = turned.parts
    if len(parts) == 1 and isinstance(parts[0], Text) and not marks:
        text = parts[0].text
        return {"role": turned.role, "content": text} if text.strip() else None
    blocks: list[Block] = []
    for part in parts:
        block = _block(part, turned.role, turn)
        if block is not None:
            blocks.append(_marked(block, part, marks))
    return {"role": turned.role, "content": blocks} if blocks else None


def _block(part: Part, role: str, turn: Turn) -> Block | None:
    match part:
        case Text():
            return {"type": "text", "text": part.text} if part.text.strip() else None  # blanks alone are refused
        case Media():
            if role == "assistant":
                note_once("file of the assistant dropped", turn)
                return None
            return write_file(part)
        case Call():
            return _call(part, turn)
        case Result():
            return _result(part, turn)
        case Thought():
            return _thought(part)


def _thought(part: Thought) -> Block | None:
    """Blocks of other models have no signature; the API refuses them."""
    if part.data:
        return {"type": "redacted_thinking", "data": part.data}
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None


def _call(part: Call, turn: Turn) -> Block:
    """The arguments go out as the model wrote them (HC-02)."""
    try:
        _ARGUMENTS.decode(part.arguments)
        given: Any = msgspec.Raw(part.arguments.encode())
    except (msgspec.DecodeError, RecursionError):  # cut short by a limit: the API wants an object all the same
        note_once("arguments wrapped: no JSON object", turn)
        given = {"not_json": part.arguments}
    return {"type": "tool_use", "id": fitting_id(part.id, ID_PATTERN, LONGEST_ID), "name": part.name, "input": given}


def _result(part: Result, turn: Turn) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": fitting_id(part.id, ID_PATTERN, LONGEST_ID)}
    if part.failed:
        block["is_error"] = True
    if all(isinstance(inner, Text) for inner in part.parts):
        if part.parts:
            block["content"] = part.text
    else:
        block["content"] = [made for inner in part.parts if (made := _block(inner, "user", turn))]
    return block


def _marked(block: Block, part: Part, marks: Marks) -> Block:
    mark = maybe_mark(marks, part) if marks else None
    if mark is not None:
        block["cache_control"] = mark
    return block


def _trim_end(message: Block) -> None:
    content = message["content"]
    if isinstance(content, str):
        message["content"] = content.rstrip()
    elif content[-1]["type"] == "text":
        content[-1]["text"] = content[-1]["text"].rstrip()


def write_file(media: Media) -> Block:
    """A picture, a PDF or a text. What the first bytes say counts more than the stated type (HC-25).

    Raises MediaNotSupported for anything else.
    """
    if media.url:
        pdf = media.media_type == _PDF or media.url.partition("?")[0].lower().endswith(".pdf")
        return _titled("document" if pdf else "image", {"type": "url", "url": media.url}, media)
    kind = _sniff(media)
    if kind in _PICTURES:
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": media.data}}
    if kind == _PDF:
        return _titled("document", {"type": "base64", "media_type": kind, "data": media.data}, media)
    if kind.startswith("text/") or kind in TEXTUAL:
        return _titled("document", {"type": "text", "media_type": "text/plain", "data": text_of(media)}, media)
    raise MediaNotSupported(param="messages")


def _titled(kind: str, source: Block, media: Media) -> Block:
    block: Block = {"type": kind, "source": source}
    if kind == "document" and media.name:
        block["title"] = media.name
    return block


def _sniff(media: Media) -> str:
    if media.data.startswith(_PDF_START):
        return _PDF
    return next((kind for start, kind in _MAGIC.items() if media.data.startswith(start)), media.media_type)

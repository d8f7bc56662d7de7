"""What the request log keeps of a chat: instructions, question and answer as plain text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

INSTRUCTIONS = ("system", "developer")


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    delta: _Message | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []


_read_messages = msgspec.json.Decoder(list[_Message]).decode
_read_choices = msgspec.json.Decoder(list[_Choice]).decode
_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


def read_question(messages: bytes) -> tuple[str, str]:
    """`messages` as JSON to instructions (system and developer) and the text of the last message of the user."""
    try:
        read = _read_messages(messages)
    except msgspec.DecodeError:  # a shape that the provider understood all the same
        return "", ""
    instructions = [_text(one.content) for one in read if one.role in INSTRUCTIONS]
    question = next((_text(one.content) for one in reversed(read) if one.role == "user"), "")
    return "\n\n".join(filter(None, instructions)), question


def read_output(choices: bytes) -> str:
    """`choices` of a whole answer, as JSON, to the text of the first; its tool calls as JSON when it has no text."""
    try:
        read = _read_choices(choices)
    except msgspec.DecodeError:
        return ""
    message = read[0].message if read else None
    if message is None:
        return ""
    return _text(message.content) or (_encode(message.tool_calls).decode() if message.tool_calls else "")


class StreamedText:
    """The text of a streamed answer, collected as it passes, up to a bound."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._parts: list[str] = []

    def feed(self, frames: Iterable[bytes]) -> None:
        """JSON texts of chunks."""
        for frame in frames:
            if self._left <= 0:
                return
            try:
                read = _read_answer(frame)
            except msgspec.DecodeError:
                continue
            delta = read.choices[0].delta if read.choices else None
            text = delta.content if delta is not None and isinstance(delta.content, str) else ""
            if text:
                self._parts.append(text)
                self._left -= len(text)

    @property
    def text(self) -> str:
        return "".join(self._parts)


def _text(content: Any) -> str:
    """A content that is a text or a list of parts; parts that are no text are named by their type."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part for part in content if isinstance(part, dict))
    return "\n".join(part["text"] if isinstance(part.get("text"), str) else f"[{part.get('type')}]" for part in parts)

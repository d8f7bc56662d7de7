"""What the request log keeps of a relayed response: instructions, question and answer as plain text."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.gateway.requests.texts import read_question
from portico.server.providers.base import Members
from portico.wire.requests import NULL


class _Part(msgspec.Struct):
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct):
    type: str = ""
    name: str = ""
    arguments: str = ""
    content: list[_Part] | None = None


_read_output = msgspec.json.Decoder(list[_Item]).decode
_read_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_said(members: Members) -> tuple[str, str]:
    """Instructions, those of system messages included, and the last thing the user said."""
    said: Any = _read_any(members.get("input", NULL))
    items = said if isinstance(said, list) else [{"role": "user", "content": said}]
    instructions = _read_any(members.get("instructions", NULL))
    prompt, question = read_question(_encode([item for item in items if isinstance(item, dict) and "role" in item]))
    return "\n\n".join(filter(None, [instructions if isinstance(instructions, str) else "", prompt])), question


def read_told(members: Members) -> str:
    """The texts of a response; its function calls as JSON when it has none."""
    try:
        output = _read_output(members.get("output", b"[]"))
    except (msgspec.DecodeError, RecursionError):
        return ""
    text = "".join(part.text or part.refusal for item in output for part in item.content or ())
    calls = [{"name": item.name, "arguments": item.arguments} for item in output if item.type == "function_call"]
    return text or (_encode(calls).decode() if calls else "")

"""An estimate of the tokens of a prompt, from its length: good enough to see a context window coming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from portico.server.gateway.metering import BYTES_PER_TOKEN
from portico.wire.requests import NULL, Members

MESSAGE_TOKENS = 4
IMAGE_TOKENS = 1600
"""What Anthropic names for a picture of the size that it scales larger ones to."""
PAGE_BYTES = 50_000
PAGE_TOKENS = 2_000
"""Of a file, by its size: a page of text and pictures takes 1,500 to 3,000."""


def count_tokens(members: Members) -> int:
    """Tokens of the members of a chat request: texts by their bytes, attachments by their kind."""
    messages = msgspec.json.decode(members["messages"])
    total = sum(MESSAGE_TOKENS + sum(_of_message(message)) for message in messages)
    tools = bytes(members.get("tools", NULL))
    return total + (0 if tools == b"null" else len(tools) // BYTES_PER_TOKEN)


def _of_message(message: dict[str, Any]) -> Iterator[int]:
    content = message.get("content") or ""
    parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content}]
    for part in parts:
        match part["type"]:
            case "image_url":
                yield IMAGE_TOKENS
            case "file":
                yield max(1, len(part["file"].get("file_data") or "") // PAGE_BYTES) * PAGE_TOKENS
            case _:
                yield _of_text(str(part.get("text") or part.get("thinking") or ""))
    for call in message.get("tool_calls") or ():
        yield _of_text(call["function"]["name"] + call["function"]["arguments"])


def _of_text(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)

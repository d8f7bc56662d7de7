"""The texts of a request that come from outside: what users say and tools bring. Read, and replaced where masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from portico.wire.requests import Members

CHECKED_ROLES = frozenset({"user", "tool", "function"})
"""System and developer messages are the application's own words, assistant messages were answers of a model."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_decode_any = msgspec.json.Decoder().decode


def read_texts(members: Members) -> list[str]:
    """One text per checked message; the parts of a message are joined, as an attack may be spread over them."""
    return [" ".join(_texts_of(_decode_any(message["content"]))) for message in _checked(members)]


def mask_messages(members: Members, mask: Callable[[str], str], *, prompt: bool = False) -> None:
    """Replaces the texts of the checked messages by what `mask` makes of them; untouched messages stay as they came.

    With `prompt` the first message is one of them: an assistant's prompt that somebody's words were filled into.
    """
    messages = _read(members)
    changed = False
    for place, message in enumerate(messages):
        if not _is_checked(message) and not (prompt and place == 0):
            continue
        before = _decode_any(message["content"])
        after = _mapped(before, mask)
        if after != before:
            message["content"] = msgspec.Raw(_encode(after))
            changed = True
    if changed:
        members["messages"] = msgspec.Raw(_encode(messages))


def _read(members: Members) -> list[dict[str, msgspec.Raw]]:
    raw = members.get("messages")
    if raw is None:
        return []
    try:
        return _decode(raw)
    except msgspec.DecodeError:  # no list of objects: no provider takes it either
        return []


def _checked(members: Members) -> Iterator[dict[str, msgspec.Raw]]:
    return (message for message in _read(members) if _is_checked(message))


def _is_checked(message: dict[str, msgspec.Raw]) -> bool:
    role = _decode_any(message["role"]) if "role" in message else "user"
    return "content" in message and isinstance(role, str) and role in CHECKED_ROLES


def _texts_of(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [part if isinstance(part, str) else part["text"] for part in content if _is_text(part)]


def _mapped(content: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        return mask(content)
    if not isinstance(content, list):
        return content
    return [_mapped_part(part, mask) if _is_text(part) else part for part in content]


def _mapped_part(part: Any, mask: Callable[[str], str]) -> Any:
    return mask(part) if isinstance(part, str) else {**part, "text": mask(part["text"])}


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and isinstance(part.get("text"), str))

"""The `messages` of a chat request: checked, and brought into one form where callers deviate in known ways."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from portico.server.errors import BadInputText, FieldRequired, OutOfRange, PatternMismatch
from portico.wire.requests import NULL, Members

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
PARTS_LIMIT = 20_000
_MEDIA = ("image_url", "input_audio", "file", "video_url")
_PARTS = ("text", "image_url", "input_audio", "file", "refusal", "video_url", "thinking", "redacted_thinking")


_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}
"""Names under which clients send what the catalogue knows by its registered one; a part says `mp3`."""


class PlainMessage(msgspec.Struct, gc=False):
    """A role that is passed on as it is, and text as content: nothing to look at more closely."""

    role: Literal["user", "system", "assistant"]
    content: str


_PLAIN = msgspec.json.Decoder(list[PlainMessage])


def read_messages(members: Members) -> tuple[str, ...]:
    """Leaves `messages` as the bytes they were when they are in the plain form; rewrites them otherwise.

    Returns the MIME types of what is attached: `image/*` where an address does not tell.

    Raises FieldRequired, PatternMismatch, OutOfRange; the field is named with its position (`messages[2].role`).
    """
    raw = members.get("messages")
    if raw is None or raw == NULL:
        raise FieldRequired("messages")
    try:
        plain = _PLAIN.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        plain = []
    if plain:
        return ()
    messages = _rewrite(raw)
    members["messages"] = msgspec.Raw(msgspec.json.encode(messages))
    return tuple(_media_type(part) for message in messages for part in _parts_of(message) if part["type"] in _MEDIA)


def _parts_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _media_type(part: dict[str, Any]) -> str:
    """The type in a data URL decides, whatever the part is called."""
    given = part.get(part["type"])
    inner: dict[str, Any] = given if isinstance(given, dict) else {}
    if part["type"] == "input_audio":
        return _usual(f"audio/{inner.get('format') or '*'}")
    address = inner.get("url") or inner.get("file_data") or ""
    if isinstance(address, str) and address.startswith("data:"):
        return _usual(address[5:].partition(";")[0].partition(",")[0].lower()) or "*/*"
    return {"image_url": "image/*", "video_url": "video/*"}.get(part["type"], "*/*")


def _usual(media_type: str) -> str:
    return _OTHER_NAMES.get(media_type, media_type)


def _rewrite(raw: msgspec.Raw) -> list[dict[str, Any]]:
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadInputText(f"Bad Input Text: messages: {error}") from None
    except RecursionError:
        raise BadInputText("Bad Input Text: messages are nested too deeply") from None
    if isinstance(value, dict | str):  # one flow sample of the reference sends a single object
        value = [value]
    if not isinstance(value, list):
        raise PatternMismatch("messages", "send an array of messages")
    if not value:
        raise FieldRequired("messages")
    if sum(_size(message) for message in value) > PARTS_LIMIT:
        raise OutOfRange("messages", f"at most {PARTS_LIMIT} messages and content parts together")
    return [_message(m, f"messages[{i}]") for i, m in enumerate(value)]


def _size(message: Any) -> int:
    """The message and its parts: each is looked at, and meanwhile nobody else is served."""
    content = message.get("content") if isinstance(message, dict) else None
    return 1 + (len(content) if isinstance(content, list) else 0)


def _message(given: Any, where: str) -> dict[str, Any]:
    if isinstance(given, str):  # the vendor's command line sends bare strings
        return {"role": "user", "content": given}
    if not isinstance(given, dict):
        raise PatternMismatch(where, "send an object with role and content")
    role = given.get("role")
    if role is None:
        raise FieldRequired(f"{where}.role")
    if role not in ROLES:
        raise PatternMismatch(f"{where}.role", f"send one of {', '.join(ROLES)}")
    message: dict[str, Any] = {**given, "role": "system" if role == "developer" else role}
    content = message.get("content")
    if content is None and role != "assistant":
        raise FieldRequired(f"{where}.content")
    if isinstance(content, list):
        message["content"] = [_part(part, f"{where}.content[{i}]") for i, part in enumerate(content)]
    elif content is not None and not isinstance(content, str):
        raise PatternMismatch(f"{where}.content", "send a string or an array of parts")
    return message


def _part(given: Any, where: str) -> dict[str, Any]:
    if isinstance(given, str):
        return {"type": "text", "text": given}
    if not isinstance(given, dict):
        raise PatternMismatch(where, "send a content part")
    part: dict[str, Any] = given
    kind = part.get("type")
    if kind not in _PARTS:
        raise PatternMismatch(f"{where}.type", f"send one of {', '.join(_PARTS[:4])}")
    if kind == "text" and not isinstance(part.get("text"), str):
        raise FieldRequired(f"{where}.text")
    if kind == "image_url" and isinstance(part.get("image_url"), str):  # a documented sample sends the bare URL
        part = {**part, "image_url": {"url": part["image_url"]}}
    if kind == "image_url" and not isinstance(part["image_url"].get("url") if _has(part) else None, str):
        raise FieldRequired(f"{where}.image_url.url")
    return part


def _has(part: dict[str, Any]) -> bool:
    return isinstance(part.get("image_url"), dict)

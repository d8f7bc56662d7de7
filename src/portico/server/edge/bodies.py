"""JSON bodies of the hot paths: one parse, members stay raw until somebody needs them."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import BadInputText, FieldRequired, InvalidModelName, InvalidType, PatternMismatch
from portico.wire.model_ref import ModelRef, ModelRefError, read_model_ref
from portico.wire.requests import NULL, Members

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
MODEL_LIMIT = 512
NO_PROVIDER = "LLM Provider NOT provided. Pass in the LLM provider you are trying to call"
"""The official clients wait for these words of the reference server, for pictures and films."""


def read_members(body: bytes | bytearray) -> Members:
    """The members of a JSON object. Raises BadInputText, saying what is wrong with the text."""
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    try:
        members = _MEMBERS.decode(body)
        body.decode("utf-8") if not body.isascii() else None
    except msgspec.ValidationError:
        raise BadInputText("Bad Input Text: the body must be a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInputText(f"Bad Input Text: the body is not valid JSON in UTF-8 ({error})") from None
    except RecursionError:
        raise BadInputText("Bad Input Text: the JSON is nested too deeply") from None
    return members


def read_member(members: Members, name: str) -> Any:
    """A member as a value; None when it is absent or null. Raises BadInputText."""
    try:
        return msgspec.json.decode(members.get(name, NULL))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInputText(f"Bad Input Text: {name}: {error}") from None


def read_model(members: Members, hint: str = "") -> ModelRef:
    """Takes `model` out of the members; `hint` goes into the refusal of none.

    Raises FieldRequired, PatternMismatch, InvalidType, InvalidModelName.
    """
    raw = members.pop("model", None)
    if raw is None or raw == NULL:
        raise FieldRequired("model", hint)
    try:
        text = _TEXT.decode(raw).strip()
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch("model", "send a string") from None
    if not text:
        raise FieldRequired("model", hint)
    if len(text) > MODEL_LIMIT:
        raise PatternMismatch("model", f"at most {MODEL_LIMIT} characters")
    try:
        return read_model_ref(text)
    except ModelRefError as error:
        raise InvalidType(param="model") if error.kind == "type" else InvalidModelName() from None


_FLAGS = {
    b"true": True, b'"true"': True, b'"True"': True, b"1": True, b'"1"': True,
    b"false": False, b'"false"': False, b'"False"': False, b"0": False, b'"0"': False, b"null": False,
}  # fmt: skip


def read_flag(members: Members, name: str) -> bool:
    """Takes a boolean out of the members; the words "true" and "false" count. Absent or null is false."""
    raw = members.pop(name, None)
    if raw is None:
        return False
    value = _FLAGS.get(bytes(raw).strip())
    if value is None:
        raise PatternMismatch(name, "send true or false")
    return value

"""Members of the JSON bodies and fields of the forms of the media paths: read once, checked, refused by name."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from portico.server.edge.bodies import read_members
from portico.server.edge.exchange import Exchange
from portico.server.edge.forms import Form, is_form, read_form
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.wire.requests import Members

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def read_fields(exchange: Exchange) -> tuple[Members, Form]:
    """The members of a JSON body, or the text fields of a form as members; and the form with its files."""
    content_type = exchange.header(b"content-type")
    if not is_form(content_type):
        return read_members(exchange.body), Form()
    form = read_form(exchange.body, content_type or "")
    return {name: msgspec.Raw(msgspec.json.encode(text)) for name, text in form.fields.items()}, form


def take(members: Members, name: str) -> Any:
    """Takes a member out, as a value; None when it is absent or null."""
    raw = members.pop(name, None)
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PatternMismatch(name, str(error)) from None


def take_text(members: Members, name: str, *, required: bool = False) -> str:
    """A text; "" when it is absent. Raises FieldRequired, PatternMismatch."""
    value = take(members, name)
    if value is None or value == "":
        if required:
            raise FieldRequired(name)
        return ""
    if not isinstance(value, str):
        raise PatternMismatch(name, "send a string")
    return value


def take_whole(members: Members, name: str, low: int, high: int) -> int | None:
    """A whole number within [low, high]; one in quotes counts. Raises PatternMismatch, OutOfRange."""
    value = take(members, name)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise PatternMismatch(name, "send a whole number")
    if not low <= value <= high:
        raise OutOfRange(name, f"send a number from {low} to {high}")
    return value

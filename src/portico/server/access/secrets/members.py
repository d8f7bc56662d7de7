"""The body of a request about a secret: members in, clean values out. No error repeats what a secret is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from portico.server.access.tenancy import LONGEST_NAME, maybe_text
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.settings import Secret
from portico.wire.secrets import SecretStatus

LONGEST_VALUE_BYTES = 64 * 1024
LONGEST_DESCRIPTION, LONGEST_WORD, MOST_ACCESSES = 1_000, 100, 100
STATUSES = ("active", "inactive", "revoked")
BODY = "secretDefinition"
Body = Mapping[str, Any]


def read_body(body: Body) -> Body:
    told = body.get(BODY)
    if told is None:
        raise FieldRequired(BODY)
    if not isinstance(told, Mapping):
        raise PatternMismatch(BODY, "send an object")
    return told


def read_name(told: Body) -> str | None:
    """None when it is absent. Raises FieldRequired for an empty one."""
    name = _read_text(told, "name", LONGEST_NAME)
    if name == "":
        raise FieldRequired(f"{BODY}.name")
    return name


def read_description(told: Body) -> str | None:
    return _read_text(told, "description", LONGEST_DESCRIPTION)


def read_status(told: Body) -> SecretStatus | None:
    status = _read_text(told, "status", LONGEST_WORD)
    if status is None:
        return None
    if status.lower() not in STATUSES:
        raise OutOfRange(f"{BODY}.status", "active, inactive or revoked")
    return cast(SecretStatus, status.lower())


def read_value(told: Body) -> Secret | None:
    """As it is, to the last blank; in no error. None when it is absent."""
    field, value = f"{BODY}.secretString", told.get("secretString")
    if value is None:
        return None
    if not isinstance(value, str):
        raise PatternMismatch(field, "send a text")
    if not value:
        raise FieldRequired(field)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise PatternMismatch(field, "it has half of a character") from None
    if size > LONGEST_VALUE_BYTES:
        raise OutOfRange(field, f"at most {LONGEST_VALUE_BYTES} bytes")
    return Secret(value)


def read_accesses(told: Body) -> list[dict[str, str]]:
    field = f"{BODY}.accessList"
    given = told.get("accessList")
    if given is None:
        raise FieldRequired(field)
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise PatternMismatch(field, "send a list of objects")
    if len(given) > MOST_ACCESSES:
        raise OutOfRange(field, f"at most {MOST_ACCESSES}")
    return [
        {name: _read_word(one, name, f"{field}[{number}].{name}") for name in ("accessLevel", "principalType")}
        for number, one in enumerate(given)
    ]


def _read_word(told: Body, name: str, field: str) -> str:
    word = _read_text(told, name, LONGEST_WORD, field)
    if not word:
        raise FieldRequired(field)
    return word


def _read_text(told: Body, name: str, longest: int, field: str = "") -> str | None:
    return maybe_text(told, name, longest, field or f"{BODY}.{name}")

"""The members that only assistants understand, taken out of a request: `variables`, `revision`, `revisionName`, and
for RAG assistants `threadId` and `filters`.

Source: Chat API reference, "Variables" and "RAG"; Assistant API reference, POST /v1/assistant/chat.
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.access.tenancy import clean_text
from portico.server.edge.bodies import read_member
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.wire.requests import NO_OPTIONS, AssistantOptions, Members

MOST_VARIABLES = 1_000
MOST = 2**31 - 1
LONGEST_THREAD = 256
_NAMES = ("variables", "revision", "revisionName")
_RAG_NAMES = ("variables", "threadId", "filters")


def take_assistant_options(members: Members) -> AssistantOptions:
    """The options, out of `members`; null means absent. Raises PatternMismatch, FieldRequired, OutOfRange."""
    if not any(name in members for name in _NAMES):
        return NO_OPTIONS
    return AssistantOptions(
        variables=_read_variables(_take(members, "variables")),
        revision=_read_revision(_take(members, "revision")),
        revision_name=_read_name(_take(members, "revisionName")),
    )


def take_search_options(members: Members) -> AssistantOptions:
    """The same for RAG assistants; the filters are read by who searches. Raises PatternMismatch, FieldRequired,
    OutOfRange."""
    if not any(name in members for name in _RAG_NAMES):
        return NO_OPTIONS
    return AssistantOptions(
        variables=_read_variables(_take(members, "variables")),
        thread_id=read_thread(_take(members, "threadId"), "threadId"),
        filters=_take(members, "filters"),
    )


def read_thread(given: Any, where: str) -> str:
    """A conversation by the caller's own name of it; a number is taken as its text. Raises PatternMismatch."""
    if given is None:
        return ""
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str):
        raise PatternMismatch(where, "send a string")
    if len(given) > LONGEST_THREAD:
        raise PatternMismatch(where, f"at most {LONGEST_THREAD} characters")
    return clean_text(given)


def _take(members: Members, name: str) -> Any:
    value = read_member(members, name)
    members.pop(name, None)
    return value


def _read_variables(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, list):
        raise PatternMismatch("variables", 'send an array of {"key":"...","value":"..."}')
    if len(given) > MOST_VARIABLES:
        raise OutOfRange("variables", f"at most {MOST_VARIABLES}")
    pairs = [_read_variable(one, f"variables[{place}]") for place, one in enumerate(given)]
    return {key: value for key, value in pairs if value is not None}


def _read_variable(given: Any, where: str) -> tuple[str, str | None]:
    if not isinstance(given, dict):
        raise PatternMismatch(where, 'send an object with "key" and "value"')
    key, value = given.get("key"), given.get("value")
    if key is None or key == "":
        raise FieldRequired(f"{where}.key")
    if not isinstance(key, str):
        raise PatternMismatch(f"{where}.key", "send a string")
    if isinstance(value, list | dict):
        raise PatternMismatch(f"{where}.value", "send a string; JSON as an escaped string")
    return key.strip().lower(), None if value is None else _as_text(value)


def _as_text(value: object) -> str:
    """Numbers and booleans as they were written."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_revision(given: Any) -> int | None:
    """0 means the active one, as does no number; a number in quotes counts."""
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given) if len(given) < 20 else MOST + 1
    elif given == "":
        given = None
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int):
        raise PatternMismatch("revision", "send the number of a revision, or 0 for the active one")
    if not 0 <= given <= MOST:
        raise OutOfRange("revision", "send the number of a revision, or 0 for the active one")
    return given or None


def _read_name(given: Any) -> str | None:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if given is not None and not isinstance(given, str):
        raise PatternMismatch("revisionName", "send a string")
    return clean_text(given) or None if given else None

"""From the low level to the high one: JSON becomes a typed object, a failure to do so one of our errors."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from portico.sdk.call import JsonObject
from portico.sdk.errors import InvalidAnswer
from portico.wire.tolerant import read_shape

S = TypeVar("S", bound=msgspec.Struct)


def read(kind: type[S], value: object) -> S:
    """`value` as a `kind`. Raises InvalidAnswer when it cannot be one."""
    try:
        return read_shape(kind, value)
    except ValueError as error:
        raise InvalidAnswer(f"The server's answer is no {kind.__name__}: {error}.") from None


def read_list(kind: type[S], answer: JsonObject, member: str) -> list[S]:
    """The items under `member`; none when it is absent. Raises InvalidAnswer."""
    items = answer.get(member) or []
    if not isinstance(items, list):
        raise InvalidAnswer(f"The server's answer has no list {member!r}.")
    return [read(kind, item) for item in items]

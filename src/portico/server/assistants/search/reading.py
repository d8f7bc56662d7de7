"""Members of JSON objects to values, by a table: null and {} are absent, numbers may come in quotes, names in snake
case. A refusal names the member; what the table does not know is kept as it came, without what cannot be stored."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from portico.server.assistants.search.refusals import ProfileInvalid

Json = dict[str, Any]
Read = Callable[[Any, str], Any]
"""Given a value and the name of its member; None when it says nothing."""
Schema = Mapping[str, Read]
_SNAKE = re.compile(r"_([a-z])")
_NUMBER = re.compile(r"\s*[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,3})?\s*", re.ASCII)
_YES, _NO = frozenset(("true", "1")), frozenset(("false", "0"))


def read_members(given: Any, schema: Schema, where: str) -> Json:
    """The members that say something, by the names of the schema. Raises ProfileInvalid."""
    if not isinstance(given, dict):
        raise ProfileInvalid(where, "send an object")
    found: Json = {}
    for name, value in given.items():
        known = name if name in schema else _SNAKE.sub(lambda letter: letter[1].upper(), name)
        read = schema.get(known)
        place = f"{where}.{known if read is not None else clean(name, where)}"
        told = None if value is None else clean(value, place) if read is None else read(value, place)
        if told is not None:
            found[known if read is not None else clean(name, where)] = told
    return found


def section(schema: Schema, aliases: Mapping[str, str] | None = None) -> Read:
    """An object of its own. `aliases` are other names of its members; the name itself wins."""

    def read(value: Any, where: str) -> Json | None:
        if isinstance(value, dict) and aliases:
            renamed = {aliases[name]: one for name, one in value.items() if name in aliases and one not in (None, "")}
            value = {**renamed, **{name: one for name, one in value.items() if name not in aliases and one is not None}}
        return read_members(value, schema, where) or None

    return read


def text(longest: int, *, keep_empty: bool = False) -> Read:
    """Without blanks around it; an empty one says nothing, or (`keep_empty`) takes back what was said."""

    def read(value: Any, where: str) -> str | None:
        if not isinstance(value, str):
            raise ProfileInvalid(where, "send a text")
        told = str(clean(value, where)).strip()
        if len(told) > longest:
            raise ProfileInvalid(where, f"at most {longest} characters")
        return told if told or keep_empty else None

    return read


def choice(*allowed: str) -> Read:
    """One of these, in any case. "" says nothing, unless it is allowed."""

    def read(value: Any, where: str) -> str | None:
        told = value.strip().lower() if isinstance(value, str) else None
        found = next((one for one in allowed if one.lower() == told), None)
        if found is None and told != "":
            named = ", ".join(one for one in allowed if one)
            raise ProfileInvalid(where, f"send {named}" if len(allowed) == 1 else f"send one of {named}")
        return found

    return read


def number(low: float, high: float) -> Read:
    def read(value: Any, where: str) -> float | None:
        if value == "":
            return None
        found = maybe_number(value)
        if found is None or not low <= found <= high:
            raise ProfileInvalid(where, f"send a number from {low:g} to {high:g}")
        return found

    return read


def whole(low: int, high: int, *, zero_is_absent: bool = False) -> Read:
    def read(value: Any, where: str) -> int | None:
        if value == "":
            return None
        found = maybe_number(value)
        if zero_is_absent and found == 0:
            return None
        if found is None or not found.is_integer() or not low <= found <= high:
            raise ProfileInvalid(where, f"send a whole number from {low} to {high}")
        return int(found)

    return read


def flag(value: Any, where: str) -> bool | None:
    if value == "":
        return None
    told = maybe_flag(value)
    if told is None:
        raise ProfileInvalid(where, "send true or false")
    return told


def maybe_flag(value: Any) -> bool | None:
    """True and false, also as a text or as 1 and 0."""
    if isinstance(value, bool):
        return value
    told = str(value).strip().lower() if isinstance(value, str | int) and len(str(value)[:6]) < 6 else ""
    return True if told in _YES else False if told in _NO else None


def maybe_number(value: Any) -> float | None:
    """A finite number, also in quotes."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    try:
        found = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def clean(value: Any, where: str) -> Any:
    """JSON without nulls, and without what PostgreSQL cannot store. Raises ProfileInvalid for numbers beyond bounds."""
    if isinstance(value, dict):
        return {str(clean(name, where)): clean(one, where) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [clean(one, where) for one in value]
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, int | float) and not isinstance(value, bool) and not _is_storable(value):
        raise ProfileInvalid(where, "the number is too large")
    return value


def _is_storable(value: float) -> bool:
    return -(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)

"""Filters of a search: conditions on the metadata of documents, all of which have to hold.

In: JSON as it was sent. Out: values; `where.py` makes SQL of them. Source: RAG reference, "Filters".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch

Scalar = str | float | bool
Value = Scalar | tuple[Scalar, ...]
COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})
SETS = frozenset({"$in", "$nin"})
MATCH = "$ismatch"
OPERATORS = (*sorted(COMPARISONS), *sorted(SETS), MATCH)
EQUAL = "$eq"
MOST_FILTERS = 64
MOST_VALUES = 1_000
LONGEST_KEY = 256
LONGEST_VALUE = 8_192
"""Characters of one value."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`value` is a tuple for `$in` and `$nin`, a text for `$ismatch`. A text that is a number compares as a number with
    metadata that is one."""

    key: str
    operator: str
    value: Value


def read_filters(given: Any, where: str = "filters") -> tuple[Filter, ...]:
    """What was sent, none when it is null. A text that holds the JSON is taken, too.

    Raises PatternMismatch, FieldRequired, OutOfRange with the member's name.
    """
    if isinstance(given, str):
        given = _decode(given, where) if given.strip() else None
    if given is None:
        return ()
    if not isinstance(given, list):
        raise PatternMismatch(where, 'send an array of {"key", "operator", "value"}')
    if len(given) > MOST_FILTERS:
        raise OutOfRange(where, f"at most {MOST_FILTERS} filters")
    return tuple(_read_filter(one, f"{where}.{place}") for place, one in enumerate(given))


def _read_filter(given: Any, where: str) -> Filter:
    if not isinstance(given, Mapping):
        raise PatternMismatch(where, 'send {"key", "operator", "value"}')
    operator, key = _read_operator(given, where), given.get("key")
    if key is None and operator == MATCH:  # it looks at the text, which has no key
        key = ""
    if key is None:
        raise FieldRequired(f"{where}.key")
    if not isinstance(key, str) or len(key) > LONGEST_KEY or not (key or operator == MATCH):
        raise PatternMismatch(f"{where}.key", f"send a text of 1 to {LONGEST_KEY} characters")
    if given.get("value") is None:
        raise FieldRequired(f"{where}.value")
    return Filter(_clean(key), operator, _reader(operator)(given["value"], f"{where}.value"))


def _read_operator(given: Mapping[str, Any], where: str) -> str:
    operator = given.get("operator")
    if operator is None or operator == "":
        return EQUAL
    found = f"${operator.strip().lstrip('$').lower()}" if isinstance(operator, str) else ""
    if found not in OPERATORS:
        raise PatternMismatch(f"{where}.operator", f"send one of {', '.join(OPERATORS)}")
    return found


def _reader(operator: str) -> Callable[[Any, str], Value]:
    if operator in SETS:
        return _read_set
    return _read_text if operator == MATCH else _read_scalar


def _read_set(value: Any, where: str) -> tuple[Scalar, ...]:
    """A value alone, an array, or a text that holds an array."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _decode(value, where)
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES:
        raise OutOfRange(where, f"at most {MOST_VALUES} values")
    return tuple(_read_scalar(one, where) for one in values)


def _read_text(value: Any, where: str) -> str:
    found = _read_scalar(value, where)
    if not isinstance(found, str):
        raise PatternMismatch(where, "send a text")
    return found


def _read_scalar(value: Any, where: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            float(value)
        except OverflowError:
            raise OutOfRange(where, "the number is too large") from None
        return value  # as it came: of a long whole number a float keeps only the beginning
    if not isinstance(value, str):
        raise PatternMismatch(where, "send a text, a number, true or false")
    if len(value) > LONGEST_VALUE:
        raise OutOfRange(where, f"at most {LONGEST_VALUE} characters")
    return _clean(value)


def _decode(text: str, where: str) -> Any:
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch(where, "the text holds no JSON array") from None


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot store, and nothing stored can equal."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()

"""Numbers of request bodies to whole amounts: USD to 1e-12 USD, counts as they are. Every refusal names its field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.limits.render import PICO_PER_USD
from portico.server.storage.limits import UsageUnit

_LARGEST = Decimal(10) ** 15


def read_amount(members: Mapping[str, Any], field: str, unit: UsageUnit) -> int:
    """A number, or one in quotes, of at least 0. Raises FieldRequired, PatternMismatch, OutOfRange."""
    number = _read_number(members, field)
    if not 0 <= number <= _LARGEST:
        raise OutOfRange(field, "write a number of 0 or more")
    if unit == "Requests":
        if number != number.to_integral_value():
            raise OutOfRange(field, "requests are whole numbers")
        return int(number)
    return int((number * PICO_PER_USD).to_integral_value())


def read_rate(members: Mapping[str, Any], field: str) -> int | None:
    """A whole number of at least 1; None, absent or null, sets no bound."""
    if members.get(field) is None:
        return None
    number = _read_number(members, field)
    if not 1 <= number <= _LARGEST or number != number.to_integral_value():
        raise OutOfRange(field, "write a whole number of 1 or more; leave it out for no bound")
    return int(number)


def read_word(members: Mapping[str, Any], field: str, words: tuple[str, ...]) -> str:
    """One of these words, in any case. Raises FieldRequired, PatternMismatch, OutOfRange."""
    given = members.get(field)
    if given is None or given == "":
        raise FieldRequired(field)
    if not isinstance(given, str):
        raise PatternMismatch(field, "send a text")
    for word in words:
        if given.strip().lower() == word.lower():
            return word
    raise OutOfRange(field, f"write one of {', '.join(words)}")


def _read_number(members: Mapping[str, Any], field: str) -> Decimal:
    given = members.get(field)
    if given is None or given == "":
        raise FieldRequired(field)
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise PatternMismatch(field, "send a number")
    try:
        number = Decimal(str(given).strip())
    except InvalidOperation:
        raise PatternMismatch(field, "send a number") from None
    if not number.is_finite():
        raise PatternMismatch(field, "send a number")
    return number

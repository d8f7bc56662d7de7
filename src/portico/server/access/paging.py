"""Paging, order and role types, as the listings of people and organizations read them from a query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from portico.server.errors import OutOfRange, PatternMismatch
from portico.server.storage.roles import RoleType

PAGE_SIZE = 20
LARGEST_PAGE = 1000
BOTH_TYPES: tuple[RoleType, ...] = ("Backend", "Frontend")
_TYPES: Mapping[str, RoleType] = {"backend": "Backend", "frontend": "Frontend"}


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a listing: pages count from 1; `descending` is the documented default."""

    number: int = 1
    size: int = PAGE_SIZE
    descending: bool = True

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def pages(self, count: int) -> int:
        """How many pages there are."""
        return math.ceil(count / self.size)


def read_page(query: Mapping[str, str], order_key: str, *, shown_as: str | None = None) -> Page:
    """From a query whose names are in lower case; `order_key` is the one key by which the listing can be ordered.

    Raises OutOfRange (400, id 8) for pages that cannot be and orders that do not exist, PatternMismatch (400, id 11).
    """
    given = query.get("orderkey")
    if given and given.lower() != order_key.lower():
        raise OutOfRange("orderKey", f"Invalid order (expected: {shown_as or order_key})")
    direction = query.get("orderdirection", "desc").lower()
    if direction not in ("asc", "desc"):
        raise OutOfRange("orderDirection", "send asc or desc")
    number = _read_whole(query, "startPage", 1, 2**31 // LARGEST_PAGE)
    return Page(number, _read_whole(query, "pageSize", PAGE_SIZE, LARGEST_PAGE), direction == "desc")


def read_role_types(query: Mapping[str, str]) -> tuple[RoleType, ...]:
    """`roleTypes`, a list with commas in any case; both when it is absent. Raises OutOfRange (400, id 8)."""
    words = [word.strip().lower() for word in query.get("roletypes", "").split(",") if word.strip()]
    unknown = [word for word in words if word not in _TYPES]
    if unknown:
        raise OutOfRange("roleTypes", "send backend, frontend or both with a comma")
    return tuple(dict.fromkeys(_TYPES[word] for word in words)) or BOTH_TYPES


def _read_whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name.lower())
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise PatternMismatch(name, "send a whole number")
    if not 1 <= int(text[:12]) <= most:
        raise OutOfRange(name, f"send a number from 1 to {most}")
    return int(text)

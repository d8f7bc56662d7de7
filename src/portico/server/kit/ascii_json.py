"""JSON in ASCII: the vendor's reader splits lines at U+2028 and its like, also within an event of a stream."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_NOT_ASCII = re.compile("[^\x00-\x7f]")


def ascii_encode(value: Any) -> bytes:
    """The JSON of a value."""
    return ascii_json(_encode(value))


def ascii_json(data: bytes) -> bytes:
    """The same JSON with every other character escaped.

    Outside strings JSON is ASCII, so each such character stands in a string and may be written as `\\uXXXX`.
    """
    if data.isascii():
        return data
    return _NOT_ASCII.sub(_escape, data.decode("utf-8", "replace")).encode("ascii")


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"

"""Request ids: random UUIDs (version 4), made without a system call each."""

from __future__ import annotations

from random import getrandbits

_MASK = ~((0xF << 76) | (0x3 << 62))
_VERSION = (0x4 << 76) | (0x2 << 62)


def new_request_id() -> str:
    """A UUID text. Unique, not secret: nothing is granted to whoever knows it."""
    text = f"{(getrandbits(128) & _MASK) | _VERSION:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

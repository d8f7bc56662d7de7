"""What a token of an external issuer says of itself. Nothing of it is believed before its signature was looked at.

Apart from `issuers.py`, whose library is loaded only where issuers are named.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.access.session_refusals import TokenNotValid

LONGEST_TOKEN = 16 * 1024


def issuer_of(token: str) -> str:
    """Who says to have made it. Raises TokenNotValid."""
    return read_text(read_part(token, 1), "iss")


def read_part(token: str, part: int) -> Mapping[str, Any]:
    """0 is the header, 1 the claims. Raises TokenNotValid."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != 3:
        raise TokenNotValid
    try:
        return read_object(urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    except ValueError:
        raise TokenNotValid from None


def read_object(data: bytes) -> dict[str, Any]:
    """Raises TokenNotValid."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TokenNotValid from None


def read_text(members: Mapping[str, Any], name: str) -> str:
    """Empty where there is none."""
    value = members.get(name)
    return value if isinstance(value, str) else ""

"""How long a server asks us to wait: `retry-after-ms`, `retry-after` in seconds or as a date, and what its rates say
of the time when they are full again (HC-18)."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_RESET, _REMAINING = b"x-ratelimit-reset-", b"x-ratelimit-remaining-"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PIECE = r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)"
_DURATION = re.compile(f"(?:{_PIECE})+")
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


def read_retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds to wait, never negative; None when the headers do not say."""
    milliseconds = headers.get(b"retry-after-ms", b"").strip()
    if milliseconds.isdigit():
        return int(milliseconds) / 1000
    text = headers.get(b"retry-after", b"").decode("latin-1").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def read_rate_reset(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds until the rate that refused a request lets one pass again: `x-ratelimit-reset-requests: 1m12.5s`.

    Of several the longest of those that are used up (`x-ratelimit-remaining-requests: 0`); where none says that it is,
    the shortest. None when the headers do not say.
    """
    resets = {name[len(_RESET) :]: value for name, value in headers.items() if name.startswith(_RESET)}
    waits = {kind: wait for kind, value in resets.items() if (wait := _read_duration(value)) is not None}
    spent = [wait for kind, wait in waits.items() if headers.get(_REMAINING + kind, b"").strip() == b"0"]
    return max(spent) if spent else min(waits.values(), default=None)


def _read_duration(value: bytes) -> float | None:
    """As OpenAI writes it (`6m0s`, `120ms`), or a number of seconds; None for moments in time and nonsense."""
    text = value.decode("latin-1").strip()
    if _PLAIN.fullmatch(text):
        return float(text)
    if _DURATION.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PIECE, text))

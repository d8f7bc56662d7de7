"""How long a server asks us to wait: `retry-after-ms`, `retry-after` in seconds or as a date (HC-18)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


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

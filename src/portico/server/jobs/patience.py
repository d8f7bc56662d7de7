"""How long a step waits before its next try, and when it gives up: an error in, seconds or the end of patience out."""

from __future__ import annotations

import random
import time

from portico.server.errors import (
    DatabaseAway,
    JournalFull,
    PorticoError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnknown,
    QuotaExceeded,
    ServerStopping,
    StorageAway,
    StorageFull,
    TooManyRequests,
)

PATIENCE_S = 900.0
"""How long a provider that fails or is busy is asked again, counted from its last success."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
TRIES = 3
"""Of a step that fails for a reason nobody has foreseen."""
_HEALS = (
    DatabaseAway, JournalFull, ProviderOvercapacity, ProviderRateLimit, ProviderTimeout, ProviderUnknown,
    ServerStopping, StorageAway, StorageFull, TooManyRequests,
)  # fmt: skip
_NEVER = (ProviderQuota, QuotaExceeded)
"""Too many requests, too, but time alone does not heal them."""


class Patience:
    """One per step. `maybe_pause_s` is asked after every failure; `succeed` starts the count anew."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.succeed()

    def succeed(self) -> None:
        self._failures = 0
        self._unforeseen = 0
        self._since = time.monotonic()

    def maybe_pause_s(self, error: Exception) -> float | None:
        """How long to wait before the next try; None when there shall be none."""
        self._failures += 1
        pause_s: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 10)) * random.uniform(
            0.7, 1.3
        )
        if isinstance(error, DatabaseAway):  # without it not even the failure could be written down
            return pause_s
        if isinstance(error, PorticoError):
            if isinstance(error, _NEVER) or not isinstance(error, _HEALS):
                return None
            pause_s = max(pause_s, error.retry_after_s or 0.0)
            return pause_s if time.monotonic() + pause_s - self._since <= self._patience_s else None
        self._unforeseen += 1
        return pause_s if self._unforeseen < TRIES else None

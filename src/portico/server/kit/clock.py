"""Time as a value that is handed in: a clock is a call that returns Unix seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]

system_clock: Clock = time.time


class FixedClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += seconds


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS` in UTC without a zone, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def wire_now() -> str:
    """This moment, as the API writes times."""
    return wire_time(datetime.now(UTC))

"""Clocks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from portico.server.kit.clock import FixedClock, system_clock, wire_time


def test_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(10)
    assert clock() == clock() == 10
    clock.move(2.5)
    assert clock() == 12.5
    assert system_clock() > 1_700_000_000


def test_times_on_the_wire_are_utc_without_a_zone() -> None:
    moment = datetime(2026, 1, 1, 1, 2, 3, 456, timezone(timedelta(hours=2)))
    assert wire_time(moment) == "2025-12-31T23:02:03"
